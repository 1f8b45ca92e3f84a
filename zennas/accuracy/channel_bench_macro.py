"""Channel-Bench-Macro (Su et al. 2021, BCNet): networks of one depth for CIFAR-10, each named by its seven widths.

Digit d, from 1 to 4, is d quarters of the widest. Both kinds have a 3×3 stem of stride 2 on 32×32 images, three blocks
of two, three or no more convolutions of which the third has stride 2, and one or two blocks behind it. A link goes
around a block only where its shapes match. A file does not say which kind it holds: params and multiply-adds do.
"""

from dataclasses import dataclass

from zennas.architecture.model import Architecture, SuperBlock
from zennas.errors import ArchitectureError, shortened

RESOLUTION = 32
NUM_CLASSES = 10
DIGITS = 7
SHARES = 4
"""A digit counts quarters of the widest layer."""


@dataclass(frozen=True)
class ChannelBench:
    """One of the two kinds of networks.

    Attributes:
        name: what a reader calls it.
        block: block type of its layers.
        widest: channels of each of the seven widths at digit 4.
    """

    name: str
    block: str
    widest: tuple[int, ...]

    def architecture(self, digits: str) -> Architecture:
        """The network of seven digits 1 to 4. Raises `ArchitectureError`."""
        if len(digits) != DIGITS or set(digits) - set("1234"):
            raise ArchitectureError(
                f"{shortened(digits)} is no Channel-Bench-Macro network; expected seven digits 1 to 4"
            )
        c0, c1, c2, c3, c4, c5, c6 = (
            int(digit) * widest // SHARES for digit, widest in zip(digits, self.widest, strict=True)
        )
        blocks = [
            SuperBlock("Conv", 3, 3, c0, 2),
            self._layer(c0, c1, c0),
            self._layer(c0, c2, c0),
            self._layer(c0, c3, c4, 2),
            self._layer(c4, c5, c4),
            # The seventh width is that of one more block of the ResNets, and of the MobileNets' last convolution.
            self._layer(c4, c6, c4) if self.block == "Basic" else SuperBlock("Conv", 1, c4, c6),
        ]
        return Architecture(tuple(blocks), digits, RESOLUTION, NUM_CLASSES)

    def _layer(self, channels: int, inner: int, out: int, stride: int = 1) -> SuperBlock:
        if self.block == "Basic":
            return SuperBlock("Basic", 3, channels, out, stride, inner)
        return SuperBlock("IR", 3, channels, out, stride, expansion=inner / channels)


KINDS = (
    ChannelBench("Channel-Bench-Macro ResNet", "Basic", (256, 256, 256, 512, 512, 512, 512)),
    ChannelBench("Channel-Bench-Macro MobileNet", "IR", (128, 768, 768, 768, 256, 1536, 1024)),
)
