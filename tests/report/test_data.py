"""What the report says is what the run holds."""

import json
import re
import shlex
from dataclasses import replace

import numpy as np
import pytest

import zennas
from zennas.cli.main import app
from zennas.counting import super_block_costs
from zennas.errors import RunError
from zennas.report import report_page
from zennas.report.command import search_command
from zennas.report.diff import diff_architectures
from zennas.report.payload import run_payload
from zennas.report.replay import replay
from zennas.report.run_summary import ancestors, composition, contributions, history
from zennas.searching.settings import SearchConfig, checked_config, search_settings


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "one"
    settings = dict(params=["150k", "300k"], layers=14, iterations=1200, population=40, rescore=0, seed=3)
    return zennas.search("resnet", 32, 10, out=out, **settings)


def test_a_run_read_from_disk_is_the_result_of_the_search(result):
    again = zennas.read_run(result.directory)
    assert again.status == result.status
    assert [w.architecture for w in again.winners] == [w.architecture for w in result.winners]
    assert [w.score for w in again.winners] == [w.score for w in result.winners]
    assert (again.scored, again.iterations) == (result.scored, result.iterations)


def test_rescored_winners_are_read_back(tmp_path):
    pytest.importorskip("torch")
    settings = dict(params="60k", score="meanfield", iterations=60, rescore=3, batch_size=2)
    found = zennas.search("resnet", 16, 10, out=tmp_path / "run", **settings)
    assert found.best.rescored is not None
    again = zennas.read_run(tmp_path / "run").best
    assert again.architecture == found.architecture
    assert again.rescored.score == found.best.rescored.score


def test_a_running_search_can_be_read(tmp_path):
    seen = []

    def watch(progress):
        if progress.done >= 300 and not seen:
            run = zennas.read_run(tmp_path / "run")
            seen.append((run.status, run.score, max(c.score for c in run.candidates())))

    settings = dict(params="100k", iterations=600, population=32, rescore=0)
    zennas.search("resnet", 32, 10, out=tmp_path / "run", watch=watch, **settings)
    status, score, highest = seen[0]
    assert status == "running"
    assert score == highest
    assert zennas.read_run(tmp_path / "run").status == "finished"


def test_reading_where_no_run_is(tmp_path):
    with pytest.raises(RunError, match="no run here"):
        zennas.read_run(tmp_path)


def test_the_replayed_population_is_the_one_in_the_database(result):
    last = replay(result.config, result.candidates(), result.iterations)[-1]
    stored = result.store.state()["populations"]
    assert [sorted(c.id for c in members) for members in last.populations] == [sorted(ids) for ids in stored]


def test_history_never_falls(result):
    snapshots = replay(result.config, result.candidates(), result.iterations)
    for niche, winner in enumerate(result.winners):
        points = history(snapshots, niche)
        best = [point[1] for point in points]
        assert best == sorted(best)
        assert best[-1] == winner.score
        assert all(best >= middle >= worst for _, best, middle, worst in points)


def test_composition_adds_up(result):
    found = composition(replay(result.config, result.candidates(), result.iterations), 32)
    assert np.allclose(np.sum(found.shares, axis=1), 1)
    assert list(found.stages) == [32, 16, 8, 4]
    members = replay(result.config, result.candidates(), result.iterations)[0].populations
    layers = [c.costs.layers for population in members for c in population]
    assert sum(found.depth[0]) == pytest.approx(np.mean(layers))


def test_gains_of_the_ancestors_add_up_to_the_score(result):
    line = ancestors(result.best, result.candidates())
    assert line[0].change == "start"
    assert line[0].score + sum(step.gain for step in line) == pytest.approx(result.score)
    assert all("super-block" in step.change for step in line[1:])


def test_the_composition_is_that_of_the_members(result):
    snapshot = replay(result.config, result.candidates(), result.iterations)[0]
    found = composition([snapshot], 32)
    members = [c for population in snapshot.populations for c in population]
    for place, side in enumerate(found.stages):
        widths = []
        for member in members:
            rows = zip(
                member.super_blocks, super_block_costs(zennas.Architecture(member.super_blocks), 32), strict=True
            )
            widths.append(max(block.out_channels for block, row in rows if row.out_resolution == side))
        assert found.width[0][place] == pytest.approx(np.mean(widths))


