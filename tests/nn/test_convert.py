"""Any module as a VCN-network."""

import copy
import re
from itertools import pairwise

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

import zennas
from zennas.blocks import architecture_chain
from zennas.blocks.layers import AveragePool, Convolution, MaxPool
from zennas.errors import ScoreError
from zennas.nn import convert
from zennas.nn.build import layer_module
from zennas.zoo import zoo_entry, zoo_names


def meta(make):
    try:
        with torch.device("meta"):
            return make()
    except (NotImplementedError, RuntimeError):
        return make()


def conv(chain: tuple) -> list[Convolution]:
    return [layer for layer in chain if isinstance(layer, Convolution)]


@pytest.mark.parametrize("name", zoo_names())
def test_zoo_networks_convert_to_their_own_chain(name: str) -> None:
    architecture = zoo_entry(name).architecture
    module = meta(lambda: zennas.build(architecture, 10))
    found = convert(module, architecture.resolution)
    assert found.chain == architecture_chain(architecture)
    counted = zennas.costs(architecture, None, 10)
    assert (found.params, found.flops) == (counted.params, counted.flops)


# Table 4 through the converter: published Zen-scores of torchvision's ResNets at 224.
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("resnet18", 59.53),
        ("resnet34", 112.32),
        pytest.param("resnet50", 140.3, marks=pytest.mark.slow),
        pytest.param("resnet101", 287.87, marks=pytest.mark.slow),
        pytest.param("resnet152", 433.57, marks=pytest.mark.slow),
    ],
)
def test_table_4(name: str, published: float) -> None:
    module = meta(lambda: torchvision.models.get_model(name, weights=None))
    # A small batch bounds how much images can differ in energy, which the deepest networks feel.
    score = zennas.zen_score(module, 224, batch_size=16 if name == "resnet152" else 8, repeats=1)
    assert score.score == pytest.approx(published, rel=0.01)


TORCHVISION = [
    "resnet18", "resnext50_32x4d", "wide_resnet50_2", "regnet_x_400mf", "regnet_y_400mf", "mobilenet_v2",
    "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "efficientnet_v2_s", "mnasnet0_5", "mnasnet1_0",
    "vgg11_bn", "vgg19_bn",
]  # fmt: skip
TIMM = [
    "resnet10t", "resnet26d", "resnet50", "resnetv2_50", "resnext50_32x4d", "seresnet50", "regnetx_002", "regnety_002",
    "regnetz_005", "mobilenetv2_050", "mobilenetv3_small_050", "mobilenetv3_large_100", "efficientnet_b0",
    "efficientnet_lite0", "efficientnetv2_rw_t", "tf_efficientnet_b0", "mnasnet_100", "semnasnet_075", "repvgg_a0",
    "fbnetc_100",
]  # fmt: skip


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_families(name: str) -> None:
    module = meta(lambda: torchvision.models.get_model(name, weights=None))
    check_conversion(module)


@pytest.mark.parametrize("name", TIMM)
def test_timm_families(name: str) -> None:
    check_conversion(meta(lambda: timm.create_model(name, pretrained=False)))


def check_conversion(module: nn.Module) -> None:
    found = convert(module, 224)
    chain = conv(found.chain)
    assert all(layer.norm for layer in chain)
    for before, after in pairwise(chain):
        assert after.in_channels == before.out_channels
    assert found.params == sum(p.numel() for p in module.parameters())
    # The main path is most of a network; SE, projections and the head are the rest.
    assert len(chain) > 0.5 * found.convolutions - 2
    assert zennas.meanfield_score(found.chain, 224).score > 0


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: torchvision.models.densenet121(weights=None), "concatenation"),
        (lambda: torchvision.models.inception_v3(weights=None, init_weights=False), "concatenation"),
        (lambda: torchvision.models.googlenet(weights=None, init_weights=False), "concatenation"),
        (lambda: torchvision.models.shufflenet_v2_x1_0(weights=None), "concatenation|splitting"),
        (lambda: torchvision.models.vgg11(weights=None), "no batch norm"),
        (lambda: torchvision.models.squeezenet1_0(weights=None), "no batch norm"),
        (lambda: torchvision.models.convnext_tiny(weights=None), "no batch norm"),
        (lambda: torchvision.models.vit_b_32(weights=None), "attention"),
        (lambda: torchvision.models.swin_t(weights=None), "attention"),
        (lambda: timm.create_model("levit_128"), "attention"),
        (lambda: timm.create_model("resnet50_gn"), "no batch norm"),
        (lambda: timm.create_model("hrnet_w18_small"), "interpolation"),
        (lambda: timm.create_model("resnest14d"), "rearranges"),
        (lambda: timm.create_model("res2net50_26w_4s"), "splitting"),
        (lambda: timm.create_model("efficientnet_cc_b0_4e"), "rearranges"),
        (lambda: nn.Sequential(nn.Linear(3, 3)), "no convolution"),
    ],
)
def test_refused_by_name(make, reason: str) -> None:
    with pytest.raises(ScoreError, match=reason):
        convert(meta(make), 224)


