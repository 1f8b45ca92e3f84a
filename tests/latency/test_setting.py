import pytest

from zennas.errors import LatencyError, MissingExtraError
from zennas.latency import setting as setting_room
from zennas.latency.backends import check_supported
from zennas.latency.setting import Setting, differences, on_this_machine, setting_from_json


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backend": "tvm"}, "allowed are torch, torch-compile, onnxruntime"),
        ({"dtype": "fp64"}, "allowed are fp32, fp16, bf16, int8"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"clock": "cpu", "threads": 2}, "--threads 1"),
        ({"clock": "cpu", "device": "cuda"}, "--clock wall"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(LatencyError, match=message):
        Setting(**values)  # type: ignore[arg-type]


def test_a_cpu_has_no_number() -> None:
    assert Setting(device="cpu:0", clock="cpu") == Setting(clock="cpu")


def test_a_setting_survives_json() -> None:
    given = Setting("cpu", "onnxruntime", "int8", 8, 64, 2, "wall", "a name", {"torch": "2.0"})
    assert setting_from_json(given.as_json(), "file") == given


@pytest.mark.parametrize("change", [{"extra": 1}, {"batch_size": "8"}, {"versions": [1]}, {"backend": "tvm"}])
def test_a_damaged_setting_is_refused_with_its_place(change: dict[str, object]) -> None:
    with pytest.raises(LatencyError, match="file"):
        setting_from_json({**Setting().as_json(), **change}, "file")


def test_differences_name_what_differs_and_leave_out_what_is_not_asked() -> None:
    assert differences(Setting(), {"dtype": "fp16", "batch_size": 64, "backend": None}) == ["dtype"]


def test_this_machine_is_named_and_devices_that_are_not_here_are_refused() -> None:
    import torch

    here = on_this_machine(Setting())
    assert here.device_name
    assert here.versions["torch"]
    if not torch.cuda.is_available():
        with pytest.raises(LatencyError, match="no CUDA device is present"):
            on_this_machine(Setting(device="cuda"))
    with pytest.raises(LatencyError, match="unknown device 'abacus'"):
        on_this_machine(Setting(device="abacus"))


def test_number_types_that_the_backend_or_the_cpu_lacks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    with pytest.raises(LatencyError, match="--backend onnxruntime"):
        check_supported(Setting(dtype="int8"))
    with pytest.raises(LatencyError, match="fp16"):
        check_supported(Setting(backend="onnxruntime", dtype="fp16"))
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_fp16_supported", lambda: False)
    with pytest.raises(LatencyError, match="no fp16 arithmetic"):
        check_supported(Setting(dtype="fp16"))


def test_a_missing_backend_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"zennas\[latency\]"):
        check_supported(Setting(backend="onnxruntime"))


def test_the_processor_has_a_name_where_proc_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting_room.Path, "is_file", lambda self: False)
    assert setting_room._cpu_name()


@pytest.mark.parametrize("resolution", [32, "24x16", (24, 16)])
def test_a_setting_does_not_differ_from_what_its_file_says(resolution):
    setting = Setting(resolution=resolution)
    document = {name: value for name, value in setting.as_json().items() if name != "versions"}
    assert differences(setting, document) == []
    assert differences(setting, {**document, "resolution": "24x17"}) == ["resolution"]
