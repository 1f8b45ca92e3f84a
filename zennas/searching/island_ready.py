"""What the process that islands are forked from does once for all of them: it is imported there, and nowhere else.

A small island is carried out, so that the compiled code is loaded, and compiled only once where it is not kept yet.
"""

from contextlib import suppress

from zennas.compiled import leave_notes
from zennas.fork_server import loading
from zennas.optional_dependencies import installed


def _warm_up() -> None:
    import numpy as np

    from zennas.searching.island import Guest, Island, Past
    from zennas.searching.settings import checked_config
    from zennas.spaces.start import starting_network

    island = Island(checked_config({"params": "1M", "iterations": 2}))
    problem = island.problem
    start = starting_network(problem.space, problem.budget_sets[0], 32, 100, np.random.default_rng(0), problem.count)
    island.go_on_from(Past([Guest(start, 0.0, problem.count(start))], [[0]], {}))
    island.run(0, 2, (), 1)


with loading():
    leave_notes()
    if installed("numba"):
        # An island that meets the same error says it; here it would end the server, and every island with it.
        with suppress(Exception):
            _warm_up()