class Block(nn.Module):
    """3→8→8 with everything that a conversion has to change."""

    def __init__(self, link_depth: int = 1) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.SiLU(), nn.MaxPool2d(3, 2, 1))
        self.a = nn.Sequential(nn.Conv2d(8, 16, 1), nn.BatchNorm2d(16))
        self.b = nn.Sequential(nn.Conv2d(16, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.link = nn.Sequential(*(nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)) for _ in range(link_depth)))
        self.gate = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.a(x)
        y = nn.functional.dropout(y * torch.sigmoid(y), 0.2, self.training)
        y = self.b(y)
        y = y * torch.sigmoid(self.gate(y.mean((2, 3), keepdim=True)))
        y = torch.relu(y + self.link(x))
        return self.head(y.mean((2, 3)))


def test_a_users_own_network() -> None:
    found = convert(Block(), 32)
    assert found.chain == (
        Convolution(3, 8, 3, 2, bias=True),
        MaxPool(8, 3, 2),
        Convolution(8, 16, 1, bias=True),
        Convolution(16, 8, 3, bias=True),
    )
    text = "\n".join(found.explain())
    for part in ("SiLU replaced", "sigmoid replaced", "gate removed", "with 1 convolution", "dropout off", "cut off"):
        assert part in text


def test_softmax_and_norms_behind_the_pooling_do_not_matter() -> None:
    module = Block()
    module.head = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 5), nn.BatchNorm1d(5), nn.Softmax(1))
    assert convert(module, 32).chain == convert(Block(), 32).chain


def test_synchronised_batch_norms_are_batch_norms() -> None:
    module = nn.SyncBatchNorm.convert_sync_batchnorm(Block())
    assert convert(module, 32).chain == convert(Block(), 32).chain


def test_a_network_without_a_head() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    assert convert(module, 32).chain == (Convolution(3, 8, 3, bias=True),)


def test_the_branch_with_fewer_convolutions_goes() -> None:
    chain = conv(convert(Block(link_depth=3), 32).chain)
    assert [layer.kernel for layer in chain] == [3, 1, 1, 1]


def test_two_equal_branches_are_no_residual_link() -> None:
    with pytest.raises(ScoreError, match="two branches of 2 convolutions"):
        convert(Block(link_depth=2), 32)


def test_the_users_module_is_untouched() -> None:
    module = Block().train()
    before = copy.deepcopy(module.state_dict())
    zennas.zen_score(module, 32, batch_size=4, repeats=1)
    assert module.training
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_same_score_as_the_architecture() -> None:
    architecture = zennas.load("zennet-cifar-0.5M")
    module = zennas.build(architecture, 10)
    one = zennas.zen_score(architecture, batch_size=4, repeats=2, seed=3)
    other = zennas.zen_score(module, 32, batch_size=4, repeats=2, seed=3)
    assert one.score == other.score


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: setattr(m.stem[0], "dilation", (2, 2)), "dilated|runs|map"),
        (lambda m: m.stem.__setitem__(0, nn.Conv2d(3, 8, (1, 3), 2, (0, 1))), "1×3 kernel"),
        (lambda m: m.b.__setitem__(1, nn.GroupNorm(2, 8)), r"b\.1 is GroupNorm; the Zen-score needs batch norms"),
        (lambda m: m.b.__setitem__(1, nn.Identity()), "no batch norm behind it"),
    ],
)
def test_what_a_chain_cannot_say_is_refused(change, reason: str) -> None:
    module = Block()
    change(module)
    with pytest.raises(ScoreError, match=reason):
        convert(module, 32)


