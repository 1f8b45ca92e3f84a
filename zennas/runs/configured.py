"""A search as a configuration describes it, before its first network."""

from collections.abc import Sequence
from dataclasses import replace

from zennas.latency.correction import Round, corrected_sets, planned_iterations
from zennas.latency.in_search import LatencyBudget
from zennas.searching.algorithms import make_algorithm
from zennas.searching.compiled.core import core_of
from zennas.searching.islands import Islands
from zennas.searching.problem import configured_problem
from zennas.searching.rounds import Search
from zennas.searching.scoring import chain_scorer, round_scorer
from zennas.searching.settings import SearchConfig
from zennas.searching.tasks import Execute


def new_search(
    config: SearchConfig, execute: Execute, latency: LatencyBudget | None, rounds: Sequence[Round] = ()
) -> Search:
    """A search as a configuration describes it, before its first network.

    Args:
        config: its settings.
        execute: where scores are computed.
        latency: predicts the latency of every network; `None` without a latency budget.
        rounds: what measuring the winners of the run has taught so far.

    Raises:
        ZennasError: the space, the algorithm or the score cannot be used.
    """
    problem = configured_problem(config)
    if latency is not None:
        problem = replace(
            problem,
            budget_sets=corrected_sets(problem.budget_sets, rounds),
            count=latency.count(problem.count),
            iterations=planned_iterations(problem.iterations, rounds),
        )
    algorithm = make_algorithm(config.algorithm, problem)
    counted = config.resolution, config.num_classes, config.deployed_type
    search = Search(
        problem,
        algorithm,
        round_scorer(config, execute),
        config.round_size,
        config.seed,
        core=None if latency is not None else core_of(algorithm.problem, *counted),
        chain_scorer=chain_scorer(config),
    )
    return Islands(search, config) if config.islands > 1 else search
