from hypothesis import given
from hypothesis import strategies as st

from zennas.designing.halving import extrapolated, next_rung, planned_epochs, rungs, survivors

CURVES = st.lists(
    st.lists(st.floats(0, 1), min_size=8, max_size=8, unique=True), min_size=1, max_size=12, unique_by=lambda c: c[-1]
)


def test_rungs():
    assert rungs(10, 2) == [3, 5, 10]
    assert rungs(10, 0) == [10]
    assert rungs(1, 3) == [1]
    assert rungs(2, 2) == [1, 2]


@given(CURVES, st.integers(0, 3), st.sets(st.integers(0, 11)))
def test_a_round_ends_with_the_best_of_each_rung_and_as_many_epochs_as_planned(curves, halvings, failing):
    """Candidates are trained as they are asked for; some fail when they are first asked to go on."""
    steps = rungs(8, halvings)
    histories = {str(number): [] for number in range(len(curves))}
    failed: set[str] = set()
    asked = []
    while (rung := next_rung(histories, failed, steps)) is not None:
        asked.append(rung.epochs)
        for name in rung.names:
            if int(name) in failing and rung.epochs > steps[0]:
                failed.add(name)
            else:
                histories[name] = curves[int(name)][: rung.epochs]
    assert asked == sorted(set(asked))
    if not failed:
        assert sum(map(len, histories.values())) == planned_epochs(len(curves), steps)
        names = list(histories)
        for epochs in steps:
            assert all(len(histories[name]) >= epochs for name in names)
            names = survivors({name: curves[int(name)][epochs - 1] for name in names})


@given(CURVES, st.integers(1, 3))
def test_what_is_to_be_trained_next_does_not_depend_on_the_order_in_which_trainings_ended(curves, halvings):
    steps = rungs(8, halvings)
    partly = {str(n): curve[: steps[0]] if n % 2 else [] for n, curve in enumerate(curves)}
    rung = next_rung(partly, set(), steps)
    assert rung is not None
    assert rung.epochs == steps[0]
    assert set(rung.names) == {name for name, history in partly.items() if not history}


def test_the_better_half_survives_and_ties_go_to_the_first():
    assert survivors({"a": 0.5, "b": 0.7, "c": 0.5}) == ["b", "a"]
    assert survivors({"a": 0.5}) == ["a"]


def test_those_given_up_on_gain_what_the_others_gained():
    whole, other, cut = [0.2, 0.5, 0.7], [0.3, 0.4, 0.5], [0.1]
    assert extrapolated([whole, other, cut], 3) == [0.7, 0.5, 0.1 + (0.5 + 0.2) / 2]
    assert extrapolated([cut], 3) == [0.1]