def test_control_flow_is_refused() -> None:
    class Branching(Block):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.sum() > 0 else super().forward(-x)

    with pytest.raises(ScoreError, match=r"torch\.fx cannot trace"):
        convert(Branching(), 32)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("vgg11_bn", "feature map .*pre_logits.fc1, pre_logits.fc2"),
        ("resnet50_clip", "residual link removed"),
        ("resnetblur18", "blur made an average over its window"),
        ("efficientnet_blur_b0", "blur made an average over its window"),
        ("efficientnet_x_b3", "residual link"),
    ],
)
def test_families_with_something_of_their_own(name: str, change: str) -> None:
    module = meta(lambda: timm.create_model(name, pretrained=False))
    check_conversion(module)
    assert re.search(change, "\n".join(convert(module, 224).explain()))


# What has no batch norms gets the score of the same chain with them, if asked.
@pytest.mark.parametrize(
    ("make", "inserted", "same_as"),
    [
        (lambda: torchvision.models.vgg11(weights=None), 8, lambda: torchvision.models.vgg11_bn(weights=None)),
        (lambda: timm.create_model("resnet50_gn"), 53 - 4, lambda: timm.create_model("resnet50")),
        (lambda: timm.create_model("efficientnet_b0_gn"), 49, lambda: timm.create_model("efficientnet_b0")),
        (lambda: timm.create_model("regnety_040_sgn"), 67, lambda: timm.create_model("regnety_040")),
        (lambda: torchvision.models.convnext_tiny(weights=None), 58, lambda: timm.create_model("convnext_tiny")),
        (lambda: timm.create_model("nf_resnet50"), 49, None),
        (lambda: timm.create_model("nfnet_l0"), 53, None),
    ],
)
def test_norms_are_put_in_if_asked(make, inserted: int, same_as) -> None:
    module = meta(make)
    with pytest.raises(ScoreError, match=r"no batch norm.*--insert-norm"):
        convert(module, 224)
    found = convert(module, 224, insert_norm=True)
    assert found.inserted_norms == inserted
    assert all(layer.norm for layer in conv(found.chain))
    assert any("batch norm" in line for line in found.explain())
    if same_as is not None:
        other = convert(meta(same_as), 224, insert_norm=True)
        one, two = (zennas.meanfield_score(c.chain, 224).score for c in (found, other))
        assert one == two


def test_norms_are_put_in_where_they_are_missing_alone() -> None:
    module = Block()
    assert convert(module, 32, insert_norm=True) == convert(module, 32)
    module.b[1] = nn.Identity()
    found = convert(module, 32, insert_norm=True)
    assert found.inserted_norms == 1
    assert found.chain == convert(Block(), 32).chain


def test_attention_stays_refused() -> None:
    with pytest.raises(ScoreError, match="attention"):
        convert(meta(lambda: timm.create_model("vit_tiny_patch16_224")), 224, insert_norm=True)


def test_a_forward_that_asks_for_sizes_is_traced_and_one_that_asks_for_values_is_not() -> None:
    class Asking(Block):
        def forward(self, x: Tensor) -> Tensor:
            n, _, height, width = x.shape
            assert height == x.size(-1) == width
            y = super().forward(x)
            return y.view(n, -1) if y.dim() == 2 else y

    assert convert(Asking(), 32).chain == convert(Block(), 32).chain


@pytest.mark.parametrize(("kernel", "padding"), [(2, 0), (4, 1), (4, 0)])
def test_even_kernels_that_halve_are_convolutions(kernel: int, padding: int) -> None:
    stride = kernel if padding == 0 else 2
    module = nn.Sequential(
        nn.Conv2d(3, 8, kernel, stride, padding),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, 1, 1),
        nn.BatchNorm2d(8),
    )
    chain = convert(module, 32).chain
    assert chain[0] == Convolution(3, 8, kernel, stride, bias=True)
    drawn = zennas.zen_score(chain, 32, batch_size=16, repeats=8)
    assert zennas.meanfield_score(chain, 32).score == pytest.approx(drawn.score, rel=0.01)


def test_odd_maps_of_floor_pooling_are_refused() -> None:
    module = meta(lambda: torchvision.models.vgg11_bn(weights=None))
    with pytest.raises(ScoreError, match="try another resolution"):
        convert(module, 150)


