import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import zennas
from zennas.blocks.layers import Convolution
from zennas.errors import LatencyError, TooLargeError
from zennas.export import export
from zennas.latency import backends
from zennas.latency.backends import measured_file, prepared
from zennas.latency.collect import timed_module
from zennas.latency.drift import reference, reference_seconds
from zennas.latency.measure import (
    FEWEST_BATCHES,
    WARM_UP_BATCHES,
    measure,
    random_network,
    summary,
    time_batches,
)
from zennas.latency.setting import Setting

SMALL = zennas.load("SuperConvK3BNRELU(3,8,2,1)SuperResIDWE2K3SE(8,8,2,8,1)GBtn[k3,g8](8,16,1,16,1)")


@pytest.mark.parametrize(("backend", "dtype"), [("torch", "fp32"), ("onnxruntime", "fp32"), ("onnxruntime", "int8")])
def test_a_network_is_measured(backend: str, dtype: str) -> None:
    found = measure(SMALL, Setting(backend=backend, dtype=dtype, batch_size=2, resolution=16), 10, batches=6)
    assert found.latency > 0
    assert len(found.batches) == 6
    assert min(found.batches) <= found.latency <= max(found.batches)
    shown = found.as_json()
    assert (shown["backend"], shown["dtype"], shown["threads"]) == (backend, dtype, 1)
    assert shown["device_name"]


def test_the_median_is_of_one_image_and_does_not_follow_outliers() -> None:
    quiet = [1.0] * 15 + [1.02] * 15
    found = summary([*quiet, 90.0, 90.0], Setting())
    assert found.latency == pytest.approx(1.01, abs=0.011)
    assert found.trusted
    assert not summary([1.0] * 15 + [1.5] * 15, Setting()).trusted


def test_the_spread_is_half_the_range_of_the_middle_two_thirds() -> None:
    found = summary([float(seconds) for seconds in range(101)], Setting())
    assert found.latency == 50
    assert found.spread == pytest.approx((84 - 16) / 2 / 50)


def test_batch_times_are_divided_by_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zennas.latency.measure.time_batches", lambda *_: [8.0, 8.0, 8.0])
    assert measure(SMALL, Setting(batch_size=4, resolution=16), 10).latency == 2.0


def test_mini_batches_are_counted_after_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    ticks = iter(range(10_000))
    monkeypatch.setitem(
        __import__("zennas.latency.measure", fromlist=["x"])._CLOCKS, "wall", lambda: float(next(ticks))
    )
    times = time_batches(lambda: calls.append(1), "wall", 30, None)
    assert times == [1.0] * 30
    assert len(calls) == 30 + WARM_UP_BATCHES
    assert len(time_batches(lambda: None, "wall", 30, 0.0)) == FEWEST_BATCHES


def test_the_device_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[object] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: waited.append(device))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)

    class Anywhere(nn.Module):
        def to(self, *_: object, **__: object) -> "Anywhere":  # type: ignore[override]
            return self

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert not waited
            return x

    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_: self)
    with prepared(Anywhere(), (1, 3, 4, 4), Setting(device="cuda")) as run:
        run()
    assert waited == ["cuda"]


