"""The zoo and winners in timm, by what timm's own tests expect of a model."""

import pytest
import torch

import zennas
from zennas.architecture.files import write_architecture
from zennas.errors import ArchitectureError

timm = pytest.importorskip("timm")

from zennas.nn.timm_model import stage_info
from zennas.zoo.timm_models import timm_name

NAMES = [timm_name(name) for name in zennas.zoo_names()]
SMALL = ["zennet_cifar_0_5m", "zennet_imagenet_0_1ms"]
SIDE = 64


def images(channels=3, count=2):
    return torch.randn(count, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def winner():
    """A winner's name in timm: one of hard-swish, with the hidden layer of MobileNetV3's classifier."""
    structure = (
        "Conv[k3,hardswish](3,16,2,0,1)HardMBConv[k3,se,q8,hardswish](16,24,2,48,2)HardMBConv[k5](24,40,2,64,1)"
        "Conv[k1](40,96,1,0,1)Hidden[k1,hardswish](96,64,1,0,1)"
    )
    return zennas.timm_backbone(zennas.parse_structure(structure, "a winner", 64))


def test_every_zoo_network_is_listed_under_its_name():
    names = timm.list_models("zennet*")
    assert sorted(names) == sorted(NAMES)
    assert "zennet_cifar_1_0m" in names


def test_created_network_is_the_zoos():
    network = timm.create_model("zennet_cifar_0_5m")
    entry = zennas.zoo_entry("zennet-cifar-0.5M")
    assert network.architecture == entry.architecture
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == zennas.costs(entry.architecture, 32, 10).params
    assert network.pretrained_cfg["input_size"] == (3, 32, 32)
    config = timm.data.resolve_data_config({}, model=timm.create_model("zennet_imagenet_0_1ms", num_classes=3))
    assert config["input_size"] == (3, 192, 192)
    assert config["mean"] == (0.485, 0.456, 0.406)


def check_model(name, channels=3):
    """timm's tests of default configurations, of forward, and of classifiers."""
    network = timm.create_model(name, in_chans=channels, num_classes=7).eval()
    config, x = network.pretrained_cfg, images(channels)
    with torch.no_grad():
        features = network.forward_features(x)
        assert features.shape[1] == network.num_features
        assert torch.equal(network.forward_head(features), network(x))
        assert network.forward_head(features, pre_logits=True).shape == (2, network.head_hidden_size)
        assert network(x).shape == (2, 7)
        assert network.get_classifier() is network.classifier
        network.reset_classifier(0)
        assert network(x).shape == (2, network.num_features)
        network.reset_classifier(0, "")
        assert torch.equal(network(x), features)
        network.reset_classifier(5, "avg")
        assert network(x).shape == (2, 5)
        bare = timm.create_model(name, in_chans=channels, num_classes=0, global_pool="").eval()
        assert bare(x).shape == features.shape
    state = network.state_dict()
    assert config["classifier"] + ".weight" in state
    assert config["first_conv"] + ".weight" in state
    return network


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_model_is_what_timm_expects(name, channels):
    check_model(name, channels)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in SMALL])
def test_every_zoo_network_is_what_timm_expects(name):
    network = check_model(name)
    side = network.pretrained_cfg["input_size"][1]
    with torch.device("meta"):
        full = timm.create_model(name, num_classes=0, global_pool="").eval()
    assert full(torch.empty(1, 3, side, side, device="meta")).shape[-2:] == network.pretrained_cfg["pool_size"]


def test_a_winner_is_what_timm_expects(winner):
    check_model(winner, 3)
    assert timm.create_model(winner).pretrained_cfg["pool_size"] == (8, 8)


def test_every_parameter_gets_a_gradient(winner):
    for name in (*SMALL, winner):
        network = timm.create_model(name, num_classes=7).train()
        network(images()).mean().backward()
        assert all(p.grad is not None and not torch.isnan(p.grad).any() for p in network.parameters())
        assert all("num_batches" in key or value.isfinite().all() for key, value in network.state_dict().items())


