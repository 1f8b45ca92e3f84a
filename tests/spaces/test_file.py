import re
from pathlib import Path

import pytest

import zennas
from zennas.architecture.model import SuperBlock
from zennas.errors import ZennasError
from zennas.searching.settings import checked_config, configured_space
from zennas.spaces.file import named_space, read_space
from zennas.spaces.space import BlockChoice, Range, SearchSpace

GUIDE = (Path(__file__).parents[2] / "docs" / "spaces.md").read_text(encoding="utf-8")


def write(tmp_path, text):
    path = tmp_path / "narrow.yaml"
    path.write_text(text)
    return path


def test_the_worked_example_of_the_documentation(tmp_path):
    path = write(tmp_path, re.search(r"```yaml\n(.*?)```", GUIDE, re.DOTALL).group(1))
    space = read_space(path, 32)
    assert space.width.high == 256
    result = zennas.search(str(path), 32, 10, params="300k", iterations=2000, rescore=0)
    blocks = result.architecture.super_blocks
    assert blocks[0] == space.stem
    assert {(b.block, b.kernel) for b in blocks[1:-1]} <= {("Btn", 3), ("Btn", 5), ("GBtn", 3)}
    assert all(16 <= b.out_channels <= 256 and b.out_channels % 16 == 0 for b in blocks[1:-1])
    assert sum(b.stride == 2 for b in blocks) == 2


def test_every_key_reaches_the_space(tmp_path):
    text = """
name: mine
base: mobilenet
choices: [{block: MB, kernel: 5, expansion: 4, se: true}, {block: GBtn, kernel: 3, group_width: 16}]
stage_strides: [2, 1]
stem: {block: Conv, kernel: 5, in: 1, out: 24, stride: 2, layers: 2}
head: {block: Conv, kernel: 1, in: 8, out: 320}
stem_width: {low: 16, high: 32, step: 4}
head_width: {low: 320, high: 640, step: 32}
width: {low: 24, high: 240, step: 12}
bottleneck: {low: 16, high: 160, step: 16}
layers: {low: 2, high: 7}
split_at: 5
growing: true
mutation: [0.75, 1.5]
freeze: [head]
"""
    assert read_space(write(tmp_path, text), 32) == SearchSpace(
        "mine",
        (BlockChoice("MB", 5, 4, se=True), BlockChoice("GBtn", 3, group_width=16)),
        (2, 1),
        SuperBlock("Conv", 5, 1, 24, 2, layers=2),
        SuperBlock("Conv", 1, 8, 320),
        Range(16, 32, 4),
        Range(320, 640, 32),
        Range(24, 240, 12),
        Range(16, 160, 16),
        Range(2, 7),
        5,
        (0.75, 1.5),
        frozenset({"head"}),
        growing=True,
    )
    assert read_space(write(tmp_path, "name: mine\nhas_head: false"), 32).head is None


def test_start_and_freeze():
    start = zennas.load("zennet-cifar-0.5M")
    result = zennas.search(
        "resnet", 32, 10, start="zennet-cifar-0.5M", freeze=["stem", "head"], params="600k", iterations=800, rescore=0
    )
    first = result.candidates()[0]
    assert first.super_blocks == start.super_blocks
    assert all(c.super_blocks[0] == start.super_blocks[0] for c in result.candidates())
    assert all(c.super_blocks[-1].out_channels == 512 for c in result.candidates())
    assert result.score > first.score


def test_regnet_space_has_grouped_bottlenecks():
    result = zennas.search("regnet", 32, 10, params="300k", iterations=500, rescore=0)
    assert {b.block for b in result.architecture.super_blocks[1:-1]} == {"GBtn"}
    assert result.costs.params == zennas.costs(result.architecture, 32, 10).params


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x\nwidht: {low: 8, high: 16}", "widht"),
        ("name: x\nwidth: {low: 64, high: 16}", "width: low 64 is above high 16"),
        ("name: x\nchoices: [{block: Nope}]", "choices.1 (Nope)"),
        ("name: x\nchoices: [{block: MB, kernel: 3}]", "needs expansion"),
        ("name: x\nchoices: []", "choices is empty"),
        ("name: x\nbase: resnt", "did you mean resnet"),
        ("name: x\nfreeze: [middle]", "cannot freeze middle"),
        ("base: resnet", "name"),
        ("name: x\n3: y", "Keys should be strings"),
        ("name: " + "x" * 100_000, "name: String should have at most 100 characters"),
        ("name: x\nfreeze: [" + "y" * 100_000 + "]", "cannot freeze yyy"),
        ("[", "not valid YAML"),
    ],
)
def test_errors_say_where(tmp_path, text, says):
    with pytest.raises(ZennasError) as error:
        read_space(write(tmp_path, text), 32)
    assert says in str(error.value)


def test_a_missing_file_and_a_hopeless_start():
    with pytest.raises(ZennasError, match=r"nowhere\.yaml: cannot be read"):
        configured_space(checked_config({"space": "nowhere.yaml", "params": "1M"}))
    with pytest.raises(ZennasError, match="super-blocks"):
        configured_space(checked_config({"start": "SuperConvK3BNRELU(3,16,1,1)", "params": "1M"}))


@pytest.mark.parametrize("factors", ["[.inf, .inf]", "[2, 0.5]", "[0, 2]", "[1.5, 2]"])
def test_factors_of_a_mutation_lie_around_one(tmp_path, factors):
    path = tmp_path / "space.yaml"
    path.write_text(f"name: mine\nmutation: {factors}\n")
    with pytest.raises(ZennasError, match="space.yaml.*mutation.*above 1"):
        named_space(str(path), 32)
