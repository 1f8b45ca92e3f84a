import pytest
import torch

import zennas
from zennas.errors import ArchitectureError

timm = pytest.importorskip("timm")

from zennas.zoo.timm_models import stage_info, timm_name


def test_every_zoo_network_is_listed_under_its_name():
    names = timm.list_models("zennet*")
    assert sorted(names) == sorted(map(timm_name, zennas.zoo_names()))
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


@pytest.mark.parametrize("out_indices", [None, (0, 2), (-1,)])
def test_backbone_gives_the_maps_it_declares(out_indices):
    options = {} if out_indices is None else {"out_indices": out_indices}
    backbone = timm.create_model("zennet_cifar_0_5m", features_only=True, **options).eval()
    with torch.no_grad():
        maps = backbone(torch.randn(1, 3, 32, 32))
    assert [m.shape[1] for m in maps] == backbone.feature_info.channels()
    assert [32 // m.shape[2] for m in maps] == backbone.feature_info.reduction()
    assert len(maps) == (4 if out_indices is None else len(out_indices))


def test_declared_stages_are_those_of_the_built_network():
    for name in ("zennet-imagenet-400M-se", "zennet-cifar-2.0M"):
        architecture = zennas.load(name)
        with torch.no_grad():
            maps = zennas.build(architecture, 0).eval().forward_stages(torch.randn(1, 3, 64, 64))
        assert [(m.shape[1], 64 // m.shape[2]) for m in maps] == [
            (stage["num_chs"], stage["reduction"]) for stage in stage_info(architecture)
        ]


def test_classifier_can_be_replaced_or_left_out():
    network = timm.create_model("zennet_cifar_0_5m", num_classes=0).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert network(images).shape == (2, network.num_features)
        network.reset_classifier(5)
        assert network(images).shape == (2, 5)
        network.reset_classifier(0, "")
        assert network(images).dim() == 4
    with pytest.raises(ArchitectureError, match="pooled"):
        network.reset_classifier(5, "")
    with pytest.raises(ArchitectureError, match="in_chans=1"):
        timm.create_model("zennet_cifar_0_5m", in_chans=1)
