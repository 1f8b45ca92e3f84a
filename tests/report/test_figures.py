"""Plotly figures hold the run's own numbers."""

import pytest

import zennas
from zennas.errors import UnknownNameError, ZennasError
from zennas.report.figures import plot_architecture, plot_contributions, plot_frontier, plot_history
from zennas.report.images import write_image

pytest.importorskip("plotly")


@pytest.fixture(scope="module")
def result():
    return zennas.search("resnet", 32, 10, params="300k", layers=12, iterations=600, population=32, rescore=0)


def test_history(result):
    best = next(trace for trace in plot_history(result).data if trace.name == "best")
    assert best.y[-1] == result.score
    assert best.x[-1] == 600


def test_frontier(result):
    figure = plot_frontier(result, "flops")
    traces = {trace.name: trace for trace in figure.data}
    assert len(traces["candidates"].x) == result.scored
    assert list(traces["winners"].y) == [result.score]
    assert list(traces["frontier"].x) == sorted(traces["frontier"].x)
    assert traces["frontier"].y[-1] == max(traces["candidates"].y)
    assert any(shape.x0 == 300_000 for shape in plot_frontier(result, "params").layout.shapes)
    with pytest.raises(UnknownNameError, match="latency"):
        plot_frontier(result, "latency")


def test_architecture_and_contributions(result):
    assert len(plot_architecture(result).data) == len(result.architecture.super_blocks)
    score = zennas.meanfield_score(result.architecture)
    assert tuple(plot_contributions(result).data[0].y) == score.contributions
    network = zennas.load("zennet-imagenet-400M-se")
    assert plot_architecture(network).data[-1].y[0] == network.resolution // 32
    assert len(plot_contributions(network).data[0].x) == len(zennas.meanfield_score(network).contributions)


def test_an_interactive_file_needs_no_network(result, tmp_path):
    write_image(plot_history(result), tmp_path / "history.html")
    assert "Plotly.newPlot" in (tmp_path / "history.html").read_text()
    with pytest.raises(ZennasError, match="unknown kind of image"):
        write_image(plot_history(result), tmp_path / "history.bmp")
