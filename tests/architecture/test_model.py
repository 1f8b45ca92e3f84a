"""What an architecture may hold, at the edge of each bound and one beyond it."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from zennas.architecture import Architecture, SuperBlock
from zennas.architecture.model import MAX_CHANNELS, MAX_LAYERS
from zennas.errors import ArchitectureError
from zennas.input_size import MAX_RESOLUTION

BLOCK = SuperBlock("MB", 3, 8, 8, 1, 8, 1, 2)
BOUNDS = [
    ("kernel", 1, 31, 2),
    ("stride", 1, 2, 1),
    ("in_channels", 1, MAX_CHANNELS, 1),
    ("out_channels", 1, MAX_CHANNELS, 1),
    ("bottleneck", 0, MAX_CHANNELS, 1),
    ("group_width", 0, MAX_CHANNELS, 1),
    ("layers", 1, MAX_LAYERS, 1),
    ("expansion", 0, 100, 1),
]


@pytest.mark.parametrize(("field", "low", "high", "step"), BOUNDS)
def test_every_field_has_its_bounds(field, low, high, step):
    for value in (low, high):
        assert getattr(Architecture((replace(BLOCK, **{field: value}),)).super_blocks[0], field) == value
    for value in (low - step, high + step, -1):
        with pytest.raises(ArchitectureError, match=f"super-block 1 .*{field.split('_channels')[0]} {value} is not"):
            Architecture((replace(BLOCK, **{field: value}),))


def test_kernels_are_odd():
    with pytest.raises(ArchitectureError, match="kernel 4"):
        Architecture((replace(BLOCK, kernel=4),))


@pytest.mark.parametrize(
    ("field", "low", "high"), [("resolution", 1, MAX_RESOLUTION), ("num_classes", 0, MAX_CHANNELS)]
)
def test_resolution_and_classes_have_theirs(field, low, high):
    for value in (low, high, None):
        assert getattr(Architecture((BLOCK,), **{field: value}), field) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ArchitectureError, match=f"{field} {value} is not allowed; use {low} to {high}"):
            Architecture((BLOCK,), **{field: value})


def test_at_least_one_super_block():
    with pytest.raises(ArchitectureError, match="at least one"):
        Architecture(())


def test_a_notebook_shows_the_super_blocks_and_no_column_that_none_of_them_needs():
    network = Architecture((SuperBlock("Conv", 3, 3, 8, 2), replace(BLOCK, se=True)), "<mine>", (48, 32), 4)
    table = ElementTree.fromstring(network._repr_html_())
    assert table.findtext("caption") == "<mine> at 48×32 with 4 classes"
    titles = [cell.text for cell in table.iterfind("thead/tr/th")]
    assert titles == [None, "block", "kernel", "in", "out", "stride", "bottleneck", "expansion", "se"]
    rows = [[cell.text for cell in row] for row in table.find("tbody") or ()]
    assert rows[0] == ["1", "Conv", "3", "3", "8", "2", None, None, None]
    assert rows[1] == ["2", "MB", "3", "8", "8", "1", "8", "2", "yes"]
    plain = ElementTree.fromstring(Architecture((SuperBlock("Conv", 3, 3, 8),))._repr_html_())
    assert plain.findtext("caption") == "network"
