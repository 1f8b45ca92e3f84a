"""The best of a search, scored again: who wins, what is reported of the winner, and what is computed for it."""

import os
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
import pytest
import yaml

import zennas
from zennas.architecture import parse_structure
from zennas.architecture.structure import format_structure
from zennas.cli.results import rescoring_text, score_text
from zennas.report import report_page
from zennas.runs.carrying_out import RunContext
from zennas.runs.rescoring import (
    FIRST_FRESH,
    FRESH_REPEATS,
    FRESH_STATE,
    Rescorer,
    Rescoring,
    most_repeats,
    race_batch_size,
    rescoring_execution,
    staying,
)
from zennas.runs.rows import RACE_STATE
from zennas.runs.run import resume_run
from zennas.runs.store import RunStore
from zennas.scores.result import score_from_repeats
from zennas.searching.executors import Execution, serial
from zennas.searching.population import Candidate
from zennas.searching.settings import checked_config
from zennas.searching.tasks import Failure, Outcome
from zennas.searching.threads import Threads

NOISE = 1.4
"""Standard deviation of a repeat of a winner of 1 M parameters, of a score of 200."""
ROUNDS = (1, 2, 4, 8)
TINY = dict(params="60k", score="meanfield", resolution=16, num_classes=10, iterations=120, batch_size=2)


@dataclass
class Kept:
    """A run's database as re-scoring sees it."""

    repeats: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)

    def rescored(self):
        return dict(self.repeats)

    def save_rescored(self, scores):
        self.repeats.update({number: score.repeats for number, score in scores.items()})

    def state(self):
        return dict(self.values)

    def set_state(self, **values):
        self.values.update(values)


class Noisy:
    """Carries tasks out on networks whose true values are known: a repeat is one of them with Gaussian noise, which
    depends on the network, the seed and the number of the repeat."""

    def __init__(self, truth, world=0):
        self.truth = truth
        self.world = world
        self.asked = []
        self.images = []

    def value(self, network, seed, repeat):
        return self.truth[network] + NOISE * np.random.default_rng([self.world, network, seed, repeat]).normal()

    def __call__(self, tasks):
        outcomes = []
        for task in tasks:
            network = parse_structure(task.structure).super_blocks[0].out_channels // 8 - 1
            settings = task.settings
            assert settings.repeats == 1
            self.asked.append((network, settings.first_repeat))
            self.images.append(settings.batch_size)
            outcomes.append(Outcome(self.value(network, settings.seed, settings.first_repeat)))
        return outcomes


def network(number):
    blocks = parse_structure(f"SuperConvK3BNRELU(3,{8 * (number + 1)},1,1)").super_blocks
    return Candidate(number, number, -1, (), blocks, 200.0, zennas.costs(zennas.Architecture(blocks), 16, 10))


NETWORKS = [network(number) for number in range(16)]


def rescorer(execute, leaders=(NETWORKS,), store=None, requested=None, at_once=8, progress=lambda *_: None, **settings):
    config = checked_config({**TINY, **settings})
    requested = requested or threading.Event()
    return Rescorer(config, leaders, store or Kept(), execute, at_once, requested, progress)


def test_few_repeats_for_all_and_more_for_those_that_are_not_beaten():
    truth = np.array([200.0] * 3 + [150.0] * 13)
    noisy = Noisy(truth)
    found = rescorer(noisy)
    finish = found.race()[0]
    assert sorted(c.id for c in finish) == list(range(16))
    assert {c.id for c in finish[:3]} == {0, 1, 2}
    repeats = Counter(number for number, _ in noisy.asked)
    assert sorted(repeats[number] for number in range(3, 16)) == [1] * 8 + [2] * 5
    assert max(repeats.values()) in (4, 8)
    assert found.result.choosing == found.result.computed == len(noisy.asked)


def test_who_stays_is_near_the_leader_and_in_the_better_half():
    close = {number: (100.0 - number / 100, 102.0 - number / 100) for number in range(32)}
    assert staying(close) == list(range(16)), "overlapping, half of them stay"
    assert staying({number: close[number] for number in range(3)}) == [0, 1], "two at the least"
    assert staying({0: (5.0,), 1: (9.0,), 2: (1.0,), 3: (7.0,)}) == [1, 3], "nothing is known of the noise"
    apart = {0: (100.0, 101.0), 1: (99.0, 100.0), 2: (90.0, 91.0), 3: (80.0, 81.0)}
    assert staying(apart) == [0, 1]
    assert staying({5: (3.0, 3.0), 4: (3.0, 3.0)}) == [4, 5], "equal means: the lower id first"