def test_changes_are_told_from_the_old_to_the_new(result):
    candidates = result.candidates()
    told = 0
    for candidate in candidates:
        if candidate.parent < 0 or len(candidate.mutations) > 1 or len(candidate.mutations[0].blocks) > 1:
            continue
        mutation = candidate.mutations[0]
        old, new = candidates[candidate.parent].super_blocks[mutation.index], mutation.blocks[0]
        change = ancestors(replace(result.best, candidate=candidate), candidates)[-1].change
        if old.out_channels != new.out_channels:
            assert f"super-block {mutation.index + 1}: " in change
            assert f"width {old.out_channels} → {new.out_channels}" in change
            told += 1
    assert told > 10


def test_a_winners_costs_are_shown_as_shares_of_its_budgets(result):
    shown = {cost["title"]: cost for cost in run_payload(result)["winners"][1]["costs"]}
    costs = result.winners[1].costs
    assert shown["params"]["share"] == costs.params / 300_000
    assert shown["layers"]["share"] == costs.layers / 14
    assert shown["multiply-adds"]["share"] is None


def test_contributions_are_those_of_the_score():
    network = zennas.load("zennet-cifar-1.0M")
    parts = contributions(network)
    assert tuple(p.value for p in parts) == zennas.meanfield_score(network).contributions
    assert parts[0].convolution == "3×3 3→88"
    assert max(p.super_block for p in parts) == len(network.super_blocks) - 1


def test_the_command_repeats_the_settings():
    config = checked_config(
        {"space": "my space.yaml", "params": ["1M", "2M"], "se": True, "seed": 7, "plugins": ["a", "b"]}
    )
    words = shlex.split(search_command(config))
    assert words[:4] == ["zennas", "search", "--space", "my space.yaml"]
    assert "1M,2M" in words
    assert words.count("--plugin") == 2
    assert words[words.index("--seed") + 1] == "7"
    from typer.main import get_command

    known = {option for p in get_command(app).commands["search"].params for option in p.opts}
    assert {setting.flag for setting in search_settings()} <= known
    assert {setting.name for setting in search_settings()} >= set(SearchConfig.model_fields) - {"budgets"}


def test_a_diff_pairs_what_belongs_together():
    one = zennas.parse_structure("SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,16,2,8,1)SuperResK3K3(16,32,2,8,1)")
    other = zennas.parse_structure(
        "SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,16,2,8,3)SuperResK5K5(16,16,1,8,1)SuperResK3K3(16,32,2,8,1)"
    )
    rows = diff_architectures(one, other)
    assert [row.changed for row in rows] == [set(), {"layers"}, set(), set()]
    assert rows[2].left is None
    assert rows[2].right.kernel == 5
    assert all(not row.changed and row.left == row.right for row in diff_architectures(one, one))


def test_no_name_can_close_the_script(result):
    nasty = "</script><script>alert(1)</script>"
    page = report_page([replace(result, config=result.config.model_copy(update={"start": nasty}))])
    assert nasty not in page
    data = re.search(r'id="data">(.*?)</script>', page, re.DOTALL).group(1)
    assert nasty in json.loads(data)["runs"][0]["command"]


def test_the_page_asks_for_nothing_outside(result):
    page = report_page([result])
    assert "default-src 'none'" in page
    assert re.findall(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page) == []
    assert "import(" not in page
    assert "fetch(" not in page


def test_a_large_run_stays_below_six_megabytes(result):
    """Bytes a candidate, from this run without the page's fixed part: 48,000 of them must fit."""
    payload = run_payload(result)
    columns = len(json.dumps(payload["candidates"], separators=(",", ":")))
    rest = len(report_page([result]).encode()) - columns
    assert 48_000 * columns / result.scored + rest < 6e6


def test_a_block_without_closed_form_says_so(tmp_path):
    from zennas.blocks import Convolution, Unit, register_block, registry

    @register_block("Bare")
    def bare(block, in_channels, stride, first):
        return [Unit((Convolution(in_channels, block.out_channels, block.kernel, stride, norm=False),))]

    try:
        found = zennas.search("resnet", 16, 10, score="params", params="100k", iterations=50)
        odd = zennas.parse_structure("SuperConvK3BNRELU(3,16,1,1)Bare[k3](16,16,1,0,1)", resolution=16)
        best = replace(found.best, architecture=odd)
        winner = run_payload(replace(found, winners=[best]))["winners"][0]
        assert winner["contributions"] == []
        assert "batch norm" in winner["contributions_missing"]
    finally:
        registry._BLOCK_TYPES.pop("Bare", None)
