"""Networks spread evenly over the range that a search visits, to learn a device from."""

import math

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs, count_super_blocks
from zennas.counting.budgets import Budget
from zennas.input_size import Resolution
from zennas.searching.algorithms import Count, Problem, make_algorithm
from zennas.searching.executors import serial
from zennas.searching.rounds import Search
from zennas.searching.scoring import round_scorer
from zennas.searching.settings import SearchConfig
from zennas.spaces.mutation import DRAWS, draw_mutation
from zennas.spaces.space import SearchSpace
from zennas.spaces.start import random_small, smallest_of, starting_network

_GOLDEN = (math.sqrt(5) - 1) / 2
_STEPS = 400
_WANDERING = 24
_NEAR = 0.25
_LAYERS = (5, 60)
_ITERATIONS = (200, 2400)
_FOUND_ITERATIONS = (1000, 8000)
_POPULATION = 64


def smallest_flops(space: SearchSpace, resolution: Resolution, num_classes: int) -> int:
    """Multiply-adds of the smallest network of a space, over its block types.

    Args:
        space: its search space.
        resolution: size of the input in pixels: its side, or height and width.
        num_classes: outputs of the classifier.
    """
    return min(
        count_super_blocks(smallest_of(space, choice), resolution, num_classes).flops for choice in space.choices
    )


def sample_network(
    space: SearchSpace, resolution: Resolution, num_classes: int, flops: tuple[float, float], seed: int, number: int
) -> tuple[SuperBlock, ...]:
    """The `number`-th network of a sequence whose multiply-adds are even in the logarithm between two bounds.

    Every other one is what a short search finds within its multiply-adds and a random depth, the rest are random
    mutations of random small networks: a search sets out among the latter and ends among the former. Only the seed
    and the number decide, so that an interrupted sequence goes on as it would have.

    Args:
        space: what is sampled.
        resolution: size of the input in pixels: its side, or height and width.
        num_classes: outputs of the classifier.
        flops: lower and upper bound of the multiply-adds.
        seed: of the sequence.
        number: place in the sequence, from 0.
    """
    rng = np.random.default_rng([seed, number])
    low, high = math.log(flops[0]), math.log(flops[1])
    # Multiples of the golden ratio fill the range evenly however many are drawn.
    target = low + (high - low) * (number * _GOLDEN % 1)
    depth = _log_uniform(_LAYERS, rng)
    make = _searched if number % 2 else _wandered
    return make(space, resolution, num_classes, target, depth, rng)


def _wandered(
    space: SearchSpace, resolution: Resolution, num_classes: int, target: float, depth: int, rng: np.random.Generator
) -> tuple[SuperBlock, ...]:
    blocks = random_small(space, rng)
    distance = abs(math.log(count_super_blocks(blocks, resolution, num_classes).flops) - target)
    wandering = _WANDERING
    for _ in range(_STEPS):
        other = draw_mutation(blocks, 0.5, space, iter(rng.random(DRAWS).tolist())).apply(blocks)
        costs = count_super_blocks(other, resolution, num_classes)
        reached = abs(math.log(costs.flops) - target)
        if costs.layers <= max(depth, len(blocks)) and reached < max(distance, _NEAR):
            blocks, distance = other, reached
        if distance < _NEAR:
            wandering -= 1
            if not wandering:
                break
    return blocks


def _searched(
    space: SearchSpace, resolution: Resolution, num_classes: int, target: float, depth: int, rng: np.random.Generator
) -> tuple[SuperBlock, ...]:
    def count(super_blocks: tuple[SuperBlock, ...]) -> Costs:
        return count_super_blocks(super_blocks, resolution, num_classes)

    budget = Budget("flops", max(math.exp(target), smallest_flops(space, resolution, num_classes)))
    return _found(space, resolution, num_classes, budget, depth, count, _ITERATIONS, rng)


def sample_found(
    space: SearchSpace,
    resolution: Resolution,
    num_classes: int,
    latencies: tuple[float, float],
    count: Count,
    seed: int,
    number: int,
) -> tuple[SuperBlock, ...]:
    """The `number`-th network of a sequence of what short searches find within latencies between two bounds.

    A search takes what a predictor underestimates, so that its winners are where the predictor is worst: measured,
    they teach it.

    Args:
        space: what is sampled.
        resolution: size of the input in pixels: its side, or height and width.
        num_classes: outputs of the classifier.
        latencies: lower and upper bound in seconds an image.
        count: costs with the latency by the predictor of now.
        seed: of the sequence.
        number: place in the sequence, from 0.
    """
    rng = np.random.default_rng([seed, number])
    low, high = map(math.log, latencies)
    budget = Budget("latency", math.exp(low + (high - low) * (number * _GOLDEN % 1)))
    depth = _log_uniform(_LAYERS, rng)
    return _found(space, resolution, num_classes, budget, depth, count, _FOUND_ITERATIONS, rng)


def _found(
    space: SearchSpace,
    resolution: Resolution,
    num_classes: int,
    budget: Budget,
    depth: int,
    count: Count,
    iterations: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[SuperBlock, ...]:
    budgets = (budget, Budget("layers", max(depth, len(space.stage_strides) + 2)))
    start = starting_network(space, budgets, resolution, num_classes, rng, count)
    config = SearchConfig(resolution=resolution, num_classes=num_classes, seed=int(rng.integers(1 << 31)))
    problem = Problem(space, [budgets], count, _log_uniform(iterations, rng), _POPULATION)
    search = Search(
        problem, make_algorithm(config.algorithm, problem), round_scorer(config, serial), config.round_size, config.seed
    )
    search.begin([start])
    while not search.finished:
        search.step()
    ranked = search.populations[0].ranked()
    return ranked[int(rng.integers(len(ranked)))].super_blocks


def _log_uniform(bounds: tuple[int, int], rng: np.random.Generator) -> int:
    return round(math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1]))))