def test_the_race_takes_no_more_than_it_says():
    assert ROUNDS[0] * 16 + most_repeats(16, ROUNDS) == 40
    shown = []
    found = rescorer(Noisy(np.full(16, 200.0)), progress=lambda *told: shown.append(told))
    found.race()
    assert found.result.choosing <= 40
    assert [done for _, done, _ in shown] == sorted(done for _, done, _ in shown)
    assert all(phase == "rescore" and done <= total <= 40 for phase, done, total in shown)
    found.confirm(NETWORKS[:2])
    assert shown[-1] == ("confirm", 2 * FRESH_REPEATS, 2 * FRESH_REPEATS)


def test_the_reported_interval_holds_the_truth_although_the_maximum_was_chosen():
    choices, covered, naive = 200, 0, 0
    for world in range(choices):
        truth = 200 + 0.3 * np.random.default_rng([7, world]).normal(size=16)
        noisy = Noisy(truth, world)
        found = rescorer(noisy)
        winner = found.race()[0][0]
        found.confirm([winner])
        score, independent = found.score(winner)
        assert independent
        assert len(score.repeats) == FRESH_REPEATS
        covered += score.ci95[0] <= truth[winner.id] <= score.ci95[1]
        # As it was done before: four repeats of each, and the highest mean is what is reported.
        means = [score_from_repeats("zen", [noisy.value(n, 1, r) for r in range(4)], 0.0) for n in range(16)]
        best = max(range(16), key=lambda number: means[number].score)
        naive += means[best].ci95[0] <= truth[best] <= means[best].ci95[1]
    assert covered >= 0.93 * choices
    assert naive < 0.93 * choices


def test_the_repeats_reported_are_none_of_those_that_chose():
    noisy = Noisy(np.linspace(199, 201, 16))
    found = rescorer(noisy)
    winner = found.race()[0][0]
    raced = list(noisy.asked)
    found.confirm([winner])
    fresh = noisy.asked[len(raced) :]
    assert fresh == [(winner.id, FIRST_FRESH + number) for number in range(FRESH_REPEATS)]
    assert all(number < FIRST_FRESH for _, number in raced)
    assert found.score(winner)[0].score == fmean(noisy.value(n, 1, r) for n, r in fresh)


def test_the_race_has_fewer_images_than_what_is_reported():
    assert [race_batch_size(size, 16) for size in (2, 4, 8, 16, 64, 100)] == [2, 2, 2, 2, 8, 12]
    assert [race_batch_size(16, positions) for positions in (1, 4, 9, 49)] == [16, 8, 4, 2], "32 values of a channel"
    assert race_batch_size(64, 1) == 32
    noisy = Noisy(np.linspace(199, 201, 16))
    store = Kept()
    found = rescorer(noisy, store=store, batch_size=64)
    winner = found.race()[0][0]
    assert set(noisy.images) == {8}
    assert found.score(winner) == (None, False), "a mean of fewer images is of another size"
    noisy.images.clear()
    found.confirm([winner])
    assert set(noisy.images) == {64}
    assert found.score(winner)[1]
    assert store.values[RACE_STATE] == 8


def test_a_race_that_began_with_as_many_images_goes_on_with_them():
    noisy = Noisy(np.linspace(199, 201, 16))
    store = Kept(dict.fromkeys(range(3), (200.0,)))
    found = rescorer(noisy, store=store, batch_size=64)
    winner = found.race()[0][0]
    assert set(noisy.images) == {64}
    assert found.score(winner)[0] is not None
    again = Noisy(noisy.truth)
    rescorer(again, store=Kept({0: (200.0,)}, {RACE_STATE: 64}), batch_size=64).race()
    assert set(again.images) == {64}


@pytest.mark.parametrize("at_once", [1, 5, 64])
def test_wherever_it_is_stopped_it_goes_on_as_if_nothing_had_happened(at_once):
    def carried_out(store, stops):
        """Who won and what is reported, started anew until it is done."""
        asked = []
        while True:
            requested = threading.Event()
            noisy = Noisy(np.linspace(199, 201, 16))

            def until(tasks, noisy=noisy, requested=requested):
                if stops:
                    requested.set()
                return noisy(tasks)

            found = rescorer(until, store=store, requested=requested, at_once=at_once)
            finish = found.race()
            done = finish is not None and found.confirm([finish[0][0]])
            asked += noisy.asked
            if done:
                return [c.id for c in finish[0]], found.score(finish[0][0]), sorted(asked)

    whole, broken = Kept(), Kept()
    assert carried_out(whole, stops=False) == carried_out(broken, stops=True)
    assert whole == broken


