from dataclasses import replace

import pytest

import zennas
from zennas.errors import UnknownNameError, ZennasError
from zennas.searching.settings import checked_config, configured_space
from zennas.spaces.file import named_space, read_space
from zennas.spaces.space import Range, register_space, search_space, space_names

MIXED = """
name: mixed
base: resnet
choices:
  - {block: Btn, kernel: 3}
  - {block: MB, kernel: 3, expansion: 2}
"""


@pytest.fixture
def mixed(tmp_path):
    path = tmp_path / "mixed.yaml"
    path.write_text(MIXED)
    return path


def test_a_registered_space_is_searched_and_may_be_the_base_of_a_file(tmp_path):
    @register_space("thin-for-tests", replace_existing=True)
    def thin(resolution):
        return replace(search_space("resnet", resolution), name="thin-for-tests", width=Range(8, resolution, 8))

    assert {"resnet", "mobilenet", "regnet", "thin-for-tests"} <= set(space_names())
    result = zennas.search("thin-for-tests", 32, 10, params="100k", iterations=300, rescore=0)
    assert all(b.out_channels <= 32 for c in result.candidates() for b in c.super_blocks[1:-1])
    (tmp_path / "file.yaml").write_text("name: file\nbase: thin-for-tests\nsplit_at: 4")
    assert read_space(tmp_path / "file.yaml", 48).width.high == 48
    with pytest.raises(ZennasError, match="registered already"):
        register_space("thin-for-tests")(thin)
    with pytest.raises(ZennasError, match=r"'a\.yaml' is not a plain name"):
        register_space("a.yaml")(thin)
    with pytest.raises(UnknownNameError, match="did you mean thin-for-tests"):
        zennas.search("thin-for-test", params="1M")


def test_a_plugin_registers_the_space_before_it_is_looked_up(tmp_path, monkeypatch):
    (tmp_path / "space_plugin_for_tests.py").write_text(
        "from zennas import register_space, search_space\n"
        "@register_space('plugged', replace_existing=True)\n"
        "def plugged(resolution):\n"
        "    return search_space('regnet', resolution)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = checked_config({"space": "plugged", "plugins": ["space_plugin_for_tests"], "params": "1M"})
    assert configured_space(config).choices == search_space("regnet", 32).choices


def test_squeeze_excitation_holds_for_a_file_and_where_it_can_be_carried(mixed):
    assert not any(choice.se for choice in named_space(str(mixed), 32).choices)
    assert [(c.block, c.se) for c in named_space(str(mixed), 32, se=True).choices] == [("Btn", False), ("MB", True)]
    result = zennas.search(str(mixed), 32, 10, se=True, params="100k", iterations=600, rescore=0)
    blocks = {(b.block, b.se) for c in result.candidates() for b in c.super_blocks[1:-1]}
    assert blocks == {("Btn", False), ("MB", True)}
    assert all(choice.se for choice in search_space("mobilenet", 32, se=True).choices)


def test_squeeze_excitation_is_refused_where_no_block_carries_it(tmp_path):
    (tmp_path / "plain.yaml").write_text("name: plain\nchoices: [{block: Btn}, {block: Res}]")
    for space in ("resnet", "regnet", str(tmp_path / "plain.yaml")):
        with pytest.raises(ZennasError, match="no block type that can carry squeeze-excitation"):
            zennas.search(space, params="1M", se=True)


def test_a_block_of_ones_own_carries_squeeze_excitation_where_its_layers_differ_with_it():
    from zennas.blocks import Convolution, SqueezeExcite, Unit, register_block

    @register_block("Squeezed4Tests", replace_existing=True)
    def squeezed(block, in_channels, stride, first):
        out = block.out_channels
        gate = (SqueezeExcite(Convolution(out, 2, 1), Convolution(2, out, 1, activation="sigmoid")),)
        return [Unit((Convolution(in_channels, out, block.kernel, stride), *(gate if block.se else ())))]

    @register_space("squeezed-for-tests", replace_existing=True)
    def space(resolution):
        choice = replace(search_space("resnet", resolution).choices[0], block="Squeezed4Tests")
        return replace(search_space("resnet", resolution), choices=(choice,))

    assert search_space("squeezed-for-tests", 32, se=True).choices[0].se
