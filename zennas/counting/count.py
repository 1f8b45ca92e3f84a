"""What an architecture costs, counted from its blocks' descriptions without building a module."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from zennas.architecture.model import Architecture, SuperBlock, smallest_side
from zennas.blocks.layers import Unit
from zennas.blocks.registry import expand, expand_at, forget_with_blocks, kept_by_block
from zennas.counting.deployed import storage
from zennas.counting.quantities import COUNTED_ALONE, Costs
from zennas.errors import ArchitectureError
from zennas.input_size import GivenResolution, Resolution, positions, read_resolution, shown, sides

BYTES_PER_VALUE = 4
DEFAULT_CLASSES = 1000
FP32 = "fp32"


@dataclass(frozen=True, slots=True)
class SuperBlockCosts:
    """Costs of one super-block at a given input resolution; fields as in `Costs`, memory in bytes of fp32.

    Attributes:
        depth: convolutions on the main path.
        log_width: sum of the logarithms of their widths.
        weight_values: weights of all convolutions.
        outputs: output channels of all convolutions.
    """

    params: int
    flops: int
    layers: int
    convolutions: int
    memory: int
    out_resolution: Resolution
    depth: int = 0
    log_width: float = 0.0
    weight_values: int = 0
    outputs: int = 0
    peak_memory: int = 0


def costs(
    architecture: Architecture,
    resolution: GivenResolution | None = None,
    num_classes: int | None = None,
    dtype: str = FP32,
) -> Costs:
    """Count an architecture with its classifier.

    Args:
        architecture: the network.
        resolution: size of the input: the side of a square, `"320x192"` or (height, width); by default the
            architecture's own.
        num_classes: outputs of the linear classifier with bias, 0 for none; by default the architecture's own,
            else 1000.
        dtype: number type in which it is deployed, which weights and memory are counted for: `fp32`, `fp16` or `int8`.

    Raises:
        ArchitectureError: an unknown block type, no resolution, or one too small for the strides.
        BudgetError: an unknown number type.
    """
    rows = super_block_costs(architecture, resolution)
    classes = native_classes(architecture, num_classes)
    total = total_costs(rows, architecture.out_channels, classes, dtype)
    if not COUNTED_ALONE:
        return total
    return _with_others(total, architecture.super_blocks, native_resolution(architecture, resolution), classes)


def _with_others(
    counted: Costs, super_blocks: tuple[SuperBlock, ...], resolution: Resolution, num_classes: int
) -> Costs:
    """Costs with the quantities that are counted by functions of their own."""
    others = [(name, count(super_blocks, resolution, num_classes)) for name, count in COUNTED_ALONE.items()]
    return replace(counted, others=tuple(others))


def total_costs(rows: list[SuperBlockCosts], out_channels: int, num_classes: int, dtype: str = FP32) -> Costs:
    """Add up super-blocks and the classifier.

    Args:
        rows: costs of the super-blocks, in order.
        out_channels: channels of the pre-GAP feature map.
        num_classes: outputs of the linear classifier with bias, 0 for none.
        dtype: number type in which it is deployed.
    """
    stored = storage(dtype)
    params, flops = classifier_costs(out_channels, num_classes)
    weight_values, outputs = flops, num_classes
    layers = convolutions = memory = depth = 0
    # Global pooling, then the classifier.
    peak = max(out_channels * (positions(rows[-1].out_resolution) + 1), out_channels + num_classes) * BYTES_PER_VALUE
    log_width = 0.0
    for row in rows:
        params += row.params
        flops += row.flops
        layers += row.layers
        convolutions += row.convolutions
        memory = max(memory, row.memory)
        depth += row.depth
        log_width += row.log_width
        weight_values += row.weight_values
        outputs += row.outputs
        peak = max(peak, row.peak_memory)
    return Costs(
        params,
        flops,
        layers,
        convolutions,
        memory // BYTES_PER_VALUE * stored.activation,
        effectiveness=depth / math.exp(log_width / depth) if depth else None,
        weights=weight_values * stored.weight + outputs * stored.output,
        peak_memory=peak // BYTES_PER_VALUE * stored.activation,
    )


def classifier_costs(out_channels: int, num_classes: int) -> tuple[int, int]:
    """Parameters and multiply-adds of the linear classifier with bias; both are 0 where there are no classes."""
    return (out_channels + 1) * num_classes, out_channels * num_classes


def super_block_costs(architecture: Architecture, resolution: GivenResolution | None = None) -> list[SuperBlockCosts]:
    """Costs by super-block, in order.

    Args:
        architecture: the network.
        resolution: size of the input; by default the architecture's own.

    Raises:
        ArchitectureError: as `costs`.
    """
    size = native_resolution(architecture, resolution)
    rows = []
    for index, block in enumerate(architecture.super_blocks):
        expand_at(block, index)
        if min(sides(size)) == 1 and block.stride > 1:
            raise ArchitectureError(
                f"super-block {index + 1} ({block.block}): nothing is left to halve, its input is {shown(size)}; "
                f"the strides need a resolution of at least {smallest_resolution(architecture)}"
            )
        row = count_super_block(block, size)
        size = row.out_resolution
        rows.append(row)
    return rows


def smallest_resolution(architecture: Architecture) -> int:
    """The smallest height and width of an input at which every stride still halves something."""
    return smallest_side(block.stride for block in architecture.super_blocks)


def native_resolution(architecture: Architecture, resolution: GivenResolution | None) -> Resolution:
    """The given resolution, or the architecture's own. Raises `ArchitectureError` where there is neither."""
    if resolution is None:
        resolution = architecture.resolution
    if resolution is None:
        raise ArchitectureError("no resolution is known for this architecture; give one, e.g. --resolution 224")
    return read_resolution(resolution)


