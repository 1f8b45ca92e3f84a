import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zennas
from zennas.errors import DataError, ExportError
from zennas.export import export
from zennas.export.fold import fold_batch_norms
from zennas.export.onnx_format import onnx_runner
from zennas.export.torch_export_format import torch_program_runner
from zennas.train import train
from zennas.train.weights import load_weights

ALL_BLOCKS = (
    "SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,8,2,8,1)SuperResK1K3K1(8,16,1,8,1)SuperResIDWE2K3SE(16,16,2,16,1)"
)


@pytest.fixture
def network():
    """Every kind of block, with norms that are not the identity."""
    torch.manual_seed(0)
    network = zennas.build(zennas.load(ALL_BLOCKS), 10)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.1)
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2)
    return network.eval()


def test_folded_network_is_the_same_function_without_norms(network):
    folded = fold_batch_norms(network)
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.allclose(folded(images), network(images), atol=1e-4)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    assert any(isinstance(part, nn.BatchNorm2d) for part in network.modules())


def test_onnx_agrees_with_torch_at_any_batch(network, tmp_path):
    onnx = pytest.importorskip("onnx")
    result = export(network, tmp_path / "n.onnx", 16, dynamic_batch=True, fold=True)
    assert result.difference < 1e-4
    model = onnx.load(str(tmp_path / "n.onnx"))
    onnx.checker.check_model(model)
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)
    images = torch.randn(7, 3, 16, 16)
    with torch.no_grad():
        assert torch.allclose(onnx_runner(tmp_path / "n.onnx")(images), network(images), atol=1e-4)


def test_fixed_batch_takes_one_image(network, tmp_path):
    pytest.importorskip("onnxruntime")
    assert export(network, tmp_path / "n.onnx", 16).difference < 1e-4
    run = onnx_runner(tmp_path / "n.onnx")
    assert run(torch.randn(1, 3, 16, 16)).shape == (1, 10)
    with pytest.raises(Exception, match="Got: 2 Expected: 1"):
        run(torch.randn(2, 3, 16, 16))


@pytest.mark.parametrize(("dtype", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_torch_export_reads_back(network, tmp_path, dtype, kind):
    result = export(network, tmp_path / "n.pt2", 16, format="torch-export", dtype=dtype, dynamic_batch=True)
    assert result.tolerance is not None
    assert result.difference <= result.tolerance
    assert torch_program_runner(tmp_path / "n.pt2")(torch.randn(5, 3, 16, 16, dtype=kind)).dtype == kind
    assert next(network.parameters()).dtype == torch.float32


def test_wrong_export_is_noticed_and_replaces_nothing(network, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "n.onnx"
    path.write_bytes(b"good")

    def broken(network):
        folded = fold_batch_norms(network)
        folded.classifier.bias.data += 0.01
        return folded

    monkeypatch.setattr("zennas.export.fold.fold_batch_norms", broken)
    with pytest.raises(ExportError, match=r"differs from torch's by 0\.01"):
        export(network, path, 16, fold=True)
    assert path.read_bytes() == b"good"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "tflite"}, "onnx or torch-export"),
        ({"dtype": "int4"}, "int4"),
        ({"dtype": "int8"}, "--data"),
        ({"dtype": "int8", "format": "torch-export", "data": "digits"}, "--format onnx"),
        ({"dtype": "bf16"}, "bf16"),
    ],
)
def test_what_no_runtime_takes_is_refused(network, tmp_path, options, message):
    with pytest.raises(ExportError, match=message):
        export(network, tmp_path / "n", 16, **options)


def test_unreadable_images_stop_the_calibration_or_are_skipped_by_name(network, tmp_path):
    pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 3)):
        for name in "abcdefghij":
            home = tmp_path / "data" / split / name
            home.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(rng.integers(0, 255, (20, 20, 3), np.uint8)).save(home / f"{index}.png")
    (tmp_path / "data" / "train" / "b" / "1.png").write_bytes(b"no image")
    (tmp_path / "data" / "val" / "c" / "2.png").write_bytes(b"no image")
    settings = {"dtype": "int8", "data": f"imagefolder:{tmp_path / 'data'}", "dynamic_batch": True}
    with pytest.raises(DataError, match=r"1\.png.*--on-bad-image skip"):
        export(network, tmp_path / "n.onnx", 16, **settings)
    assert not (tmp_path / "n.onnx").exists()
    result = export(network, tmp_path / "n.onnx", 16, on_bad_image="skip", **settings)
    assert sorted(line.split(": ")[0][-5:] for line in result.skipped) == ["1.png", "2.png"]
    with pytest.raises(DataError, match="skip or stop"):
        export(network, tmp_path / "n.onnx", 16, on_bad_image="shrug", **settings)


@pytest.mark.slow
def test_int8_keeps_the_accuracy_on_digits(tmp_path):
    pytest.importorskip("onnxruntime")
    structure = "SuperConvK3BNRELU(3,16,2,1)SuperResK3K3(16,24,2,24,1)"
    result = train(structure, tmp_path / "run", resolution=8, epochs=6, mixup=0, erasing=0)
    network = zennas.build(zennas.load(structure), 10)
    load_weights(network, tmp_path / "run" / "last.safetensors")
    float_file = export(network, tmp_path / "fp32.onnx", 8, data="digits", dynamic_batch=True)
    int8 = export(network, tmp_path / "int8.onnx", 8, dtype="int8", data="digits", dynamic_batch=True)
    assert float_file.accuracy == int8.float_accuracy == pytest.approx(result.history[-1]["accuracy"])
    assert int8.accuracy is not None
    assert int8.accuracy > float_file.accuracy - 0.03
    assert int8.difference > 0
    assert np.isfinite(int8.difference)
    assert int8.bytes < float_file.bytes
