"""Several networks side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from zennas.architecture.model import Architecture, out_side
from zennas.counting import Costs, costs, native_resolution
from zennas.report.run_summary import Contribution, contributions
from zennas.scores.registry import ScoreSettings, compute_score
from zennas.scores.result import Score


@dataclass(frozen=True)
class Compared:
    """A network with what it is compared by.

    Attributes:
        contributions: the closed form's ½·log σ² of each convolution.
    """

    name: str
    architecture: Architecture
    resolution: int
    costs: Costs
    score: Score
    contributions: Sequence[Contribution]

    def by_stage(self) -> dict[int, float]:
        """Sums of the contributions by the side of the feature map that a super-block puts out."""
        side = self.resolution
        sums: dict[int, float] = {}
        for number, block in enumerate(self.architecture.super_blocks):
            side = out_side(side, block.stride)
            part = sum(c.value for c in self.contributions if c.super_block == number)
            sums[side] = sums.get(side, 0.0) + part
        return sums


def compare(
    networks: Sequence[tuple[str, Architecture]],
    resolution: int | None = None,
    score: str = "meanfield",
    settings: ScoreSettings | None = None,
) -> list[Compared]:
    """Count and score each network.

    Args:
        networks: each with the name to show it by.
        resolution: side of the square input in pixels; by default each network's own.
        score: the name of a registered score.
        settings: what the score may depend on beside the network; by default `ScoreSettings()`.

    Raises:
        UnknownNameError: no such score.
        MissingExtraError: the score needs torch, which is not installed.
        ScoreError: a score does not know some layer of a network, or came out numerically meaningless.
        ArchitectureError: a network has no resolution of its own, and none is given, or it is too small.
    """
    compared = []
    for name, architecture in networks:
        side = native_resolution(architecture, resolution)
        compared.append(
            Compared(
                name,
                architecture,
                side,
                costs(architecture, side),
                compute_score(score, architecture, side, settings or ScoreSettings()),
                contributions(architecture, side),
            )
        )
    return compared