def test_a_frontier_races_each_population_and_shares_repeats():
    noisy = Noisy(np.linspace(199, 201, 16))
    found = rescorer(noisy, leaders=[NETWORKS[:10], NETWORKS[6:], NETWORKS[3:4]])
    first, second, alone = found.race()
    assert len(noisy.asked) == len(set(noisy.asked)), "no repeat twice"
    assert {c.id for c in first} == set(range(10))
    assert {c.id for c in second} == set(range(6, 16))
    assert [c.id for c in alone] == [3]
    found.confirm([first[0], second[0], alone[0]])
    assert all(found.score(c)[1] for c in (first[0], second[0], alone[0]))


def test_a_single_leader_needs_no_race():
    noisy = Noisy(np.full(16, 200.0))
    found = rescorer(noisy, leaders=[NETWORKS[:1]])
    assert found.race() == [NETWORKS[:1]]
    assert noisy.asked == []


def test_networks_that_cannot_be_scored_are_left_out():
    noisy = Noisy(np.linspace(199, 201, 16))

    def failing(tasks):
        outcomes = noisy(tasks)
        bad = [parse_structure(t.structure).super_blocks[0].out_channels in (8 * 16, 8 * 15) for t in tasks]
        return [Failure("out of memory") if b else o for b, o in zip(bad, outcomes, strict=True)]

    found = rescorer(failing)
    assert {c.id for c in found.race()[0]} == set(range(14))
    found.confirm([NETWORKS[15]])
    assert found.score(NETWORKS[15]) == (None, False)
    assert rescorer(lambda tasks: [Failure("no") for _ in tasks]).race() == [[]]


def test_cores_are_used_unless_the_user_said_otherwise(monkeypatch):
    config = checked_config(TINY)
    other = lambda tasks: []  # noqa: E731
    choose = lambda config, execution: rescoring_execution(config, execution, other, [NETWORKS])  # noqa: E731
    monkeypatch.setattr("zennas.runs.rescoring.usable_cores", lambda: 4)
    monkeypatch.setattr("zennas.searching.threads.usable_cores", lambda: 4)
    execute, at_once = choose(config, Execution())
    assert isinstance(execute, Threads)
    assert (execute.count, at_once) == (4, 16)
    assert choose(config, Execution(3)) == (other, 12)
    assert choose(config, Execution(ray="auto"))[0] is other
    assert choose(config.model_copy(update={"device": "cuda"}), Execution())[0] is other
    monkeypatch.setattr("zennas.runs.rescoring.usable_cores", lambda: 1)
    assert choose(config, Execution())[0] is serial


def test_threads_and_one_process_give_the_same_numbers():
    settings = dict(TINY, rescore=5)
    one = zennas.search(workers=1, **settings)
    many = zennas.search(**settings)
    assert one.store.rescored() == many.store.rescored()
    assert one.store.state()[FRESH_STATE] == many.store.state()[FRESH_STATE]
    assert one.best.architecture == many.best.architecture


def test_a_repeat_is_that_of_its_number_and_seed(tmp_path):
    result = zennas.search(out=tmp_path / "run", rescore=3, seed=5, **TINY)
    network = result.architecture
    fresh = zennas.zen_score(network, 16, batch_size=2, repeats=FRESH_REPEATS, seed=6, first_repeat=FIRST_FRESH)
    assert result.best.rescored.repeats == fresh.repeats
    chosen = result.store.rescored()[result.best.candidate.id]
    assert chosen == zennas.zen_score(network, 16, batch_size=2, repeats=len(chosen), seed=6).repeats
    again = zennas.read_run(tmp_path / "run").best
    assert again.rescored.repeats == fresh.repeats
    assert again.independent
    written = yaml.safe_load((tmp_path / "run" / "best.yaml").read_text())["score"]["zen"]
    assert written == result.best.rescored_values()
    assert written["repeats"] == FRESH_REPEATS
    assert written["independent"] is True


KILLED = """
import os, sys
import zennas.runs.rescoring as rescoring
from pathlib import Path
from zennas.runs.run import resume_run, start_run
from zennas.runs.store import RunStore
from zennas.searching.settings import checked_config
rescoring.TASKS_A_WORKER = 1
rescoring.usable_cores = lambda: 1
out, countdown = Path(sys.argv[1]), int(sys.argv[2])
def dying(save):
    def saved(self, *values, **state):
        global countdown
        if values or "fresh_repeats" in state:
            countdown -= 1
            if countdown < 0:
                os.kill(os.getpid(), 9)
        return save(self, *values, **state)
    return saved
RunStore.save_rescored = dying(RunStore.save_rescored)
RunStore.set_state = dying(RunStore.set_state)
if (out / "run.db").exists(): resume_run(out)
else: start_run(checked_config(dict({settings}, rescore=4)), out)
"""