def test_checkpointed_gradients_are_the_same():
    torch.manual_seed(0)
    network = timm.create_model("zennet_cifar_0_5m", num_classes=3).eval()
    gradients = []
    for again in (False, True):
        network.zero_grad()
        network.set_grad_checkpointing(again)
        network(images()).pow(2).sum().backward()
        gradients.append([p.grad.clone() for p in network.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", [*SMALL, "winner"])
def test_scripted_traced_and_exported_models_give_the_same(name, winner):
    network = timm.create_model(winner if name == "winner" else name, num_classes=7).eval()
    with torch.no_grad():
        expected = network(images())
        torch.testing.assert_close(torch.jit.script(network)(images()), expected)
        torch.testing.assert_close(torch.fx.symbolic_trace(network)(images()), expected)
        torch.testing.assert_close(torch.export.export(network, (images(),)).module()(images()), expected)


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("out_indices", [None, (0, 2), (-1,)])
def test_backbone_gives_the_maps_it_declares(out_indices, head):
    options = {} if out_indices is None else {"out_indices": out_indices}
    backbone = timm.create_model("zennet_cifar_0_5m", features_only=True, head_in_features=head, **options).eval()
    with torch.no_grad():
        maps = backbone(torch.randn(1, 3, 32, 32))
    assert [m.shape[1] for m in maps] == backbone.feature_info.channels()
    assert [32 // m.shape[2] for m in maps] == backbone.feature_info.reduction()
    assert len(maps) == (4 if out_indices is None else len(out_indices))
    last = zennas.load("zennet-cifar-0.5M").super_blocks[-1 if head else -2]
    if out_indices != (0, 2):
        assert backbone.feature_info.channels()[-1] == last.out_channels


def test_a_hidden_layer_behind_the_pooling_is_no_feature(winner):
    assert timm.create_model(winner, features_only=True).feature_info.channels() == [16, 24, 96]
    narrow = timm.create_model(winner, features_only=True, head_in_features=False)
    assert narrow.feature_info.channels() == [16, 24, 40]
    assert narrow.feature_info.reduction() == [2, 4, 8]
    maps = narrow(images())
    assert [m.shape[1] for m in maps] == [16, 24, 40]


def test_pruned_features_hold_no_more_than_they_need():
    whole = timm.create_model("zennet_cifar_0_5m")
    backbone = timm.create_model("zennet_cifar_0_5m", features_only=True, out_indices=(1,))
    assert len(backbone.model.super_blocks) == stage_info(whole.architecture)[1]["block"] + 1
    sum(m.mean() for m in backbone(torch.randn(2, 3, 32, 32))).backward()
    assert all(p.grad is not None for p in backbone.parameters())


def test_intermediates_beside_the_last_map():
    network = timm.create_model("zennet_cifar_0_5m").eval()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        final, maps = network.forward_intermediates(x)
        assert torch.equal(final, network.forward_features(x))
        assert torch.equal(maps[-1], final)
        early, first = network.forward_intermediates(x, indices=[0], stop_early=True)
        assert torch.equal(early, maps[0])
        assert torch.equal(first[0], maps[0])
    with pytest.raises(ArchitectureError, match="NCHW"):
        network.forward_intermediates(x, output_fmt="NHWC")


def test_declared_stages_are_those_of_the_built_network():
    for name in ("zennet-imagenet-400M-se", "zennet-cifar-2.0M"):
        architecture = zennas.load(name)
        with torch.no_grad():
            maps = zennas.build(architecture, 0).eval().forward_stages(torch.randn(1, 3, 64, 64))
        assert [(m.shape[1], 64 // m.shape[2]) for m in maps] == [
            (stage["num_chs"], stage["reduction"]) for stage in stage_info(architecture)
        ]


@pytest.mark.parametrize(("pool", "times"), [("max", 1), ("avgmax", 1), ("catavgmax", 2)])
def test_other_poolings(pool, times):
    network = timm.create_model("zennet_cifar_0_5m", global_pool=pool, num_classes=3).eval()
    assert network.classifier.in_features == times * network.num_features
    assert network(images()).shape == (2, 3)


def test_weights_of_a_network_fit_its_model_in_timm(tmp_path):
    network = zennas.build(zennas.load("zennet-cifar-0.5M"), 10).eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    model = timm.create_model("zennet_cifar_0_5m", num_classes=10, checkpoint_path=str(tmp_path / "w.pth")).eval()
    with torch.no_grad():
        torch.testing.assert_close(model(images()), network(images()))


def test_what_cannot_be_is_refused():
    network = timm.create_model("zennet_cifar_0_5m")
    with pytest.raises(ArchitectureError, match="pooled"):
        network.reset_classifier(5, "")
    with pytest.raises(ArchitectureError, match="pooled"):
        timm.create_model("zennet_cifar_0_5m", global_pool="")
    with pytest.raises(ArchitectureError, match="global_pool 'median'"):
        timm.create_model("zennet_cifar_0_5m", global_pool="median")


def test_a_run_is_registered_by_its_directory(tmp_path):
    run = tmp_path / "search-7"
    run.mkdir()
    write_architecture(zennas.load("zennet-cifar-0.5M"), run / "best.yaml")
    assert zennas.timm_backbone(run) == "search_7"
    assert timm.create_model("search_7").architecture.super_blocks == zennas.load("zennet-cifar-0.5M").super_blocks
    assert zennas.timm_backbone(run / "best.yaml", "mine") == "mine"
    with pytest.raises(ArchitectureError, match="timm has a model resnet18"):
        zennas.timm_backbone(run, "resnet18")
    with pytest.raises(ArchitectureError, match="plain Python name"):
        zennas.timm_backbone(run, "a-b")
