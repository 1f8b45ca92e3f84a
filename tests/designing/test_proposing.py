"""What a round is made of, from accuracies that nobody trained for: they are written as trainings would write them."""

import numpy as np
import pytest

import zennas
from zennas.designing import read_design
from zennas.designing.distance import Space
from zennas.designing.picking import winners
from zennas.designing.plans import write_plan
from zennas.designing.proposing import propose
from zennas.designing.settings import design_config
from zennas.io.settings import write_settings
from zennas.runs.carrying_out import RunContext
from zennas.train.metrics import write_metrics


def begun(directory, **changes):
    """A design whose data were looked at."""
    config = design_config(
        {"params": "60k", "candidates": 24, "rounds": 2, "epochs": 2, "halvings": 0, "iterations": 1500, **changes}
    )
    write_settings(config.model_copy(update={"num_classes": 10, "images": 1000, "resolution": 16}), directory)
    return read_design(directory)


def measured(directory, accuracy):
    """Write down what the first round came to, by a function of a network's costs."""
    for candidate in read_design(directory).candidates:
        value = accuracy(read_design(directory).costs(candidate))
        rows = [{"epoch": n, "accuracy": value, "images_per_second": 100.0} for n in (1, 2)]
        write_metrics(rows, directory / "candidates" / candidate.plan.name)
    return read_design(directory)


def nearest(result):
    """The smallest distance of two candidates."""
    space = Space([c.plan.architecture.super_blocks for c in result.candidates])
    return min(np.sort(space.distances(n))[1] for n in range(len(space)))


@pytest.mark.slow
def test_the_first_round_has_three_depths_and_the_second_what_was_learned(tmp_path):

    def accuracy(costs):
        return 0.95 - 0.01 * costs.convolutions

    first = propose(begun(tmp_path), 1, RunContext())
    assert len(first.candidates) == 12
    titles = [planned.why for planned in first.candidates]
    for number, title in enumerate(["any depth", "0.7 of the depth", "half the depth"]):
        assert sum(f" {title}" in why for why in titles) == 4, (number, titles)
    write_plan(first, tmp_path, 1)
    result = measured(tmp_path, accuracy)
    assert nearest(result) >= 0.25
    second = propose(result, 2, RunContext())
    assert len(second.candidates) == 12
    assert second.note.startswith("by accuracy as learned from 12 candidates")
    write_plan(second, tmp_path, 2)
    result = read_design(tmp_path)
    assert nearest(result) >= 0.25
    assert [c.plan for c in result.rounds[1].candidates] == list(second.candidates)
    # Networks of few convolutions were good, and the model has to have found that out.
    predicted = [c for c in result.rounds[1].candidates if "highest predicted" in c.plan.why]
    assert len(predicted) >= 6
    means = [np.mean([accuracy(result.costs(c)) for c in group]) for group in (result.rounds[0].candidates, predicted)]
    assert means[1] > means[0]
    assert all(planned.improvement >= 0 and planned.std > 0 for planned in second.candidates)
    assert propose(read_design(tmp_path), 2, RunContext()).note == second.note


@pytest.mark.slow
def test_a_model_of_trained_networks_chooses_among_those_of_a_run(tmp_path):
    plan = propose(begun(tmp_path), 1, RunContext())
    write_plan(plan, tmp_path, 1)
    result = measured(tmp_path, lambda costs: 0.9 - 0.2 * (costs.flops / 4e6))
    from zennas.designing.proposing import fitted

    model = fitted(result, 2)
    picks = winners(tmp_path / "searches" / "zero-shot-1", 4, model=model)
    mean, std = model.predict([pick.architecture for pick in picks], 16)
    assert [pick.predicted for pick in picks] == pytest.approx(mean.tolist())
    assert [pick.std for pick in picks] == pytest.approx(std.tolist())


def test_settings_of_rounds():
    def sizes(candidates, rounds):
        return design_config({"params": "1M", "candidates": candidates, "rounds": rounds}).round_sizes()

    assert sizes(20, 3) == [10, 5, 5]
    assert sizes(5, 2) == [3, 2]
    assert sizes(3, 3) == [1, 1, 1]
    assert sizes(4, 1) == [4]
    assert all(sum(sizes(c, r)) == c and min(sizes(c, r)) >= 1 for c in range(1, 30) for r in range(1, c + 1))


def test_a_latency_predictor_may_be_of_another_device_than_trains():
    given = {"params": "1M", "latency": "1ms", "device": "cuda"}
    assert design_config(given).search_config().device == "cuda"
    config = design_config({**given, "latency_predictor": "cpu.json"})
    assert "device" not in config.search_config().model_fields_set
    assert zennas.designing.settings.design_config(given).train_config("x", 2).device == "cuda"
    second = design_config({**given, "device": "cuda:1"})
    assert second.search_config().device == "cuda:1"
    assert second.train_config("x", 2).device == "cuda", "its process sees no other"


def test_cards_are_those_that_a_device_stands_for(monkeypatch):
    torch = pytest.importorskip("torch")
    from zennas.designing.api import cards_of

    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert cards_of(torch.device("cuda")) == ["0", "1", "2"]
    assert cards_of(torch.device("cuda:2")) == ["2"]
    assert cards_of(torch.device("cpu")) == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, 7")
    assert cards_of(torch.device("cuda:1")) == ["7"]
