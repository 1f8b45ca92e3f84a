"""The populations of a search at points along it, replayed from its candidates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zennas.searching.population import Candidate, Population
from zennas.searching.settings import SearchConfig


@dataclass(frozen=True)
class Snapshot:
    """The populations after all candidates up to `iteration` were offered, each the best first."""

    iteration: int
    populations: Sequence[Sequence[Candidate]]


def replay(config: SearchConfig, candidates: Iterable[Candidate], iterations: int, points: int = 200) -> list[Snapshot]:
    """Snapshots of the populations along a search, evenly spread, with more of them early, where most happens.

    Args:
        config: of the search; it has the budgets and the size of each population.
        candidates: every network that was scored, in order.
        iterations: of the search so far.
        points: snapshots that are evenly spread.
    """
    populations = [Population(budgets, config.population) for budgets in config.budget_sets()]
    moments = {round(iterations * step / points) for step in range(points + 1)}
    moments |= {round(iterations ** (step / 40)) for step in range(40)} if iterations > 1 else set()
    snapshots = []
    stream = iter(candidates)
    candidate = next(stream, None)
    for moment in sorted(moments):
        while candidate is not None and candidate.iteration <= moment:
            for population in populations:
                population.offer(candidate)
            candidate = next(stream, None)
        snapshots.append(Snapshot(moment, [population.ranked() for population in populations]))
    return snapshots
