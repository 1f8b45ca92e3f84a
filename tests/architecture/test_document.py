import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import architectures
from zennas.architecture import Architecture, SuperBlock, parse_json, parse_yaml, to_document
from zennas.errors import ArchitectureError
from zennas.io.documents import format_yaml


@given(architectures())
def test_yaml_and_json_round_trips_are_lossless(architecture):
    document = to_document(architecture)
    assert parse_yaml(format_yaml(document)) == architecture
    assert parse_json(json.dumps(document)) == architecture


def test_one_super_block_a_line():
    text = format_yaml(to_document(Architecture((SuperBlock("Conv", 3, 3, 16), SuperBlock("Res", 3, 16, 8, 2, 8)))))
    assert "- {block: Res, kernel: 3, in: 16, out: 8, stride: 2, bottleneck: 8, layers: 1}" in text.splitlines()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["super_blocks", "block", "kernel", "in", "out", "stride", "layers", "se", "expansion", "name"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(VALUES)
def test_any_document_raises_nothing_but_the_documented_error(value):
    text = yaml.safe_dump(value)
    try:
        parse_yaml(text)
    except ArchitectureError:
        pass


@given(st.text())
def test_any_text_raises_nothing_but_the_documented_error(text):
    for parse in (parse_yaml, parse_json):
        try:
            parse(text)
        except ArchitectureError as error:
            assert str(error)


@given(st.data())
def test_truncated_yaml_raises_nothing_but_the_documented_error(data):
    architecture = Architecture((SuperBlock("Conv", 3, 3, 16), SuperBlock("Btn", 3, 16, 8, 2, 8, 3)), "x", 32)
    text = format_yaml(to_document(architecture))
    try:
        parse_yaml(text[: data.draw(st.integers(0, len(text)))])
    except ArchitectureError:
        pass


def test_yaml_is_data_only():
    with pytest.raises(ArchitectureError):
        parse_yaml("super_blocks: !!python/object/apply:os.system ['true']")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("super_blocks: [{block: Conv, kernel: 3, in: 3, out: 16, strid: 1}]", "super-block 1: unknown key 'strid'"),
        ("super_blocks: [{block: Conv, kernel: 3, in: 3}]", "super-block 1: the key 'out' is missing"),
        ("super_blocks: [{block: Conv, kernel: 3, in: 3, out: wide}]", "out must be a whole number, got 'wide'"),
        ("super_blocks: [{block: Conv, kernel: 3, in: 3, out: 8, stride: 3}]", "stride 3 is not allowed"),
        ("super_blocks: 3", "must be a list"),
        ("[1]", "expected a mapping"),
        ("a: [", "line"),
    ],
)
def test_errors_say_where_and_what(text, says):
    with pytest.raises(ArchitectureError) as error:
        parse_yaml(text, "net.yaml")
    assert says in str(error.value)
    assert "net.yaml" in str(error.value)
