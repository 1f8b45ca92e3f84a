"""A page that follows a search which goes on, in a real browser and by a real server."""

import contextlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import zennas
from tests.report.browser import chromium_or_skip, opened
from zennas.errors import RunError
from zennas.report.live import live_server, state_of
from zennas.runs.run import resume_run

SETTINGS = dict(params="60k", layers=8, num_classes=10, rescore=0)


@contextlib.contextmanager
def serving(directories: list[Path], drawn: list[str]) -> Iterator[str]:
    server = live_server(directories, lambda: drawn[-1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{server.server_address[0]}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def asked(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


PAGE = """<meta content="default-src 'none'; img-src data:"><script>"use strict";\n</script>"""


def test_the_page_is_drawn_anew_only_when_the_run_has_changed(tmp_path: Path) -> None:
    out = tmp_path / "run"
    zennas.search(out=out, iterations=64, **SETTINGS)
    drawn = [PAGE.replace("strict", "first")]
    with serving([out], drawn) as address:
        first, version = asked(f"{address}/"), asked(f"{address}/version")
        assert f'"{version}"' in first
        assert "connect-src 'self'" in first
        drawn.append(PAGE.replace("strict", "second"))
        assert asked(f"{address}/") == first
        resume_run(out, {"iterations": 128})
        assert asked(f"{address}/version") != version
        assert "second" in asked(f"{address}/")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            asked(f"{address}/../../etc/passwd")


def test_only_this_machine_is_answered(tmp_path: Path) -> None:
    server = live_server([tmp_path], lambda: "")
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()


def test_files_that_go_away_are_no_error(tmp_path: Path) -> None:
    assert state_of([tmp_path / "none"]) == state_of([tmp_path / "none"])


def test_the_command_follows_a_run_in_a_browser_until_ctrl_c(tmp_path: Path) -> None:
    chromium_or_skip()
    out = tmp_path / "run"
    zennas.search(out=out, iterations=64, **SETTINGS)
    command = [sys.executable, "-m", "zennas", "report", str(out), "--watch"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
    assert found is not None
    with opened(tmp_path / "none.html", tmp_path / "profile") as driver:
        driver.get(found[0])
        assert "64 of 64 iterations" in driver.find_element("id", "winner").text
        resume_run(out, {"iterations": 192})
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(Exception):
                if "192 of 192 iterations" in driver.find_element("id", "winner").text:
                    break
            time.sleep(0.3)
        assert "192 of 192 iterations" in driver.find_element("id", "winner").text
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0


def test_what_cannot_be_watched_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zennas", "report", str(tmp_path), "--watch"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_a_run_that_is_being_written_is_asked_for_again(tmp_path: Path) -> None:
    def draw() -> str:
        raise RunError("another process began to write")

    server = live_server([tmp_path], draw)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(urllib.error.HTTPError, match="503") as answer:
            asked(f"http://{server.server_address[0]}:{server.server_address[1]}")
        answer.value.close()
    finally:
        server.shutdown()
        server.server_close()
