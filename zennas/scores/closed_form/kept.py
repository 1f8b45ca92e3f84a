"""The state of the recursion between two layers as one row of numbers, from which it can go on.

Kept is what a layer reads of the layers before it: all else is written anew by each.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zennas.compiled import compiled
from zennas.input_size import Resolution, sides
from zennas.scores.closed_form.state import (
    IMAGE,
    PROFILE,
    Coherent,
    Correlation,
    IntMatrix,
    IntVector,
    LocalEnergy,
    Matrix,
    OwnEnergy,
    Profiles,
    Vector,
    side,
)

DELTA, SPREAD, TILT, TOTAL, GROUPS_BEFORE, CHANNELS, KIND_BEFORE, POOL_KERNEL, MAP_HEIGHT, MAP_WIDTH = range(10)
COUNT, ROW, LOCAL = range(10, 13)
"""Places of the single numbers; the first of `LocalEnergy`, after which come its others, `OwnEnergy`, `Correlation` and
`Coherent`."""
States = npt.NDArray[np.float64]
"""A three-dimensional array of doubles: states of chains by mark."""
_OWN, _CORRELATION, _COHERENT, _ARRAYS = LOCAL + 3, LOCAL + 7, LOCAL + 13, LOCAL + 16
_IMAGE_ROWS = (IMAGE.energy, IMAGE.coherent, IMAGE.unevenness)
_PROFILE_ROWS = (PROFILE.energy, PROFILE.root, PROFILE.difference)


class Prefixes(NamedTuple):
    """Where the chains of a round begin as chains did that were scored before.

    A super-block's state is kept before the last row of its part of a chain: the row after decides on what the
    activation before it leaves.

    Attributes:
        kept: states of networks that may be parents; by slot and super-block.
        slots: of each chain its parent's slot; -1 to begin with the input.
        unchanged: of each, super-blocks from the input on that it has in common with its parent.
        ends: of each, the rows up to the end of each super-block, those of the chains before it included.
        lengths: of each, its super-blocks; 0 where no state is wanted.
        marks: room for as many rows as there are super-blocks, overwritten.
        fresh: states of the chains by super-block, written from `unchanged` on but for the last.
    """

    kept: States
    slots: IntVector
    unchanged: IntVector
    ends: IntMatrix
    lengths: IntVector
    marks: IntVector
    fresh: States


def no_prefixes(count: int) -> Prefixes:
    """For so many chains that have nothing in common with any."""
    nothing, none = np.zeros((1, 1, 1)), np.zeros(count, dtype=np.int64)
    return Prefixes(nothing, none - 1, none, none[:, None], none, none, np.zeros((count, 1, 1)))


def state_length(resolution: Resolution, image_classes: int) -> int:
    """Numbers of a state at most.

    Args:
        resolution: side of the input; no map is larger.
        image_classes: classes of images.
    """
    height, width = sides(resolution)
    positions = height if height == width else height + width
    return _ARRAYS + len(_IMAGE_ROWS) * image_classes + len(_PROFILE_ROWS) * positions


@compiled
def write_parts(
    state: Vector, local: LocalEnergy, own: OwnEnergy, correlation: Correlation, coherent: Coherent
) -> None:
    """Write the tuples of a state.

    Args:
        state: written.
        local: of the energy that all channels share.
        own: of single channels.
        correlation: of two activations.
        coherent: coherent share at local scale.
    """
    state[LOCAL], state[LOCAL + 1], state[LOCAL + 2] = local.smooth, local.white, local.length2
    state[_OWN], state[_OWN + 1], state[_OWN + 2], state[_OWN + 3] = own.image, own.smooth, own.white, own.length2
    place = _CORRELATION
    state[place], state[place + 1], state[place + 2] = correlation.image, correlation.smooth, correlation.white
    state[place + 3], state[place + 4] = correlation.length2, correlation.own
    state[place + 5] = correlation.difference
    place = _COHERENT
    state[place], state[place + 1], state[place + 2] = coherent.smooth, coherent.white, coherent.profile


@compiled
def read_parts(state: Vector) -> tuple[LocalEnergy, OwnEnergy, Correlation, Coherent]:
    """The tuples of a state, as `write_parts` takes them."""
    c = _CORRELATION
    return (
        LocalEnergy(state[LOCAL], state[LOCAL + 1], state[LOCAL + 2]),
        OwnEnergy(state[_OWN], state[_OWN + 1], state[_OWN + 2], state[_OWN + 3]),
        Correlation(state[c], state[c + 1], state[c + 2], state[c + 3], state[c + 4], state[c + 5]),
        Coherent(state[_COHERENT], state[_COHERENT + 1], state[_COHERENT + 2]),
    )


@compiled
def write_arrays(state: Vector, images: Matrix, profile: Profiles, height: int, width: int) -> None:
    """Write the arrays of a state.

    Args:
        state: written.
        images: the classes of images.
        profile: the profile of positions.
        height: of the map.
        width: of the map.
    """
    place = _ARRAYS
    for row in _IMAGE_ROWS:
        for b in range(images.shape[1]):
            state[place] = images[row, b]
            place += 1
    for part in range(len(profile)):
        size = side(part, height, width)
        for row in _PROFILE_ROWS:
            for i in range(size):
                state[place] = profile[part, row, i]
                place += 1


@compiled
def read_arrays(state: Vector, images: Matrix, profile: Profiles, height: int, width: int) -> None:
    """Read what `write_arrays` wrote.

    Args:
        state: read.
        images: the classes of images, written.
        profile: the profile of positions, written.
        height: of the map.
        width: of the map.
    """
    place = _ARRAYS
    for row in _IMAGE_ROWS:
        for b in range(images.shape[1]):
            images[row, b] = state[place]
            place += 1
    for part in range(len(profile)):
        size = side(part, height, width)
        for row in _PROFILE_ROWS:
            for i in range(size):
                profile[part, row, i] = state[place]
                place += 1
