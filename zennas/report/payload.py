"""A run as plain values for the page.

Candidates go as columns; the page rebuilds their structures along their parents. Of a long search not all are drawn.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from zennas.architecture.document import to_document
from zennas.architecture.model import TYPE_FIELDS, SuperBlock
from zennas.architecture.structure import format_structure
from zennas.blocks.registry import expand
from zennas.counting import QUANTITIES, Budget, Quantity, known_costs, known_in, super_block_costs
from zennas.errors import ScoreError
from zennas.input_size import plain
from zennas.io.documents import format_yaml, load_yaml
from zennas.io.settings import CONFIG, versions
from zennas.io.text import read_text
from zennas.optional_dependencies import installed
from zennas.report.command import search_command
from zennas.report.decide import bend, known_of, next_steps, published
from zennas.report.diff import DiffRow, diff_architectures
from zennas.report.importance import KeptImportances
from zennas.report.insides import Insides
from zennas.report.replay import replay
from zennas.report.run_summary import ancestors, block_text, composition, contributions, history, kind_label
from zennas.report.thinning import MOST_DRAWN, Columns, drawn, only
from zennas.runs.outputs import budget_label
from zennas.runs.result import SearchResult, Winner
from zennas.searching.plugins import plugins_left_out
from zennas.searching.population import Candidate

MOST_BYTES = 4_500_000
"""Of the candidates on a page and what they are made of; what else is on it stays below one and a half megabytes."""


def page_payload(results: Sequence[SearchResult], kept: KeptImportances | None = None) -> dict[str, Any]:
    """All that the page shows, in values that JSON can hold.

    Args:
        results: of the runs; the others are compared with the first.
        kept: what earlier pages of these runs learned of their choices; nothing by default.
    """
    first = results[0]
    kept = kept or KeptImportances()
    return {
        "runs": [run_payload(result, len(results), kept) for result in results],
        "quantities": {name: _quantity(quantity) for name, quantity in QUANTITIES.items()},
        "diffs": [
            [_diff_row(row) for row in diff_architectures(first.architecture, other.architecture)]
            for other in results[1:]
        ],
    }


def run_payload(result: SearchResult, runs: int = 1, kept: KeptImportances | None = None) -> dict[str, Any]:
    """One run.

    Args:
        result: of the run.
        runs: that share the page.
        kept: what earlier pages learned of its choices; nothing by default.

    Raises:
        ImportRefusedError: it has blocks that a plugin registers which was not imported to read it.
    """
    with plugins_left_out(result.plugins_left_out):
        return _run_payload(result, runs, kept or KeptImportances())


def _run_payload(result: SearchResult, runs: int, kept: KeptImportances) -> dict[str, Any]:
    config = result.config
    numbers = Columns()
    stream = numbers.noting(result.each_candidate())
    snapshots = replay(config, stream, result.iterations)
    for _ in stream:
        pass  # the rest is noted, too
    budget_sets = config.budget_sets()
    kinds = _Kinds()
    candidates, columns, insides = _drawn(result, numbers, kinds, runs)
    places = {number: place for place, number in enumerate(candidates)}
    return {
        "name": str(result.directory) if result.directory else "search",
        "status": result.status,
        "notes": list(result.notes),
        "score": config.score,
        "space": config.space,
        "seed": config.seed,
        "resolution": plain(config.resolution),
        "num_classes": config.num_classes,
        "iterations": result.iterations,
        "planned": config.iterations,
        "scored": result.scored,
        "command": search_command(config),
        "versions": _versions(result),
        "budgets": [[_budget(b) for b in budgets] for budgets in budget_sets],
        "candidates": columns,
        "kinds": kinds.rows,
        "insides": insides,
        "history": [
            {"label": budget_label(budgets), "points": [_rounded(p) for p in history(snapshots, number)]}
            for number, budgets in enumerate(budget_sets)
        ],
        "composition": asdict(composition(snapshots, config.resolution)),
        "winners": [_winner(result, winner, candidates, places) for winner in result.winners],
        "latency_corrections": [result.latency_correction(winner) for winner in result.winners],
        "best": list(result.winners).index(result.best),
        "known": known_of(config.score),
        "published": published(config),
        "next": next_steps(result),
        "bend": _bend(result),
        "importance": _importance(result, candidates, kept),
    }


def _importance(
    result: SearchResult, candidates: Mapping[int, Candidate], kept: KeptImportances
) -> dict[str, Any] | None:
    """What moved the score of the candidates that are drawn; nothing without scikit-learn or with few of them."""
    if not installed("sklearn"):
        return None
    found = kept(result, list(candidates.values()))
    return None if found is None else asdict(found)


def _bend(result: SearchResult) -> dict[str, Any] | None:
    """Where the frontier of winners bends, along the first quantity that its budgets differ in."""
    sets = [{b.quantity: b.high for b in winner.budgets} for winner in result.winners]
    varied = [q for q in sets[0] if len({budgets.get(q) for budgets in sets}) == len(sets) > 2]
    if not varied:
        return None
    ordered = sorted(result.winners, key=lambda winner: getattr(winner.costs, varied[0]))
    place = bend([getattr(w.costs, varied[0]) for w in ordered], [w.score for w in ordered])
    if place is None:
        return None
    return {"label": budget_label(ordered[place].budgets), "quantity": varied[0]}


class _Kinds:
    """Basic block types by number, so that a super-block is six small numbers."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._numbers: dict[tuple[object, ...], int] = {}

    def number(self, block: SuperBlock) -> int:
        key = (*(getattr(block, name) for name in TYPE_FIELDS), bool(block.bottleneck))
        if key not in self._numbers:
            self._numbers[key] = len(self.rows)
            prefix, _, arguments = format_structure((block,)).partition("(")
            self.rows.append(
                {
                    "label": kind_label(block),
                    "block": block.block,
                    "kernel": block.kernel,
                    "prefix": prefix,
                    "arguments": arguments.count(",") + 1,
                    "residual": any(unit.shortcut is not None for unit in expand(block).first),
                }
            )
        return self._numbers[key]

    def encode(self, blocks: Sequence[SuperBlock]) -> list[int]:
        encoded: list[int] = []
        for b in blocks:
            encoded += self.code(b)
        return encoded

    def code(self, b: SuperBlock) -> list[int]:
        return [self.number(b), b.in_channels, b.out_channels, b.stride, b.bottleneck, b.layers]


