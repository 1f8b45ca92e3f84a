import json

import pytest
import torch

import zennas
from zennas.errors import ArchitectureError
from zennas.input_size import Size

pytest.importorskip("huggingface_hub")

from zennas.nn.hub import HubZenNet, to_hub


def test_network_comes_back_from_a_local_folder(tmp_path):
    architecture = zennas.parse_structure(
        "SuperConvK3BNRELU(3,8,2,1)SuperResIDWE2K3SE(8,16,2,8,2)", "small", resolution=16
    )
    network = zennas.build(architecture, 7).eval()
    to_hub(network).save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    read = HubZenNet.from_pretrained(tmp_path)
    images = torch.randn(2, 3, 16, 16)
    assert read.architecture == architecture
    assert torch.equal(read(images), network(images))


def test_damaged_configuration_is_named(tmp_path):
    to_hub(zennas.build(zennas.load("SuperConvK3BNRELU(3,8,2,1)"), 7)).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "structure": "SuperConvK3BNRELU(3,8,2)"}))
    with pytest.raises(ArchitectureError, match="in,out,stride,layers"):
        HubZenNet.from_pretrained(tmp_path)


def test_an_input_that_is_no_square_comes_back(tmp_path):
    architecture = zennas.parse_structure("SuperConvK3BNRELU(3,8,2,1)", "wide", resolution=Size(32, 16))
    to_hub(zennas.build(architecture, 7)).save_pretrained(tmp_path)
    assert HubZenNet.from_pretrained(tmp_path).architecture == architecture
