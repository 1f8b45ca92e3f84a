"""The benchmark pages are what the kept results say, and those results what the code says."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def check(root, *words):
    """`benchmarks/all.py --check` in a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(root / "benchmarks" / "all.py"), "--check", *words]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)


def change(root, name, column, row, by):
    """Add to one number of a file of results; the key of its row."""
    path = root / "benchmarks" / "results" / f"{name}.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    key = next(key for key in kept["rows"] if key.endswith(row))
    kept["rows"][key][column] += by
    path.write_text(json.dumps(kept), encoding="utf-8")
    return key


@pytest.fixture
def scripts(monkeypatch):
    """Imports a script of `benchmarks/`, for this test alone."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if "benchmarks" in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.slow
def test_pages_results_and_code_agree():
    for module in ("scipy", "torch"):
        pytest.importorskip(module)
    done = check(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_what_does_not_agree_is_named(tmp_path):
    pytest.importorskip("scipy")
    for folder in ("docs", "benchmarks"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.partial.json", "*.html"))
    shutil.copy(ROOT / "README.md", tmp_path)
    page = tmp_path / "docs" / "benchmarks.md"
    text = page.read_text(encoding="utf-8")
    assert text.count("| zennet-cifar-2.0M | 32 | 235.62 ± 0.17 (64) |") == 1
    page.write_text(text.replace("235.62 ± 0.17 (64)", "235.63 ± 0.17 (64)"), encoding="utf-8")
    training = tmp_path / "docs" / "benchmarks-training.md"
    training.write_text(training.read_text(encoding="utf-8") + "\n| network | speed |\n| --- | --- |\n| mine | 7 |\n")
    row = change(tmp_path, "pooling", "score", "resnet-18", 0.02)
    network = change(tmp_path, "trained-cifar10", "params", "MobileNetV2, narrower · 0", 1)
    (tmp_path / "benchmarks" / "results" / "speed-scoring.json").unlink()
    done = check(tmp_path, "--only", "pooling", "--only", "trained-cifar10")
    assert done.returncode == 1, done.stderr
    assert "docs/benchmarks.md: -| zennet-cifar-2.0M | 32 | 235.63 ± 0.17 (64)" in done.stdout
    assert "docs/benchmarks.md: +| zennet-cifar-2.0M | 32 | 235.62 ± 0.17 (64)" in done.stdout
    assert "docs/benchmarks-training.md: no results fill this table: | network | speed |" in done.stdout
    assert f"pooling.json: {row}: score is kept as" in done.stdout
    assert f"trained-cifar10.json: {network}: params is kept as" in done.stdout
    assert "+Not measured yet: `python benchmarks/all.py --only speed-scoring`." in done.stdout
    assert "closed-form.json" not in done.stdout


def test_an_interrupted_benchmark_goes_on_unless_the_code_has_changed(scripts, tmp_path, monkeypatch):
    kept, machine = scripts("kept"), scripts("machine")
    monkeypatch.setattr(kept, "RESULTS", tmp_path)
    monkeypatch.setattr(machine, "share_in_use", lambda: 0.03)
    monkeypatch.setattr(sys, "argv", ["benchmarks/some.py", "--seeds", "2", "--keep"])
    (tmp_path / "some.json").write_text('{"rows": {}}', encoding="utf-8")

    def interrupted():
        with kept.measuring("some", keep=True) as results:
            results.add("first", seconds=1.5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    # What was whole stays until the new rows are.
    assert kept.all_kept(tmp_path)["some"].rows == {}
    with kept.measuring("some", keep=True) as results:
        assert "first" in results
        results.add("second", seconds=2.5)
    whole = kept.all_kept(tmp_path)["some"]
    assert whole.rows == {"first": {"seconds": 1.5}, "second": {"seconds": 2.5}}
    assert whole.command == "OMP_NUM_THREADS=1 python benchmarks/some.py --seeds 2"
    assert [session["in_use"] for session in whole.sessions] == [0.03, 0.03]
    assert [path.name for path in tmp_path.iterdir()] == ["some.json"]
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    monkeypatch.setattr(kept, "source", lambda: "other code")
    with kept.measuring("some", keep=True) as results:
        assert "first" not in results


def test_timings_wait_for_a_quiet_machine(scripts, tmp_path, monkeypatch, capsys):
    every = scripts("all")
    benchmark = every.Benchmark("some", "missing.py", {})
    monkeypatch.setattr(every, "share_in_use", lambda: 0.5)
    assert not every.run(benchmark, busy=False)
    assert "left out: others use 50%" in capsys.readouterr().out
    # Here the command is started, and fails: there is no such script.
    assert not every.run(benchmark, busy=True)
    assert "left out" not in capsys.readouterr().out


def test_every_script_is_a_benchmark_and_no_two_fill_the_same_part(scripts):
    every = scripts("all")
    parts = [part for benchmark in every.BENCHMARKS.values() for part in benchmark.shows]
    assert len(parts) == len(set(parts))
    kept = {path.stem for path in (ROOT / "benchmarks" / "results").glob("*.json") if ".partial" not in path.name}
    assert kept <= set(every.BENCHMARKS)
    for benchmark in every.BENCHMARKS.values():
        if benchmark.arguments:
            assert (ROOT / "benchmarks" / benchmark.arguments.split()[0]).is_file(), benchmark.name
