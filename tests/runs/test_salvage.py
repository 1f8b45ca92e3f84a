"""`zennas runs --salvage`: what is whole of a damaged run goes on as the undamaged run would have."""

import json
import shutil
import sqlite3

import pytest

import zennas
from tests.cli.test_cli import run as command
from tests.runs.test_crash import everything
from zennas.errors import RunError
from zennas.runs.rows import RACE_STATE
from zennas.runs.run import resume_run
from zennas.runs.salvage import salvage_run
from zennas.runs.store import RunStore

SETTINGS = dict(
    algorithm="evolution", params="100k", flops_per_param=0, rescore=0, iterations=1500, round_size=32, seed=3
)
FIRST_AFTER = "WHERE id = (SELECT MIN(id) FROM candidates WHERE iteration >"


def searched(directory, **settings):
    result = zennas.search(out=directory, **{**SETTINGS, **settings})
    result.store.close()
    return result


def change(directory, *statements):
    with sqlite3.connect(directory / "run.db") as database:
        for statement in statements:
            database.execute(statement)
    database.close()


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory):
    directory = tmp_path_factory.mktemp("undamaged") / "run"
    searched(directory)
    return directory


def test_a_run_with_a_damaged_row_goes_on_to_the_same_end(tmp_path, undamaged):
    damaged, saved = tmp_path / "run", tmp_path / "run-salvaged"
    shutil.copytree(undamaged, damaged)
    change(damaged, "UPDATE candidates SET score = score + 1 WHERE id = 700")
    before = {path.name: path.read_bytes() for path in damaged.iterdir()}
    with pytest.raises(RunError, match="row 700 of candidates.*--salvage"):
        resume_run(damaged)
    done = command("runs", "--salvage", damaged)
    assert done.returncode == 0, done.stderr
    whole = RunStore(undamaged).candidates()
    read = zennas.read_run(saved)
    assert f"saved      {read.scored:,} of {len(whole):,} candidates" in done.stdout
    assert read.status == "salvaged"
    assert read.iterations % 32 == 0
    last = whole[699].iteration
    assert last - 32 < read.iterations <= last
    assert read.scored == sum(candidate.iteration <= read.iterations for candidate in whole)
    assert zennas.load(saved / "best.yaml").super_blocks == read.architecture.super_blocks
    resumed = resume_run(saved)
    assert everything(saved) == everything(undamaged)
    assert resumed.status == "finished"
    assert {path.name: path.read_bytes() for path in damaged.iterdir()} == before, "the damaged run is left as it is"


def test_the_race_goes_on_with_the_images_that_it_had(tmp_path, undamaged):
    damaged, saved = tmp_path / "run", tmp_path / "saved"
    shutil.copytree(undamaged, damaged)
    store = RunStore(damaged, write=True)
    store.set_state(**{RACE_STATE: 3})
    store.close()
    change(damaged, "UPDATE candidates SET score = score + 1 WHERE id = 700")
    salvage_run(damaged, saved)
    assert RunStore(saved).state()[RACE_STATE] == 3


def test_damaged_pages_in_the_middle(tmp_path, undamaged):
    damaged, saved = tmp_path / "run", tmp_path / "saved"
    shutil.copytree(undamaged, damaged)
    content = bytearray((damaged / "run.db").read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 3 * 4096] = bytes(3 * 4096)
    (damaged / "run.db").write_bytes(content)
    with pytest.raises(RunError, match="corrupted"):
        zennas.read_run(damaged)
    found = salvage_run(damaged, saved)
    assert 100 < found.saved < len(RunStore(undamaged).candidates()) - 100
    resume_run(saved)
    assert everything(saved) == everything(undamaged)


@pytest.mark.parametrize("algorithm", ["annealing", "local", "random", "regularized"])
def test_what_an_algorithm_remembers_is_found_again(tmp_path, algorithm):
    whole, damaged, saved = tmp_path / "whole", tmp_path / "run", tmp_path / "saved"
    searched(whole, algorithm=algorithm, iterations=800, population=32)
    shutil.copytree(whole, damaged)
    change(damaged, f"UPDATE candidates SET mutation = mutation || ' ' {FIRST_AFTER} 500)")
    found = salvage_run(damaged, saved)
    assert 500 - 32 <= found.iteration <= 500
    assert not found.not_resumed
    resume_run(saved)
    assert everything(saved) == everything(whole)


def test_a_state_that_is_damaged_alone_costs_no_whole_round(tmp_path, undamaged):
    damaged, saved = tmp_path / "run", tmp_path / "saved"
    shutil.copytree(undamaged, damaged)
    change(damaged, "UPDATE state SET value = '[[7]]' WHERE key = 'populations'")
    found = salvage_run(damaged, saved)
    assert found.iteration == 1500 // 32 * 32
    resume_run(saved)
    assert everything(saved) == everything(undamaged)


