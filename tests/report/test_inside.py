"""The inside of a super-block in words, against what the block's own description has."""

import json
import re
from itertools import product

import pytest

from zennas.architecture import SuperBlock
from zennas.blocks import block_types
from zennas.blocks.registry import expand
from zennas.errors import ArchitectureError
from zennas.report.inside import COLUMNS, inside
from zennas.report.insides import Insides


def test_a_bottleneck_with_a_stride():
    first, rest = inside(SuperBlock("Btn", 5, 16, 24, 2, 8, 3))
    assert (first["title"], rest["title"]) == ("layer 1", "layers 2 to 3, each")
    unit = first["units"][0]
    assert unit["rows"] == [
        ["convolution", "16 → 8", "1×1", "1", "1", "batch norm, ReLU"],
        ["convolution", "8 → 8", "5×5", "2", "1", "batch norm, ReLU"],
        ["convolution", "8 → 24", "1×1", "1", "1", "batch norm"],
    ]
    assert unit["link"] == "1×1 convolution 16 → 24, stride 2, bias, batch norm"
    assert unit["then"] == "ReLU"
    assert rest["units"][0]["link"] == "the input itself"


def test_an_inverted_bottleneck_with_its_gate():
    (only,) = inside(SuperBlock("MB", 3, 8, 8, 1, 16, 1, expansion=2, se=True))
    assert only["title"] == "the layer"
    kinds = [row[0] for row in only["units"][0]["rows"]]
    assert kinds[:3] == ["convolution", "depthwise convolution", "squeeze-excitation"]
    gate = only["units"][0]["rows"][2]
    assert gate[1].split(" → ")[0] == gate[1].split(" → ")[-1]
    assert gate[-1].endswith("sigmoid")


@pytest.mark.parametrize(
    ("name", "stride"), [(name, stride) for name in sorted(block_types()) for stride in (1, 2) if name != "Hidden"]
)
def test_it_lists_every_layer_of_every_block_type_in_order(name, stride):
    block = SuperBlock(name, 3, 16, 16, stride, 16, 3, expansion=1, group_width=8, se=True, squeeze=4)
    made, parts = expand(block), inside(block)
    assert len(parts) == 2
    for part, units in zip(parts, (made.first, made.rest), strict=True):
        repeated = [unit for unit in part["units"] for _ in range(unit["times"])]
        for unit, own in zip(repeated, units, strict=True):
            assert all(len(row) == len(COLUMNS) for row in unit["rows"])
            assert bool(unit["link"]) == (own.shortcut is not None)
            widths = [row[1].split(" → ") for row in unit["rows"]]
            assert [int(width[-1]) for width in widths] == [layer.out_channels for layer in own.main]
            assert [int(width[0]) for width in widths] == [layer.in_channels for layer in own.main]


def fits(block):
    try:
        expand(block)
    except ArchitectureError:  # pooling keeps its channels, groups divide them
        return False
    return True


def test_templates_with_their_numbers_are_the_inside_of_every_block():
    """Widths that are equal, and those that equal a number of layers or of groups, are told apart all the same."""
    widths = (1, 3, 8, 16, 24)
    blocks = [
        SuperBlock(name, 3, a, b, stride, c, layers, expansion=2, group_width=1, se=True, squeeze=4)
        for name in sorted(block_types())
        if name != "Hidden"
        for a, b, c in product(widths, widths, widths)
        for stride, layers in ((1, 1), (1, 3), (2, 8))
    ]
    blocks = [block for block in blocks if fits(block)]
    code = {block: (number,) for number, block in enumerate(blocks)}
    made = Insides().payload([blocks], code.__getitem__)
    for block, (parts, others) in zip(blocks, made["of"].values(), strict=True):
        numbers = [1, block.in_channels, block.out_channels, block.bottleneck, block.layers, *others]
        told = [
            {"title": made["templates"][title], "units": [made["templates"][unit] for unit in units]}
            for title, *units in parts
        ]
        text = re.sub(r"\{(\d+)\}", lambda place: str(numbers[int(place[1])]), json.dumps(told))  # noqa: B023
        assert json.loads(text) == inside(block)
    assert len(made["templates"]) < len(blocks) / 4
