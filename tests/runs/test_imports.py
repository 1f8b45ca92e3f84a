"""What a file names is not imported unless somebody allows it: every reader, without leave and with it."""

import os
import subprocess
import sys
import uuid

import pytest

import zennas
from zennas.accuracy.networks import read_networks
from zennas.errors import ImportRefusedError, ZennasError
from zennas.io.settings import CONFIG
from zennas.runs.listing import list_runs
from zennas.searching.plugins import load_plugins

SMALL = dict(params="100k", layers=8, iterations=100, population=16, rescore=0)
FACTORY = """

def net():
    import zennas
    return zennas.load("zennet-cifar-0.5M")
"""
BLOCK = """
from zennas import Convolution, register_block, residual


@register_block("Plugged", needs=("bottleneck",), replace_existing=True)
def plugged(block, in_channels, stride, first):
    inner = block.bottleneck
    main = (Convolution(in_channels, inner, block.kernel, stride), Convolution(inner, block.out_channels, 1))
    return [residual(main, in_channels, block.out_channels, stride, first)]
"""


class Module:
    """A module of somebody's that leaves a mark when it is imported."""

    def __init__(self, folder):
        self.name = f"marked_{uuid.uuid4().hex}"
        self._mark = folder / f"{self.name}.imported"
        text = f"from pathlib import Path\nPath({str(self._mark)!r}).touch()\n{FACTORY}"
        (folder / f"{self.name}.py").write_text(text, encoding="utf-8")

    @property
    def imported(self):
        return self._mark.exists()


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    made = Module(tmp_path)
    yield made
    sys.modules.pop(made.name, None)


@pytest.fixture
def run(tmp_path):
    """A run whose `config.yaml` can be changed as somebody else would have written it."""
    zennas.search("resnet", 16, 10, out=tmp_path / "run", **SMALL)
    return tmp_path / "run"


def add(run, line):
    path = run / CONFIG
    lines = [old for old in path.read_text(encoding="utf-8").splitlines() if not old.startswith(line.partition(":")[0])]
    path.write_text("\n".join([line, *lines]) + "\n", encoding="utf-8")


def command(*words, path=None):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*([str(path)] if path else []), *sys.path])}
    words = [sys.executable, "-m", "zennas", *map(str, words)]
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)


def one_line(done):
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_a_run_is_read_without_its_plugins(run, module):
    add(run, f"plugins: [{module.name}]")
    result = zennas.read_run(run)
    assert result.plugins_left_out == (module.name,)
    assert result.scored == len(result.candidates())
    assert [summary.state for summary in list_runs(run)] == ["finished"]
    assert not module.imported
    assert zennas.read_run(run, allow_imports=True).plugins_left_out == ()
    assert module.imported


def test_a_setting_that_a_plugin_may_register_does_not_import_it(run, module):
    add(run, f"plugins: [{module.name}]")
    add(run, "stages: 3")
    with pytest.raises(ImportRefusedError, match=rf"unknown setting 'stages'.*{module.name}.*--allow-imports"):
        zennas.read_run(run)
    state = list_runs(run)[0].state
    assert state.startswith("not read: ")
    assert "--allow-imports" in state
    assert not module.imported
    with pytest.raises(ZennasError, match="unknown setting 'stages'"):
        zennas.read_run(run, allow_imports=True)
    assert module.imported


def test_a_resume_does_not_import_what_only_the_file_names(run, module):
    add(run, f"plugins: [{module.name}]")
    with pytest.raises(ImportRefusedError, match=rf"plugins: '{module.name}'.*--allow-imports"):
        zennas.resume_run(run, {"iterations": 150})
    assert not module.imported
    assert zennas.resume_run(run, {"iterations": 150}, allow_imports=True).iterations == 150
    assert module.imported


def test_naming_the_plugin_again_is_leave_to_import_it(run, module):
    add(run, f"plugins: [{module.name}]")
    assert zennas.resume_run(run, {"iterations": 150, "plugins": [module.name]}).iterations == 150
    assert module.imported


def test_naming_another_plugin_is_no_leave(run, module, tmp_path):
    other = Module(tmp_path)
    add(run, f"plugins: [{module.name}]")
    with pytest.raises(ImportRefusedError, match=module.name):
        zennas.resume_run(run, {"plugins": [other.name]})
    assert not module.imported


def test_a_start_of_a_file_is_not_called(run, module):
    pytest.importorskip("torch")
    add(run, f"start: {module.name}:net")
    assert zennas.read_run(run).scored
    with pytest.raises(ImportRefusedError, match=rf"start: '{module.name}:net'.*--allow-imports"):
        zennas.resume_run(run, {"iterations": 150})
    assert not module.imported
    assert zennas.resume_run(run, {"iterations": 150, "start": f"{module.name}:net"}).iterations == 150
    assert module.imported


