"""A new run that begins with another run's networks."""

import shutil
import subprocess
import sys

import pytest
import yaml

import zennas
from zennas.counting.budgets import parse_budget, within
from zennas.errors import RunError, ZennasError
from zennas.searching.settings import checked_config

SETTINGS = {"resolution": 16, "num_classes": 10, "layers": 8, "rescore": 0, "population": 24}


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    out = tmp_path_factory.mktemp("old") / "run"
    zennas.search(**SETTINGS, params=["25k", "60k"], iterations=600, seed=1, out=out)
    return out


def of_start(result):
    return [c for c in result.each_candidate() if c.iteration == 0]


def test_the_best_networks_that_fit_are_the_first_population(old, tmp_path):
    result = zennas.search(**SETTINGS, params="30k", iterations=200, from_run=old, out=tmp_path / "new")
    budgets = (parse_budget("params", "30k"), parse_budget("layers", "8"))
    fitting = [c for c in zennas.read_run(old).each_candidate() if within(c.costs, budgets)]
    best = sorted(fitting, key=lambda c: (-c.score, c.id))[: SETTINGS["population"]]
    assert [c.super_blocks for c in of_start(result)] == [c.super_blocks for c in best]
    assert [c.score for c in of_start(result)] == [c.score for c in best]
    assert result.score >= best[0].score
    assert result.costs.params <= 30_000
    count = len(zennas.read_run(old).candidates())
    assert f"{len(best)} of {count} networks of {old} begin the search, the best that fit" in result.notes
    assert yaml.safe_load((tmp_path / "new/config.yaml").read_text())["from_run"] == str(old)


def test_several_budgets_begin_with_what_fits_each(old):
    result = zennas.search(**SETTINGS, params=["20k", "50k"], iterations=100, from_run=old)
    start = of_start(result)
    for most in (20_000, 50_000):
        assert sum(c.costs.params <= most for c in start) >= min(
            SETTINGS["population"], sum(c.costs.params <= most for c in zennas.read_run(old).each_candidate())
        )


def test_where_nothing_fits_the_start_is_a_small_network(old):
    result = zennas.search(**{**SETTINGS, "layers": "9..12"}, params="200k", iterations=100, from_run=old)
    assert len(of_start(result)) == 1
    assert any(note.startswith("0 of ") for note in result.notes)


def test_it_is_exact_on_resume_though_the_other_run_is_gone(old, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(old, copy)
    whole = zennas.search(**SETTINGS, params="30k", iterations=600, seed=3, from_run=copy, out=tmp_path / "whole")
    settings = {**SETTINGS, "params": "30k", "iterations": 600, "seed": 3}
    code = f"""
import os, zennas
stop = lambda progress: progress.done > 300 and os.kill(os.getpid(), 9)
zennas.search(**{settings}, from_run={str(copy)!r}, out={str(tmp_path / "half")!r}, watch=stop)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    shutil.rmtree(copy)
    resumed = zennas.resume_run(tmp_path / "half")
    assert list(resumed.each_candidate()) == list(whole.each_candidate())
    assert resumed.architecture == whole.architecture


def test_refusals_name_the_way_that_works(old, tmp_path):
    with pytest.raises(RunError, match=rf"params cannot change on resume.*--from {old}"):
        zennas.resume_run(old, {"params": "30k"})
    with pytest.raises(RunError, match=rf"with --from {old} the new run starts from its networks"):
        zennas.search(**SETTINGS, params="30k", out=old)
    with pytest.raises(RunError, match="no run here"):
        zennas.search(**SETTINGS, params="30k", from_run=tmp_path / "missing")
    for more in ({"start": "zennet-cifar-0.5M"}, {"islands": 2}):
        with pytest.raises(ZennasError, match="from"):
            checked_config({**SETTINGS, "params": "30k", "from_run": str(old), **more})


def test_what_networks_are_for_is_taken_over_and_budgets_are_not(tmp_path):
    zennas.search(
        "mobilenet", "24x16", 7, channels=1, se=True, score="zen-weighted", params="60k", layers=8, rescore=0,
        iterations=200, out=tmp_path / "old",
    )  # fmt: skip
    result = zennas.search(flops="20M", layers=9, rescore=0, iterations=100, from_run=tmp_path / "old")
    config = result.config
    assert (config.space, str(config.resolution), config.channels) == ("mobilenet", "24x16", 1)
    assert (config.num_classes, config.se, config.score) == (7, True, "zen-weighted")
    assert set(config.budgets) == {"flops", "layers"}
    assert len(of_start(result)) > 1
    other = zennas.search(flops="20M", layers=9, rescore=0, iterations=100, num_classes=9, from_run=tmp_path / "old")
    assert (other.config.num_classes, other.config.space) == (9, "mobilenet")


def test_networks_of_other_channels_are_taken_for_the_new_ones(old):
    result = zennas.search(**SETTINGS, params="30k", iterations=64, from_run=old, channels=1)
    assert {c.super_blocks[0].in_channels for c in result.each_candidate()} == {1}


def test_networks_with_a_last_convolution_are_refused_where_there_is_none(old):
    with pytest.raises(RunError, match="its networks end in a last convolution"):
        zennas.search(**{**SETTINGS, "num_classes": 0}, params="30k", iterations=64, from_run=old, task="dense")
