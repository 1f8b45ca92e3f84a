"""Sizes of inputs, as users write them and as everything inside has them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zennas
from zennas.architecture import from_document, to_document
from zennas.errors import ArchitectureError
from zennas.input_size import (
    MAX_RESOLUTION,
    Size,
    mean_side,
    out_size,
    plain,
    positions,
    read_resolution,
    shown,
    sides,
    size_of,
)

SIDES = st.integers(1, MAX_RESOLUTION)


@given(SIDES, SIDES)
def test_every_way_to_write_a_size(height, width):
    size = size_of(height, width)
    for given_size in (
        size,
        (height, width),
        [height, width],
        f"{height}x{width}",
        f" {height} X {width}",
        shown(size),
    ):
        assert read_resolution(given_size) == size
    assert sides(size) == (height, width)
    assert positions(size) == height * width
    assert read_resolution(plain(size)) == size
    assert json.loads(json.dumps(plain(size))) == plain(size)


@given(SIDES)
def test_a_square_is_a_number(side):
    for given_size in (side, str(side), (side, side), f"{side}x{side}", np.int64(side), [side]):
        found = read_resolution(given_size)
        assert found == side
        assert type(found) is int
    assert mean_side(side) == side
    assert shown(side) == f"{side}×{side}"


@pytest.mark.parametrize(
    "given_size",
    ["", "x", "32x", "x32", "32x32x3", "3.5", "-3", "1e3", "²", (1, 2, 3), (), 3.5, (3.5, 2), None, True, {"a": 1}],
)
def test_what_is_no_size(given_size):
    with pytest.raises(ArchitectureError, match="write it like 224, or like 320x192"):
        read_resolution(given_size)


@pytest.mark.parametrize("given_size", [0, "0", (0, 5), "5x0", MAX_RESOLUTION + 1, (5, 10**30), f"{10**8}x5"])
def test_sides_out_of_bounds(given_size):
    with pytest.raises(ArchitectureError, match=f"use 1 to {MAX_RESOLUTION}"):
        read_resolution(given_size)


def test_each_side_is_rounded_up_on_its_own():
    assert out_size(Size(9, 4), 2) == Size(5, 2)
    assert out_size(Size(4, 3), 2) == 2
    assert mean_side(Size(8, 2)) == 4


def test_files_keep_it():
    network = zennas.parse_structure("SuperConvK3BNRELU(1,8,2,1)", resolution="320x192")
    document = to_document(network)
    assert document["resolution"] == "320x192"
    assert from_document(document) == network
    assert network.resolution == Size(320, 192)
    with pytest.raises(ArchitectureError, match="file: resolution '320by192' is no size"):
        from_document({**document, "resolution": "320by192"}, "file")


def test_other_channels():
    network = zennas.load("zennet-cifar-0.5M", channels=12)
    assert network.in_channels == 12
    assert network.with_channels(None) is network
    assert network.with_channels(3).super_blocks == zennas.load("zennet-cifar-0.5M").super_blocks
