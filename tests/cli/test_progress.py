import io
import re
import sys

import pytest
from rich.progress import Progress as Bar

from zennas.architecture import parse_structure
from zennas.cli import progress as bars
from zennas.cli.design import design_progress
from zennas.counting import count_super_blocks
from zennas.designing.progress import DesignProgress
from zennas.runs.carrying_out import Progress
from zennas.searching.population import Candidate

BLOCKS = parse_structure("SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(16,32,2,16,3)").super_blocks
BEST = Candidate(0, 0, -1, (), BLOCKS, 210.36, count_super_blocks(BLOCKS, 32, 10))
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[str]:
    """What a search's bar shows at a width, a line for each phase."""
    columns = request.param
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    update = Bar.update

    def drawn(self: Bar, *arguments: object, **values: object) -> None:
        update(self, *arguments, **values)  # type: ignore[arg-type]
        self.refresh()
        stream.write("\n")

    monkeypatch.setattr(Bar, "update", drawn)
    monkeypatch.setattr(bars, "REFRESH_SECONDS", 0)
    with bars.search_progress(False) as watch:
        assert watch.progress is not None
        watch.progress(Progress("search", 11456, 48000, 9000, BEST, 3.0))
        watch.progress(Progress("rescore", 17, 120, 9000, BEST, 3.0))
        watch.progress(Progress("confirm", 3, 16, 9000, BEST, 3.0))
        watch.interrupted()
    return [ESCAPES.sub("", line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("lines", [60, 80, 120], indirect=True)
def test_count_bar_time_left_and_best_are_there_at_every_width(
    lines: list[str], request: pytest.FixtureRequest
) -> None:
    columns = request.node.callspec.params["lines"]
    search, rescore, confirm = (
        next(line for line in lines if count in line) for count in ("11456/48000", " 17/120", " 3/16")
    )
    for line, phase in ((search, "search"), (rescore, "rescore"), (confirm, "confirm")):
        assert re.match(f"{phase} [━╸╺]", line)
        assert "…" not in line
        assert len(line.rstrip()) <= columns
        assert re.search(r"-:--:--|\d:\d\d:\d\d", line)
    assert "best 210.36" in search
    assert "Monte Carlo repeats" in rescore
    assert ("multiply-adds" in search) is (columns >= 100)
    assert ("which choose among the best" in rescore) is (columns >= 100)
    assert any("interrupted" in line for line in lines)


@pytest.mark.parametrize(
    ("room", "expected"), [(0, ""), (3, "one"), (8, "one"), (9, "one  four"), (90, "one  four  x")]
)
def test_a_part_that_does_not_fit_ends_the_line(room: int, expected: str) -> None:
    assert bars.fitted(["one", "four", "x"], room) == expected


def test_a_design_says_once_how_many_threads_train_its_winner(capsys: pytest.CaptureFixture[str]) -> None:
    with design_progress(False) as watch:
        assert watch is not None
        watch(DesignProgress("round 1: searching", 0, 4, None, None))
        for done in (2, 3):
            watch(DesignProgress("training 1-1 in full", done, 4, 1.0, ("1-1", 0.5), 2))
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "threads" in line] == [
        "threads: 2 for the training of the winner; --threads sets it"
    ]
