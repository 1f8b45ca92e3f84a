"""How much a reproduction may compute."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReproductionSettings:
    """Images of a Monte Carlo repeat, repeats, the seed, and where torch computes."""

    batch_size: int = 16
    repeats: int = 1
    seed: int = 0
    device: str = "cpu"
