"""Designs are read from files that their user may have changed: what is damaged is told in a line."""

import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from zennas.cli.main import app
from zennas.designing import read_design
from zennas.designing.progress import progress, seconds_left
from zennas.errors import ZennasError
from zennas.report.design_page import design_payload
from zennas.train.metrics import read_metrics, write_metrics


@pytest.fixture
def copied(whole, tmp_path):
    """The finished design, to be damaged."""
    shutil.copytree(whole.directory, tmp_path / "copy")
    return tmp_path / "copy"


DAMAGE = {
    "round-1.yaml": [
        ("note:", "nota:", "note: Field required"),
        ("SuperConv", "SuperConf", "structure"),
        ("name: 1-1", "name: ../../1-1", "name"),
        ("candidates:", "candidates: []\nmore:", "more: "),
        ("score: ", "score: high #", "score"),
    ],
    "config.yaml": [("params: 20k", "params: lots", "params"), ("  iterations", "  plugins", "plugins")],
    "final/config.yaml": [("model: ", "model: [", "line ")],
    "candidates/1-1/metrics.csv": [(",accuracy,", ",accurate,", "damaged"), ("\n1,", "\n7,", "damaged")],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "said"), [(file, *change) for file, changes in DAMAGE.items() for change in changes]
)
def test_damage_is_named_in_one_line(copied, file, old, new, said):
    text = (copied / file).read_text()
    assert old in text
    (copied / file).write_text(text.replace(old, new, 1))
    with pytest.raises(ZennasError) as raised:
        read_design(copied)
    assert said in str(raised.value)
    assert file in str(raised.value)
    assert "\n" not in str(raised.value)


def test_metrics_read_back_as_they_were_written(tmp_path):
    assert read_metrics(tmp_path / "nowhere") == []
    history = [
        {"epoch": 1, "accuracy": float("nan"), "images_per_second": 12.5},
        {"epoch": 2, "accuracy": 1 / 3, "images_per_second": 0.1},
    ]
    write_metrics(history, tmp_path)
    assert repr(read_metrics(tmp_path)) == repr([{k: float(v) for k, v in row.items()} for row in history])


@pytest.mark.slow
def test_the_page_has_what_the_design_has(copied):
    done = CliRunner().invoke(app, ["report", str(copied)])
    assert done.exit_code == 0, done.output
    page = (copied / "report.html").read_text()
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1))
    result = read_design(copied)
    assert data == json.loads(json.dumps(design_payload(result)))
    assert data["test"] == 100 * result.test_accuracy
    assert data["best"] == result.winner.plan.name
    assert [c["name"] for c in data["candidates"]] == [c.plan.name for c in result.candidates]
    assert "--params 20k" in data["command"]
    assert data["command"].endswith("--threads 1")
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.slow
def test_the_page_of_a_design_that_has_only_begun(copied):
    for path in [*copied.glob("candidates/*"), copied / "final"]:
        shutil.rmtree(path)
    (copied / "round-2.yaml").unlink()
    result = read_design(copied)
    assert not result.finished
    assert design_payload(result)["best"] is None
    assert "--threads" not in design_payload(result)["command"]
    assert progress(result, "x", 1).total == 10
    assert seconds_left(result, 1) is None


@pytest.mark.slow
def test_a_page_of_a_design_is_one_of_its_own(copied):
    done = CliRunner().invoke(app, ["report", str(copied), str(copied)])
    assert isinstance(done.exception, ZennasError)


@pytest.mark.slow
def test_the_time_left_is_that_of_what_is_left(whole, copied):
    assert seconds_left(whole, 1) == 0
    assert progress(whole, "x", 1).done == progress(whole, "x", 1).total == 10
    shutil.rmtree(copied / "final")
    before_final = read_design(copied)
    assert (progress(whole, "x", 1).threads, progress(before_final, "x", 1).threads) == (1, None)
    best = before_final.best
    expected = 2 * best.seconds / len(best.accuracies) / 0.9
    assert seconds_left(before_final, 4) == pytest.approx(expected)
