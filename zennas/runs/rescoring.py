"""The best candidates, scored again by Monte Carlo: the reference for a search by the closed form."""

import threading
from collections.abc import Callable

from zennas.runs.store import RunStore
from zennas.scores.registry import ScoreSettings
from zennas.scores.result import Score, score_from_repeats
from zennas.searching.population import Candidate
from zennas.searching.rounds import Search
from zennas.searching.scoring import score_task
from zennas.searching.settings import SearchConfig
from zennas.searching.tasks import Execute, Outcome

REPEATS = 4


def leaders(search: Search, count: int) -> list[Candidate]:
    """The `count` best of each population, each once."""
    return list({c.id: c for p in search.populations for c in p.ranked()[:count]}.values())


def rescore(
    config: SearchConfig,
    search: Search,
    store: RunStore,
    execute: Execute,
    requested: threading.Event,
    progress: Callable[[int, int], None],
) -> dict[int, Score]:
    """Monte Carlo Zen-scores of the leaders, by candidate id; what the run has already is not computed again.

    Their seed is not the search's own, so that a candidate that won by luck does not keep it. Of a search that is
    interrupted here nothing is returned; what was computed is kept for `--resume`.

    Args:
        config: the search's settings; `rescore` is how many leaders of each population are scored.
        search: has the populations.
        store: where scores are kept as they come.
        execute: carries the scoring out.
        requested: is set where the user asks to stop.
        progress: is told how many of how many are done.
    """
    settings = ScoreSettings(
        config.batch_size, max(REPEATS, config.repeats), config.seed + 1, config.device, config.num_classes
    )
    best = leaders(search, config.rescore)
    known = store.rescored()
    missing = [candidate for candidate in best if candidate.id not in known]
    step = 4
    for start in range(0, len(missing), step):
        if requested.is_set():
            return {}
        part = missing[start : start + step]
        outcomes = execute([score_task(config, "zen", c.super_blocks, settings) for c in part])
        fresh = {c.id: o.repeats for c, o in zip(part, outcomes, strict=True) if isinstance(o, Outcome)}
        store.save_rescored({i: score_from_repeats("zen", r, 0.0) for i, r in fresh.items()})
        known.update(fresh)
        progress(len(best) - len(missing) + start + len(part), len(best))
    return {c.id: score_from_repeats("zen", known[c.id], 0.0) for c in best if c.id in known}