def native_classes(architecture: Architecture, num_classes: int | None) -> int:
    """The given number of classes, or the architecture's own, or ImageNet's."""
    if num_classes is None:
        num_classes = architecture.num_classes
    return DEFAULT_CLASSES if num_classes is None else num_classes


@kept_by_block(maxsize=1 << 17)
def count_super_block(block: SuperBlock, resolution: Resolution) -> SuperBlockCosts:
    """Costs of one super-block.

    Args:
        block: of a registered type.
        resolution: size of the input.

    Raises:
        ArchitectureError: the block type is incomplete or does not fit itself.
        UnknownNameError: there is no such block type.
    """
    expansion = expand(block)
    first = _count_units(expansion.first, resolution)
    layers = block.layers if first.depth else 0
    times = expansion.repeats
    if not times:
        return replace(first, layers=layers)
    rest = _count_units(expansion.rest, first.out_resolution)
    return SuperBlockCosts(
        first.params + times * rest.params,
        first.flops + times * rest.flops,
        layers,
        first.convolutions + times * rest.convolutions,
        max(first.memory, rest.memory),
        first.out_resolution,
        first.depth + times * rest.depth,
        first.log_width + times * rest.log_width,
        first.weight_values + times * rest.weight_values,
        first.outputs + times * rest.outputs,
        max(first.peak_memory, rest.peak_memory),
    )


@lru_cache(maxsize=1 << 17)
def _count_units(units: tuple[Unit, ...], resolution: Resolution) -> SuperBlockCosts:
    """Costs of units in a row, `layers` left at 0."""
    params = flops = convolutions = memory = depth = 0
    weight_values = outputs = peak = 0
    log_width = 0.0
    for unit in units:
        start = resolution
        held = 0
        # In the order of a file the link comes after the main path, and reads the unit's input.
        waiting = 0 if unit.shortcut is None else unit.main[0].in_channels * positions(start)
        link = unit.projection
        identity = unit.shortcut == "identity"
        if link is not None:
            params += link.params
            flops += link.flops(start)
            convolutions += 1
            weight_values += link.out_channels * link.fan_in
            outputs += link.out_channels
            held = link.out_channels * positions(link.out_resolution(start))
            memory = max(memory, link.memory(start))
        elif identity:
            held = unit.main[0].in_channels * positions(start)
        for position, layer in enumerate(unit.main):
            params += layer.params
            flops += layer.flops(resolution)
            inner = layer.convolutions
            convolutions += len(inner)
            for convolution in inner:
                weight_values += convolution.out_channels * convolution.fan_in
                outputs += convolution.out_channels
            if not layer.decoration:
                for convolution in inner:
                    depth += 1
                    log_width += math.log(convolution.fan_in)
            # The first layer of an identity unit reads the very tensor that its link holds; a decoration, which
            # rescales its input in place, has to leave that one as it is.
            reads_input = position == 0 and not layer.decoration
            alive = layer.memory(resolution)
            memory = max(memory, alive if identity and reads_input else held + alive)
            peak = max(peak, alive if reads_input else waiting + alive)
            resolution = layer.out_resolution(resolution)
        if link is not None:
            peak = max(peak, unit.main[-1].out_channels * positions(resolution) + link.memory(start))
    memory, peak = memory * BYTES_PER_VALUE, peak * BYTES_PER_VALUE
    return SuperBlockCosts(
        params, flops, 0, convolutions, memory, resolution, depth, log_width, weight_values, outputs, peak
    )


def count_super_blocks(
    super_blocks: tuple[SuperBlock, ...], resolution: Resolution, num_classes: int, dtype: str = FP32
) -> Costs:
    """`costs` of bare super-blocks that are known to be valid, as the search counts every candidate.

    Args:
        super_blocks: from stem to head, channels chained.
        resolution: size of the input.
        num_classes: outputs of the linear classifier with bias, 0 for none.
        dtype: number type in which they are deployed.
    """
    rows: list[SuperBlockCosts] = []
    size = resolution
    for block in super_blocks:
        row = count_super_block(block, size)
        size = row.out_resolution
        rows.append(row)
    total = total_costs(rows, super_blocks[-1].out_channels, num_classes, dtype)
    return _with_others(total, super_blocks, resolution, num_classes) if COUNTED_ALONE else total


def count_layers(super_blocks: tuple[SuperBlock, ...]) -> int:
    """The layers of `costs`, without a look inside each super-block: only types that convolve have any."""
    return sum(block.layers for block in super_blocks if _convolves(block))


_TYPES_THAT_CONVOLVE: dict[str, bool] = {}
forget_with_blocks(_TYPES_THAT_CONVOLVE.clear)


def _convolves(block: SuperBlock) -> bool:
    known = _TYPES_THAT_CONVOLVE.get(block.block)
    if known is None:
        known = _TYPES_THAT_CONVOLVE[block.block] = count_super_block(block, _ANY_RESOLUTION).layers > 0
    return known


_ANY_RESOLUTION = 64
