"""The proposals of one round, from parents to networks that are new and within budgets, with their chains."""

import numpy as np

from zennas.compiled import compiled_and_kept
from zennas.scores.closed_form.state import IntMatrix, IntVector, Matrix, Vector
from zennas.searching.compiled.bred import Rows
from zennas.searching.compiled.count import Counted
from zennas.searching.compiled.fitting import Bounds, Room, depth_within, fit, within
from zennas.searching.compiled.mutation import MOST_MUTATIONS, Numbers, offspring
from zennas.searching.compiled.parts import count_network
from zennas.searching.compiled.program import LAYERS, TYPE, Program
from zennas.searching.compiled.seen import Hashes, hash_of, place_of


@compiled_and_kept
def propose_round(
    program: Program,
    numbers: Numbers,
    bounds: Bounds,
    convolve: IntVector,
    setting: Counted,
    rows: Rows,
    parents: IntMatrix,
    rho: Vector,
    draws: Matrix,
    fits: IntVector,
    fit_draws: Matrix,
    tries: int,
    seen: Hashes,
    room: Room,
) -> int:
    """Make a round's offspring, and keep those that are new and within a set of budgets.

    Args:
        program: of the block types.
        numbers: of the space and the operators.
        bounds: the budgets.
        convolve: of each block type, whether its layers count.
        setting: what is counted for.
        rows: super-blocks of all candidates.
        parents: of each proposal, the first and last row of the parent.
        rho: of each proposal, the probability of a new block type.
        draws: of each try of each proposal, uniform numbers.
        fits: of each proposal, the set of budgets that it is fitted to, or −1.
        fit_draws: of each try, two uniform numbers.
        tries: of each proposal, of which the first that is kept is the last.
        seen: hashes of the networks that there were; those that are kept are added.
        room: written.

    Returns:
        How many were kept, or -1 where the chain has too little room; then nothing was added.
    """
    kept = used = 0
    room.starts[0] = 0
    for attempt in range(len(parents) * tries):
        number = attempt // tries
        if kept and room.iterations[kept - 1] == number:
            continue
        first, length = parents[number, 0], parents[number, 1] - parents[number, 0]
        network = room.networks[kept]
        for row in range(length):
            for column in range(6):
                network[row, column] = rows[first + row, column]
        places, mutated = room.places[kept], room.mutated[kept]
        mutations, length = offspring(numbers, network, length, rho[number], draws[attempt], places, mutated)
        parts = len(mutated) // MOST_MUTATIONS
        layers = whole = 0
        for row in range(length):
            whole += network[row, LAYERS]
            if convolve[network[row, TYPE]]:
                layers += network[row, LAYERS]
        shallow = False
        for index in range(len(bounds.sets)):
            shallow = shallow or depth_within(bounds, index, layers)
        if not shallow:
            continue
        if used + whole * program.longest > len(room.chain):
            for index in range(kept - 1, -1, -1):
                seen[room.taken[index]] = np.uint64(0)
            return -1
        if fits[number] >= 0 and depth_within(bounds, fits[number], layers):
            index = fit(
                program,
                numbers,
                bounds,
                setting,
                network[:length],
                fits[number],
                fit_draws[attempt],
                mutated[parts * mutations :],
                room,
                kept,
            )
            if index >= 0:
                places[mutations, 0], places[mutations, 1] = index, 1
                mutations += 1
        key = hash_of(network[:length])
        place = place_of(seen, key)
        if seen[place] == key:
            continue
        costs = room.costs[kept]
        end = count_network(
            program,
            setting,
            network[:length],
            room.at,
            room.parts,
            room.known,
            costs,
            room.chain,
            used,
            room.ends[kept],
        )
        met = False
        for index in range(len(bounds.sets)):
            met = met or within(bounds, index, costs)
        if not met:
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