def test_a_lengthened_run_is_cut_where_its_rounds_ended(tmp_path):
    whole, damaged, saved = tmp_path / "whole", tmp_path / "run", tmp_path / "saved"
    searched(whole, iterations=500)
    resume_run(whole, {"iterations": 1200}).store.close()
    shutil.copytree(whole, damaged)
    change(damaged, f"UPDATE candidates SET params = 7 {FIRST_AFTER} 900)")
    found = salvage_run(damaged, saved)
    assert found.iteration > 500
    assert (found.iteration - 500) % 32 == 0
    resume_run(saved)
    assert everything(saved) == everything(whole)


def test_what_cannot_be_proposed_again_is_reported_and_not_gone_on_with(tmp_path):
    damaged, saved = tmp_path / "run", tmp_path / "saved"
    searched(damaged, algorithm="regularized", iterations=500, population=64)
    resume_run(damaged, {"iterations": 1200}).store.close()
    change(damaged, f"UPDATE candidates SET params = 7 {FIRST_AFTER} 900)")
    done = command("runs", "--salvage", damaged, "--out", saved)
    assert done.returncode == 0, done.stderr
    assert "cannot be gone on with: what the algorithm regularized remembers is lost" in done.stdout
    assert command("report", saved).returncode == 0
    refused = command("search", "--resume", saved)
    assert refused.returncode == 2
    assert "what the algorithm regularized remembers is lost" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_monte_carlo_scores_and_failures_are_saved_too(tmp_path):
    whole, saved = tmp_path / "run", tmp_path / "saved"
    settings = dict(params="60k", resolution=16, score="zen", batch_size=4, iterations=60, round_size=8, rescore=3)
    zennas.search(out=whole, **settings).store.close()
    store = RunStore(whole)
    kept = store.rescored()
    assert len(kept) == 3
    change(whole, f"UPDATE rescored SET repeats = '[1.0]' WHERE id = {min(kept)}")
    with pytest.raises(RunError, match="rescored"):
        zennas.read_run(whole)
    done = command("runs", "--salvage", whole, "--out", saved, "--json")
    assert json.loads(done.stdout)["saved"] == json.loads(done.stdout)["candidates"] == store.count()
    assert RunStore(saved).rescored() == {number: repeats for number, repeats in kept.items() if number != min(kept)}
    resume_run(saved)
    assert RunStore(saved).rescored() == kept


@pytest.mark.parametrize(("damage", "goes_on"), [("failures", True), ("candidates", False)])
def test_islands_go_on_where_all_of_them_is_whole(tmp_path, damage, goes_on):
    settings = dict(islands=2, algorithm="annealing", score="meanfield", layers=12, iterations=1024)
    damaged, saved = tmp_path / "run", tmp_path / "saved"
    searched(damaged, **settings)
    if damage == "failures":
        change(damaged, "INSERT INTO failures VALUES (3, 'x', 'y', 1)")
    else:
        change(damaged, "UPDATE candidates SET score = score + 1 WHERE id = 300")
    with pytest.raises(RunError, match="--salvage"):
        getattr(RunStore(damaged), damage)()
    found = salvage_run(damaged, saved)
    if goes_on:
        searched(tmp_path / "whole", **settings)
        resume_run(tmp_path / "whole", {"iterations": 2048}).store.close()
        resume_run(saved, {"iterations": 2048}).store.close()
        assert everything(saved) == everything(tmp_path / "whole")
    else:
        assert "islands" in found.not_resumed
        with pytest.raises(RunError, match="start a new run"):
            resume_run(saved)


def test_a_run_of_the_first_format_is_salvaged(tmp_path):
    """And goes on by what `evolution` was then."""
    undamaged, damaged, saved = tmp_path / "whole", tmp_path / "run", tmp_path / "saved"
    searched(undamaged, algorithm="zen-nas")
    shutil.copytree(undamaged, damaged)
    config = damaged / "config.yaml"
    config.write_text(config.read_text().replace("zen-nas", "evolution"))
    drop = [f"ALTER TABLE {table} DROP COLUMN _check" for table in ("candidates", "failures", "rescored")]
    forget = "DELETE FROM state WHERE key IN ('checks', 'columns', 'scored', 'failed')"
    change(damaged, *drop, forget, "PRAGMA user_version = 1")
    assert everything(damaged) == everything(undamaged)
    change(damaged, "UPDATE candidates SET score = 'x' WHERE id = 400")
    with pytest.raises(RunError, match="candidate 400"):
        resume_run(damaged)
    assert 300 < salvage_run(damaged, saved).saved <= 400
    resume_run(saved)
    assert everything(saved) == everything(undamaged)


def test_what_is_refused(tmp_path, undamaged):
    damaged = tmp_path / "run"
    shutil.copytree(undamaged, damaged)
    with pytest.raises(RunError, match="holds a run already"):
        salvage_run(damaged, damaged)
    change(damaged, "UPDATE candidates SET iteration = -1 WHERE id = 0")
    with pytest.raises(RunError, match="nothing can be saved"):
        salvage_run(damaged, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
    (damaged / "run.db").write_bytes(b"\0" * 8192)
    with pytest.raises(RunError, match="run.db"):
        salvage_run(damaged, tmp_path / "saved")
    alone = command("runs", tmp_path, "--out", "saved")
    assert alone.returncode == 2
    assert "--salvage" in alone.stderr
