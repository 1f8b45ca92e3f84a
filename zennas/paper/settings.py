"""How much a reproduction may compute."""

from dataclasses import dataclass, field

from zennas.paper.drawn import Drawn


@dataclass(frozen=True)
class ReproductionSettings:
    """Images of a Monte Carlo repeat, repeats, the seed, where torch computes, and what has been drawn already."""

    batch_size: int = 16
    repeats: int = 1
    seed: int = 0
    device: str = "cpu"
    drawn: Drawn = field(default_factory=Drawn, compare=False)

    def named(self, what: str, batch_size: int, repeats: int, seed: int) -> str:
        """All that Monte Carlo numbers depend on, as `Drawn` keeps them.

        Args:
            what: the numbers' name and their network.
            batch_size: images of a repeat.
            repeats: of which the numbers come.
            seed: of the first of them.
        """
        plural = "" if repeats == 1 else "s"
        return f"{what}; batch {batch_size}, {repeats} repeat{plural}, seed {seed}, {self.device}"
