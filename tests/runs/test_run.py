import os
import signal
import sqlite3
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import yaml

import zennas
from zennas.errors import BudgetError, DeviceError, RunError, ScoreError, UnknownNameError, ZennasError
from zennas.runs.rescoring import FIRST_FRESH, staying
from zennas.runs.run import resume_run, start_run
from zennas.runs.stopping import reason_to_stop
from zennas.runs.store import RunStore
from zennas.scores import Score, register_score, registry
from zennas.searching.scoring import check_device
from zennas.searching.settings import SearchConfig, checked_config

SMALL = dict(params="300k", layers=18, iterations=1500, rescore=0)


def test_five_lines_to_a_result(tmp_path):
    result = zennas.search("resnet", 32, 100, out=tmp_path / "run", **SMALL)
    assert result.costs.params <= 300_000
    assert result.costs.layers <= 18
    assert result.score == max(c.score for c in result.candidates())
    assert zennas.load(tmp_path / "run" / "best.yaml").super_blocks == result.architecture.super_blocks
    document = yaml.safe_load((tmp_path / "run" / "best.yaml").read_text())
    assert document["costs"]["params"] == zennas.costs(result.architecture, 32, 100).params
    assert document["score"]["zen-weighted"] == result.score


def test_the_lineage_leads_from_the_winner_to_the_start():
    result = zennas.search("resnet", 32, 100, **SMALL)
    line = list(result.lineage())
    assert line[0].super_blocks == result.architecture.super_blocks
    assert line[-1].parent == -1
    assert [c.iteration for c in line] == sorted((c.iteration for c in line), reverse=True)


