"""Of a long search a page draws what can be told apart, and stays small."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import zennas
from tests.report.browser import chromium_or_skip, opened
from zennas.counting import Costs
from zennas.report import payload, report_page, write_report
from zennas.report.payload import page_payload, run_payload
from zennas.report.thinning import Columns, drawn
from zennas.searching.population import Candidate
from zennas.spaces.mutation import Mutation


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "one"
    settings = dict(params=["150k", "300k"], layers=14, iterations=2500, population=40, rescore=0, seed=3)
    return zennas.search("resnet", 32, 10, out=out, **settings)


@pytest.fixture
def columns():
    """60,000 candidates, each a child of one of those just before it."""
    rng = np.random.default_rng(1)
    made = Columns()
    for number in range(60_000):
        made.scores.append(float(rng.normal()))
        made.parents.append(number - 1 - int(rng.integers(min(number, 50))) if number else -1)
        for name, values in made.costs.items():
            values.append(float("nan") if name == "latency" else float(rng.lognormal()))
    return made


def test_a_short_search_is_drawn_as_a_whole(columns):
    assert drawn(columns, [7], most=60_000) == list(range(60_000))


def test_so_many_are_drawn_and_no_more(columns):
    assert len(drawn(columns, [59_999], most=20_000)) == 20_000


def test_a_winner_is_drawn_with_all_its_ancestors(columns):
    for winner in (59_999, 31_000):
        line = columns.line(winner)
        assert line[-1] == 0
        assert set(line) <= set(drawn(columns, [winner], most=8_000))


def test_the_frontier_and_the_outline_of_every_scatter_are_drawn(columns):
    chosen = set(drawn(columns, [], most=6_000))
    scores = np.array(columns.scores)
    for name, values in columns.costs.items():
        costs = np.array(values)
        if name == "latency":
            continue
        assert {int(costs.argmin()), int(costs.argmax()), int(scores.argmax()), int(scores.argmin())} <= chosen
        left = np.linspace(costs.min(), costs.max(), 65)
        for low, high in pairwise(left):
            members = np.flatnonzero((costs >= low) & (costs < high))
            if not len(members):
                continue
            assert int(members[scores[members].argmax()]) in chosen
            assert int(members[scores[members].argmin()]) in chosen
            # The frontier over those that are drawn is as high as that over all.
            below = costs < high
            assert scores[below].max() == max(scores[number] for number in chosen if below[number])


def test_the_rest_is_a_uniform_sample_and_the_same_each_time(columns):
    many, few = drawn(columns, [], most=20_000), drawn(columns, [], most=10_000)
    assert many == drawn(columns, [], most=20_000)
    assert set(few) < set(many)
    shares = np.histogram(few, bins=10, range=(0, 60_000))[0] / len(few)
    assert np.all(np.abs(shares - 0.1) < 0.02)


def structures(run):
    """The structure strings of all that a page draws, rebuilt as the page does it."""
    kinds, networks = run["kinds"], []
    for parent, changes in zip(run["candidates"]["parent"], run["candidates"]["changes"], strict=True):
        blocks = [] if parent < 0 else [list(block) for block in networks[parent]]
        for index, *numbers in changes:
            new = [numbers[place : place + 6] for place in range(0, len(numbers), 6)]
            if index < 0:
                blocks = new
                continue
            rest = blocks[index + 1 :]
            if rest:
                rest[0][1] = new[-1][2]
            blocks = [*blocks[:index], *new, *rest]
        networks.append(blocks)
    texts = []
    for blocks in networks:
        parts = []
        for kind, in_, out, stride, inner, layers in blocks:
            values = [in_, out, stride, *([] if kinds[kind]["arguments"] == 4 else [inner]), layers]
            parts.append(f"{kinds[kind]['prefix']}({','.join(map(str, values))})")
        texts.append("".join(parts))
    return texts


@pytest.mark.parametrize("most", [10_000, 600, 1])
def test_what_is_drawn_is_what_was_scored(result, monkeypatch, most):
    monkeypatch.setattr(payload, "MOST_DRAWN", most)
    run = run_payload(result)
    columns, candidates = run["candidates"], result.candidates()
    assert ("id" in columns) is (most < result.scored)
    numbers = columns.get("id", range(result.scored))
    assert len(numbers) < result.scored or most > result.scored
    assert structures(run) == [zennas.format_structure(candidates[number].super_blocks) for number in numbers]
    assert columns["score"] == [round(candidates[number].score, 3) for number in numbers]
    assert columns["params"] == [candidates[number].costs.params for number in numbers]
    for winner, shown in zip(result.winners, run["winners"], strict=True):
        assert numbers[shown["id"]] == winner.candidate.id
        line = [candidate.id for candidate in result.lineage(winner.candidate)]
        assert [numbers[step["id"]] for step in shown["ancestors"]] == line[::-1]


def test_the_history_is_of_all_candidates(result, monkeypatch):
    whole = run_payload(result)
    monkeypatch.setattr(payload, "MOST_DRAWN", 1)
    thinned = run_payload(result)
    assert thinned["history"] == whole["history"]
    assert thinned["composition"] == whole["composition"]


class _Long:
    """A store of a search so long that it is made up: children of the one before it, of twenty super-blocks each."""

    def __init__(self, count):
        self._count = count

    def each_candidate(self):
        block = zennas.parse_structure("SuperResK3K3(1024,1024,1,1024,3)").super_blocks[0]
        blocks = (block,) * 20
        rng = np.random.default_rng(0)
        for number in range(self._count):
            score, flops = float(rng.normal()), int(rng.integers(10**9, 10**10))
            mutations = (Mutation(number % 20, (block,)),) if number else ()
            costs = Costs(flops // 1000, flops, 60, 120, flops // 500, 1e-3 + flops * 1e-12, 0.1 + score)
            yield Candidate(number, number, number - 1 if number % 300 else -1, mutations, blocks, score, costs)


@pytest.mark.parametrize("runs", [1, 3])
def test_a_page_stays_below_six_megabytes_at_any_length(result, runs):
    long = replace(result, store=_Long(60_000), scored=60_000, winners=result.winners[:1])
    page = report_page([long] * runs)
    assert len(page.encode()) < 6e6
    assert len(json.dumps(page_payload([long])["runs"][0]["candidates"])) > 1e6


def test_the_page_says_how_many_are_drawn_and_answers_for_them(result, monkeypatch, tmp_path):
    chromium_or_skip()
    monkeypatch.setattr(payload, "MOST_DRAWN", 600)
    write_report([result], tmp_path / "report.html")
    candidates = result.candidates()
    with opened(tmp_path / "report.html", tmp_path / "profile") as driver:
        section = driver.find_element("id", "candidates").text
        numbers = driver.execute_script("return report.runs[0].candidates.id")
        assert f"{len(numbers):,} of {result.scored:,} networks are drawn" in section
        shown = driver.execute_script(
            "const run = report.runs[0];"
            "return [...run.candidates.score.keys()].map(i => structureText(structureOf(run, i)))"
        )
        assert shown == [zennas.format_structure(candidates[number].super_blocks) for number in numbers]
        star = driver.find_elements("css selector", "#candidates path.winner")[0]
        assert star.is_displayed()
        chart = driver.find_elements("css selector", "#family .chart svg")[0]
        from selenium.webdriver.common.keys import Keys

        chart.send_keys(Keys.END)
        chart.send_keys(Keys.ENTER)
        drawn_below = driver.find_element("id", "selected")
        winner = result.best.candidate
        assert f"Network {winner.id}:" in drawn_below.text
        assert drawn_below.find_element("css selector", "pre").text == zennas.format_structure(winner.super_blocks)
        assert [e for e in driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")] == []
