"""Other people's modules as architectures: their costs, their chains and their outputs."""

import json

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

import zennas
from zennas.architecture.structure import format_structure, parse_structure
from zennas.blocks import architecture_chain
from zennas.blocks.layers import Convolution
from zennas.cli.main import app
from zennas.errors import ArchitectureError
from zennas.nn import convert, import_network, import_weights
from zennas.nn.imported import largest_difference
from zennas.train.weights import load_weights

MODELS = [
    "torchvision:resnet18", "torchvision:resnet50", "torchvision:resnext50_32x4d", "torchvision:regnet_x_400mf",
    "torchvision:regnet_y_400mf", "torchvision:mobilenet_v2", "torchvision:mobilenet_v3_small",
    "torchvision:mobilenet_v3_large", "torchvision:mnasnet0_5", "torchvision:efficientnet_b0", "timm:resnet34",
    "timm:seresnet18", "timm:seresnet50", "timm:regnetx_002", "timm:regnety_002", "timm:mobilenetv2_050",
    "timm:mobilenetv3_small_050", "timm:mobilenetv3_large_100", "timm:efficientnet_b0", "timm:efficientnet_lite0",
    "timm:efficientnetv2_rw_t", "timm:mnasnet_100", "timm:semnasnet_075", "timm:fbnetc_100",
]  # fmt: skip


def make(model: str) -> nn.Module:
    home, _, name = model.partition(":")
    return timm.create_model(name) if home == "timm" else torchvision.models.get_model(name, weights=None)


def with_statistics(module: nn.Module) -> nn.Module:
    """The module with weights and batch norms as after a training: no two channels alike."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.1)
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
    return module.eval()


@pytest.mark.parametrize("model", MODELS)
def test_an_imported_network_is_the_module(model: str) -> None:
    module = with_statistics(make(model))
    imported = import_network(module, name=model)
    network = import_weights(module, imported)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        expected = module(images)
    with torch.no_grad():
        found = network(images)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    counted = zennas.costs(imported.architecture, 64)
    assert counted.params == sum(p.numel() for p in module.parameters())
    assert counted.flops == counter.get_total_flops() // 2 // len(images)
    # The scores see the same chain as in the module itself; biases are no part of them.
    assert shapes(architecture_chain(imported.architecture)) == shapes(convert(module, 64).chain)
    assert parse_structure(format_structure(imported.architecture)).super_blocks == imported.architecture.super_blocks


def shapes(chain: tuple) -> list:
    return [
        (c.in_channels, c.out_channels, c.kernel, c.stride, c.groups, c.activation) if isinstance(c, Convolution) else c
        for c in chain
    ]


def test_super_blocks_are_the_stages() -> None:
    text = format_structure(import_network(make("torchvision:resnet50")).architecture)
    assert text == (
        "SuperConvK7BNRELU(3,64,2,1)PoolBottleneck[k3](64,256,2,64,3)Bottleneck[k3](256,512,2,128,4)"
        "Bottleneck[k3](512,1024,2,256,6)Bottleneck[k3](1024,2048,2,512,3)"
    )


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        ("torchvision:vgg11_bn", "avgpool is the operation AdaptiveAvgPool2d"),
        ("timm:resnet50d", r"layer2\.0\.downsample\.0 is the operation AvgPool2d"),
        ("timm:tf_efficientnet_b0", "the convolution conv_stem is Conv2dSame"),
        ("timm:regnetz_005", r"begins at s1\.b1\.conv2\.conv: 3×3 convolution 64→64 stride 2 16 groups silu"),
        ("timm:repvgg_a0", "is a residual link within another"),
        ("timm:ghostnet_100", "joins 2 branches by cat"),
        ("torchvision:squeezenet1_0", "joins 2 branches by cat"),
    ],
)
def test_what_no_block_type_says_is_refused_by_its_layer(model: str, layer: str) -> None:
    with pytest.raises(ArchitectureError, match=f"cannot be imported: .*{layer}"):
        import_network(make(model))


class Own(nn.Module):
    """A user's network: one channel, an ε of its own, SiLU written out, a layer without a name of its own."""

    def __init__(self, classes: int = 3, beside: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8, eps=1e-2))
        self.one = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.SiLU())
        self.two = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8, eps=1e-3))
        self.beside = nn.Linear(4, 4) if beside else None
        self.head = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x * torch.sigmoid(x)
        x = nn.functional.silu(self.two(self.one(x)) + x)
        return self.head(x.mean((2, 3)))


