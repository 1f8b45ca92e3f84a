"""What a round trains: networks of a search that differ, by the zero-shot score or by what was learned so far.

The first round has networks of three depths, all within the budgets: a zero-shot score prefers deep ones, and how much
depth is good for these images is the first thing to be learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from zennas.accuracy.fitting import FEWEST_TO_CALIBRATE, fit_accuracy
from zennas.accuracy.known import KnownNetwork, KnownNetworks
from zennas.architecture.model import Architecture
from zennas.architecture.structure import format_structure
from zennas.counting.budgets import parse_budget
from zennas.designing.choosing import Chosen, choose
from zennas.designing.distance import Space
from zennas.designing.improvement import improvements, known_enough
from zennas.designing.picking import CONSIDERED, feasible
from zennas.designing.plans import Planned, RoundPlan
from zennas.designing.result import SEARCHES, DesignResult
from zennas.designing.settings import DesignConfig
from zennas.errors import BudgetError
from zennas.latency.in_search import PREDICTOR
from zennas.runs.carrying_out import RunContext
from zennas.runs.database import DATABASE
from zennas.runs.result import SearchResult
from zennas.runs.run import resume_run, start_run
from zennas.runs.stopping import INTERRUPTED
from zennas.scores.learned.model import AccuracyModel
from zennas.searching.population import Candidate

DEPTHS = ((1.0, "of any depth"), (0.7, "of 0.7 of the depth"), (0.5, "of half the depth"))
"""Of the first searches: bounds of the convolutions as shares of those of the first winner, and how they are called."""
LEAST_CONVOLUTIONS = 4
ZERO_SHOT = "zero-shot"
"""What the directories of the first searches begin with."""


class Prediction(NamedTuple):
    """What a model says of a network: accuracy, its standard deviation, expected improvement, all in percent."""

    predicted: float
    std: float
    improvement: float


@dataclass(frozen=True)
class _Pool:
    """Networks that may be chosen.

    Attributes:
        worth: of each, the more the better.
        title: what they have in common.
    """

    candidates: Sequence[Candidate]
    worth: Sequence[float]
    title: str
    predictions: Sequence["Prediction"] = ()


def propose(result: DesignResult, number: int, context: RunContext) -> RoundPlan:
    """The plan of a round.

    Args:
        result: all that was measured before it.
        number: of the round, from 1.
        context: of its searches.

    Returns:
        Fewer candidates than the round has room for, or none, where no more differ from those of before.

    Raises:
        KeyboardInterrupt: a search was asked to stop.
        ZennasError: nothing in the space meets the budgets.
    """
    model = None if number == 1 else fitted(result, number)
    learned = model is not None and not model.falls_back
    pools = _by_model(result, number, model, context) if model and learned else _by_depth(result, context)
    count = result.config.round_sizes()[number - 1]
    candidates = [candidate for pool in pools for candidate in pool.candidates]
    before = [candidate.plan.architecture.super_blocks for candidate in result.candidates]
    space = Space([*(c.super_blocks for c in candidates), *before])
    worth = [value for pool in pools for value in pool.worth]
    # The worth of what is trained already is never looked at.
    chosen = choose(
        space,
        [*worth, *([0.0] * len(before))],
        count,
        result.config.apart,
        range(len(candidates), len(space)),
        _numbers(pools),
    )
    planned = [_planned(f"{number}-{place}", choice, pools) for place, choice in enumerate(chosen, start=1)]
    return RoundPlan(note=_note(result.config, model, number), candidates=planned)


def fitted(result: DesignResult, number: int) -> AccuracyModel | None:
    """The accuracy model of a round, which is kept; `None` where too few candidates could be trained.

    Args:
        result: all that was measured before it.
        number: of the round.
    """
    config = result.config
    networks = []
    for candidate in result.candidates:
        if candidate.plan.name in result.estimates:
            counted = result.costs(candidate)
            accuracy = 100 * result.estimates[candidate.plan.name]
            networks.append(
                KnownNetwork(
                    candidate.plan.name,
                    result.architecture(candidate),
                    config.resolution or 0,
                    config.num_classes or 0,
                    accuracy,
                    counted.params,
                    counted.flops,
                )
            )
    if len(networks) < FEWEST_TO_CALIBRATE:
        return None
    model = fit_accuracy(KnownNetworks(f"{len(networks)} candidates", tuple(networks)), seed=config.seed)
    model.save(model_path(result.directory, number))
    return model


def model_path(directory: Path, number: int) -> Path:
    """Where the accuracy model is kept by which a round was chosen."""
    return directory / f"model-{number}.json"


def _by_depth(result: DesignResult, context: RunContext) -> list[_Pool]:
    """The networks of searches under several bounds of the depth, ranked by the zero-shot score."""
    fewest = _fewest_convolutions(result.config)
    pools: list[_Pool] = []
    for share, title in DEPTHS:
        changes = {}
        if pools:
            most = int(share * pools[0].candidates[0].costs.convolutions)
            if most < max(LEAST_CONVOLUTIONS, fewest):
                break
            changes = {"convolutions": f"{fewest}..{most}"}
        try:
            found = feasible(_searched(result, f"{ZERO_SHOT}-{len(pools) + 1}", changes, context))
        except BudgetError:
            if not pools:
                raise
            break
        pools.append(_Pool(found, [c.score for c in found], title))
    return pools


def _fewest_convolutions(config: DesignConfig) -> int:
    """The user's lower bound of convolutions."""
    text = config.search.get("convolutions")
    return 0 if text is None else int(parse_budget("convolutions", str(text)).low)