def test_the_number_of_threads_is_set_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    with prepared(nn.Identity(), (1, 3, 4, 4), Setting(threads=before + 1)) as run:
        run()
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")])
def test_out_of_memory_is_reported_as_such(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Iterator[None]:
        raise error

    monkeypatch.setattr(backends, "_torch", fail)
    with pytest.raises(TooLargeError, match="out of memory on cpu at batch 64"):
        measure(SMALL, Setting(resolution=16), 10)


def test_another_failure_is_no_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Iterator[None]:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(backends, "_torch", fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        measure(SMALL, Setting(resolution=16), 10)


def test_a_failing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_nothing(module: nn.Module) -> object:
        def fail(*_: object) -> None:
            raise RuntimeError("\nno working compiler\nand much more")

        return fail

    monkeypatch.setattr(torch, "compile", compile_nothing)
    with pytest.raises(LatencyError, match=r"torch\.compile fails here: no working compiler; use --backend torch"):
        measure(SMALL, Setting(backend="torch-compile", resolution=16), 10)


@pytest.mark.parametrize(
    ("dtype", "batch", "options"),
    [
        ("fp32", 1, {}),
        ("fp32", 4, {"dynamic_batch": True}),
        ("int8", 1, {"dtype": "int8"}),
        ("int8", 4, {"dtype": "int8", "dynamic_batch": True}),
    ],
)
def test_what_runs_is_the_file_that_an_export_writes(
    dtype: str, batch: int, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[bytes] = []
    session = backends.onnx_session
    monkeypatch.setattr(
        backends, "onnx_session", lambda model, threads: (ran.append(model), session(model, threads))[1]
    )
    setting = Setting(backend="onnxruntime", dtype=dtype, batch_size=batch, resolution=16)
    measure(SMALL, setting, 10, batches=1)
    if dtype == "int8":
        images = list(backends.normal_images((batch, 3, 16, 16)))
        monkeypatch.setattr("zennas.export.images.ExportImages.calibration", lambda *_: iter(images))
        monkeypatch.setattr("zennas.export.images.ExportImages.accuracy", lambda *_: 0.0)
        options = {**options, "data": "digits"}
    export(random_network(SMALL, 10), tmp_path / "n.onnx", 16, **options)
    assert ran == [(tmp_path / "n.onnx").read_bytes()]


def test_int8_computes_convolutions_in_int8() -> None:
    import onnx

    model = onnx.load_from_string(measured_file(zennas.build(SMALL, 10), (1, 3, 16, 16), "int8"))
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    dequantised = {out for node in model.graph.node if node.op_type == "DequantizeLinear" for out in node.output}
    assert len(convolutions) == zennas.costs(SMALL, 16, 10).convolutions
    assert all(set(node.input[:2]) <= dequantised for node in convolutions)


def test_measuring_needs_nothing_of_the_extra_train() -> None:
    code = (
        "import sys\n"
        "for name in ('timm', 'accelerate', 'safetensors', 'huggingface_hub', 'torchvision', 'onnxscript'):\n"
        "    sys.modules[name] = None\n"
        "import zennas\n"
        "from zennas.latency.measure import measure\n"
        "from zennas.latency.setting import Setting\n"
        "network = zennas.load('SuperConvK3BNRELU(3,8,2,1)')\n"
        "measure(network, Setting(backend='onnxruntime', dtype='int8', batch_size=1, resolution=8), 2, batches=1)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_classes_are_the_architectures_own(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[nn.Module] = []
    monkeypatch.setattr("zennas.latency.measure.measure_module", lambda module, *_: built.append(module))
    measure(replace(SMALL, num_classes=2), Setting(resolution=16))
    assert built[0].num_classes == 2


def test_a_single_layer_is_what_the_network_is_built_of() -> None:
    layer = Convolution(8, 16, 5, 2, groups=4, activation=None, bias=True)
    module = timed_module(*layer.timed(9))
    assert module is not None
    assert module(torch.zeros(2, 8, 9, 9)).shape == (2, 16, 5, 5)
    assert sum(p.numel() for p in module.parameters()) == layer.params
    assert not any(isinstance(part, nn.ReLU) for part in module.modules())


def test_measuring_and_its_reference_leave_the_random_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    setting = Setting(batch_size=1, resolution=16, clock="cpu")
    measure(SMALL, setting, 10, batches=1)
    with reference(setting) as run:
        assert 0 < reference_seconds(run, setting) < 60
    assert torch.equal(torch.rand(1), expected)


def test_predicting_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['sklearn'] = None;"
        "import zennas.latency.predictor, zennas.latency.records, zennas.latency.in_search"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
