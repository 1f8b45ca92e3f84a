from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zennas
from zennas.errors import DataError, ExportError
from zennas.export import FORMATS, Format, export, formats, onnx_model, register_format, torch_program
from zennas.export.fold import fold_batch_norms
from zennas.export.onnx_format import onnx_runner, onnx_session
from zennas.export.torch_export_format import torch_program_runner
from zennas.train import train
from zennas.train.layout import MEMORY_FORMATS
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


@pytest.mark.parametrize("layout", ["auto", "channels-last", "contiguous"])
def test_a_program_runs_in_its_layout(network, tmp_path, layout):
    result = export(network, tmp_path / "n.pt2", 16, format="torch-export", fold=True, layout=layout)
    program = torch.export.load(tmp_path / "n.pt2")
    weights = [w for w in program.state_dict.values() if w.dim() == 4 and min(w.shape[1:]) > 1]
    expected = result.layout if layout == "auto" else layout
    assert weights
    for weight in weights:
        assert weight.is_contiguous(memory_format=MEMORY_FORMATS[expected])
    maps = []

    class Watch(torch.fx.Interpreter):
        def run_node(self, node):
            made = super().run_node(node)
            if "conv2d" in str(node.target):
                maps.append(made)
            return made

    Watch(program.module()).run(torch.randn(1, 3, 16, 16))
    large = [made for made in maps if min(made.shape[1:]) > 1]
    assert large
    assert all(made.is_contiguous(memory_format=MEMORY_FORMATS[expected]) for made in large)


def test_onnx_has_layouts_of_its_own(network, tmp_path):
    with pytest.raises(ExportError, match="lay feature maps out as they like"):
        export(network, tmp_path / "n.onnx", 16, layout="channels-last")
    assert export(network, tmp_path / "n.onnx", 16).layout == "contiguous"


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


def _random_norms(network):
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.1)
    return network.eval()


@pytest.mark.parametrize(("format", "name"), [("onnx", "n.onnx"), ("torch-export", "n.pt2")])
def test_files_hold_no_stack_traces_and_no_local_paths(network, tmp_path, format, name):
    pytest.importorskip("onnxruntime")
    export(network, tmp_path / name, 16, format=format)
    content = (tmp_path / name).read_bytes()
    assert b'File "' not in content
    assert b".py" not in content
    assert str(Path(zennas.__file__).parents[1]).encode() not in content


@pytest.mark.parametrize(("dtype", "share"), [("fp32", 1.06), ("int8", 1.5)])
def test_a_file_is_little_more_than_its_parameters(tmp_path, dtype, share):
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    # What a search finds within 230 k parameters and 18 layers: 101 convolutions.
    structure = (
        "SuperConvK3BNRELU(3,128,1,1)SuperResK1K5K1(128,64,1,8,1)SuperResK1K3K1(64,32,2,8,1)"
        "SuperResK1K3K1(32,80,2,16,3)SuperResK1K3K1(80,80,1,24,2)SuperResK1K3K1(80,80,1,16,3)"
        "SuperResK1K3K1(80,80,1,16,5)SuperResK3K3(80,32,2,16,1)SuperConvK1BNRELU(32,432,1,1)"
    )
    network = _random_norms(zennas.build(zennas.load(structure), 10))
    calibration = [torch.randn(1, 3, 16, 16)]
    content = onnx_model(network, (3, 16, 16), dtype, fold=True, calibration=calibration)
    parameters = sum(p.numel() for p in network.parameters())
    assert 200_000 < parameters < 260_000
    assert len(content) < share * parameters * (1 if dtype == "int8" else 4)


def test_a_compact_model_computes_the_same(network, monkeypatch):
    pytest.importorskip("onnxruntime")
    calibration = [torch.randn(1, 3, 16, 16)]
    compact = onnx_model(network, (3, 16, 16), "int8", calibration=calibration)
    monkeypatch.setattr("zennas.export.onnx_format.compacted", lambda content, short_names: content)
    full = onnx_model(network, (3, 16, 16), "int8", calibration=calibration)
    assert len(compact) < 0.8 * len(full)
    images = torch.randn(1, 3, 16, 16).numpy()
    found, expected = (onnx_session(model).run(None, {"images": images})[0] for model in (compact, full))
    assert np.array_equal(found, expected)
    onnx = pytest.importorskip("onnx")
    onnx.checker.check_model(onnx.load_from_string(compact), full_check=True)


def test_norms_stay_unless_folding_is_asked_for(network, tmp_path):
    onnx = pytest.importorskip("onnx")
    kinds = {
        fold: {node.op_type for node in onnx.load_from_string(onnx_model(network, (3, 16, 16), fold=fold)).graph.node}
        for fold in (False, True)
    }
    assert "BatchNormalization" in kinds[False]
    assert "BatchNormalization" not in kinds[True]


def test_a_network_of_other_classes_than_the_data_is_refused_with_both(tmp_path):
    pytest.importorskip("onnxruntime")
    network = zennas.build(zennas.load("SuperConvK3BNRELU(3,8,2,1)"), 2)
    with pytest.raises(ExportError, match=r"has 2 classes, but digits has 10"):
        export(network, tmp_path / "n.onnx", 8, data="digits", dtype="int8")
    assert not (tmp_path / "n.onnx").exists()


def test_former_words_for_number_types_are_understood(network, tmp_path):
    pytest.importorskip("onnxruntime")
    export(network, tmp_path / "old.onnx", 16, dtype="float16")
    export(network, tmp_path / "new.onnx", 16, dtype="fp16")
    assert (tmp_path / "old.onnx").read_bytes() == (tmp_path / "new.onnx").read_bytes()


def test_a_users_format_is_checked_like_any_other(network, tmp_path, monkeypatch):
    monkeypatch.setattr("zennas.export.formats.FORMATS", dict(FORMATS))
    monkeypatch.setattr("zennas.export.checked.FORMATS", formats.FORMATS)
    register_format(Format("program", ".bin", ("fp32",), torch_program, torch_program_runner))
    assert export(network, tmp_path / "n.bin", 16, format="program").difference < 1e-4
    with pytest.raises(ExportError, match="program has no fp16 here; use --dtype fp32, or --format onnx"):
        export(network, tmp_path / "n.bin", 16, format="program", dtype="fp16")
    with pytest.raises(ExportError, match="registered twice"):
        register_format(Format("program", ".zip", ("fp32",), torch_program, torch_program_runner))


def test_a_norm_with_an_activation_inside_is_not_folded():
    from timm.layers import BatchNormAct2d

    torch.manual_seed(0)
    bare = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, track_running_stats=False))
    for module in (nn.Sequential(nn.Conv2d(3, 8, 3), BatchNormAct2d(8)).eval(), bare.eval()):
        images = torch.randn(2, 3, 8, 8)
        assert torch.allclose(fold_batch_norms(module)(images), module(images), atol=1e-5)


class Squeezing(nn.Module):
    """Takes large images alone, and does what depends on their values."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 10, 5)

    def forward(self, images):
        x = self.convolution(images).mean((2, 3))
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(("side", "said"), [(4, "does not take images 3×4"), (16, "torch-export cannot write it")])
def test_what_cannot_be_exported_is_said_in_one_line(tmp_path, side, said):
    with pytest.raises(ExportError, match=f"the network cannot be exported: .*{said}"):
        export(Squeezing(), tmp_path / "n.pt2", side, format="torch-export")
    assert not list(tmp_path.iterdir())