def _drawn(
    result: SearchResult, numbers: Columns, kinds: _Kinds, runs: int
) -> tuple[Mapping[int, Candidate], dict[str, list[Any]], dict[str, Any]]:
    """The candidates that are drawn, by id, their columns and the insides of their super-blocks, which together take no
    more than the run's share of a page."""
    most, share = MOST_DRAWN // runs, MOST_BYTES // runs
    insides = Insides()
    winners = [winner.candidate.id for winner in result.winners]
    candidates = only(result.each_candidate(), drawn(numbers, winners, most))
    while True:
        columns = _columns(list(candidates.values()), kinds, len(candidates) < len(numbers.scores))
        made_of = insides.payload((c.super_blocks for c in candidates.values()), kinds.code)
        size = len(json.dumps((columns, made_of), separators=(",", ":")))
        if size <= share:
            return candidates, columns, made_of
        most = int(0.9 * len(candidates) * share / size)
        fewer = only(candidates.values(), drawn(numbers, winners, most))
        if len(fewer) == len(candidates):  # those that cannot be left out
            return candidates, columns, made_of
        candidates = fewer


def _columns(candidates: Sequence[Candidate], kinds: _Kinds, thinned: bool = False) -> dict[str, list[Any]]:
    """Columns by name. A change is the index of a mutated super-block (−1: the start), then the new super-blocks.

    Args:
        candidates: those that are drawn, in order.
        kinds: numbers the block types.
        thinned: whether others are left out. Then `id` tells which they are, `parent` is a parent's place in the
            columns, and one whose parent is left out comes with its whole network, as a start does.
    """
    places = {c.id: place for place, c in enumerate(candidates)}
    columns: dict[str, list[Any]] = {
        **({"id": [c.id for c in candidates]} if thinned else {}),
        "iteration": [c.iteration for c in candidates],
        "parent": [places.get(c.parent, -1) for c in candidates],
        "score": [round(c.score, 3) for c in candidates],
        "changes": [
            [[m.index, *kinds.encode(m.blocks)] for m in c.mutations]
            if c.mutations and c.parent in places
            else [[-1, *kinds.encode(c.super_blocks)]]
            for c in candidates
        ],
    }
    for quantity in known_in(c.costs for c in candidates):
        values = [getattr(c.costs, quantity.name) for c in candidates]
        columns[quantity.name] = [float(f"{value:.5g}") if isinstance(value, float) else value for value in values]
    return columns