@pytest.mark.slow
def test_killed_while_re_scoring(tmp_path):
    """The process kills itself in the race and among the fresh repeats."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    zennas.search(out=whole, rescore=4, **TINY)
    deaths = 0
    # Four leaders race over 8 repeats at least, and 16 fresh ones follow.
    for countdown in (5, 2, 10, 3, 10_000):
        code = KILLED.format(settings=TINY)
        done = subprocess.run([sys.executable, "-c", code, killed, str(countdown)], capture_output=True, text=True)
        assert done.returncode in (0, -9), done.stderr
        deaths += done.returncode == -9
    assert deaths == 4
    stores = [RunStore(directory) for directory in (whole, killed)]
    assert stores[0].rescored() == stores[1].rescored()
    assert stores[0].state()[FRESH_STATE] == stores[1].state()[FRESH_STATE]
    assert (whole / "best.yaml").read_text() == (killed / "best.yaml").read_text()


@pytest.fixture
def old_run(tmp_path):
    """A run of an earlier version: four repeats of each leader, of which the highest mean won."""
    result = zennas.search(out=tmp_path / "old", rescore=0, **TINY)
    leaders = sorted(result.candidates(), key=lambda c: (-c.score, c.id))[:3]
    for number, candidate in enumerate(leaders):
        values = zennas.zen_score(zennas.Architecture(candidate.super_blocks), 16, batch_size=2, repeats=4, seed=1)
        result.store.save_rescored({candidate.id: score_from_repeats("zen", values.repeats, 0.0)})
        if number == 1:
            result.store.set_state(winners=[candidate.id])
    result.store.close()
    return tmp_path / "old", leaders


def test_a_run_from_before_there_were_fresh_repeats_is_read_and_says_so(old_run):
    directory, leaders = old_run
    best = zennas.read_run(directory).best
    assert best.candidate.id == leaders[1].id
    assert len(best.rescored.repeats) == 4
    assert not best.independent
    assert best.rescored_by == "4 Monte Carlo repeats that also chose it, so that it reads high"
    assert "also chose it" in report_page([zennas.read_run(directory)])


def test_a_run_from_before_goes_on_with_the_repeats_that_it_has(old_run):
    directory, leaders = old_run
    before = RunStore(directory).rescored()
    result = resume_run(directory, {"rescore": 3})
    after = result.store.rescored()
    assert {number: after[number][:4] for number in before} == before
    assert result.best.independent
    assert result.rescoring.computed < result.rescoring.choosing + FRESH_REPEATS
    assert format_structure(result.architecture) in {format_structure(c.super_blocks) for c in leaders}


def test_interrupted_in_the_race_says_so_and_goes_on(tmp_path):
    from zennas.runs.run import start_run

    def interrupt(progress):
        if progress.phase == "rescore":
            os.kill(os.getpid(), 2)

    config = checked_config(dict(TINY, rescore=16))
    stopped = start_run(config, tmp_path / "run", RunContext(Execution(1), interrupt))
    assert stopped.notes == ("interrupted while re-scoring; --resume goes on with it",)
    assert stopped.best.rescored is None
    assert 0 < stopped.rescoring.computed == stopped.rescoring.choosing
    resumed = resume_run(tmp_path / "run")
    assert resumed.notes == ()
    assert resumed.best.independent
    whole = start_run(config, None)
    assert resumed.store.rescored() == whole.store.rescored()


def test_the_seconds_of_a_search_are_without_its_re_scoring():
    seen = []
    result = zennas.search(rescore=2, watch=lambda progress: seen.append((progress.phase, progress.seconds)), **TINY)
    last = max(seconds for phase, seconds in seen if phase == "search")
    first = min(seconds for phase, seconds in seen if phase != "search")
    assert last <= result.seconds < first
    assert {phase for phase, _ in seen} == {"search", "rescore", "confirm"}
    assert (result.rescoring.networks, result.rescoring.fresh) == (2, FRESH_REPEATS)
    assert result.rescoring.seconds > 0
    assert zennas.search(rescore=0, **TINY).rescoring is None


def test_the_terminal_says_what_the_numbers_are():
    result = zennas.search(rescore=2, **TINY)
    low, high = result.best.rescored.ci95
    assert score_text(result, result.best) == (
        f"meanfield {result.score:.2f}; zen {result.best.rescored.score:.2f} by 16 Monte Carlo repeats that did not "
        f"choose it (95 % interval {low:.1f} to {high:.1f})"
    )
    assert rescoring_text(Rescoring(16, 56, 16, 72, 7.9)) == (
        "16 networks, 56 Monte Carlo repeats to choose and 16 fresh ones to report, 7.9s"
    )
    assert rescoring_text(Rescoring(16, 56, 16, 10, 1.0)).endswith("1s (62 repeats were there already)")
