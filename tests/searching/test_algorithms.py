"""What holds for every algorithm: budgets, frontiers, one result a seed on any number of workers and after a crash."""

import itertools
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

import zennas
from zennas.counting import count_super_blocks
from zennas.counting.budgets import parse_budget, within
from zennas.errors import UnknownNameError, ZennasError
from zennas.runs.run import resume_run
from zennas.runs.store import RunStore
from zennas.searching import Algorithm, Problem, Search, algorithm_names, founder, register_algorithm
from zennas.searching.algorithms import make_algorithm
from zennas.searching.algorithms.algorithm import Round
from zennas.searching.algorithms.local import NEIGHBOURS
from zennas.searching.algorithms.walk import RandomWalk
from zennas.searching.population import Population
from zennas.searching.settings import SearchConfig, checked_config, read_config
from zennas.spaces.mutation import applied
from zennas.spaces.operators import offspring_draws
from zennas.spaces.space import search_space
from zennas.spaces.start import random_small, starting_network

ALGORITHMS = algorithm_names()
SPACE = search_space("resnet", 32)
BUDGETS = (parse_budget("params", "100k"), parse_budget("layers", "14"))
FRONTIER = ((parse_budget("params", "50k"),), (parse_budget("params", "200k"),))


def count(blocks):
    return count_super_blocks(blocks, 32, 10)


def by_params(networks):
    return [float(count(network).params) for network in networks]


def finished(name, budget_sets=(BUDGETS,), score=by_params, iterations=1500, population=32, seed=0):
    problem = Problem(SPACE, budget_sets, count, iterations, population)
    search = Search(problem, make_algorithm(name, problem), score, 32, seed)
    rng = np.random.default_rng(seed)
    candidates = search.begin([starting_network(SPACE, budgets, 32, 10, rng) for budgets in budget_sets])
    while not search.finished:
        candidates += search.step()
    return search, candidates


def stored(directory):
    """Everything that a run goes on from."""
    store = RunStore(directory)
    state = store.state()
    keys = ("iteration", "populations", "bests", "algorithm", "status")
    return store.candidates(), store.failures(), {key: state[key] for key in keys}


def test_there_are_six():
    assert {"evolution", "annealing", "zen-nas", "local", "random", "regularized"} <= set(ALGORITHMS)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_budgets_hold_and_nothing_is_scored_twice(name):
    search, candidates = finished(name)
    assert search.iteration == 1500
    networks = [c.super_blocks for c in candidates]
    assert len(set(networks)) == len(networks) == search.scored > 200
    assert all(within(count(network), BUDGETS) for network in networks)
    assert [c.id for c in candidates] == list(range(len(candidates)))
    for candidate in candidates[1:]:
        if candidate.parent >= 0:
            assert applied(candidate.mutations, networks[candidate.parent]) == candidate.super_blocks
    assert candidates[0].score < 80_000
    assert search.best.score > 99_000


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_budget_of_a_frontier_is_reached(name):
    search, _ = finished(name, FRONTIER, iterations=2000)
    small, large = (population.best.costs.params for population in search.populations)
    assert 40_000 < small <= 50_000
    assert 120_000 < large <= 200_000


