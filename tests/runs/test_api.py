"""`zennas.search`: what its signature says is what a configuration has."""

import inspect

import pytest

import zennas
from zennas.runs import api
from zennas.searching.settings import SearchConfig, search_settings

BESIDE = {"out", "watch", "workers", "ray", "quantities"}


def test_the_signature_agrees_with_the_settings():
    parameters = inspect.signature(zennas.search).parameters
    settings = {setting.name: setting.default for setting in search_settings()}
    assert set(parameters) - BESIDE == set(settings)
    for name, default in settings.items():
        shown = parameters[name].default
        assert (list(shown) if isinstance(shown, tuple) else shown) == default, name
        assert parameters[name].annotation is not inspect.Parameter.empty


def test_every_argument_is_explained():
    documented = inspect.getdoc(zennas.search)
    for name in inspect.signature(zennas.search).parameters:
        assert f"\n    {name}: " in documented, name


OTHERS = dict(
    space="mobilenet", resolution=(64, 48), num_classes=10, channels=1, params="1M", flops="1G", layers="30",
    convolutions="90", memory="9MB", latency="9s", effectiveness="5", weights="2MB", peak_memory="3MB", dtype="int8",
    flops_per_param=99.0, latency_predictor="p.json",
    latency_backend="onnxruntime", latency_dtype="fp16", latency_batch_size=2, latency_layout="contiguous", se=True,
    score="zen", algorithm="local",
    iterations=7, population=8, round_size=9, islands=2, rescore=1, seed=3, batch_size=4, repeats=2, device="cuda",
    start="zennet-cifar-0.5M", freeze=["stem"], plugins=["json"], time_limit=5.0, patience=6, target_score=7.0,
    pareto=["params"],
)  # fmt: skip
INSTEAD = dict(task="dense", from_run="runs/old", params="1M")
"""Settings that some of the others do not go with."""


def test_every_argument_reaches_the_configuration(monkeypatch):
    assert set(OTHERS) | set(INSTEAD) == {setting.name for setting in search_settings()}
    started = []
    monkeypatch.setattr(api, "start_run", lambda config, *_: started.append(config))
    zennas.search(**OTHERS)
    assert started == [SearchConfig(**OTHERS)]
    # What another run decides is tested with one that there is.
    monkeypatch.setattr(api, "with_purpose", lambda settings: settings)
    zennas.search(**INSTEAD)
    assert started.pop() == SearchConfig(**INSTEAD)
    zennas.search(params=1e6, freeze=("stem",), device="cpu")
    assert started[1] == SearchConfig(params=1e6, freeze=["stem"])
    assert "device" not in started[1].model_fields_set


@pytest.mark.parametrize("seconds", [0.0005, 5e-10])
def test_a_latency_is_given_in_seconds(monkeypatch, seconds):
    started = []
    monkeypatch.setattr(api, "start_run", lambda config, *_: started.append(config))
    zennas.search(latency=[seconds, 2.0])
    assert [budgets[0].high for budgets in started[0].budget_sets()] == pytest.approx([seconds, 2.0])
