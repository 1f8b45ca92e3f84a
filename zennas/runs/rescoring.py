"""The best candidates, scored again by Monte Carlo: a race chooses the winner, fresh repeats give the number reported.

The race is a successive elimination. All leaders of a population get one repeat, and the better half stays. From then
on a network stays while its mean ± one standard error (variance pooled over those that race) overlaps that of the
leader, of them too no more than the better half, or `FINALISTS` where that is more. Those that stay get as many
repeats again, in `ROUNDS` rounds in all, and the highest mean wins. Sixteen leaders take 40 repeats at most.

Repeats of the race have a part of the images (`race_batch_size`): what differs from repeat to repeat is mostly the
weights, so that as many of them tell as much. With fewer images a batch norm's statistics are those of fewer values,
which lowers the score by a percent or less, of like networks alike: that is of no matter to the race, and would be
of some to the number reported.

The mean that won is too high: it was chosen because it is high. The number reported comes from repeats that the
race never saw.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, inf, sqrt
from statistics import fmean, variance

from zennas.allocator import keep_freed_memory
from zennas.architecture.model import Architecture
from zennas.counting import super_block_costs
from zennas.counting.count import FP32
from zennas.counting.deployed import storage
from zennas.input_size import Resolution, positions
from zennas.runs.rows import FRESH_STATE, RACE_STATE
from zennas.runs.store import RunStore
from zennas.scores.registry import ScoreSettings
from zennas.scores.result import Score, score_from_repeats
from zennas.searching.executors import Execution, serial
from zennas.searching.population import Candidate
from zennas.searching.scoring import score_task
from zennas.searching.settings import SearchConfig
from zennas.searching.tasks import Execute, Outcome
from zennas.searching.threads import Threads, fitting_threads, usable_cores

FIRST_REPEATS = 1
RACE_PART = 8
"""How many times fewer images a repeat of the race has."""
FEWEST_VALUES = 32
"""Of a channel in a network's last map, over the images of a repeat. Of two values batch norm leaves signs alone."""
ROUNDS = 4
FINALISTS = 2
FRESH_REPEATS = 16
FIRST_FRESH = 1 << 16
"""Number of the first fresh repeat; those of the race count from 0."""
TASKS_A_WORKER = 4
TASKS_ON_A_CLUSTER = 64


@dataclass(frozen=True)
class Rescoring:
    """What re-scoring took.

    Attributes:
        networks: that were scored again.
        choosing: repeats of all of them together that the race looked at.
        fresh: repeats of the winners that the race did not look at.
        computed: of all these repeats, those computed since the start or resume.
        seconds: wall time since then.
    """

    networks: int = 0
    choosing: int = 0
    fresh: int = 0
    computed: int = 0
    seconds: float = 0.0


def staying(repeats: Mapping[int, Sequence[float]]) -> list[int]:
    """Who goes on after a round of the race, the best first.

    Args:
        repeats: of each network by its id, equally many of each; by single ones no noise can be told.
    """
    means = {number: fmean(values) for number, values in repeats.items()}
    ranked = sorted(repeats, key=lambda number: (-means[number], number))
    count = len(repeats[ranked[0]])
    error = sqrt(fmean(variance(values) for values in repeats.values()) / count) if count > 1 else inf
    near = [number for number in ranked if means[number] + error >= means[ranked[0]] - error]
    return near[: _most_staying(len(ranked))]


def _most_staying(racing: int) -> int:
    return max(FINALISTS, ceil(racing / 2))


def most_repeats(networks: int, rounds: Sequence[int]) -> int:
    """Repeats that a race takes at most from its second of these rounds on.

    Args:
        networks: that take part in the first of them.
        rounds: repeats a network after each of them.
    """
    total = 0
    for before, count in pairwise(rounds):
        networks = min(networks, _most_staying(networks))
        total += networks * (count - before)
    return total


