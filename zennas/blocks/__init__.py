"""The block vocabulary: each block type says once which convolutions it is made of."""

import zennas.blocks.builtin
import zennas.blocks.published  # noqa: F401  (both register block types)
from zennas.blocks.builtin import residual, round_to_8
from zennas.blocks.chain import Chain, architecture_chain
from zennas.blocks.layers import AveragePool, Convolution, Layer, MaxPool, PooledLinear, SqueezeExcite, Unit
from zennas.blocks.registry import (
    BlockType,
    architecture_units,
    block_type,
    block_types,
    expand,
    register_block,
    validate,
)

__all__ = [
    "AveragePool",
    "BlockType",
    "Chain",
    "Convolution",
    "Layer",
    "MaxPool",
    "PooledLinear",
    "SqueezeExcite",
    "Unit",
    "architecture_chain",
    "architecture_units",
    "block_type",
    "block_types",
    "expand",
    "register_block",
    "residual",
    "round_to_8",
    "validate",
]
