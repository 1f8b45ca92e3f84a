import csv
import json
import subprocess
import sys
from dataclasses import replace

import pytest

import zennas
from zennas.errors import RunError, ZennasError
from zennas.runs.listing import list_runs
from zennas.runs.outputs import pareto_front

FRONTIER = dict(params=["50k", "100k", "200k"], layers="18", rescore=0, iterations=3000)


def test_a_frontier_is_found_in_one_run(tmp_path):
    result = zennas.search(out=tmp_path / "run", **FRONTIER)
    assert [w.costs.params <= b for w, b in zip(result.winners, (50e3, 100e3, 200e3), strict=True)] == [True] * 3
    scores = [w.score for w in result.winners]
    assert scores == sorted(scores), "more parameters never score lower: candidates are shared"
    assert result.best is result.winners[-1]
    with (tmp_path / "run" / "frontier.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(r["zen-weighted"]) for r in rows] == scores
    for row, name in zip(rows, ("50k-18", "100k-18", "200k-18"), strict=True):
        architecture = zennas.load(tmp_path / "run" / f"best-{name}.yaml")
        assert zennas.format_structure(architecture) == row["structure"]


def test_the_pareto_front_is_not_dominated(tmp_path):
    result = zennas.search(out=tmp_path / "run", params="200k", iterations=2000, rescore=0, pareto=["params", "flops"])
    with (tmp_path / "run" / "pareto.csv").open() as file:
        front = [(float(r["score"]), int(r["params"]), int(r["flops"])) for r in csv.DictReader(file)]
    everyone = [(c.score, c.costs.params, c.costs.flops) for c in result.candidates()]
    dominates = lambda a, b: a[0] >= b[0] and a[1] <= b[1] and a[2] <= b[2] and a != b  # noqa: E731
    assert not any(dominates(a, b) for a in everyone for b in front)
    assert len(front) > 3
    assert {c.id for c in pareto_front(result.candidates(), ["params"])} <= {c.id for c in result.candidates()}
    with pytest.raises(ZennasError, match="unknown quantity 'parms'"):
        zennas.search(pareto=["parms"])


def test_the_pareto_front_lacks_nobody():
    result = zennas.search(params="200k", iterations=800, rescore=0)
    everyone = [(c.score, -c.costs.params, -c.costs.flops) for c in result.candidates()]
    beaten = lambda a: any(all(x >= y for x, y in zip(b, a, strict=True)) and a != b for b in everyone)  # noqa: E731
    front = pareto_front(result.candidates(), ["params", "flops"])
    assert {everyone[c.id] for c in front} == {costs for costs in everyone if not beaten(costs)}
    assert [c.score for c in front] == sorted((c.score for c in front), reverse=True)


def test_the_latest_run_is_listed_first_with_its_best(tmp_path):
    for name in ("b", "c", "a"):
        result = zennas.search(out=tmp_path / name, params="60k", iterations=200, rescore=0, seed=ord(name))
    runs = list_runs(tmp_path)
    assert [run.directory.name for run in runs] == ["a", "c", "b"]
    assert (runs[0].best, runs[0].scored) == (result.score, result.scored)


def test_runs_are_listed_with_their_state(tmp_path):
    zennas.search(out=tmp_path / "a", params="60k", iterations=300, rescore=0)
    zennas.search(out=tmp_path / "b", params="60k", iterations=10**6, time_limit=0.2, rescore=0)
    runs = {run.directory.name: run for run in list_runs(tmp_path)}
    assert runs["a"].state == "finished"
    assert runs["b"].state == "time limit"
    assert runs["a"].budgets == ("params ≤ 60k",)
    pytest.importorskip("torch")
    chosen = zennas.search(out=tmp_path / "c", params="60k", score="meanfield", iterations=2000, rescore=16, seed=1)
    listed = {run.directory.name: run for run in list_runs(tmp_path)}["c"]
    assert listed.best == chosen.score
    assert runs["a"].iteration == 300
    out = subprocess.run(
        [sys.executable, "-m", "zennas.cli.main", "runs", tmp_path, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {r["state"] for r in json.loads(out.stdout)} == {"finished", "time limit"}
    with pytest.raises(RunError, match="no runs here"):
        list_runs(tmp_path / "a" / "b")


def test_the_log_is_machine_readable(tmp_path):
    out = subprocess.run(
        [sys.executable, "-m", "zennas.cli.main", "search", "--params", "60k", "--iterations", "400", "--rescore", "0",
         "--log-json", "--out", tmp_path / "run"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    printed = [json.loads(line) for line in out.stdout.splitlines()]
    kept = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert printed == kept
    assert printed[0]["event"] == "start"
    assert printed[0]["config"]["params"] == "60k"
    assert printed[-1]["event"] == "end"
    assert printed[-1]["status"] == "finished"


def test_a_dataframe_of_everything():
    pytest.importorskip("pandas")
    result = zennas.search(params="60k", iterations=300, rescore=0)
    frame = result.to_dataframe()
    assert len(frame) == result.scored
    assert frame.score.max() == result.score
    best = frame.loc[frame.score.idxmax(), "structure"]
    assert best == zennas.format_structure(result.architecture)


def test_budgets_of_one_upper_bound_have_files_of_their_own(tmp_path):
    settings = dict(layers="12", rescore=0, iterations=300, num_classes=10)
    result = zennas.search(out=tmp_path / "run", params=["20k..90k", "60k..90k"], **settings)
    names = sorted(path.name for path in (tmp_path / "run").glob("best-*.yaml"))
    assert len(names) == 2
    found = [zennas.load(tmp_path / "run" / name).super_blocks for name in sorted(names, key=len)]
    assert found == [winner.architecture.super_blocks for winner in result.winners]


def test_candidates_that_do_not_know_a_quantity_are_on_no_front():
    candidates = zennas.search(params="60k", layers=8, iterations=200, rescore=0).candidates()
    older = [replace(c, costs=replace(c.costs, weights=None)) for c in candidates]
    assert pareto_front(older, ["weights"]) == []
