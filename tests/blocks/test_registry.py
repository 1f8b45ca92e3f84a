import pytest
import torch

import zennas
from zennas.architecture import Architecture, SuperBlock, parse_structure
from zennas.blocks import Convolution, Unit, architecture_chain, expand, register_block, registry, residual
from zennas.errors import ArchitectureError, UnknownNameError
from zennas.scores import ScoreSettings, compute_score


@pytest.fixture
def own_block():
    @register_block("TwoByTwo", needs=("bottleneck",))
    def two_by_two(block, in_channels, stride, first):
        inner = block.bottleneck
        main = (
            Convolution(in_channels, inner, block.kernel, stride),
            Convolution(inner, inner, block.kernel, groups=2),
            Convolution(inner, block.out_channels, 1, activation=None),
        )
        return [residual(main, in_channels, block.out_channels, stride, first)]

    yield parse_structure("SuperConvK3BNRELU(3,16,1,1)TwoByTwo[k3](16,24,2,8,3)")
    del registry._BLOCK_TYPES["TwoByTwo"]


def test_a_users_block_is_counted_built_and_scored(own_block):
    network = zennas.build(own_block, 10)
    assert sum(p.numel() for p in network.parameters()) == zennas.costs(own_block, 16, 10).params
    assert network(torch.zeros(2, 3, 16, 16)).shape == (2, 10)
    chain = architecture_chain(own_block)
    assert [c.groups for c in chain] == [1] + [1, 2, 1] * 3
    score = zennas.zen_score(own_block, 16, batch_size=8, repeats=2)
    assert score.score > 0


def test_residual_blocks_have_projections_where_the_paper_has_them():
    first, second = expand(SuperBlock("Btn", 3, 64, 64, 1, 16)).first
    assert isinstance(first.shortcut, Convolution), "the first block of every super-block projects"
    assert first.shortcut.bias
    assert second.shortcut == "identity"
    wide, back = expand(SuperBlock("MB", 3, 64, 64, 1, 16, layers=2, expansion=2)).rest
    assert isinstance(wide.shortcut, Convolution)
    assert isinstance(back.shortcut, Convolution), "in MB both blocks project whenever b ≠ out"
    assert all(u.shortcut == "identity" for u in expand(SuperBlock("MB", 3, 64, 64, 1, 64, 2, expansion=2)).rest)


def test_the_stride_sits_on_the_first_layer():
    strides = [c.stride for c in architecture_chain(Architecture((SuperBlock("Btn", 5, 8, 8, 2, 8, 2),)))]
    assert strides == [1, 2, 1] + [1] * 9
    strides = [c.stride for c in architecture_chain(Architecture((SuperBlock("Res", 5, 8, 8, 2, 8, 2),)))]
    assert strides == [2, 1, 1, 1]


def test_depthwise_width_is_a_multiple_of_eight():
    widths = [u.main[1].groups for u in expand(SuperBlock("MB", 3, 24, 20, 1, 12, expansion=1)).first]
    assert widths == [16, 24], "12 and 20 round half up"


def test_a_chain_keeps_relu_after_additions_and_drops_the_rest():
    chain = architecture_chain(Architecture((SuperBlock("MB", 3, 8, 16, 1, 8, 2, expansion=2, se=True),)))
    assert len(chain) == 12
    assert all(c.activation == "relu" for c in chain)


def test_unknown_and_incomplete_blocks():
    with pytest.raises(UnknownNameError, match="super-block 2: unknown block type 'Ress'; did you mean Res"):
        zennas.costs(Architecture((SuperBlock("Conv", 3, 3, 8), SuperBlock("Ress", 3, 8, 8))), 32)
    with pytest.raises(ArchitectureError, match="super-block 1: .*needs bottleneck"):
        zennas.costs(Architecture((SuperBlock("Res", 3, 3, 8),)), 32)


def test_a_block_that_does_not_fit_itself_is_refused():
    @register_block("Broken")
    def broken(block, in_channels, stride, first):
        return [Unit((Convolution(in_channels, 7, 3),))]

    try:
        with pytest.raises(ArchitectureError, match="came out as 3→7"):
            zennas.costs(Architecture((SuperBlock("Broken", 3, 3, 8),)), 32)
        with pytest.raises(ArchitectureError, match="registered already"):
            register_block("Broken")(broken)
    finally:
        del registry._BLOCK_TYPES["Broken"]


def test_a_type_that_is_registered_anew_changes_all_that_follows_from_it(own_block):
    scores = "meanfield", "zen-weighted", "deepmad"

    def followed():
        found = [compute_score(name, own_block, 32, ScoreSettings()).score for name in scores]
        return [*found, zennas.costs(own_block, 32, 10).params, zennas.costs(own_block, 32, 10).layers]

    before = followed()

    @register_block("TwoByTwo", needs=("bottleneck",), replace_existing=True)
    def wider(block, in_channels, stride, first):
        main = (
            Convolution(in_channels, 2 * block.bottleneck, block.kernel, stride),
            Convolution(2 * block.bottleneck, block.out_channels, 1, activation=None),
        )
        return [residual(main, in_channels, block.out_channels, stride, first)]

    after = followed()
    assert all(one != other for one, other in zip(before[:-1], after[:-1], strict=True))
