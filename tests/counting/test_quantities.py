"""The table of quantities: one more entry is a budget, an option, a column and an axis everywhere."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
from xml.etree import ElementTree

import pytest
import yaml
from typer.testing import CliRunner

import zennas
from zennas.cli.main import app
from zennas.counting import QUANTITIES, Quantity, known_costs, register_quantity
from zennas.counting.quantities import COUNTED_ALONE
from zennas.errors import BudgetError, UnknownNameError, ZennasError
from zennas.report.page import report_page
from zennas.report.payload import page_payload
from zennas.searching.settings import SearchConfig, checked_config
from zennas.units import WHOLE

SMALL = dict(iterations=400, population=32, rescore=0)


def widest(super_blocks, resolution, num_classes):
    return max(block.out_channels for block in super_blocks)


@pytest.fixture
def registered():
    quantity = register_quantity(Quantity("widest", "widest map", WHOLE, "channels of the widest map", count=widest))
    yield quantity
    del QUANTITIES["widest"], COUNTED_ALONE["widest"]


def command(*words):
    result = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False, env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_quantity_is_known_everywhere(registered, tmp_path):
    assert "--widest" in command("search", "--help")

    run = tmp_path / "run"
    budgets = ("--widest", 96, "--layers", 10)
    shown = command("search", *budgets, "--iterations", 400, "--rescore", 0, "--pareto", "widest", "--out", run)
    row = next(line for line in shown.splitlines() if line.startswith("widest map"))
    assert "≤ 96" in row

    result = zennas.read_run(run)
    assert result.config.budgets == {"layers": "10", "widest": "96"}
    assert yaml.safe_load((run / "config.yaml").read_text())["widest"] == "96"
    values = [widest(c.super_blocks, 32, 100) for c in result.candidates()]
    assert max(values) <= 96
    assert [c.costs.widest for c in result.candidates()] == values
    with sqlite3.connect(run / "run.db") as database:
        assert [v for (v,) in database.execute("SELECT widest FROM candidates ORDER BY id")] == values
    assert yaml.safe_load((run / "best.yaml").read_text())["costs"]["widest"] == result.costs.widest
    with (run / "pareto.csv").open() as file:
        front = [(float(line["score"]), int(line["widest"])) for line in csv.DictReader(file)]
    assert front == sorted(front, reverse=True)
    assert front[0][1] <= 96

    candidates = page_payload([result])["runs"][0]["candidates"]
    assert candidates["widest"] == values
    assert page_payload([result])["quantities"]["widest"]["title"] == "widest map"
    page = report_page([result])
    assert "widest map" in page
    assert "--widest 96" in page

    structure = zennas.format_structure(result.architecture)
    described = json.loads(command("info", structure, "--resolution", 32, "--json"))
    assert described["widest"] == result.costs.widest
    assert f"{result.costs.widest} widest map" in command("info", structure, "--resolution", 32)
    assert "widest map" in command("compare", structure, "zennet-cifar-0.5M", "--resolution", 32)
    compared = json.loads(command("compare", structure, "--resolution", 32, "--json"))
    assert compared[0]["widest"] == result.costs.widest


def test_a_frontier_over_a_quantity_is_found_from_python(registered, tmp_path):
    result = zennas.search(widest=[96, 128], layers=8, out=tmp_path / "run", **SMALL)
    assert [w.costs.widest <= bound for w, bound in zip(result.winners, (96, 128), strict=True)] == [True, True]
    with (tmp_path / "run" / "frontier.csv").open() as file:
        assert [int(line["widest"]) for line in csv.DictReader(file)] == [w.costs.widest for w in result.winners]
    from zennas.cli.results import show_result

    show_result(result)
    with pytest.raises(ZennasError, match="unknown setting 'widst'; did you mean .*widest"):
        zennas.search(widst=32)


def test_a_quantity_is_an_axis_and_a_column(registered):
    pytest.importorskip("plotly")
    pytest.importorskip("pandas")
    from zennas.report import plot_frontier

    result = zennas.search(widest=96, layers=8, **SMALL)
    figure = plot_frontier(result, "widest")
    assert figure.layout.xaxis.title.text == "widest map"
    assert list(result.to_dataframe().widest) == [c.costs.widest for c in result.candidates()]


def test_the_frontier_table_has_every_cost(registered, capsys):
    from zennas.cli.results import show_result

    show_result(zennas.search(params=["50k", "100k"], layers=8, **SMALL))
    shown = capsys.readouterr().out
    for quantity in QUANTITIES.values():
        # A title of two words may be folded; one that stands aside has no budget here.
        known = quantity.name != "latency" and not quantity.aside
        assert all(word in shown for word in quantity.title.split()) is known
    show_result(zennas.search(weights=["150kB", "300kB"], layers=8, **SMALL))
    assert "150kB" in capsys.readouterr().out.partition("budgets")[2]


def test_a_plugin_adds_an_option(tmp_path):
    (tmp_path / "my_costs.py").write_text(
        "from zennas.counting import Quantity, register_quantity\n"
        "from zennas.units import WHOLE\n"
        "def stages(super_blocks, resolution, num_classes):\n"
        "    return sum(block.stride > 1 for block in super_blocks)\n"
        "register_quantity(Quantity('stages', 'stages', WHOLE, 'strides', count=stages))\n"
    )
    search = [sys.executable, "-m", "zennas", "search", "--plugin", "my_costs", "--stages", "3", "--layers", "8"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    settings = ["--iterations", "200", "--rescore", "0", "--quiet", "--out", str(tmp_path / "run")]
    result = subprocess.run([*search, *settings], capture_output=True, text=True, env=environment, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "stages" in result.stdout
    # Without the plugin the run is not readable: it says which setting is not known.
    with pytest.raises(ZennasError, match="my_costs"):
        zennas.read_run(tmp_path / "run")


def test_a_run_from_before_the_quantity_is_read_and_goes_on(tmp_path):
    before = zennas.search(params="100k", out=tmp_path / "run", **SMALL)
    register_quantity(Quantity("widest", "widest map", WHOLE, "channels of the widest map", count=widest))
    try:
        read = zennas.read_run(tmp_path / "run")
        assert read.costs.widest is None
        assert "widest" not in known_costs(read.costs)
        assert "widest" not in page_payload([read])["runs"][0]["candidates"]
        resumed = zennas.resume_run(tmp_path / "run", {"iterations": 800})
        assert resumed.scored > before.scored
    finally:
        del QUANTITIES["widest"], COUNTED_ALONE["widest"]
    assert zennas.read_run(tmp_path / "run").scored == resumed.scored


def test_a_run_keeps_columns_that_are_not_known_any_more(registered, tmp_path):
    zennas.search(widest=96, layers=8, out=tmp_path / "run", **SMALL)
    plain = zennas.search(layers=8, out=tmp_path / "plain", **SMALL)
    del QUANTITIES["widest"]
    count = COUNTED_ALONE.pop("widest")
    try:
        assert zennas.read_run(tmp_path / "plain").score == plain.score
        with pytest.raises(ZennasError, match="unknown setting 'widest'"):
            zennas.read_run(tmp_path / "run")
    finally:
        QUANTITIES["widest"], COUNTED_ALONE["widest"] = registered, count


def test_a_run_of_older_columns_is_read(tmp_path):
    """Runs were written before `effectiveness` was."""
    result = zennas.search(params="100k", out=tmp_path / "run", **SMALL)
    result.store.close()
    with sqlite3.connect(tmp_path / "run" / "run.db") as database:
        database.execute("ALTER TABLE candidates DROP COLUMN effectiveness")
    old = zennas.read_run(tmp_path / "run")
    assert old.costs.effectiveness is None
    assert (old.costs.params, old.score) == (result.costs.params, result.score)


@pytest.mark.parametrize(
    ("quantity", "says"),
    [
        (Quantity("params", "params", WHOLE, "parameters"), "registered already"),
        (Quantity("depth", "depth", WHOLE, "depth"), "needs a function"),
        (Quantity("others", "others", WHOLE, "others", count=widest), "counted with the others"),
        (Quantity("two words", "two words", WHOLE, "words", count=widest), "not a plain name"),
    ],
)
def test_what_cannot_be_registered(quantity, says):
    with pytest.raises(BudgetError, match=says):
        register_quantity(quantity)
    assert quantity.name == "params" or quantity.name not in QUANTITIES


def test_a_quantity_named_as_a_setting_is_refused():
    register_quantity(Quantity("rescore", "rescore", WHOLE, "nothing", count=widest))
    try:
        with pytest.raises(BudgetError, match="'rescore' has the name of another setting"):
            checked_config({"params": "1M"})
    finally:
        del QUANTITIES["rescore"], COUNTED_ALONE["rescore"]


def test_convolutions_are_a_budget_that_bounds_a_search(tmp_path):
    shown = command(
        "search", "--convolutions", 24, "--iterations", 300, "--rescore", 0, "--out", tmp_path / "run", "--quiet"
    )
    assert "≤ 24" in shown
    result = zennas.read_run(tmp_path / "run")
    assert max(c.costs.convolutions for c in result.candidates()) <= 24
    assert zennas.search(convolutions=24, **SMALL).costs.convolutions <= 24


def test_effectiveness_alone_bounds_nothing():
    with pytest.raises(BudgetError, match="give one of params, flops, .*, weights or peak_memory"):
        checked_config({"effectiveness": "0.5"})


def test_effectiveness_is_in_the_winner_s_file(tmp_path):
    result = zennas.search(params="100k", out=tmp_path / "run", **SMALL)
    costs = yaml.safe_load((tmp_path / "run" / "best.yaml").read_text())["costs"]
    assert costs["effectiveness"] == result.costs.effectiveness
    assert list(costs) == [name for name in QUANTITIES if name != "latency"]


def test_budgets_are_settings_by_name():
    config = SearchConfig(layers=18, latency=[0.0005, "2ms"], params="1M")
    assert config.budgets == {"params": "1M", "layers": "18", "latency": ["0.0005s", "2ms"]}
    assert (config.params, config.flops) == ("1M", None)
    assert [[str(b) for b in budgets] for budgets in config.budget_sets()] == [
        ["params ≤ 1M", "layers ≤ 18", "latency ≤ 500µs"],
        ["params ≤ 1M", "layers ≤ 18", "latency ≤ 2ms"],
    ]
    document = config.model_dump(exclude_none=True, mode="json")
    assert "budgets" not in document
    assert SearchConfig(**document) == config
    with pytest.raises(ZennasError, match="unknown setting 'parms'; did you mean params"):
        checked_config({"parms": "1M"})
    with pytest.raises(ZennasError, match="params"):
        checked_config({"params": {"a": 1}})
    with pytest.raises(AttributeError):
        _ = config.parms


def test_unknown_quantities_get_the_nearest_name():
    from zennas.counting import known_quantity

    with pytest.raises(UnknownNameError, match="did you mean memory"):
        known_quantity("memry")
    with pytest.raises(AttributeError):
        _ = zennas.costs(zennas.load("zennet-cifar-0.5M")).widest


def test_a_notebook_shows_the_costs_that_are_known(registered):
    costs = zennas.costs(zennas.load("zennet-cifar-0.5M"))
    table = ElementTree.fromstring(costs._repr_html_())
    rows = [[cell.text for cell in row] for row in table.find("tbody") or ()]
    known = {QUANTITIES[name].title: QUANTITIES[name].show(costs) for name in known_costs(costs)}
    assert rows == [[title, shown] for title, shown in known.items()]
    assert "widest map" in known
    assert "latency" not in known
