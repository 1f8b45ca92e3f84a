"""Search algorithms by name: what `--algorithm` takes."""

from collections.abc import Callable
from typing import TypeVar

from zennas.errors import ZennasError
from zennas.optional_dependencies import unknown
from zennas.searching.algorithms.algorithm import Algorithm, Problem

MakeAlgorithm = TypeVar("MakeAlgorithm", bound=Callable[[Problem], Algorithm])

_ALGORITHMS: dict[str, Callable[[Problem], Algorithm]] = {}


def register_algorithm(name: str, replace_existing: bool = False) -> Callable[[MakeAlgorithm], MakeAlgorithm]:
    """Register the decorated class (or function `(problem) -> Algorithm`) as search algorithm `name`.

    Args:
        name: what `--algorithm` and `zennas.search(algorithm=…)` call it.
        replace_existing: whether an algorithm of that name may be there already.

    Raises:
        ZennasError: the name is taken.
    """

    def register(make: MakeAlgorithm) -> MakeAlgorithm:
        if name in _ALGORITHMS and not replace_existing:
            raise ZennasError(f"algorithm {name!r} is registered already; give another name")
        _ALGORITHMS[name] = make
        return make

    return register


def algorithm_names() -> list[str]:
    """Names of all registered algorithms."""
    return list(_ALGORITHMS)


def make_algorithm(name: str, problem: Problem) -> Algorithm:
    """The named algorithm at its start.

    Args:
        name: `evolution`, `annealing`, `zen-nas`, `local`, `random`, `regularized`, or what `register_algorithm` has
            added.
        problem: what is searched for.

    Raises:
        UnknownNameError: there is no such algorithm; the message has the nearest names.
    """
    if name not in _ALGORITHMS:
        raise unknown("algorithm", name, _ALGORITHMS)
    return _ALGORITHMS[name](problem)
