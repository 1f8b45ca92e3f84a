"""The proposals of one round, from parents to networks that are new and within budgets, with their chains."""

from typing import NamedTuple

import numpy as np

from zennas.compiled import compiled_and_kept
from zennas.scores.closed_form.state import IntMatrix, IntVector, Matrix, Vector
from zennas.searching.compiled.count import LAYER_COUNT, count_network
from zennas.searching.compiled.mutation import Numbers, offspring
from zennas.searching.compiled.program import LAYERS, Program
from zennas.searching.compiled.seen import Hashes, hash_of, place_of


class Bounds(NamedTuple):
    """The budgets of a search.

    Attributes:
        sets: first and last row of each set of budgets.
        quantities: of each budget, its place among the costs.
        low: of each budget.
        high: of each budget.
    """

    sets: IntMatrix
    quantities: IntVector
    low: Vector
    high: Vector


class Room(NamedTuple):
    """What a round writes. One entry a proposal that was accepted, in order.

    Attributes:
        iterations: number of the proposal in the round, from 0.
        networks: a row a super-block.
        lengths: super-blocks of each.
        mutations: how many there were.
        places: of both mutations, the index and the number of parts.
        mutated: the parts of both mutations.
        costs: see `count.COSTS`.
        fits: of each set of budgets, whether the network is within it.
        chain: the rows of all networks, as the closed form reads them.
        starts: first row of each, and the number of rows.
        ends: rows of the chain after each super-block.
        taken: places in the table of hashes.
        at: a number a place of the longest tape.
        counted: six numbers.
    """

    iterations: IntVector
    networks: IntMatrix
    lengths: IntVector
    mutations: IntVector
    places: IntMatrix
    mutated: IntMatrix
    costs: Matrix
    fits: IntMatrix
    chain: IntMatrix
    starts: IntVector
    ends: IntMatrix
    taken: IntVector
    at: Vector
    counted: IntVector


@compiled_and_kept
def propose_round(
    program: Program,
    numbers: Numbers,
    bounds: Bounds,
    convolve: IntVector,
    resolution: int,
    num_classes: int,
    rows: IntMatrix,
    parents: IntMatrix,
    rho: Vector,
    draws: Matrix,
    seen: Hashes,
    room: Room,
) -> int:
    """Make a round's offspring, and keep those that are new and within a set of budgets.

    Args:
        program: of the block types.
        numbers: of the space and the operators.
        bounds: the budgets.
        convolve: of each block type, whether its layers count.
        resolution: side of the square input.
        num_classes: outputs of the classifier.
        rows: super-blocks of all candidates.
        parents: of each proposal, the first and last row of the parent.
        rho: of each proposal, the probability of a new block type.
        draws: of each proposal, uniform numbers.
        seen: hashes of the networks that there were; those that are kept are added.
        room: written.

    Returns:
        How many were kept, or -1 where the chain has too little room; then nothing was added.
    """
    kept = used = 0
    room.starts[0] = 0
    for number in range(len(parents)):
        first, length = parents[number, 0], parents[number, 1] - parents[number, 0]
        network = room.networks[kept]
        for row in range(length):
            for column in range(6):
                network[row, column] = rows[first + row, column]
        places, mutated = room.places[kept], room.mutated[kept]
        mutations, length = offspring(numbers, network, length, rho[number], draws[number], places, mutated)
        layers = whole = 0
        for row in range(length):
            whole += network[row, LAYERS]
            if convolve[network[row, 0]]:
                layers += network[row, LAYERS]
        shallow = False
        for index in range(len(bounds.sets)):
            holds = True
            for budget in range(bounds.sets[index, 0], bounds.sets[index, 1]):
                if bounds.quantities[budget] == LAYER_COUNT:
                    holds = holds and bounds.low[budget] <= layers <= bounds.high[budget]
            shallow = shallow or holds
        if not shallow:
            continue
        key = hash_of(network[:length])
        place = place_of(seen, key)
        if seen[place] == key:
            continue
        if used + whole * program.longest > len(room.chain):
            for index in range(kept - 1, -1, -1):
                seen[room.taken[index]] = np.uint64(0)
            return -1
        costs = room.costs[kept]
        end = count_network(
            program,
            network[:length],
            resolution,
            num_classes,
            room.at,
            room.counted,
            costs,
            room.chain,
            used,
            room.ends[kept],
        )
        fitting = False
        for index in range(len(bounds.sets)):
            holds = True
            for budget in range(bounds.sets[index, 0], bounds.sets[index, 1]):
                value = costs[bounds.quantities[budget]]
                holds = holds and bounds.low[budget] <= value <= bounds.high[budget]
            room.fits[kept, index] = holds
            fitting = fitting or holds
        if not fitting:
            continue
        seen[place] = key
        room.taken[kept] = place
        room.iterations[kept] = number
        room.lengths[kept] = length
        room.mutations[kept] = mutations
        used = end
        kept += 1
        room.starts[kept] = used
    return kept