def _quantity(quantity: Quantity) -> dict[str, Any]:
    """How the page calls a quantity and writes its values."""
    return {
        "title": quantity.title,
        "aside": quantity.aside,
        "steps": quantity.unit.steps,
        "digits": quantity.unit.digits,
    }


def _winner(
    result: SearchResult, winner: Winner, candidates: Mapping[int, Candidate], places: Mapping[int, int]
) -> dict[str, Any]:
    """A winner; its number and those of its ancestors are their places in the columns."""
    budgets = {budget.quantity: budget for budget in winner.budgets}
    architecture = winner.architecture
    try:
        parts = [asdict(c) for c in contributions(architecture, result.config.resolution)]
        missing = ""
    except ScoreError as error:
        parts, missing = [], str(error)
    rows = super_block_costs(architecture, result.config.resolution)
    return {
        "id": places[winner.candidate.id],
        "name": architecture.name,
        "label": budget_label(winner.budgets),
        "structure": format_structure(architecture),
        "yaml": format_yaml(to_document(architecture)),
        "score": winner.score,
        "zen": None if winner.rescored is None else {**(winner.rescored_values() or {}), "by": winner.rescored_by},
        "costs": _costs(winner, budgets, result.config.deployed_type),
        "rows": [
            {
                **asdict(block),
                "kind": kind_label(block),
                "side": plain(row.out_resolution),
                "params": row.params,
                "flops": row.flops,
                "convolutions": row.convolutions,
            }
            for block, row in zip(architecture.super_blocks, rows, strict=True)
        ],
        "ancestors": [{**asdict(a), "id": places[a.id]} for a in ancestors(winner, candidates)],
        "contributions": parts,
        "contributions_missing": missing,
    }


def _costs(winner: Winner, budgets: Mapping[str, Budget], dtype: str) -> list[dict[str, Any]]:
    """The costs that are known, as deployed in that number type; a latency that was measured comes before the predicted
    one and has the budget."""
    costs = []
    for name, value in known_costs(winner.costs).items():
        quantity, budget = QUANTITIES[name], budgets.get(name)
        title = quantity.title
        if name == "latency" and winner.measured_latency is not None:
            costs.append(_cost("latency, measured", winner.measured_latency, quantity, budget, dtype))
            title, budget = "latency, predicted", None
        costs.append(_cost(title, value, quantity, budget, dtype))
    return costs


def _cost(title: str, value: float, quantity: Quantity, budget: Budget | None, dtype: str) -> dict[str, Any]:
    return {
        "title": title,
        "what": quantity.what.replace("--dtype", dtype),
        "value": value,
        "text": quantity.unit.format(value),
        "budget": str(budget).partition(" ")[2] if budget else "",
        "share": _share(value, budget),
    }


def _share(value: float, budget: Budget | None) -> float | None:
    return None if budget is None or budget.high == float("inf") else value / budget.high


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "quantity": budget.quantity,
        "low": budget.low or None,
        "high": None if budget.high == float("inf") else budget.high,
        "text": str(budget),
    }


def _rounded(point: tuple[float, ...]) -> list[float]:
    return [round(value, 3) for value in point]


def _versions(result: SearchResult) -> dict[str, str]:
    """What the run was made with; of a search in memory, what is installed."""
    if result.directory is None:
        return versions()
    document = load_yaml(read_text(result.directory / CONFIG), str(result.directory / CONFIG))
    found = document.get("versions") if isinstance(document, dict) else None
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _diff_row(row: DiffRow) -> dict[str, Any]:
    return {
        "left": block_text(row.left) if row.left else "",
        "right": block_text(row.right) if row.right else "",
        "changed": sorted(row.changed),
    }
