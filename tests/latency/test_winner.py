"""The winner among candidates that were measured."""

import math
from dataclasses import replace

import pytest
from devices import plain_predictor

import zennas
from zennas.counting import count_super_blocks, parse_budget
from zennas.errors import LatencyError
from zennas.latency.setting import Setting
from zennas.latency.winner import MOST_MEASURED, VISITS, Measurer, Taken, measured_winner, setting_here
from zennas.searching.population import Candidate

PREDICTOR = plain_predictor()
BUDGETS = (parse_budget("params", "5k"), parse_budget("latency", "8ms"))


def candidate(number: int, width: int, params: int = 1000) -> Candidate:
    """One whose score is its width, and so is the order of its latency: 120 takes 4.5 ms, 200 7.6 ms."""
    blocks = zennas.load(f"SuperConvK3BNRELU(3,{width},1,1)").super_blocks
    costs = replace(count_super_blocks(blocks, 32, 10), params=params, latency=PREDICTOR.predict(blocks))
    return Candidate(number, number, -1, (), blocks, float(width), costs)


def known(candidates: list[Candidate], *factors: float) -> Measurer:
    """Has measured each at that factor times its prediction."""
    taken = {c.id: Taken(f * (c.costs.latency or 0)) for c, f in zip(candidates, factors, strict=True)}
    return Measurer(PREDICTOR, 10, Setting(batch_size=1, resolution=32), taken)


def test_the_first_that_meets_the_budget_is_taken_and_no_further_one_is_measured() -> None:
    ranked = [candidate(0, 200), candidate(1, 192)]
    notes: list[str] = []
    measurer = known(ranked[:1], 0.9)
    found, latency = measured_winner(measurer, ranked, lambda: pytest.fail("asked"), BUDGETS, notes)
    assert (found, list(measurer.taken)) == (ranked[0], [0])
    assert latency == pytest.approx(0.9 * (ranked[0].costs.latency or 0))
    assert not any("misses" in note for note in notes)


@pytest.mark.parametrize("first", [1.5, math.inf])
def test_a_winner_that_misses_gives_way_to_the_next_that_meets(first: float) -> None:
    ranked = [candidate(0, 200), candidate(1, 192)]
    notes: list[str] = []
    found, _ = measured_winner(known(ranked, first, 0.9), ranked, list, BUDGETS, notes)
    assert found == ranked[1]
    assert any("misses latency ≤ 8ms; returned is the next best" in note for note in notes)
    assert any(("more memory than there is" in note) == (first == math.inf) for note in notes)


def test_who_is_returned_in_place_of_the_population_keeps_the_other_budgets() -> None:
    slow, large, small = candidate(0, 200), candidate(1, 128, 9000), candidate(2, 120, 4000)
    measurer = known([slow, large, small], 1.6, 1.6, 1.6)
    found, latency = measured_winner(measurer, [slow], lambda: [large, slow, small], BUDGETS, [])
    assert found == small
    assert latency == pytest.approx(1.6 * (small.costs.latency or 0))


def test_those_that_the_misses_rule_out_are_not_measured() -> None:
    ranked = [candidate(number, 200 - 8 * number) for number in range(20)]
    fitting = [c for c in ranked if 1.6 * (c.costs.latency or 0) <= 8e-3]
    measurer = known([*ranked[:3], *fitting], *[1.6] * (3 + len(fitting)))
    measurer.requested.set()  # whoever is not known ends it
    assert 3 < fitting[0].id < 19
    assert measured_winner(measurer, ranked, list, BUDGETS, [])[0] == fitting[0]


def test_where_none_meets_the_budget_that_is_said() -> None:
    ranked = [candidate(number, 200) for number in range(3)]
    notes: list[str] = []
    found, latency = measured_winner(known(ranked, *[5000.0] * 3), ranked, list, BUDGETS, notes)
    assert found == ranked[0]
    assert latency == pytest.approx(5000 * (ranked[0].costs.latency or 0))
    assert any("so do all 3 that were measured" in note and "--latency 1.6µs" in note for note in notes)


def test_no_more_than_so_many_are_measured() -> None:
    ranked = [candidate(number, 200) for number in range(MOST_MEASURED + 1)]
    measurer = known(ranked, *[math.inf] * MOST_MEASURED, 0.9)
    notes: list[str] = []
    assert measured_winner(measurer, ranked, list, BUDGETS, notes)[0] == ranked[0]
    assert any(f"so do all {MOST_MEASURED} that were measured" in note for note in notes)


def test_a_measurement_is_the_median_of_visits_without_drift_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 9.0, 1.2])
    references = iter([2e-3] * 2 * VISITS)
    kept: list[dict[int, Taken]] = []
    told: list[tuple[int, int]] = []

    class Found:
        @property
        def latency(self) -> float:
            return next(times)

    monkeypatch.setattr("zennas.latency.measure.measure", lambda *_, **__: Found())
    monkeypatch.setattr("zennas.latency.drift.reference_seconds", lambda *_: next(references))
    measurer = Measurer(
        PREDICTOR, 10, Setting(batch_size=1, resolution=32), {}, lambda taken: kept.append(dict(taken)),
        lambda *numbers: told.append(numbers),
    )  # fmt: skip
    one = candidate(5, 120)
    assert measurer.measure([one])
    # The reference network took 1 ms when the predictor was fitted.
    assert measurer.taken == {5: Taken(0.6, 2.0)} == kept[-1]
    assert told == [(1, VISITS), (2, VISITS), (3, VISITS)]
    assert measurer.measure([one])  # asks nothing more of the exhausted clocks
    assert measurer.ratio(one) == pytest.approx(0.6 / (one.costs.latency or 0))


def test_where_the_user_asks_to_stop_nothing_more_is_measured() -> None:
    measurer = known([], *[])
    measurer.requested.set()
    assert not measurer.measure([candidate(0, 120)])
    assert measured_winner(measurer, [candidate(0, 120)], list, BUDGETS, [])[1] is None


def test_another_machine_is_not_measured_on_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    assert setting_here(plain_predictor(device_name="elsewhere"), notes) is None
    assert "predicted, not measured" in notes[0]

    def fail(setting: Setting) -> Setting:
        raise LatencyError("no such device")

    monkeypatch.setattr("zennas.latency.winner.on_this_machine", fail)
    assert setting_here(PREDICTOR, notes) is None
    assert "no such device" in notes[1]
    monkeypatch.setattr("zennas.latency.winner.on_this_machine", lambda setting: setting)
    assert setting_here(PREDICTOR, notes) == PREDICTOR.setting
    monkeypatch.setattr("zennas.latency.backends.check_supported", fail)
    assert setting_here(PREDICTOR, notes) is None
    assert "predicted, not measured" in notes[2]
