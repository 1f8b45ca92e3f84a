"""What a study knows of networks: the data that its readers make."""

import math
from dataclasses import dataclass

from zennas.errors import ZennasError
from zennas.input_size import Resolution
from zennas.scores.network import Network


@dataclass(frozen=True)
class KnownNetwork:
    """A network of known accuracy.

    Attributes:
        accuracy: in percent.
        params: counted here.
        flops: multiply-adds of one image, counted here.
        recipe: of the training, or empty: only networks of one recipe compare.
        runs: accuracies of the single trainings whose mean `accuracy` is, where they are known.
        std: standard deviation of `accuracy` between trainings, in points of percent, where it is known.
    """

    name: str
    network: Network
    resolution: Resolution
    num_classes: int
    accuracy: float
    params: int
    flops: int
    recipe: str = ""
    runs: tuple[float, ...] = ()
    std: float | None = None


@dataclass(frozen=True)
class KnownNetworks:
    """What a file held.

    Attributes:
        left_out: `name: reason` of the networks that cannot be built or scored.
    """

    title: str
    networks: tuple[KnownNetwork, ...]
    left_out: tuple[str, ...] = ()


def finite(accuracy: float, where: str) -> float:
    """The accuracy itself. Raises `ZennasError` where it is no finite number."""
    if not math.isfinite(accuracy):
        raise ZennasError(f"{where}: an accuracy of {accuracy} ranks nothing; give percent")
    return accuracy
