import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import architectures
from zennas.architecture import SuperBlock, format_structure, parse_structure
from zennas.errors import ArchitectureError

PUBLISHED = (
    "SuperConvK3BNRELU(3,16,2,1)SuperResIDWE1K7(16,40,2,40,1)SuperResIDWE4K7(40,96,2,96,5)"
    "SuperResK3K3(96,32,1,64,1)SuperResK1K5K1(32,640,1,304,3)SuperConvK1BNRELU(640,2048,1,1)"
)


def test_published_string_is_read_and_written_as_it_is():
    architecture = parse_structure(PUBLISHED)
    assert [b.block for b in architecture.super_blocks] == ["Conv", "MB", "MB", "Res", "Btn", "Conv"]
    assert architecture.super_blocks[2] == SuperBlock("MB", 7, 40, 96, 2, 96, 5, expansion=4)
    assert format_structure(architecture) == PUBLISHED


def test_white_space_between_and_within_blocks_is_read():
    assert parse_structure(" SuperConvK3BNRELU( 3, 16,1 ,1 )\n SuperResK3K3(16,16,1,8,2)\n").out_channels == 16


@pytest.mark.parametrize("kind", ["Conv", "Res", "Btn", "MB", "Mine"])
def test_every_combination_of_options_survives_the_string(kind):
    for expansion, width, se, bottleneck in itertools.product((0, 0.25, 6), (0, 16), (False, True), (0, 8)):
        block = SuperBlock(kind, 5, 3, 8, 2, bottleneck, 3, expansion, width, se)
        assert parse_structure(format_structure((block,))).super_blocks == (block,)


@given(architectures())
def test_round_trip_is_lossless(architecture):
    again = parse_structure(format_structure(architecture), architecture.name, architecture.resolution)
    assert again.super_blocks == architecture.super_blocks


@given(st.one_of(st.text(), st.from_regex(r"(Super[A-Za-z0-9]{0,12}|[A-Z]\w?\[.{0,6}\])\([-0-9,.e ]{0,20}\)\w?")))
def test_nothing_but_the_documented_error(text):
    try:
        parse_structure(text)
    except ArchitectureError as error:
        assert str(error)


@given(st.data())
def test_damaged_strings_raise_nothing_but_the_documented_error(data):
    position = data.draw(st.integers(0, len(PUBLISHED)))
    damaged = (
        PUBLISHED[:position] + data.draw(st.text(max_size=3)) + PUBLISHED[position + data.draw(st.integers(0, 3)) :]
    )
    try:
        parse_structure(damaged)
    except ArchitectureError:
        pass


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(24,16,1,8,1)", "super-block 2 (Res): in is 24"),
        ("SuperConvK3BNRELU(3,16,3,1)", "stride 3 is not allowed; use 1 or 2"),
        ("SuperConvK3BNRELU(3,-16,1,1)", "out -16"),
        ("SuperConvK4BNRELU(3,16,1,1)", "kernel 4"),
        ("SuperConvK3BNRELU(3,16,1,0)", "layers 0"),
        ("SuperFooK3(3,16,1,1)", "unknown block 'SuperFooK3'"),
        ("SuperResK3K5(3,16,1,8,1)", "two kernels that differ"),
        ("SuperConvK3BNRELU(3,16,1)", "3 values are given"),
        ("SuperConvK3BNRELU(3,x,1,1)", "out is 'x'"),
        ("SuperConvK3BNRELU(3,16,1,1)SuperRes", "character 28"),
        ("Mine[z3](3,16,1,0,1)", "unknown option 'z3'"),
        ("A" * 5000 + "(3,16,1,0,1)", "character 1: cannot read 'AAA"),
        ("A" + " " * 900_000, "character 1: cannot read 'A "),
        ("Mine[" + "q" * 5000 + "](3,16,1,0,1)", "unknown option 'qqq"),
        ("Mine[k3](" + "1" * 5000 + ",16,1,0,1)", "in is '111"),
    ],
)
def test_errors_say_where_and_what(text, says):
    with pytest.raises(ArchitectureError) as error:
        parse_structure(text)
    assert says in str(error.value)
    assert len(str(error.value)) < 400