def test_a_function_of_an_imported_module_is_not_called_either(run):
    """Importing `os` once more would do nothing; calling what a file names in it may."""
    add(run, "start: os:abort")
    with pytest.raises(ImportRefusedError, match="'os:abort'"):
        zennas.resume_run(run, {"iterations": 150})


def test_what_this_process_has_run_already_needs_no_leave(tmp_path, module):
    pytest.importorskip("torch")
    settings = {**SMALL, "params": "600k", "layers": 40, "plugins": [module.name], "start": f"{module.name}:net"}
    zennas.search("resnet", 32, 10, out=tmp_path / "own", **settings)
    assert zennas.resume_run(tmp_path / "own", {"iterations": 150}).iterations == 150
    assert zennas.read_run(tmp_path / "own").plugins_left_out == ()


def test_zoo_names_and_structures_need_no_leave(run):
    structure = "SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,16,2,8,1)SuperConvK1BNRELU(16,64,1,1)"
    for start in ("zennet-cifar-0.5M", structure):
        add(run, f"start: {start}")
        assert zennas.resume_run(run).status == "finished"


def test_a_studys_table_does_not_call_factories(tmp_path, module):
    pytest.importorskip("torch")
    table = tmp_path / "study.csv"
    table.write_text(f"model,resolution,accuracy\nzennet-cifar-0.5M,32,90\n{module.name}:net,32,91\n", encoding="utf-8")
    with pytest.raises(ImportRefusedError, match=r"study\.csv: row 2: .*--allow-imports"):
        read_networks(str(table))
    done = command("study", table, path=tmp_path)
    assert "row 2" in one_line(done)
    assert not module.imported
    assert len(read_networks(str(table), allow_imports=True).networks) == 2
    assert module.imported


def test_a_studys_table_may_name_library_models(tmp_path):
    pytest.importorskip("timm")
    table = tmp_path / "study.csv"
    table.write_text("model,resolution,accuracy\ntorchvision:resnet18,32,90\ntimm:resnet18,32,91\n", encoding="utf-8")
    assert len(read_networks(str(table)).networks) == 2


def test_a_run_of_a_plugins_blocks_on_the_command_line(tmp_path):
    module = Module(tmp_path)
    path = tmp_path / f"{module.name}.py"
    path.write_text(path.read_text(encoding="utf-8") + BLOCK, encoding="utf-8")
    space = tmp_path / "space.yaml"
    space.write_text("name: plugged\nchoices: [{block: Plugged, kernel: 3}]\n", encoding="utf-8")
    run = tmp_path / "run"
    words = ["--plugin", module.name, "--space", space, "--layers", 8, "--iterations", 60, "--rescore", 0, "--quiet"]
    done = command("search", *words, "--out", run, path=tmp_path)
    assert done.returncode == 0, done.stderr
    module._mark.unlink()

    said = one_line(command("report", run, path=tmp_path))
    assert "Plugged" in said
    assert "--allow-imports" in said
    assert "--allow-imports" in one_line(command("search", "--resume", run, "--iterations", 80, path=tmp_path))
    assert command("runs", run, path=tmp_path).returncode == 0
    assert not module.imported

    done = command("report", run, "--allow-imports", path=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (run / "report.html").is_file()
    for leave, iterations in ((["--plugin", module.name], 80), (["--allow-imports"], 100)):
        words = [*leave, "--iterations", iterations, "--quiet"]
        done = command("search", "--resume", run, *words, path=tmp_path)
        assert done.returncode == 0, done.stderr
    assert module.imported


@pytest.mark.parametrize("raised", ["sys.exit(3)", "sys.exit()", "raise GeneratorExit"])
def test_code_that_would_end_the_process_is_an_error(tmp_path, monkeypatch, raised):
    monkeypatch.syspath_prepend(tmp_path)
    name = f"ending_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(f"import sys\n{raised}\n", encoding="utf-8")
    with pytest.raises(ZennasError, match=f"plugin '{name}' raised .*Exit"):
        load_plugins([name])
    pytest.importorskip("torch")
    with pytest.raises(ZennasError, match=f"{name} raised .*Exit"):
        zennas.load(f"{name}:net")
    (tmp_path / f"{name}.py").write_text(f"import sys\ndef net():\n    {raised}\n", encoding="utf-8")
    with pytest.raises(ZennasError, match=rf"{name}:net\(\) raised .*Exit"):
        zennas.load(f"{name}:net")


def test_sys_exit_as_a_factory_is_said_in_one_line():
    pytest.importorskip("torch")
    assert "sys:exit() raised SystemExit" in one_line(command("score", "sys:exit", "--resolution", 32))


@pytest.mark.parametrize("name", ["", "..x", "a b", "a;b"])
def test_a_plugin_has_the_name_of_a_module(name):
    with pytest.raises(ZennasError, match="not the dotted name of a module"):
        load_plugins([name])