@pytest.mark.parametrize("name", ALGORITHMS)
def test_lower_bounds_are_met(name):
    bounds = (parse_budget("params", "90k..100k"),)
    search, candidates = finished(name, (bounds,), iterations=1000)
    assert search.scored > 5
    assert all(90_000 <= c.costs.params <= 100_000 for c in candidates)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_seed_gives_one_search(name):
    first, again, other = (finished(name, iterations=400, seed=seed)[1] for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", ALGORITHMS)
def test_start_and_frozen_parts_are_kept(name):
    result = zennas.search(
        "resnet", 32, 10, start="zennet-cifar-0.5M", freeze=["stem", "head"], params="600k", iterations=600, rescore=0,
        algorithm=name,
    )  # fmt: skip
    first, *others = (c.super_blocks for c in result.candidates())
    assert len(others) > 20
    assert all(o[0] == first[0] and o[-1].out_channels == first[-1].out_channels for o in others)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_result_does_not_depend_on_the_number_of_workers(name):
    settings = dict(
        params="60k", score="slow-width", iterations=500, round_size=16, rescore=0, resolution=16, population=16,
        plugins=["tests.searching.plugin_for_tests"], algorithm=name,
    )  # fmt: skip
    one, two = (zennas.search(workers=workers, **settings) for workers in (1, 2))
    assert one.candidates() == two.candidates()
    assert len(one.candidates()) > 50


KILLED = """
import os, sys
from pathlib import Path
import zennas.runs.carrying_out as carrying_out, zennas.runs.run as run
from zennas.searching.settings import checked_config
carrying_out.COMMIT_SECONDS = 0
out, rounds, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
step = carrying_out.Search.step
def dying(search):
    global rounds
    rounds -= 1
    if rounds == 0:
        os.kill(os.getpid(), 9)
    return step(search)
carrying_out.Search.step = dying
if (out / "run.db").exists():
    run.resume_run(out)
else:
    run.start_run(checked_config(dict(
        params=["60k", "120k"], iterations=3000, population=48, round_size=32, rescore=0, seed=2, algorithm=name
    )), out)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_killed_and_resumed_search_is_that_of_an_uninterrupted_one(tmp_path, name):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    codes = []
    for out, rounds in ((whole, 10**6), *((killed, n) for n in (2, 9, 13, 5, 20, 10**6))):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(out), str(rounds), name], capture_output=True, text=True, check=False
        )
        codes.append(done.returncode)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
    assert codes == [0, *[-signal.SIGKILL] * 5, 0]
    assert stored(killed) == stored(whole)
    assert (killed / "best.yaml").read_text() == (whole / "best.yaml").read_text()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_lengthened_search_goes_on(tmp_path, name):
    short = zennas.search(params="100k", iterations=300, rescore=0, out=tmp_path / "run", algorithm=name)
    before = short.candidates()
    longer = resume_run(tmp_path / "run", {"iterations": 700})
    assert longer.candidates()[: len(before)] == before
    assert longer.scored > len(before)
    with pytest.raises(ZennasError, match="algorithm cannot change on resume"):
        resume_run(tmp_path / "run", {"algorithm": "local" if name != "local" else "random"})


def test_runs_from_before_there_were_algorithms_are_evolutions_and_go_on(tmp_path):
    """As evolution was then: offspring were not fitted to the budgets."""
    run, whole = tmp_path / "run", tmp_path / "whole"
    settings = dict(params="100k", iterations=1000, rescore=0, algorithm="zen-nas")
    zennas.search(out=whole, **settings)
    stopped = zennas.search(out=run, patience=1, **settings)
    assert stopped.iterations < 1000
    config = run / "config.yaml"
    config.write_text("".join(x for x in config.read_text().splitlines(True) if "algorithm" not in x))
    with sqlite3.connect(run / "run.db") as database:
        database.execute("DELETE FROM state WHERE key = 'algorithm'")
        database.execute("INSERT INTO state VALUES ('random_state', '[0, 64]')")
        database.execute("PRAGMA user_version = 2")
    assert read_config(run).algorithm == "evolution"
    assert zennas.read_run(run).scored == stopped.scored
    # Read as it is written, patience would end it at once.
    resume_run(run, {"patience": 10**6})
    assert stored(run) == stored(whole)


def test_evolution_fits_its_offspring_to_the_budgets():
    """The plain form fills the budget by chance; the fitted one does so with most of what it proposes."""
    near = {}
    for name in ("evolution", "zen-nas"):
        _, candidates = finished(name, iterations=1500)
        near[name] = sum(candidate.costs.params > 98_000 for candidate in candidates)
    assert near["evolution"] > 3 * near["zen-nas"]


def test_evolution_does_not_fit_to_predicted_costs():
    budgets = (parse_budget("latency", "2ms"), parse_budget("layers", "14"))
    assert not make_algorithm("evolution", Problem(SPACE, (budgets,), count, 100, 32)).fits
    assert make_algorithm("evolution", Problem(SPACE, (BUDGETS,), count, 100, 32)).fits


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown algorithm 'evolutoin'; did you mean evolution"):
        zennas.search(params="100k", algorithm="evolutoin")


def test_the_algorithm_is_in_the_run_and_in_its_command(tmp_path):
    from zennas.report.command import search_command

    zennas.search(params="100k", iterations=100, rescore=0, out=tmp_path / "run", algorithm="regularized")
    config = read_config(tmp_path / "run")
    assert config.algorithm == "regularized"
    assert "--algorithm regularized" in search_command(config)
    assert "--algorithm" not in search_command(checked_config({"params": "1M"}))


def test_an_algorithm_of_ones_own_and_one_that_proposes_nothing():
    @register_algorithm("small for tests", replace_existing=True)
    class Small(Algorithm):
        def propose(self, round):
            while True:
                yield founder(random_small(self.problem.space, round.rng))

    assert set(algorithm_names()) > set(ALGORITHMS)
    with pytest.raises(ZennasError, match="registered already"):
        register_algorithm("small for tests")(Small)
    result = zennas.search(params="100k", iterations=130, rescore=0, algorithm="small for tests")
    assert result.iterations == 130
    assert all(c.parent == -1 for c in result.candidates())

    @register_algorithm("idle for tests", replace_existing=True)
    class Idle(Algorithm):
        def propose(self, round):
            return iter(())

    with pytest.raises(ZennasError, match="Idle proposed nothing after iteration 0"):
        zennas.search(params="100k", algorithm="idle for tests")


def test_annealing_is_the_default():
    assert SearchConfig().algorithm == "annealing"


def test_local_search_climbs_by_single_mutations_and_sets_out_anew():
    _, candidates = finished("local", iterations=6000)
    climbed = [c for c in candidates if c.parent >= 0]
    assert all(len(c.mutations) == 1 for c in climbed)
    tops = list(dict.fromkeys(c.parent for c in climbed))
    scores = [candidates[top].score for top in tops]
    falls = sum(later <= earlier for earlier, later in itertools.pairwise(scores))
    random = {c.iteration // NEIGHBOURS for c in candidates[1:] if c.parent < 0}
    assert len(tops) > 8
    assert 1 <= falls <= len(random), "a score falls only where a new ascent sets out"
    for earlier, later in itertools.pairwise(tops):
        if candidates[later].parent == earlier:
            siblings = [c.score for c in climbed if c.parent == earlier]
            assert candidates[later].score == max(siblings) > candidates[earlier].score


def test_every_ascent_of_a_frontier_stays_within_its_budgets():
    problem = Problem(SPACE, FRONTIER, count, 3000, 32)
    search = Search(problem, make_algorithm("local", problem), by_params, 32, 0)
    search.begin([starting_network(SPACE, budgets, 32, 10, np.random.default_rng(0)) for budgets in FRONTIER])
    tops = [set(), set()]
    while not search.finished:
        search.step()
        for climb, budgets, met in zip(search.algorithm.climbs, FRONTIER, tops, strict=True):
            if climb.top is not None:
                assert within(climb.top.costs, budgets)
                met.add(climb.top.id)
    assert all(len(met) > 2 for met in tops)


def test_of_annealing_fewer_and_fewer_lineages_go_on_and_take_worse_networks_ever_more_seldom():
    problem = Problem(SPACE, FRONTIER, count, 6000, 32)
    search = Search(problem, make_algorithm("annealing", problem), by_params, 32, 0)
    starts = [starting_network(SPACE, budgets, 32, 10, np.random.default_rng(0)) for budgets in FRONTIER]
    candidates, counts, worse = search.begin(starts), [], []
    while not search.finished:
        met = len(candidates)
        candidates += search.step()
        lineages = search.algorithm.lineages
        counts.append([len(living) for living in lineages])
        for living, budgets in zip(lineages, FRONTIER, strict=True):
            assert all(within(candidate.costs, budgets) for candidate in living)
        taken = {c.id: c for living in lineages for c in living if c.id >= met}.values()
        worse.append(sum(c.score < candidates[c.parent].score for c in taken))
    assert counts[0] == [16, 16]
    assert counts[-1] == [1, 1]
    assert all(later <= earlier for earlier, later in itertools.pairwise(counts))
    assert sum(worse[:60]) > 3 * sum(worse[-60:])


def test_of_regularized_evolution_the_oldest_die():
    search, candidates = finished("regularized", iterations=2000, population=32)
    alive = search.algorithm.state()["living"][0]
    assert alive == [c.id for c in candidates[-32:]]
    assert sum(c.parent < 0 for c in candidates) > 10
    # The parents of late candidates are young themselves, however good the old ones were.
    assert all(c.id - c.parent <= 32 + 32 for c in candidates if c.parent >= 0)


def test_of_a_frontier_every_population_has_offspring_in_turn():
    search, _ = finished("evolution", FRONTIER, iterations=600)
    populations = []
    for number, population in enumerate(search.populations):
        only = Population(FRONTIER[number], 1)
        only.offer(population.ranked()[0])
        populations.append(only)
    first, second = (population.best for population in populations)
    assert first != second
    round = Round(0, 6, np.random.default_rng(0), populations)
    assert [proposal.parent for proposal in search.algorithm.propose(round)] == [second, first] * 3


def test_regularized_evolution_has_offspring_of_the_best_of_a_sample():
    search, _ = finished("regularized", iterations=1000, population=32)
    ranks = {c.id: rank for rank, c in enumerate(sorted(search.algorithm.living[0], key=lambda c: -c.score))}
    round = Round(1000, 50, np.random.default_rng(0), search.populations)
    parents = [ranks[proposal.parent.id] for proposal in search.algorithm.propose(round)]
    # Of 25 drawn from 32 the best is on average the second: the expected rank is below 1.
    assert np.mean(parents) < 2


def test_a_random_walk_stays_in_the_budgets_and_goes_on_where_it_was():
    problem = Problem(SPACE, [BUDGETS], count, 100, 10)

    def walked(walk, steps, seed):
        rng = np.random.default_rng(seed)
        rows = rng.random((steps, offspring_draws())).tolist()
        return [walk.step(iter(row), rng) for row in rows]

    walk = RandomWalk(problem, BUDGETS)
    networks = walked(walk, 100, 0)
    assert sum(within(count(network), BUDGETS) for network in networks) > 30
    other = RandomWalk(problem, BUDGETS)
    other.restore(walk.state())
    assert walked(walk, 60, 1) == walked(other, 60, 1)


def test_random_search_looks_at_no_score():
    up, down = (
        finished("random", score=lambda networks, sign=sign: [sign * p for p in by_params(networks)])[1]
        for sign in (1, -1)
    )
    assert [c.super_blocks for c in up] == [c.super_blocks for c in down]
