import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zennas.counting import count_super_blocks
from zennas.counting.budgets import parse_budget, within
from zennas.searching.algorithms import Problem, make_algorithm
from zennas.searching.algorithms.evolution import mutation_probabilities
from zennas.searching.population import Candidate, Population
from zennas.searching.rounds import Search
from zennas.searching.tasks import Failure
from zennas.spaces.space import search_space
from zennas.spaces.start import starting_network

SPACE = search_space("resnet", 32)
BUDGETS = (parse_budget("params", "200k"), parse_budget("layers", "18"))


def count(blocks):
    return count_super_blocks(blocks, 32, 10)


def evolution(score, budget_sets=(BUDGETS,), iterations=600, round_size=32, seed=0, population=32):
    problem = Problem(SPACE, budget_sets, count, iterations, population)
    made = Search(problem, make_algorithm("evolution", problem), score, round_size, seed)
    rng = np.random.default_rng(seed)
    made.begin([starting_network(SPACE, budgets, 32, 10, rng) for budgets in budget_sets])
    return made


def by_params(networks):
    return [float(count(n).params) for n in networks]


def test_rho_falls_to_a_tenth_in_the_first_half():
    assert mutation_probabilities([0, 25, 49], 100) == pytest.approx([1, 0.5 + 0.1 * 0.5, 0.02 + 0.1 * 0.98])
    assert mutation_probabilities(range(50, 100), 100).tolist() == [0.1] * 50


def test_finds_the_budget_and_never_exceeds_it():
    scored = []

    def score(networks):
        scored.extend(networks)
        return by_params(networks)

    run = evolution(score, iterations=2000)
    while not run.finished:
        run.step()
    assert len(set(scored)) == len(scored) == run.scored, "no network is scored twice"
    assert all(within(count(n), BUDGETS) for n in scored)
    assert run.best.costs.params > 190_000
    assert run.iteration == 2000


def test_the_population_keeps_the_best():
    seen = []

    def score(networks):
        scores = by_params(networks)
        seen.extend(scores)
        return scores

    run = evolution(score)
    while not run.finished:
        run.step()
    population = sorted((c.score for c in run.populations[0].ranked()), reverse=True)
    assert len(population) == 32
    assert population == sorted(seen, reverse=True)[:32]


def test_a_seed_gives_one_search():
    runs = [evolution(by_params, seed=s) for s in (3, 3, 4)]
    for run in runs:
        while not run.finished:
            run.step()
    same, again, other = ([c.super_blocks for c in run.populations[0].ranked()] for run in runs)
    assert same == again
    assert same != other


def test_two_seeds_give_two_searches_from_one_start():
    problem = Problem(SPACE, [BUDGETS], count, 200, 32)
    start = starting_network(SPACE, BUDGETS, 32, 10, np.random.default_rng(0))
    found = []
    for seed in (1, 2):
        run = Search(problem, make_algorithm("evolution", problem), by_params, 32, seed)
        run.begin([start])
        while not run.finished:
            run.step()
        found.append([c.super_blocks for c in run.populations[0].ranked()])
    assert found[0] != found[1]


def test_a_network_that_cannot_be_scored_is_recorded_and_skipped():
    def score(networks):
        return [Failure("odd") if n[1].kernel == 3 else float(len(n)) for n in networks]

    problem = Problem(SPACE, [BUDGETS], count, 400, 32)
    run = Search(problem, make_algorithm("evolution", problem), score, 32, 0)
    rng = np.random.default_rng(0)
    start = next(n for n in (starting_network(SPACE, BUDGETS, 32, 10, rng) for _ in range(99)) if n[1].kernel != 3)
    run.begin([start])
    while not run.finished:
        run.step()
    assert run.failed == len(run.failures) > 0
    assert all(c.super_blocks[1].kernel != 3 for c in run.populations[0].ranked())


def test_niches_share_candidates():
    small, large = (parse_budget("params", "50k"),), (parse_budget("params", "200k"),)
    run = evolution(by_params, budget_sets=(small, large), iterations=2000)
    while not run.finished:
        run.step()
    assert 45_000 < run.populations[0].best.costs.params <= 50_000
    assert 190_000 < run.populations[1].best.costs.params <= 200_000


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 8))
def test_population_is_the_top_scores_and_founders_survive_ties(scores, size):
    population = Population((), size)
    costs = count(starting_network(SPACE, (), 32, 10, np.random.default_rng(0)))
    for number, score in enumerate(scores):
        population.offer(Candidate(number, number, -1, None, (), float(score), costs))
    expected = sorted(enumerate(scores), key=lambda item: (-item[1], item[0]))[:size]
    assert [c.id for c in population.ranked()] == [number for number, _ in expected]
    assert population.best.id == expected[0][0]
    assert population.pick(0.999999).id in dict(expected)


def test_a_score_that_is_no_number_is_a_failure_however_it_is_computed(monkeypatch):
    import zennas
    from zennas.scores import register_score, registry
    from zennas.scores.builtin import exact

    monkeypatch.setattr(registry, "_SCORES", dict(registry._SCORES))

    def many(networks, resolution, settings):
        layers = [sum(block.layers for block in network) for network in networks]
        return [float("-inf") if count > 8 else float(count) for count in layers]

    @register_score("odd", many=many)
    def odd(architecture, resolution, settings):
        return exact("odd", many([architecture.super_blocks], resolution, settings)[0])

    result = zennas.search(params="100k", score="odd", iterations=300, rescore=0)
    assert max(c.score for c in result.each_candidate()) == 8
    assert "numerically meaningless" in result.store.failures()[0][2]
