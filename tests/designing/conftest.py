"""A design of the digits that takes seconds: tiny networks at 8×8 pixels."""

import csv
from contextlib import contextmanager

import pytest

from zennas.designing.training import run_training

SMALL = {
    "data": "digits",
    "params": "20k",
    "candidates": 5,
    "epochs": 2,
    "rounds": 2,
    "final_epochs": 2,
    "halvings": 1,
    "resolution": 8,
    "iterations": 600,
    "batch_size": 128,
}
TIMES = ("seconds",)


@contextmanager
def in_this_process(execution, run, chunk, cards):
    """In the place of worker processes, which take seconds to begin."""
    yield lambda tasks: [run(task) for task in tasks]


@pytest.fixture
def here(monkeypatch):
    """Trainings are carried out in this process."""
    monkeypatch.setattr("zennas.designing.api.spread", in_this_process)
    return run_training


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A design that nothing interrupts."""
    import zennas

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zennas.designing.api.spread", in_this_process)
        return zennas.design(out=tmp_path_factory.mktemp("design") / "whole", threads=1, **SMALL)


@pytest.fixture
def small() -> dict[str, object]:
    return dict(SMALL)


def options(settings):
    """Settings as words of the command line."""
    return [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def table(directory):
    """`candidates.csv` without times."""
    with open(directory / "candidates.csv") as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


def outcome(directory):
    """All that a design found, without times."""
    files = [*sorted(directory.glob("round-*.yaml")), directory / "best.yaml"]
    return table(directory), [file.read_text() for file in files], (directory / "best.safetensors").read_bytes()
