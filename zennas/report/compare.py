"""Several networks side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from zennas.architecture.model import Architecture
from zennas.counting import Costs, costs, native_resolution
from zennas.input_size import GivenResolution, Resolution, out_size
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
    resolution: Resolution
    costs: Costs
    score: Score
    contributions: Sequence[Contribution]

    def by_stage(self) -> dict[Resolution, float]:
        """Sums of the contributions by the size of the feature map that a super-block puts out."""
        size = self.resolution
        sums: dict[Resolution, float] = {}
        for number, block in enumerate(self.architecture.super_blocks):
            size = out_size(size, block.stride)
            part = sum(c.value for c in self.contributions if c.super_block == number)
            sums[size] = sums.get(size, 0.0) + part
        return sums


def compare(
    networks: Sequence[tuple[str, Architecture]],
    resolution: GivenResolution | None = None,
    score: str = "meanfield",
    settings: ScoreSettings | None = None,
) -> list[Compared]:
    """Count and score each network.

    Args:
        networks: each with the name to show it by.
        resolution: size of the input in pixels: its side, or height and width; by default each network's own.
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
        size = native_resolution(architecture, resolution)
        compared.append(
            Compared(
                name,
                architecture,
                size,
                costs(architecture, size),
                compute_score(score, architecture, size, settings or ScoreSettings()),
                contributions(architecture, size),
            )
        )
    return compared
