"""What a report tells of a search: its history, its composition, the winner's ancestors, contributions by layer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.chain import convolutions, super_block_chain
from zennas.blocks.layers import Convolution
from zennas.input_size import GivenResolution, Resolution, out_size, plain, positions
from zennas.report.replay import Snapshot
from zennas.runs.result import Winner
from zennas.scores.closed_form import meanfield_score
from zennas.searching.population import Candidate
from zennas.spaces.mutation import Mutation

Point = tuple[int, float, float, float]


def history(snapshots: Sequence[Snapshot], number: int) -> list[Point]:
    """Iteration, and the best, median and worst score of one population."""
    points = []
    for snapshot in snapshots:
        scores = [c.score for c in snapshot.populations[number]]
        if scores:
            points.append((snapshot.iteration, scores[0], float(median(scores)), scores[-1]))
    return points


def kind_label(block: SuperBlock) -> str:
    """A basic block type in a word or two: `Btn k5`, `MB e4 k3 SE`."""
    parts = [block.block]
    if block.expansion:
        parts.append(f"e{block.expansion:g}")
    if block.group_width:
        parts.append(f"g{block.group_width}")
    parts += [f"k{block.kernel}", *(["SE"] if block.se else [])]
    return " ".join([*parts, *([block.activation] if block.activation != "relu" else [])])


@dataclass(frozen=True)
class Composition:
    """What the populations are made of along the search.

    Attributes:
        shares: by iteration and kind, the share of all layers between the first and last super-block.
        stages: sizes of the feature maps, the largest first, as `zennas.input_size.plain` has them.
        depth: by iteration and stage, mean layers.
        width: by iteration and stage, mean of the widest super-block's channels.
    """

    iterations: Sequence[int]
    kinds: Sequence[str]
    shares: Sequence[Sequence[float]]
    stages: Sequence[int | str]
    depth: Sequence[Sequence[float]]
    width: Sequence[Sequence[float]]


def composition(snapshots: Sequence[Snapshot], resolution: Resolution, points: int = 60) -> Composition:
    """Shares of block types, and depth and width by feature-map size, over all populations together.

    Args:
        snapshots: of the populations, in order.
        resolution: size of the input in pixels: its side, or height and width.
        points: moments of the search, of which about so many are shown.
    """
    chosen = snapshots[:: max(1, len(snapshots) // points)]
    rows = [_mean_member([c for members in s.populations for c in members], resolution) for s in chosen]
    kinds = sorted({kind for shares, _, _ in rows for kind in shares})
    stages = sorted({stage for _, depth, _ in rows for stage in depth}, key=positions, reverse=True)
    return Composition(
        [s.iteration for s in chosen],
        kinds,
        [[shares.get(kind, 0.0) for kind in kinds] for shares, _, _ in rows],
        [plain(stage) for stage in stages],
        [[depth.get(stage, 0.0) for stage in stages] for _, depth, _ in rows],
        [[width.get(stage, 0.0) for stage in stages] for _, _, width in rows],
    )


def _mean_member(
    members: Sequence[Candidate], resolution: Resolution
) -> tuple[dict[str, float], dict[Resolution, float], dict[Resolution, float]]:
    layers: Counter[str] = Counter()
    depth: Counter[Resolution] = Counter()
    width: Counter[Resolution] = Counter()
    for member in members:
        blocks, size = member.super_blocks, resolution
        widest: dict[Resolution, int] = {}
        for number, block in enumerate(blocks):
            size = out_size(size, block.stride)
            if 0 < number < len(blocks) - 1 or len(blocks) < 3:
                layers[kind_label(block)] += block.layers
            depth[size] += block.layers
            widest[size] = max(widest.get(size, 0), block.out_channels)
        width.update(widest)
    total, count = max(1, sum(layers.values())), max(1, len(members))
    return (
        {kind: number / total for kind, number in layers.items()},
        {size: number / count for size, number in depth.items()},
        {size: number / count for size, number in width.items()},
    )


@dataclass(frozen=True)
class Ancestor:
    """One step from the start to a network: what was mutated and what that gained."""

    id: int
    iteration: int
    score: float
    gain: float
    params: int
    flops: int
    change: str


def ancestors(winner: Winner, candidates: Sequence[Candidate] | Mapping[int, Candidate]) -> list[Ancestor]:
    """The family line of a winner, the start first.

    Args:
        winner: the last of the line.
        candidates: by id; the winner's ancestors are among them.
    """
    line = [winner.candidate]
    while line[-1].parent >= 0:
        line.append(candidates[line[-1].parent])
    line.reverse()
    steps = []
    for number, member in enumerate(line):
        parent = line[number - 1] if number else None
        change = "start" if parent is None else _changes(parent, member)
        gain = 0.0 if parent is None else member.score - parent.score
        steps.append(
            Ancestor(member.id, member.iteration, member.score, gain, member.costs.params, member.costs.flops, change)
        )
    return steps


def _changes(parent: Candidate, member: Candidate) -> str:
    blocks, texts = parent.super_blocks, []
    for mutation in member.mutations:
        texts.append(_change(blocks, mutation))
        blocks = mutation.apply(blocks)
    return "; ".join(filter(None, texts)) or "unchanged"


def _change(blocks: tuple[SuperBlock, ...], mutation: Mutation) -> str:
    """A mutation in words; empty where it changed nothing."""
    before, after = blocks[mutation.index], mutation.blocks
    text = f"super-block {mutation.index + 1}: "
    if len(after) > 1:
        return text + f"{block_text(before)} split into " + " and ".join(map(block_text, after))
    new = after[0]
    changes = [] if kind_label(before) == kind_label(new) else [f"{kind_label(before)} → {kind_label(new)}"]
    for field, title in (("out_channels", "width"), ("bottleneck", "bottleneck"), ("layers", "layers")):
        old, now = getattr(before, field), getattr(new, field)
        if old != now:
            changes.append(f"{title} {old} → {now}")
    return text + ", ".join(changes) if changes else ""


def block_text(block: SuperBlock) -> str:
    """A super-block in one line."""
    stride = f", stride {block.stride}" if block.stride > 1 else ""
    inner = f" ({block.bottleneck} inside)" if block.bottleneck else ""
    return f"{kind_label(block)} {block.in_channels}→{block.out_channels}{inner}{stride} × {block.layers}"


@dataclass(frozen=True)
class Contribution:
    """What one convolution adds to the score.

    Attributes:
        super_block: its super-block, from 0.
        value: the expected ½·log σ².
    """

    super_block: int
    convolution: str
    value: float


def contributions(architecture: Architecture, resolution: GivenResolution | None = None) -> list[Contribution]:
    """The closed form's ½·log σ² of every convolution on the main path (what the batch norms add to the Zen-score).

    Raises:
        ScoreError: the closed form does not know some layer of this network.
    """
    values = meanfield_score(architecture, resolution).contributions
    layers = [
        (number, layer)
        for number, block in enumerate(architecture.super_blocks)
        for layer in convolutions(super_block_chain(block).layers())
    ]
    return [
        Contribution(number, convolution_text(layer), value)
        for (number, layer), value in zip(layers, values, strict=True)
    ]


def convolution_text(layer: Convolution) -> str:
    """A convolution in a few words."""
    text = f"{layer.kernel}×{layer.kernel} {layer.in_channels}→{layer.out_channels}"
    if layer.stride > 1:
        text += f" stride {layer.stride}"
    return text + (f" in {layer.groups} groups" if layer.groups > 1 else "")


def changed_fields(one: SuperBlock, other: SuperBlock) -> set[str]:
    """Names of the fields in which two super-blocks differ."""
    return {f.name for f in fields(SuperBlock) if getattr(one, f.name) != getattr(other, f.name)}