def race_batch_size(batch_size: int, last_map: int) -> int:
    """Images of a repeat of the race.

    Args:
        batch_size: those of a repeat that is reported.
        last_map: positions in the smallest last map of the networks.
    """
    return min(batch_size, max(2, batch_size // RACE_PART, ceil(FEWEST_VALUES / last_map)))


def smallest_last_map(candidates: Iterable[Candidate], resolution: Resolution) -> int:
    """Positions in the smallest of the networks' last maps.

    Args:
        candidates: whose networks; at least one.
        resolution: of the input.
    """
    networks = (Architecture(candidate.super_blocks) for candidate in candidates)
    return min(positions(super_block_costs(network, resolution)[-1].out_resolution) for network in networks)


def fresh_repeats(state: Mapping[str, object]) -> dict[int, list[float]]:
    """The fresh repeats that a run's state has, by candidate."""
    kept = state.get(FRESH_STATE)
    return {int(number): list(values) for number, values in kept.items()} if isinstance(kept, dict) else {}


def reportable(
    choosing: Mapping[int, Sequence[float]], race_batch_size: int, batch_size: int
) -> Mapping[int, Sequence[float]]:
    """Those of a race's repeats that may be reported: all, where they had as many images as a repeat that is; or none.

    Args:
        choosing: the repeats by id.
        race_batch_size: their images.
        batch_size: those of a repeat that is reported.
    """
    return choosing if race_batch_size == batch_size else {}


def reported_score(
    number: int, choosing: Mapping[int, Sequence[float]], fresh: Mapping[int, Sequence[float]]
) -> tuple[Score | None, bool]:
    """The Monte Carlo score of a winner, and whether its repeats had no part in choosing it.

    Without all of the fresh repeats (an interrupted run, or one from before there were any) it is the mean of the
    choosing ones, or there is none.

    Args:
        number: id of the winner.
        choosing: repeats that a race looked at and that may be reported, by id.
        fresh: repeats that none looked at, by id.
    """
    if len(fresh.get(number, ())) >= FRESH_REPEATS:
        return score_from_repeats("zen", fresh[number], 0.0), True
    return (score_from_repeats("zen", choosing[number], 0.0), False) if choosing.get(number) else (None, False)


def rescoring_execution(
    config: SearchConfig, execution: Execution, execute: Execute, leaders: Sequence[Sequence[Candidate]]
) -> tuple[Execute, int]:
    """What carries repeats out, and how many of them between two looks at the user's wish to stop.

    That is the run's own executor where the user said how many workers, or which cluster; else every core of this
    machine. A device other than the CPU computes one network at a time.

    Args:
        config: the search's settings.
        execution: what the user asked for.
        execute: the run's executor.
        leaders: those to be scored; the memory that they take bounds the threads.
    """
    if execution.ray is not None:
        return execute, TASKS_ON_A_CLUSTER
    if execution.workers is not None or config.device != "cpu":
        return execute, TASKS_A_WORKER * (execution.workers or 1)
    memory = max((c.costs.memory for group in leaders for c in group), default=0)
    memory = memory // storage(config.deployed_type).activation * storage(FP32).activation
    # Two passes, and as much again where torch's batch norm makes an output of its own.
    threads = fitting_threads(4.0 * memory * config.batch_size) if usable_cores() > 1 else 1
    keep_freed_memory()
    return (Threads(threads) if threads > 1 else serial), TASKS_A_WORKER * threads


class Rescorer:
    """Computes the repeats of a run's leaders and keeps each as it comes: repeat r of a network depends on the run's
    seed and r alone, so that a race that is interrupted goes on as if nothing had happened.

    Attributes:
        result: what was done so far.
    """

    def __init__(
        self,
        config: SearchConfig,
        leaders: Sequence[Sequence[Candidate]],
        store: RunStore,
        execute: Execute,
        at_once: int,
        requested: threading.Event,
        progress: Callable[[str, int, int], None],
    ) -> None:
        """Read what the run has already.

        Args:
            config: the search's settings.
            leaders: of each population, the best first.
            store: where repeats are kept.
            execute: carries them out.
            at_once: tasks that it gets at once.
            requested: is set where the user asks to stop.
            progress: is told the phase (`rescore`: the race, `confirm`: the fresh repeats), how many of its repeats are
                computed, and how many it takes, of a race at most.
        """
        self.result = Rescoring(len({c.id for group in leaders for c in group}))
        self._config = config
        self._leaders = leaders
        self._store = store
        self._execute = execute
        self._at_once = at_once
        self._requested = requested
        self._progress = progress
        self._choosing = {number: list(values) for number, values in store.rescored().items()}
        state = store.state()
        self._fresh = fresh_repeats(state)
        if RACE_STATE not in state:
            state[RACE_STATE] = self._begun_batch_size()
            store.set_state(**{RACE_STATE: state[RACE_STATE]})
        self._race_batch_size: int = state[RACE_STATE]
        self._failed: set[int] = set()
        self._done: Counter[str] = Counter()

    def _begun_batch_size(self) -> int:
        """Images of a repeat of a race that has not said yet how many it takes."""
        together = [c for group in self._leaders for c in group]
        if self._choosing or not together:  # it began before it had fewer of them, and goes on so
            return self._config.batch_size
        return race_batch_size(self._config.batch_size, smallest_last_map(together, self._config.resolution))

    def race(self) -> list[list[Candidate]] | None:
        """The leaders of each population in the order in which they finish; `None` where the user asked to stop.

        Networks that cannot be scored are left out.
        """
        first = max(FIRST_REPEATS, self._config.repeats)
        rounds = [first << number for number in range(ROUNDS)]
        racing = [list(group) for group in self._leaders]
        beaten: list[list[Candidate]] = [[] for _ in racing]
        looked_at: dict[int, int] = {}
        for number, count in enumerate(rounds):
            together = {c.id: c for group in racing if len(group) > 1 for c in group}
            later = sum(most_repeats(len(group), rounds[number:]) for group in racing if len(group) > 1)
            whole = self._complete("rescore", list(together.values()), count, later)
            looked_at |= dict.fromkeys(together, count)
            choosing = sum(min(len(self._choosing.get(number, ())), most) for number, most in looked_at.items())
            self.result = replace(self.result, choosing=choosing)
            if not whole:
                return None
            for place, group in enumerate(racing):
                if len(group) > 1:
                    racing[place], out = self._after_round(group, count)
                    beaten[place] = out + beaten[place]
        return [first + out for first, out in zip(racing, beaten, strict=True)]

    def confirm(self, winners: Sequence[Candidate]) -> bool:
        """Compute the fresh repeats of the winners, whoever chose them; whether that was not interrupted."""
        winners = list({c.id: c for c in winners}.values())
        whole = self._complete("confirm", winners, max(FRESH_REPEATS, self._config.repeats), 0)
        self.result = replace(self.result, fresh=sum(len(self._fresh.get(c.id, ())) for c in winners))
        return whole

    def score(self, candidate: Candidate) -> tuple[Score | None, bool]:
        """As `reported_score`."""
        choosing = reportable(self._choosing, self._race_batch_size, self._config.batch_size)
        return reported_score(candidate.id, choosing, self._fresh)

    def _after_round(self, group: Sequence[Candidate], count: int) -> tuple[list[Candidate], list[Candidate]]:
        """Those that go on and those that are beaten, each the best first."""
        able = {c.id: c for c in group if c.id not in self._failed}
        if not able:
            return [], []
        repeats = {number: self._choosing[number][:count] for number in able}
        on = staying(repeats)
        off = sorted((n for n in able if n not in on), key=lambda n: (-fmean(repeats[n]), n))
        return [able[n] for n in on], [able[n] for n in off]

    def _complete(self, phase: str, candidates: Sequence[Candidate], count: int, later: int) -> bool:
        """Bring candidates to `count` repeats; whether that was not interrupted.

        Args:
            phase: as `progress` is told.
            candidates: who is to have them.
            count: repeats of each.
            later: repeats that the phase takes at most after these.
        """
        kept = self._choosing if phase == "rescore" else self._fresh
        # By repeat, then by candidate: wherever it stops, what is kept of a candidate has no gaps.
        missing = [(c, n) for n in range(count) for c in candidates if n >= len(kept.get(c.id, ()))]
        missing = [(c, n) for c, n in missing if c.id not in self._failed]
        for start in range(0, len(missing), self._at_once):
            if self._requested.is_set():
                return False
            started = time.perf_counter()
            part = missing[start : start + self._at_once]
            self._compute(phase, part, kept)
            self.result = replace(
                self.result,
                computed=self.result.computed + len(part),
                seconds=self.result.seconds + time.perf_counter() - started,
            )
            self._done[phase] += len(part)
            self._progress(phase, self._done[phase], self._done[phase] + len(missing) - start - len(part) + later)
        return True

    def _compute(self, phase: str, part: Sequence[tuple[Candidate, int]], kept: dict[int, list[float]]) -> None:
        config, offset = self._config, FIRST_FRESH if phase == "confirm" else 0
        images = config.batch_size if phase == "confirm" else self._race_batch_size
        # Not the search's own seed, so that a candidate that won by a lucky repeat does not keep it.
        settings = ScoreSettings(images, 1, config.seed + 1, config.device, config.num_classes)
        tasks = [score_task(config, "zen", c.super_blocks, replace(settings, first_repeat=offset + n)) for c, n in part]
        for (candidate, _), outcome in zip(part, self._execute(tasks), strict=True):
            if not isinstance(outcome, Outcome):
                self._failed.add(candidate.id)
            elif candidate.id not in self._failed:
                kept.setdefault(candidate.id, []).append(outcome.score)
        if phase == "confirm":
            self._store.set_state(**{FRESH_STATE: {str(number): values for number, values in kept.items()}})
        else:
            changed = {c.id for c, _ in part} & kept.keys()
            self._store.save_rescored({number: score_from_repeats("zen", kept[number], 0.0) for number in changed})
