"""Reproductions: what they compute, and that quoted numbers are never taken for ours."""

import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

import zennas
from zennas.cli.main import app
from zennas.errors import UnknownNameError
from zennas.paper import ENTRIES, Comparison, depth_and_width, reproduce, tables, write_reproductions
from zennas.paper.report import NOT_MEASURED, markdown
from zennas.paper.settings import ReproductionSettings

SMALL = ReproductionSettings(batch_size=2)


def test_relative_difference() -> None:
    assert Comparison("x", 200.0, 210.0).cells() == ("x", "200", "210", "+5.00%")


def test_quoted_numbers_are_marked() -> None:
    assert Comparison("x", 82.3, None).cells() == ("x", "82.3 (quoted)", NOT_MEASURED, "–")
    for name in ("table5", "table1"):
        for comparison in reproduce(name).comparisons:
            assert (comparison.ours is None) == ("top-1" in comparison.what)


def test_table_1_sizes() -> None:
    for comparison in reproduce("table1").comparisons:
        assert comparison.difference is None or abs(comparison.difference) < 0.03, comparison.what


def test_figure_1_overflows_where_the_paper_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth_and_width, "DEPTHS", (1, 8, 16, 34))
    monkeypatch.setattr(depth_and_width, "BOTTLENECKS", (2, 64))
    result = reproduce("figure1", SMALL)
    assert result.chart is not None
    plain, kept, zen = (panel.series[0].y for panel in result.chart.panels[:3])
    assert math.isnan(plain[3])
    assert not any(map(math.isnan, plain[:3]))
    # Zen follows Φ without batch norms, Φ with them does not grow along.
    assert zen[2] - zen[0] == pytest.approx(plain[2] - plain[0], rel=0.05)
    assert kept[2] - kept[0] < 0.2 * (plain[2] - plain[0])
    assert "float32 overflows" in " ".join(result.findings)
    # The paper's “after 30” is no number that ours could be compared with.
    (overflow,) = result.comparisons
    assert (overflow.paper, overflow.ours) == (None, 34.0)
    assert "after 30" in overflow.what


def test_figure_2_links_add_no_complexity_without_batch_norm() -> None:
    plain = depth_and_width.residual_phi(8, SMALL, links=False, norm=False)
    linked = depth_and_width.residual_phi(8, SMALL, links=True, norm=False)
    assert linked == pytest.approx(plain, rel=0.01)
    deep = depth_and_width.residual_phi(40, SMALL, links=False, norm=False)
    assert deep != depth_and_width.residual_phi(8, SMALL, links=True, norm=True)


def test_table_2_measures_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = {"zennet-cifar-0.5M": {4: (0.48, 0.2), 8: (0.34, 0.41)}}
    monkeypatch.setattr(tables, "TABLE_2", printed)
    result = reproduce("table2", SMALL)
    four, eight = (comparison.ours for comparison in result.comparisons)
    # Errors of one spread would be √2 apart to the last digit.
    assert four is not None
    assert eight is not None
    assert four != pytest.approx(eight * math.sqrt(2), rel=1e-3)
    for comparison, repeats in zip(result.comparisons, (4, 8), strict=True):
        score = zennas.zen_score(zennas.load("zennet-cifar-0.5M"), batch_size=2, repeats=repeats, seed=repeats)
        assert comparison.ours == pytest.approx(196 * score.std_error / score.score)
    assert "over all 12" in result.findings[0]


@pytest.mark.slow
def test_table_6_and_figure_10() -> None:
    rows = reproduce("table6").comparisons
    differences = [abs(c.difference) for c in rows if c.difference is not None]
    assert len(differences) == 2 * 30
    assert max(differences) < 0.15
    assert sum(d < 0.03 for d in differences) > 0.7 * len(differences)
    figure = reproduce("figure10")
    names = [text for series in figure.chart.panels[0].series for text in series.text]
    assert "ResNet-152" in names
    assert "ZenNet-0.8ms" in names


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match="table4"):
        reproduce("table44")


def test_every_entry_has_the_papers_name() -> None:
    assert all(name.startswith(("figure", "table")) for name in ENTRIES)


def test_written_files(tmp_path: Path) -> None:
    done = [reproduce("figure11"), reproduce("table5")]
    path = write_reproductions(done, tmp_path, "zennas reproduce figure11 table5")
    text = path.read_text()
    assert "](reproduction/figure11.png)" in text
    assert (tmp_path / "reproduction" / "figure11.png").read_bytes()[:4] == b"\x89PNG"
    assert "plotly" in (tmp_path / "reproduction" / "figure11.html").read_text()
    assert "| ResNet-50: top-1 of He et al. [%] | 77.4 (quoted) | not measured here | – |" in text
    assert markdown(done[1]).startswith("## table5")


def test_command(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["reproduce", "table1", "--out", str(tmp_path)])
    assert outcome.exit_code == 0
    assert "zennet-cifar-1.0M: params" in outcome.stdout
    assert (tmp_path / "reproduction.md").is_file()
