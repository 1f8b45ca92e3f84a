"""A training's `config.yaml` does not get code to run by naming it."""

import sys

import pytest

import zennas.train
from tests.runs.test_imports import Module
from zennas.errors import ImportRefusedError
from zennas.io.settings import CONFIG
from zennas.train.run import ARCHITECTURE


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    made = Module(tmp_path)
    text = (tmp_path / f"{made.name}.py").read_text(encoding="utf-8")
    classifier = "def net(num_classes):\n    import zennas\n    return zennas.parse_structure({tiny!r})\n"
    tiny = "SuperConvK3BNRELU(3,8,2,1)SuperResK3K3(8,16,2,16,1)"
    (tmp_path / f"{made.name}.py").write_text(text + classifier.format(tiny=tiny), encoding="utf-8")
    yield made
    sys.modules.pop(made.name, None)


@pytest.mark.parametrize("setting", ["model", "teacher"])
def test_a_resume_does_not_call_factories(tmp_path, tiny, quick, module, setting):
    out = tmp_path / "run"
    zennas.train.train(tiny, out, **{**quick, "epochs": 1})
    lines = (out / CONFIG).read_text(encoding="utf-8").splitlines()
    if setting == "model":
        (out / ARCHITECTURE).unlink()
        lines = [f"model: {module.name}:net", *(line for line in lines if not line.startswith("model:"))]
    else:
        lines += [f"teacher: {module.name}:net", f"teacher_weights: {out / 'best.safetensors'}"]
    (out / CONFIG).write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(ImportRefusedError, match=rf"{setting}: '{module.name}:net'.*--allow-imports"):
        zennas.train.resume_training(out)
    assert not module.imported
    assert len(zennas.train.resume_training(out, allow_imports=True).history) == 1
    assert module.imported