# Average pooling between layers: after the convolutions, in the stem, before a down-sampling, as anti-aliasing.
@pytest.mark.parametrize(
    ("name", "poolings"),
    [
        ("resnetaa34d", 4),
        ("seresnetaa50d", 4),
        ("resnet50_clip_gap", 4),
        ("darknetaa53", 5),
        ("mobilenetv4_conv_aa_medium", 4),
    ],
)
def test_average_pooling_on_the_main_path(name: str, poolings: int) -> None:
    module = meta(lambda: timm.create_model(name, pretrained=False))
    found = convert(module, 64)
    averages = [layer for layer in found.chain if isinstance(layer, AveragePool)]
    assert averages == [AveragePool(layer.channels, 2, 2) for layer in averages]
    assert len(averages) == poolings
    for before, after in pairwise(found.chain):
        assert after.in_channels == before.out_channels
    one = zennas.zen_score(module, 64, batch_size=2, repeats=1)
    assert one.score == zennas.zen_score(found.chain, 64, batch_size=2, repeats=1).score
    assert len(one.contributions) == len(conv(found.chain))


def averaged(pool: nn.Module, behind: nn.Module | None = None) -> nn.Module:
    start = (nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8))
    end = (nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.ReLU())
    order = (pool, behind) if behind else (nn.ReLU(), pool)
    return nn.Sequential(*start, *order, *end)


class Functional(nn.Module):
    def __init__(self, function, *arguments, **named) -> None:
        super().__init__()
        self.call = lambda x: function(x, *arguments, **named)

    def forward(self, x: Tensor) -> Tensor:
        return self.call(x)


F = nn.functional


@pytest.mark.parametrize(
    ("pool", "layer"),
    [
        (nn.AvgPool2d(2), AveragePool(8, 2, 2)),
        (nn.AvgPool2d(3, 2, 1), AveragePool(8, 3, 2)),
        (nn.AvgPool2d(3, 1, 1, ceil_mode=True), AveragePool(8, 3, 1)),
        (nn.AvgPool2d(2, count_include_pad=False, ceil_mode=True), AveragePool(8, 2, 2)),
        (nn.AvgPool2d((5, 5), (2, 2), (2, 2), divisor_override=25), AveragePool(8, 5, 2)),
        (nn.AdaptiveAvgPool2d(8), AveragePool(8, 2, 2)),
        (Functional(F.avg_pool2d, 2), AveragePool(8, 2, 2)),
        (Functional(F.avg_pool2d, 3, stride=2, padding=1), AveragePool(8, 3, 2)),
        (Functional(F.adaptive_avg_pool2d, (8, 8)), AveragePool(8, 2, 2)),
        (nn.AdaptiveMaxPool2d(8), MaxPool(8, 2, 2)),
        (nn.MaxPool2d(2), MaxPool(8, 2, 2)),
    ],
    ids=str,
)
def test_pooling_is_read_into_the_layer_that_computes_the_same(pool: nn.Module, layer) -> None:
    found = convert(averaged(pool), 16).chain
    assert found[1] == layer
    images = torch.randn(2, 8, 16, 16)
    torch.testing.assert_close(layer_module(found[1])(images), pool(images))


@pytest.mark.parametrize(
    ("pool", "resolution", "reason"),
    [
        (nn.AvgPool2d(2, 1), 16, "an even kernel"),
        (nn.AvgPool2d(3, 2), 16, "has padding 0, not 1"),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), 16, "count_include_pad=False"),
        (nn.AvgPool2d(3, 2, 1, ceil_mode=True), 16, "ceil_mode"),
        (nn.AvgPool2d(2, divisor_override=1), 16, "divides by 1, not by the 4"),
        (nn.AvgPool2d((1, 2)), 16, "not square"),
        (nn.AvgPool2d(2), 15, "try another resolution"),
        (nn.AdaptiveAvgPool2d(6), 16, "not equal squares"),
        (Functional(torch.mean, 1, keepdim=True), 16, "does not run at 16×16 .*Invalid channel"),
    ],
    ids=str,
)
def test_average_pooling_that_no_layer_says_is_refused(pool: nn.Module, resolution: int, reason: str) -> None:
    with pytest.raises(ScoreError, match=reason):
        convert(averaged(pool), resolution)