def _by_model(result: DesignResult, number: int, model: AccuracyModel, context: RunContext) -> list[_Pool]:
    """The networks of a search that maximises the predicted accuracy: ranked by that, and by what may turn out."""
    changes = {"score": f"accuracy:{model_path(result.directory, number)}", "seed": result.config.seed + number}
    searched = _searched(result, f"learned-{number}", changes, context)
    found = feasible(searched)[:CONSIDERED]
    networks = [Architecture(c.super_blocks) for c in found]
    mean, std, beyond = (values.tolist() for values in model.predicted(networks, searched.config.resolution))
    best = 100 * max(result.estimates.values())
    expected = improvements(mean, std, best)
    predictions = [Prediction(*values) for values in zip(mean, std, expected, strict=True)]
    near = known_enough(beyond)
    return [
        _Pool(found, mean, "of the highest predicted accuracy", predictions),
        _Pool(
            [found[n] for n in near],
            [expected[n] for n in near],
            "of the largest expected improvement",
            [predictions[n] for n in near],
        ),
    ]


def _searched(result: DesignResult, name: str, changes: dict[str, Any], context: RunContext) -> SearchResult:
    """A search of a design, begun or gone on with."""
    place, first = result.directory / SEARCHES / name, result.directory / SEARCHES / f"{ZERO_SHOT}-1"
    settings = result.config.search
    if "latency" in settings and "latency_predictor" not in settings and (first / PREDICTOR).is_file():
        # Measured once for all searches.
        changes = {**changes, "latency_predictor": str(first / PREDICTOR)}
    if (place / DATABASE).exists():
        found = resume_run(place, context=context)
    else:
        found = start_run(result.config.search_config(changes), place, context)
    if found.status == INTERRUPTED:
        raise KeyboardInterrupt
    return found


def _numbers(pools: Sequence[_Pool]) -> list[range]:
    """The numbers of each pool's networks among all."""
    ends, numbers = 0, []
    for pool in pools:
        numbers.append(range(ends, ends + len(pool.candidates)))
        ends += len(pool.candidates)
    return numbers


def _planned(name: str, choice: Chosen, pools: Sequence[_Pool]) -> Planned:
    numbers = next(place for place, numbers in enumerate(_numbers(pools)) if choice.number in numbers)
    pool = pools[numbers]
    place = choice.number - _numbers(pools)[numbers].start
    candidate = pool.candidates[place]
    far = "" if choice.nearest == float("inf") else f", {choice.nearest:.1f} layers from the nearest"
    first = "the best" if choice.nearest == float("inf") else "the best of those that differ"
    predicted = pool.predictions[place]._asdict() if pool.predictions else {}
    return Planned(
        name=name,
        structure=format_structure(candidate.super_blocks),
        why=f"{first} {pool.title}{far}",
        score=candidate.score,
        **predicted,
    )


def _note(config: DesignConfig, model: AccuracyModel | None, number: int) -> str:
    if model is not None and not model.falls_back:
        return f"by accuracy as learned from {model.networks} candidates, on top of {model.baseline.score}"
    text = f"by the zero-shot score {config.search_config().score}"
    if model is not None:
        return f"{text}: {model.reason}"
    return text if number == 1 else f"{text}: fewer than {FEWEST_TO_CALIBRATE} candidates could be trained"
