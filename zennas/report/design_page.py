"""The page of a design: what was trained and why, what was expected and came out, and what it cost."""

from pathlib import Path
from typing import Any

from zennas.architecture.model import SuperBlock
from zennas.architecture.structure import format_structure
from zennas.blocks.registry import expand
from zennas.counting import QUANTITIES, Costs, known_costs
from zennas.designing.advice import depth_advice
from zennas.designing.result import DesignCandidate, DesignResult, DesignRound
from zennas.input_size import plain
from zennas.io.text import write_text
from zennas.report.command import design_command
from zennas.report.inside import inside
from zennas.report.page import page_of
from zennas.report.run_summary import kind_label
from zennas.units import format_seconds

SCRIPTS = ("dom.js", "data.js", "chart.js", "network.js", "sections.js", "design.js")
INTERVAL = 1.96
"""Standard deviations of a 95 % interval."""


def design_page(result: DesignResult) -> str:
    """The page of a design.

    Args:
        result: finished or under way.
    """
    return page_of(design_payload(result), SCRIPTS)


def write_design_report(result: DesignResult, path: Path) -> None:
    """Write the page of a design, finished or not, atomically. Raises `ZennasError`."""
    write_text(path, design_page(result))


def design_payload(result: DesignResult) -> dict[str, Any]:
    """All that the page shows, in values that JSON can hold."""
    config, best = result.config, result.best
    winner = None if best is None else _network(result, best)
    return {
        # Block types are coloured by those of all runs on a page.
        "runs": [{"kinds": [block["kind"] for block in winner["blocks"]]}] if winner else [],
        "quantities": {
            name: {"title": q.title, "steps": q.unit.steps, "digits": q.unit.digits} for name, q in QUANTITIES.items()
        },
        "name": str(result.directory),
        "data": config.data,
        "resolution": None if config.resolution is None else plain(config.resolution),
        "num_classes": config.num_classes,
        "status": "finished" if result.finished else "not finished",
        "epochs": config.epochs,
        "final_epochs": config.final_epochs,
        "holdout": config.holdout,
        "test": None if result.test_accuracy is None else 100 * result.test_accuracy,
        "seconds": format_seconds(result.seconds),
        "final_seconds": format_seconds(result.final_seconds),
        "final": [100 * row["train_accuracy"] for row in result.final if "train_accuracy" in row],
        "rounds": [_round(result, round) for round in result.rounds],
        "candidates": [_candidate(result, candidate) for candidate in result.candidates],
        "best": None if best is None else best.plan.name,
        "winner": winner,
        "advice": depth_advice(result),
        "command": design_command(config, result.final_threads),
    }


def _round(result: DesignResult, round: DesignRound) -> dict[str, Any]:
    ends = [100 * c.accuracies[-1] for c in round.candidates if len(c.accuracies) >= result.config.epochs]
    best_before = _best_until(result, round.number - 1)
    return {
        "number": round.number,
        "note": round.note,
        "candidates": len(round.candidates),
        "failed": sum(1 for c in round.candidates if c.failed),
        "epochs": sum(len(c.accuracies) for c in round.candidates),
        "best": max(ends, default=None),
        "gain": None if best_before is None or not ends else max(ends) - best_before,
        "seconds": format_seconds(sum(c.seconds for c in round.candidates)),
    }


def _best_until(result: DesignResult, number: int) -> float | None:
    """The highest accuracy of the rounds up to a number, in percent."""
    ends = [
        100 * c.accuracies[-1]
        for c in result.candidates
        if c.round <= number and len(c.accuracies) >= result.config.epochs
    ]
    return max(ends, default=None)


def _candidate(result: DesignResult, candidate: DesignCandidate) -> dict[str, Any]:
    plan = candidate.plan
    counted: Costs = result.costs(candidate)
    interval = None
    if plan.predicted is not None and plan.std is not None:
        interval = [max(0.0, plan.predicted - INTERVAL * plan.std), min(100.0, plan.predicted + INTERVAL * plan.std)]
    estimate = result.estimates.get(plan.name)
    return {
        "name": plan.name,
        "round": candidate.round,
        "why": plan.why,
        "score": plan.score,
        "predicted": plan.predicted,
        "interval": interval,
        "improvement": plan.improvement,
        "accuracies": [100 * accuracy for accuracy in candidate.accuracies],
        "estimated": None if estimate is None else 100 * estimate,
        "failed": candidate.failed,
        "params": counted.params,
        "flops": counted.flops,
        "seconds": format_seconds(candidate.seconds),
        "structure": plan.structure,
    }


def _network(result: DesignResult, candidate: DesignCandidate) -> dict[str, Any]:
    architecture = result.architecture(candidate)
    budgets = {budget.quantity: budget for budgets in result.config.search_config().budget_sets() for budget in budgets}
    costs = []
    for name, value in known_costs(result.costs(candidate)).items():
        budget = budgets.get(name)
        bounded = budget is not None and budget.high < float("inf")
        costs.append(
            {
                "title": QUANTITIES[name].title,
                "text": QUANTITIES[name].unit.format(value),
                "budget": str(budget).partition(" ")[2] if budget else "",
                "share": value / budget.high if budget is not None and bounded else None,
            }
        )
    return {
        "name": candidate.plan.name,
        "why": candidate.plan.why,
        "structure": format_structure(architecture),
        "costs": costs,
        "blocks": [_block(block) for block in architecture.super_blocks],
    }


def _block(block: SuperBlock) -> dict[str, Any]:
    return {
        "kind": {
            "label": kind_label(block),
            "block": block.block,
            "kernel": block.kernel,
            "residual": any(unit.shortcut is not None for unit in expand(block).first),
        },
        "in": block.in_channels,
        "out": block.out_channels,
        "stride": block.stride,
        "bottleneck": block.bottleneck,
        "layers": block.layers,
        "inside": inside(block),
    }
