"""What is said of winners that keep their budgets and are no networks to train, or not the best to be had."""

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


def test_a_time_limit_before_annealing_has_cooled_is_told_with_what_to_plan():
    settings = dict(params="100k", layers=10, rescore=0, time_limit=0.3, iterations=10**8)
    cut = zennas.search(**settings)
    assert cut.status == "time limit"
    (note,) = [note for note in cut.notes if "time limit" in note]
    planned = int(note.rpartition(" ")[2])
    assert 0.9 * cut.iterations < planned <= cut.iterations
    assert not zennas.search(**settings, algorithm="evolution").notes
    assert not zennas.search(**{**settings, "time_limit": 600, "iterations": 1000}).notes
