"""What is said of winners that keep their budgets and are no networks to train."""

import zennas

DEEP = dict(params="200k", num_classes=10, score="meanfield", iterations=8000, rescore=0)


def said(**settings):
    return [note for note in zennas.search(**{**DEEP, **settings}).notes if "stack of narrow layers" in note]


def test_a_stack_of_narrow_layers_is_named_and_how_to_avoid_it():
    (note,) = said()
    assert "convolutions" in note
    assert "bound its depth with --layers or --max-effectiveness" in note


def test_nothing_is_said_where_depth_is_bounded_or_the_score_bounds_it():
    assert not said(layers=12)
    assert not said(effectiveness="0.5")
    assert not said(score="zen-weighted")


def test_a_run_that_is_read_again_says_it_once(tmp_path):
    zennas.search(**DEEP, out=tmp_path / "run")
    resumed = zennas.resume_run(tmp_path / "run", {"iterations": 8500})
    assert sum("stack of narrow layers" in note for note in resumed.notes) == 1