def test_what_does_not_commute_with_an_average_is_refused_behind_it() -> None:
    with pytest.raises(ScoreError, match="activation 3 comes behind the average pooling 2"):
        convert(averaged(nn.AvgPool2d(2), nn.ReLU()), 16)
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.AvgPool2d(2), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1))
    with pytest.raises(ScoreError, match="batch norm 2 comes behind the average pooling 1"):
        convert(module, 16)


BIT = ["resnetv2_50x1_bit", "resnetv2_50x3_bit", "resnetv2_101x1_bit"]


@pytest.mark.parametrize("name", BIT)
def test_zeros_in_front_of_a_pooling_are_its_own_padding(name: str) -> None:
    """timm's Big Transfer networks, which have group norms: the maps are the module's own."""
    module = meta(lambda: timm.create_model(name, pretrained=False))
    found = convert(module, 224, insert_norm=True)
    assert found.params == sum(p.numel() for p in module.parameters())
    assert [layer.name for layer in found.chain[:2]] == ["convolution", "max pooling"]
    assert "stem.pad: ConstantPad2d made the max pooling's own padding" in found.changes
    size = 224
    for layer in found.chain:
        size = layer.out_resolution(size)
    assert module.forward_features(torch.empty(1, 3, 224, 224, device="meta")).shape[2:] == (size, size)


@pytest.mark.parametrize("pad", [nn.ZeroPad2d(1), nn.ConstantPad2d(1, 0.0), Functional(F.pad, (1, 1, 1, 1))])
@pytest.mark.parametrize(
    "layer", [nn.Conv2d(8, 8, 3, 2), nn.Conv2d(8, 8, 5, 1, 1), nn.MaxPool2d(3, 2), nn.AvgPool2d(3, 1)]
)
def test_zeros_in_front_of_a_layer(pad: nn.Module, layer: nn.Module) -> None:
    norm = [nn.BatchNorm2d(8), nn.ReLU()]
    behind: list[nn.Module] = norm if isinstance(layer, nn.Conv2d) else [nn.Conv2d(8, 8, 1), *norm]
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU(), pad, layer, *behind, nn.AdaptiveAvgPool2d(1)
    ).eval()
    found = convert(module, 16)
    images = torch.randn(2, 8, 16, 16).relu()
    own = layer_module(found.chain[1]).eval()
    if isinstance(layer, nn.Conv2d):
        assert own[0].padding == (layer.kernel_size[0] // 2,) * 2
        own[0].load_state_dict(layer.state_dict())
        torch.testing.assert_close(own[0](images), layer(pad(images)))
    else:
        torch.testing.assert_close(own(images), layer(pad(images)))


def test_zeros_in_front_of_the_first_layer() -> None:
    module = nn.Sequential(
        nn.ZeroPad2d(3), nn.Conv2d(3, 8, 7, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
    )
    (layer,) = convert(module, 32).chain
    assert (layer.kernel, layer.stride, layer.out_resolution(32)) == (7, 2, 16)


@pytest.mark.parametrize(
    ("pad", "behind", "reason"),
    [
        (nn.ConstantPad2d(1, 1.0), nn.MaxPool2d(3, 2), "3 is ConstantPad2d on the main path"),
        (nn.ZeroPad2d((1, 0, 1, 0)), nn.MaxPool2d(3, 2), "3 is ZeroPad2d on the main path"),
        (nn.ZeroPad2d(1), nn.ReLU(), "3 is ZeroPad2d on the main path"),
        (nn.ZeroPad2d(1), nn.Identity(), "3 is ZeroPad2d on the main path"),
        (nn.ZeroPad2d(2), nn.MaxPool2d(3, 2), r"max pooling 4 has padding 0 and 2 in front of it, not 1"),
        (Functional(F.pad, (1, 1, 1, 1), mode="reflect"), nn.MaxPool2d(3, 2), "pad on the main path"),
    ],
)
def test_other_paddings_are_refused(pad: nn.Module, behind: nn.Module, reason: str) -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU(), pad, behind, nn.AdaptiveAvgPool2d(1))
    with pytest.raises(ScoreError, match=reason):
        convert(module, 16)


def test_max_pooling_of_an_odd_map_is_the_modules_own() -> None:
    pool = nn.MaxPool2d(2, ceil_mode=True)
    found = convert(averaged(pool), 15).chain
    images = torch.randn(2, 8, 15, 15)
    torch.testing.assert_close(layer_module(found[1])(images), pool(images))
