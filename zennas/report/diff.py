"""Two architectures side by side."""

from dataclasses import dataclass
from difflib import SequenceMatcher

from zennas.architecture.model import Architecture, SuperBlock
from zennas.report.run_summary import changed_fields


@dataclass(frozen=True)
class DiffRow:
    """A super-block of each side, or `None` where the other side has no counterpart; and which fields differ."""

    left: SuperBlock | None
    right: SuperBlock | None
    changed: frozenset[str] = frozenset()


def diff_architectures(left: Architecture, right: Architecture) -> list[DiffRow]:
    """Align two networks by the strides and types of their super-blocks."""
    stages = [_by_stage(architecture) for architecture in (left, right)]
    rows: list[DiffRow] = []
    for number in range(max(map(len, stages))):
        one, two = (stage[number] if number < len(stage) else [] for stage in stages)
        rows += _align(one, two)
    return rows


def _by_stage(architecture: Architecture) -> list[list[SuperBlock]]:
    stages: list[list[SuperBlock]] = [[]]
    for block in architecture.super_blocks:
        if block.stride > 1:
            stages.append([])
        stages[-1].append(block)
    return stages


def _align(left: list[SuperBlock], right: list[SuperBlock]) -> list[DiffRow]:
    rows = []
    matcher = SequenceMatcher(None, [(b.block, b.kernel) for b in left], [(b.block, b.kernel) for b in right], False)
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        one, two = left[i1:i2], right[j1:j2]
        for k in range(max(len(one), len(two))):
            a, b = one[k] if k < len(one) else None, two[k] if k < len(two) else None
            rows.append(DiffRow(a, b, frozenset(changed_fields(a, b)) if a and b else frozenset()))
    return rows
