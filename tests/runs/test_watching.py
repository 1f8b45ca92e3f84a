import io
from pathlib import Path
from xml.etree import ElementTree

import pytest

import zennas
from zennas.runs.carrying_out import Progress
from zennas.searching.population import Candidate


@pytest.fixture
def best() -> Candidate:
    return zennas.search(params="60k", layers=8, iterations=64, rescore=0).best.candidate


def test_each_phase_ends_with_its_line() -> None:
    stream = io.StringIO()
    zennas.search(params="60k", layers=8, iterations=640, rescore=0, watch=zennas.print_progress(stream, every=0))
    lines = [line.rpartition("\r")[2].rstrip() for line in stream.getvalue().splitlines()]
    assert lines[-1].startswith("search 640/640, best ")
    assert lines[-1].endswith("networks scored")
    assert stream.getvalue().count("\n") == 1
    assert " left" in stream.getvalue()


def test_a_phase_that_is_left_early_keeps_its_line(best: Candidate) -> None:
    stream = io.StringIO()
    watch = zennas.print_progress(stream, every=0)
    watch(Progress("search", 64, 640, 9, best, 0.1))
    watch(Progress("rescore", 1, 3, 9, best, 0.2))
    watch(Progress("rescore", 3, 3, 9, best, 0.2))
    watch(Progress("rescore", 3, 3, 9, best, 0.2))
    shown = stream.getvalue()
    assert shown.count("\n") == 2
    assert shown.index("search 64/640") < shown.index("\n") < shown.index("rescore 1/3")
    assert shown.count("rescore 3/3") == 1


def test_it_is_written_no_more_often_than_asked(best: Candidate) -> None:
    stream = io.StringIO()
    watch = zennas.print_progress(stream, every=1000)
    for done in range(64, 640, 64):
        watch(Progress("search", done, 640, 9, best, 0.1))
    assert stream.getvalue().count("\r") == 1
    watch(Progress("search", 640, 640, 9, best, 0.1))
    assert "640/640" in stream.getvalue()


def test_a_result_is_one_line_and_a_table(tmp_path: Path) -> None:
    result = zennas.search(params=["40k", "60k"], layers=8, iterations=128, rescore=0, out=tmp_path / "run")
    assert len(repr(result)) < 300
    assert f"{result.score:.2f}" in repr(result)
    assert str(tmp_path / "run") in repr(result)
    table = ElementTree.fromstring(result._repr_html_())
    rows = [[cell.text for cell in row] for row in table.find("tbody") or ()]
    assert [row[1] for row in rows] == [f"{winner.score:.2f}" for winner in result.winners]
