"""Random walks within budgets: where algorithms that need random networks take them from."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.architecture.structure import format_structure, parse_structure
from zennas.counting.budgets import Budget, total_violation
from zennas.searching.algorithms.algorithm import Problem
from zennas.spaces.mutation import applied
from zennas.spaces.operators import draw_offspring
from zennas.spaces.start import random_small

STEPS = 128
"""Networks of a walk; then a new one begins."""
RHO = 1.0
"""Every mutation draws a block type: no type is preferred for having been there."""


class RandomWalk:
    """Random small networks (or the space's start), each mutated step by step without a look at any score.

    A step that would leave the budgets is not taken, nor, outside of them, one that leads further away. Networks drawn
    independently of each other would cost as many mutations each as a walk has in all, for the same distribution.
    """

    def __init__(self, problem: Problem, budgets: Sequence[Budget]) -> None:
        self._space, self._count, self._budgets = problem.space, problem.count, budgets
        self._steps = 0
        self._current: tuple[SuperBlock, ...] = ()

    def step(self, draws: Iterator[float], rng: np.random.Generator) -> tuple[SuperBlock, ...]:
        """The next network.

        Args:
            draws: uniform numbers in [0, 1) of which a mutation takes at most `offspring_draws()`.
            rng: where a new walk's beginning comes from.
        """
        if self._steps % STEPS == 0:
            network = self._space.start or random_small(self._space, rng)
            self._go_to(network, self._violation(network))
        else:
            network = applied(draw_offspring(self._current, RHO, self._space, draws), self._current)
            violation = self._violation(network)
            if violation <= self._violated:
                self._go_to(network, violation)
        self._steps += 1
        return network

    def start_anew(self) -> None:
        """Begin a new walk at the next step."""
        self._steps = 0

    def _go_to(self, network: tuple[SuperBlock, ...], violation: float) -> None:
        self._current, self._violated = network, violation

    def _violation(self, network: tuple[SuperBlock, ...]) -> float:
        return total_violation(self._count(network), self._budgets)

    def state(self) -> list[Any]:
        """Where the walk is, as JSON values."""
        return [self._steps, format_structure(self._current) if self._current else ""]

    def restore(self, state: Sequence[Any]) -> None:
        """Go to where `state` was called."""
        self._steps, structure = state
        if structure:
            network = parse_structure(structure).super_blocks
            self._go_to(network, self._violation(network))
