"""Signals to real processes: exit codes by which shells stop, and runs that go on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zennas.runs.listing import list_runs
from zennas.runs.store import RunStore

SEARCH = ["search", "--params", "60k", "--layers", "12", "--iterations", "2000000", "--quiet"]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "zennas", *words]


def begun(out: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until a run has committed its first rounds."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (out / "run.db").exists():
            store = RunStore(out)
            try:
                if store.count() > 64:
                    return
            finally:
                store.close()
        time.sleep(0.05)
    pytest.fail(f"the search did not begin: {process.poll()}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_search_ends_as_shells_expect_and_goes_on(tmp_path: Path, number: int, code: int) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        command(*SEARCH, "--rescore", "0", "--json", "--out", str(out)), stdout=subprocess.PIPE, text=True
    )
    begun(out, process)
    process.send_signal(number)
    shown, _ = process.communicate(timeout=120)
    assert process.returncode == code
    document = json.loads(shown)
    assert document["status"] == "interrupted"
    (run,) = list_runs(tmp_path)
    assert (run.state, run.iteration) == ("interrupted", document["iterations"])
    more = ["search", "--resume", str(out), "--iterations", str(document["iterations"] + 640), "--quiet", "--json"]
    done = subprocess.run(command(*more), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["status"] == "finished"


def test_a_search_interrupted_while_re_scoring_is_not_finished(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    out = tmp_path / "run"
    words = [
        "search",
        "--params",
        "60k",
        "--score",
        "meanfield",
        "--layers",
        "12",
        "--iterations",
        "640",
        "--rescore",
        "16",
        "--repeats",
        "4096",
    ]
    process = subprocess.Popen(command(*words, "--quiet", "--out", str(out)), stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (out / "run.db").exists() and _state(out).get("iteration") == 640:
            break
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    shown, _ = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "interrupted" in shown
    (run,) = list_runs(tmp_path)
    assert run.state == "interrupted"


def _state(out: Path) -> dict[str, object]:
    store = RunStore(out)
    try:
        return store.state()
    finally:
        store.close()


def test_a_shell_stops_where_a_search_was_interrupted(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = " ".join(command(*SEARCH, "--rescore", "0", "--out", str(out)))
    shell = subprocess.Popen(
        ["sh", "-c", f"{words} && echo went on"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    begun(out, shell)
    os.killpg(shell.pid, signal.SIGINT)
    shown, _ = shell.communicate(timeout=120)
    assert "went on" not in shown
    assert shell.returncode != 0


def test_two_kinds_of_json_are_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        command(*SEARCH, "--json", "--log-json", "--out", str(tmp_path / "run")), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "--json and --log-json" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_every_shell(shell: str) -> None:
    shown = subprocess.run(command("--show-completion", shell), capture_output=True, text=True, check=True).stdout
    assert "zennas" in shown
    asked = {
        "bash": {"COMP_WORDS": "zennas search --lay", "COMP_CWORD": "2"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "zennas search --lay"},
        "fish": {"_TYPER_COMPLETE_ARGS": "zennas search --lay", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    environment = {**os.environ, **asked, "_ZENNAS_COMPLETE": f"complete_{shell}"}
    run = [sys.executable, "-c", "import sys; sys.argv = ['zennas']; from zennas.cli.main import main; main()"]
    assert "--layers" in subprocess.run(run, env=environment, capture_output=True, text=True).stdout
