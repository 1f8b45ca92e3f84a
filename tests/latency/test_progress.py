"""Progress and the time left of measuring and learning: from what was done, on clocks of the test."""

import io
import sys
from types import SimpleNamespace

import pytest
from devices import device_measurements

from zennas.cli import progress as bars
from zennas.cli.console import console
from zennas.latency.fit import QUICK, fit_predictor
from zennas.latency.progress import PHASES, Work, work
from zennas.latency.space_measuring import _until_the_end
from zennas.runs.carrying_out import Progress


def test_the_time_left_is_that_of_the_pace_so_far_and_no_longer_than_the_limit() -> None:
    assert work("networks", 10, 100, 20.0).left == 180.0
    assert work("networks", 10, 100, 20.0, limit=50.0).left == 30.0
    assert work("networks", 10, 100, 20.0, limit=5.0).left == 0.0
    # Of forty networks thirty were there before, and took no time.
    assert work("networks", 40, 100, 20.0, before=30).left == 120.0
    assert work("networks", 30, 100, 20.0, before=30).left is None
    assert work("learning", 1.5, 3, 6.0).left == 6.0
    assert [work("networks", 10, 100, s, limit=50.0).share for s in (1.0, 20.0, 80.0)] == [0.1, 0.4, 1.0]


def test_a_part_tells_the_time_until_all_networks_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("zennas.latency.space_measuring.time", SimpleNamespace(perf_counter=lambda: now[0]))
    told: list[Work] = []
    watch = _until_the_end(told.append, SimpleNamespace(samples=90, time_limit=100.0, least=0), 0.0)
    for done in (31, 32, 33):
        now[0] += 2.0
        watch(Work("networks", done, 60, 1.0))
    assert [(part.total, part.left) for part in told] == [(90, 98.0), (90, 96.0), (90, 94.0)]
    now[0] = 50.0
    watch(Work("networks", 80, 60, 1.0))
    assert told[-1].left == 10.0
    watch(Work("again", 3, 6, 7.0))
    assert told[-1] == Work("again", 3, 6, 7.0)
    # Six are still missing of those that are measured whatever the time.
    late = _until_the_end(told.append, SimpleNamespace(samples=90, time_limit=100.0, least=10), 0.0)
    now[0] = 120.0
    for done in (1, 2, 3, 4):
        late(Work("networks", done, 60, 0.0))
    assert told[-1].left == 180.0


def test_learning_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zennas.latency.learn.STEPS", 200)
    told: list[Work] = []
    predictor = fit_predictor(device_measurements("resnet", 25, 0.0), None, 0, told.append, QUICK)
    assert set(predictor.report["models"]) == set(QUICK)
    assert [part.done for part in told] == [0.0, 0.25, 0.5, 0.75]
    assert {(part.phase, part.total) for part in told} == {("learning", 2)}
    assert told[0].left is None
    assert all(part.left is not None for part in told[1:])


WORKS = [
    Work("layout", 2, 5, None),
    Work("networks", 12, 90, 61.0),
    Work("again", 1, 6, 2.0),
    Work("learning", 1, 2, 4.0),
]


def _drawn(monkeypatch: pytest.MonkeyPatch, terminal: bool, quiet: bool) -> str:
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    assert console(error=True).is_terminal is terminal
    with bars.measuring_progress(quiet) as watch:
        assert (watch is not None) is (terminal and not quiet)
        for part in WORKS if watch is not None else ():
            watch(part)  # type: ignore[misc]
    return stream.getvalue()


def test_on_a_terminal_each_phase_and_the_time_left_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.progress.Progress.update", _updated_at_once())
    text = _drawn(monkeypatch, terminal=True, quiet=False)
    for part in WORKS:
        assert PHASES[part.phase] in text
    assert "12/90 networks, at most 1m01s left" in text
    assert "learning" in text


def _updated_at_once() -> object:
    """`Progress.update` that draws at once, not by the clock."""
    from rich.progress import Progress as Bar

    update = Bar.update

    def drawn(self: Bar, *arguments: object, **values: object) -> None:
        update(self, *arguments, **values)  # type: ignore[arg-type]
        self.refresh()

    return drawn


@pytest.mark.parametrize(("terminal", "quiet"), [(False, False), (True, True), (False, True)])
def test_elsewhere_and_where_it_is_asked_for_nothing_is_drawn(
    terminal: bool, quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rich.progress.Progress.update", _updated_at_once())
    assert _drawn(monkeypatch, terminal, quiet) == ""


def test_a_search_draws_its_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.progress.Progress.update", _updated_at_once())
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with bars.search_progress(False) as watch:
        assert watch.progress is not None
        watch.progress(Progress("measure", 2, 9, 100, None, 3.0))  # type: ignore[arg-type]
    assert "measure" in stream.getvalue()
    assert "2/9" in stream.getvalue()