def own() -> nn.Module:
    return with_statistics(Own())


def test_a_users_network_keeps_its_epsilons_in_the_variances() -> None:
    module = own()
    imported = import_network(module, 16)
    assert format_structure(imported.architecture) == "Conv[k3,silu](1,8,2,0,1)Basic[k3,silu](8,8,1,8,1)"
    assert imported.architecture.num_classes == 3
    network = import_weights(module, imported)
    images = torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(network(images), module(images))
        network.classifier.bias += 1
    with pytest.raises(ArchitectureError, match="outputs differ"):
        largest_difference(module, network)


def test_weights_beside_the_chain_are_noticed() -> None:
    with pytest.raises(ArchitectureError, match="layers beside its chain"):
        import_network(Own(beside=True), 16)


@pytest.mark.parametrize("space", ["mobilenet", "resnet"])
@pytest.mark.parametrize("model", ["timm:mobilenetv3_small_050", "torchvision:resnet18"])
def test_a_search_starts_from_an_imported_network(model: str, space: str) -> None:
    own = zennas.load(model)
    start = zennas.costs(own, 64, 10)
    result = zennas.search(
        space, 64, 10, start=model, params=int(1.1 * start.params), iterations=300, rescore=0, seed=1
    )
    assert result.score > zennas.meanfield_score(own, 64).score
    network = zennas.build(result.architecture, 10).eval()
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 10)
    assert sum(p.numel() for p in network.parameters()) == result.costs.params


def test_activations_are_kept_in_the_module_and_are_relu_to_the_scores() -> None:
    plain = "Conv[k3](3,8,1,0,1)Res[k3](8,8,1,8,1)MB[k3,e2](8,8,1,8,1)"
    for name, kind in (("relu6", nn.ReLU6), ("hardswish", nn.Hardswish), ("silu", nn.SiLU)):
        architecture = parse_structure(plain.replace("]", f",{name}]"))
        found = [m for m in zennas.build(architecture, 2).modules() if type(m).__module__.endswith("activation")]
        assert {type(m) for m in found} == {kind}
        assert architecture_chain(architecture) == architecture_chain(parse_structure(plain))


def test_the_command_writes_a_network_and_its_weights(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = with_statistics(make("timm:mobilenetv2_050"))
    save_file(module.state_dict(), "source.safetensors")
    options = ["--out", "net.yaml", "--weights", "net.safetensors", "--checkpoint", "source.safetensors", "--json"]
    result = CliRunner().invoke(app, ["import", "timm:mobilenetv2_050", *options], catch_exceptions=False)
    found = json.loads(result.stdout)
    assert found["params"] == 1_968_680
    assert found["difference"] < 1e-5
    network = zennas.build(zennas.load("net.yaml"))
    load_weights(network, tmp_path / "net.safetensors")
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), module(images))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["zennet-cifar-0.5M"], "is no module"),
        (["timm:resnet1"], "did you mean"),
        (["timm:resnet18", "--checkpoint", "missing.pth"], "no such file"),
        (["timm:resnet18", "--out", "net.txtt"], "unknown kind of file"),
        (["timm:densenet121"], "is the operation cat"),
    ],
)
def test_bad_input_of_the_command(arguments, says) -> None:
    result = CliRunner().invoke(app, ["import", *arguments])
    assert isinstance(result.exception, zennas.ZennasError)
    assert says in str(result.exception)


def test_equal_outputs_of_nought_are_equal():
    module = torchvision.models.resnet18(num_classes=4).eval()
    nn.init.zeros_(module.fc.weight)
    nn.init.zeros_(module.fc.bias)
    network = import_weights(module, import_network(module, 64))
    assert largest_difference(module, network) == 0


class PoolsIntoNothing(nn.Module):
    """Adds a pooled map, without a layer on it."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, 1, 1)

    def forward(self, images):
        x = self.convolution(images)
        return x + nn.functional.adaptive_avg_pool2d(x, 1)


def test_a_branch_without_a_layer_is_named():
    with pytest.raises(ArchitectureError):
        import_network(PoolsIntoNothing(), 16)
