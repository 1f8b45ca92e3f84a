"""Random super-blocks and architectures for property tests."""

import numpy as np
from hypothesis import strategies as st

from zennas.architecture import Architecture, SuperBlock
from zennas.architecture.model import ACTIVATIONS
from zennas.spaces.mutation import mutate
from zennas.spaces.space import search_space
from zennas.spaces.start import random_small


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Any valid architecture of any block names, as the readers see them."""
    channels = draw(st.integers(1, 64))
    blocks = []
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["Conv", "Res", "Btn", "MB", "GBtn", "Mine"]))
        out = draw(st.integers(1, 4096))
        blocks.append(
            SuperBlock(
                kind,
                draw(st.sampled_from([1, 3, 5, 7, 31])),
                channels,
                out,
                draw(st.sampled_from([1, 2])),
                draw(st.integers(0, 512)),
                draw(st.integers(1, 12)),
                draw(st.sampled_from([0, 1, 2, 0.25, 6, 1.5])),
                draw(st.sampled_from([0, 8, 16])),
                draw(st.booleans()),
                draw(st.sampled_from([0, 6])),
                draw(st.sampled_from(ACTIVATIONS)),
            )
        )
        channels = out
    return Architecture(
        tuple(blocks),
        draw(st.sampled_from(["", "a net", "é: #"])),
        draw(st.sampled_from([None, 32])),
        draw(st.sampled_from([None, 0, 10])),
    )


def random_networks(space_name: str, resolution: int, count: int, seed: int, mutations: int = 12, se: bool = False):
    """Networks that a search could meet: random starts, mutated."""
    space = search_space(space_name, resolution, se)
    rng = np.random.default_rng(seed)
    for _ in range(count):
        architecture = Architecture(random_small(space, rng), resolution=resolution)
        for _ in range(int(rng.integers(0, mutations))):
            architecture = mutate(architecture, 0.5, space, rng)
        yield architecture
