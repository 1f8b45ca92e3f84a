"""What the super-blocks of all networks on a page are made of, in little room.

A page can draw tens of thousands of different super-blocks, whose insides differ in hardly more than their numbers of
channels. The words come once, with places for these numbers.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from zennas.architecture.model import SuperBlock
from zennas.report.inside import inside


class Insides:
    """Insides of super-blocks as templates with their numbers.

    A template is a title or a unit of `inside`, with `{0}`, `{1}` … for numbers of channels, groups and layers. They
    stand for 1, the super-block's own input channels, output channels, bottleneck and layers, and then for those that
    it has besides.
    """

    def __init__(self) -> None:
        self._templates: dict[str, int] = {}
        self._known: dict[SuperBlock, tuple[list[list[int]], list[int]]] = {}

    def payload(
        self, networks: Iterable[Sequence[SuperBlock]], code: Callable[[SuperBlock], Sequence[int]]
    ) -> dict[str, Any]:
        """`templates`, and `of` each super-block its parts and the numbers that it has besides. A part is the number of
        its title's template and those of its units.

        Args:
            networks: all that can be drawn.
            code: the numbers by which the page knows a super-block; joined by commas they are its key.
        """
        blocks = dict.fromkeys(block for network in networks for block in network)
        of = {",".join(map(str, code(block))): self._known_as(block) for block in blocks}
        return {"templates": [json.loads(text) for text in self._templates], "of": of}

    def _known_as(self, block: SuperBlock) -> tuple[list[list[int]], list[int]]:
        if block not in self._known:
            own = [1, block.in_channels, block.out_channels, block.bottleneck, block.layers]
            numbers = list(own)

            def place(number: int) -> str:
                if number not in numbers:
                    numbers.append(number)
                return f"{{{numbers.index(number)}}}"

            parts = inside(block, place)
            coded = [[self._template(text) for text in (part["title"], *part["units"])] for part in parts]
            self._known[block] = coded, numbers[len(own) :]
        return self._known[block]

    def _template(self, text: object) -> int:
        return self._templates.setdefault(json.dumps(text), len(self._templates))