def test_stored_candidates_are_those_that_were_scored(tmp_path):
    result = zennas.search("mobilenet", 32, 10, out=tmp_path / "run", se=True, params="200k", iterations=800, rescore=0)
    again = RunStore(tmp_path / "run").candidates()
    assert again == result.candidates()
    for candidate in again[:: max(1, len(again) // 20)]:
        assert candidate.costs == zennas.costs(zennas.Architecture(candidate.super_blocks), 32, 10)


def test_monte_carlo_search_and_rescoring():
    result = zennas.search("resnet", 16, 10, params="100k", score="zen", iterations=40, rescore=2, batch_size=4)
    assert result.best.rescored is not None
    assert len(result.best.rescored.repeats) == 16
    candidate = result.best.candidate
    again = zennas.zen_score(zennas.Architecture(candidate.super_blocks), 16, batch_size=4, repeats=1, seed=0)
    assert again.score == candidate.score, "a candidate's score can be computed again from the run's seed"


def test_a_search_and_its_rescoring_follow_their_settings():
    settings = dict(batch_size=4, repeats=5, seed=3)
    result = zennas.search("resnet", 16, 10, params="60k", score="zen", iterations=24, rescore=3, **settings)
    ranked = sorted(result.candidates(), key=lambda c: -c.score)[:3]
    networks = {c.id: zennas.Architecture(c.super_blocks) for c in ranked}
    searched = [zennas.zen_score(networks[c.id], 16, **settings) for c in ranked]
    assert [score.score for score in searched] == [c.score for c in ranked]
    # The leaders race with another seed, from so many repeats on; fresh ones are reported of the winner.
    again = {**settings, "seed": 4, "repeats": 40}
    raced = {number: zennas.zen_score(network, 16, **again).repeats for number, network in networks.items()}
    racing = list(networks)
    for count in (5, 10, 20, 40):
        racing = staying({number: raced[number][:count] for number in racing}) if len(racing) > 1 else racing
    assert result.best.candidate.id == racing[0]
    fresh = zennas.zen_score(networks[racing[0]], 16, **{**again, "repeats": 16}, first_repeat=FIRST_FRESH)
    assert result.best.rescored.repeats == fresh.repeats


def test_a_network_that_cannot_be_scored_is_kept_once(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_SCORES", dict(registry._SCORES))

    @register_score("picky for runs")
    def picky(network, resolution, settings):
        if any(block.kernel == 7 for block in network.super_blocks):
            raise ScoreError("kernel 7")
        return Score(float(network.out_channels), 0.0, (0.0, 0.0), 0.0)

    monkeypatch.setattr("zennas.runs.carrying_out.COMMIT_SECONDS", 0)
    zennas.search(out=tmp_path / "run", params="300k", score="picky for runs", iterations=400, rescore=0)
    store = RunStore(tmp_path / "run")
    networks = [blocks for _, blocks, _ in store.failures()]
    assert len(networks) == len(set(networks)) == store.state()["failed"] > 5


def test_a_directory_in_use_is_refused(tmp_path):
    zennas.search(out=tmp_path / "run", **SMALL)
    with pytest.raises(RunError, match="holds a run already"):
        zennas.search(out=tmp_path / "run", **SMALL)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    with pytest.raises(RunError, match="not empty"):
        zennas.search(out=tmp_path / "other", **SMALL)
    assert (tmp_path / "other" / "thesis.tex").read_text() == "x"


def test_nothing_is_written_for_a_hopeless_budget(tmp_path):
    with pytest.raises(ZennasError, match="no network"):
        zennas.search(out=tmp_path / "run", params="10")
    assert not (tmp_path / "run").exists()


def test_wrong_settings():
    with pytest.raises(UnknownNameError, match="did you mean resnet"):
        zennas.search("resnt", params="1M")
    for unbounded in ({}, {"params": "1M.."}, {"params": ["1M", "1M.."]}):
        with pytest.raises(ZennasError, match="needs an upper bound"):
            zennas.search(**unbounded)
    with pytest.raises(BudgetError, match="needs an upper bound"):
        start_run(SearchConfig(), None)
    with pytest.raises(ZennasError, match="iterations"):
        zennas.search(iterations=0)
    with pytest.raises(ZennasError, match="itertions"):
        zennas.search(itertions=10)
    with pytest.raises(UnknownNameError, match="did you mean meanfield"):
        zennas.search(score="meanfeld", params="1M")


def test_stopping_rules():
    assert zennas.search(time_limit=0.3, params="1M", iterations=10**8, rescore=0).status == "time limit"
    patient = zennas.search(patience=500, iterations=10**6, params="60k", rescore=0)
    assert patient.status == "patience"
    assert patient.iterations - patient.best.candidate.iteration >= 500
    reached = zennas.search(target_score=60, params="1M", iterations=10**6, rescore=0)
    assert reached.status == "target score"
    assert reached.score >= 60


def test_stopping_rules_apply_from_their_very_value():
    config = checked_config({"params": "1M", "patience": 500, "target_score": 60.0, "time_limit": 9.0})

    def reason(since=0, score=1.0, seconds=0.0, finished=False):
        best = SimpleNamespace(iteration=100, score=score)
        return reason_to_stop(SimpleNamespace(finished=finished, iteration=100 + since, best=best), config, seconds)

    assert [reason(since) for since in (499, 500)] == ["", "patience"]
    assert [reason(score=score) for score in (59.9, 60.0)] == ["", "target score"]
    assert [reason(seconds=seconds) for seconds in (8.9, 9.0)] == ["", "time limit"]
    assert reason(finished=True) == "finished"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_cleanly_with_the_best_written(tmp_path, number):
    run = tmp_path / "run"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "zennas.cli.main",
            "search",
            "--params",
            "300k",
            "--iterations",
            "100000000",
            "--out",
            run,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (run / "run.db").exists():
        time.sleep(0.05)
        assert process.poll() is None, process.stderr.read()
    time.sleep(1.5)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "interrupted" in out
    assert "Traceback" not in err
    assert zennas.load(run / "best.yaml").out_channels > 0
    assert sqlite3.connect(run / "run.db").execute("SELECT COUNT(*) FROM candidates").fetchone()[0] > 10


@pytest.mark.parametrize("settings", [{"score": "meanfield"}, {"score": "zen"}, {"score": "gradnorm", "rescore": 0}])
def test_a_device_that_is_not_there_is_told_before_the_search(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("zennas.runs.run.new_search", lambda *_: pytest.fail("started"))
    with pytest.raises(DeviceError, match="'nosuch' cannot be used"):
        zennas.search(params="1M", device="nosuch", out=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_a_device_that_nothing_computes_on_is_not_looked_for():
    result = zennas.search(params="1M", device="nosuch", rescore=0, iterations=64, population=16)
    assert result.status == "finished"


def test_a_device_is_looked_for_before_a_run_goes_on(tmp_path):
    zennas.search(params="1M", score="meanfield", rescore=0, iterations=64, population=16, out=tmp_path / "run")
    before = (tmp_path / "run" / "config.yaml").read_text()
    with pytest.raises(DeviceError, match="'nosuch' cannot be used"):
        resume_run(tmp_path / "run", {"device": "nosuch", "rescore": 4, "iterations": 128})
    assert (tmp_path / "run" / "config.yaml").read_text() == before


def test_devices_of_a_cluster_cannot_be_looked_at_from_here(monkeypatch):
    config = checked_config({"params": "1M", "score": "meanfield", "device": "cuda:3"})
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    check_device(config, elsewhere=True)
    with pytest.raises(DeviceError, match="no CUDA devices"):
        check_device(config)
    with pytest.raises(DeviceError, match="'nosuch'"):
        check_device(checked_config({"params": "1M", "score": "meanfield", "device": "nosuch"}), elsewhere=True)


@pytest.mark.parametrize("place", ["a" * 300, "a\0b"])
def test_a_directory_that_cannot_be_is_told_before_the_search(place, tmp_path, monkeypatch):
    monkeypatch.setattr("zennas.runs.run.new_search", lambda *_: pytest.fail("started"))
    with pytest.raises(RunError, match="cannot be used"):
        zennas.search(params="1M", out=tmp_path / place)


def test_a_directory_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(RunError, match="is a file, or below one"):
            zennas.search(params="1M", out=place)


def test_params_alone_hold_multiply_adds_and_older_runs_are_gone_on_with_without(tmp_path):
    settings = dict(params="200k", score="zen-weighted", iterations=1500, rescore=0)
    held = zennas.search(out=tmp_path / "held", **settings)
    assert held.costs.flops <= 256 * 200_000
    free = zennas.search(out=tmp_path / "free", flops_per_param=0, **settings)
    assert free.costs.flops > 256 * 200_000
    config = tmp_path / "free" / "config.yaml"
    config.write_text("".join(line for line in config.read_text().splitlines(True) if "flops_per_param" not in line))
    again = resume_run(tmp_path / "free", {"iterations": 2000})
    assert again.costs.flops > 256 * 200_000
    with pytest.raises(BudgetError, match=r"flops ≤ 5.12M \(implied\).*flops_per_param 0 lifts"):
        zennas.search(params="20k", resolution=224, iterations=100, rescore=0)
