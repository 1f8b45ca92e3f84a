"""`zennas report`, `compare` and `info --plot` as users call them."""

import json
import shutil

import pytest
from typer.testing import CliRunner

import zennas
from tests.cli.test_cli import run
from zennas.cli.main import app


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "one"
    zennas.search("resnet", 32, 10, params="200k", iterations=300, rescore=0, out=out)
    return out


def test_report_is_written_into_the_run(directory, tmp_path):
    result = run("report", directory)
    assert result.returncode == 0, result.stderr
    assert str(directory / "report.html") in result.stdout
    both = run("report", directory, directory, "--out", tmp_path / "both.html")
    assert both.returncode == 0
    assert (tmp_path / "both.html").stat().st_size > (directory / "report.html").stat().st_size


def test_report_of_no_run(tmp_path):
    result = run("report", tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(f"zennas: {tmp_path}: no run here")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_images(directory, tmp_path):
    pytest.importorskip("kaleido")
    if not (shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("kaleido draws with Chrome or Chromium, and neither is here")
    result = run("report", directory, "--out", tmp_path / "page.html", "--images", tmp_path, "--image-format", "svg")
    assert result.returncode == 0, result.stderr
    for name in ("history", "frontier", "architecture", "contributions"):
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()[:500]


def test_compare():
    table = run("compare", "zennet-cifar-0.5M", "zennet-cifar-1.0M", "--layers").stdout
    score = zennas.meanfield_score(zennas.load("zennet-cifar-1.0M"))
    assert f"{score.score:.2f}" in table
    assert "3×3 3→88" in table
    rows = json.loads(run("compare", "zennet-cifar-0.5M", "zennet-cifar-1.0M", "--json").stdout)
    assert [r["params"] for r in rows] == [zennas.costs(zennas.load(r["name"])).params for r in rows]
    assert sum(c["value"] for c in rows[1]["contributions"]) == pytest.approx(sum(score.contributions))
    assert run("compare", "zennet-cifar-0.5M", "nowhere").returncode == 2


def test_compare_divides_the_score_by_the_layers():
    network = zennas.load("zennet-cifar-1.0M")
    table = CliRunner().invoke(app, ["compare", "zennet-cifar-1.0M"]).stdout
    row = next(line for line in table.splitlines() if "score per layer" in line)
    assert row.split()[-1] == f"{zennas.meanfield_score(network).score / zennas.costs(network).layers:.2f}"


def test_info_draws_the_network(tmp_path):
    pytest.importorskip("plotly")
    result = run("info", "zennet-cifar-1.0M", "--plot", "--image", tmp_path / "net.html")
    assert result.stdout.count("█" * 5) >= 8
    assert "16×16\n" in result.stdout
    assert (tmp_path / "net.html").is_file()
    assert run("info", "zennet-cifar-1.0M", "--image", tmp_path / "net.bmp").returncode == 2
