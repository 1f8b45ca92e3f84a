"""The number of threads that a training takes: the fastest of a trial, which changes nothing and is kept in the run."""

import copy
import csv

import accelerate
import pytest
import torch

import zennas
from zennas.cli.main import main
from zennas.threads import torch_threads
from zennas.train import evaluate, evaluation, resume_training, threads, train
from zennas.train.config import read_train_config
from zennas.train.threads import ThreadChoice, fastest_threads, halved, measured_threads, trial_step


class Machine:
    """A clock that goes on by what a step on so many images takes with the threads that torch has."""

    def __init__(self, monkeypatch, seconds):
        self.now, self.seconds, self.steps = 0.0, seconds, []
        monkeypatch.setattr(threads.time, "perf_counter", lambda: self.now)

    def step(self, images):
        count = torch.get_num_threads()
        self.steps.append((count, images))
        self.now += self.seconds[count] * images


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({4: 1, 2: 2, 1: 4}, 4),
        ({4: 9, 2: 3, 1: 1}, 1),
        ({4: 3, 2: 1, 1: 2}, 2),
        ({4: 1, 2: 1.04, 1: 2}, 2),  # nearly as fast, with half of the cores
    ],
)
def test_the_fastest_number_is_taken_or_the_least_that_is_nearly_as_fast(monkeypatch, seconds, chosen):
    machine = Machine(monkeypatch, seconds)
    choice = measured_threads(machine.step, 64, 4)
    assert choice.threads == chosen
    assert choice.images_per_second == pytest.approx({count: 1 / taken for count, taken in seconds.items()})


def test_a_number_far_behind_is_tried_once(monkeypatch):
    machine = Machine(monkeypatch, {2: 1.0, 1: 0.1})
    measured_threads(machine.step, 64, 2)
    tried = [count for count, _ in machine.steps]
    assert tried.count(2) == 1
    assert tried.count(1) > threads.ROUNDS


def test_fast_networks_are_timed_on_more_images_and_never_on_more_than_a_batch(monkeypatch):
    for seconds, images in ((1.0, 2), (0.01, 32), (1e-6, 100)):
        machine = Machine(monkeypatch, {2: seconds, 1: seconds})
        measured_threads(machine.step, 100, 2)
        assert machine.steps[-1] == (1, images)


def test_numbers_that_are_tried():
    assert list(halved(1)) == [1]
    assert list(halved(12)) == [12, 6, 3, 1]


def test_a_trial_leaves_the_network_and_chance_as_they_were():
    block = zennas.load("SuperConvK3BNRELU(3,8,2,1)SuperResK3K3(8,16,2,16,1)")
    module = torch.nn.Sequential(zennas.build(block, 4), torch.nn.Dropout())
    before, chance = copy.deepcopy(module.state_dict()), torch.get_rng_state()
    step = trial_step(module, copy.deepcopy(module).eval(), 8, "channels-last", accelerate.Accelerator(cpu=True), 0)
    step(4)
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(weight.grad is None for weight in module.parameters())


def losses(directory):
    with open(directory / "metrics.csv") as file:
        return [row["train_loss"] for row in csv.DictReader(file)]


def test_the_number_that_was_taken_is_kept_and_gone_on_with(tmp_path, tiny, quick, monkeypatch):
    monkeypatch.setattr(threads, "measured_threads", lambda *_: ThreadChoice(2, {1: 10.0, 2: 1200.0, 3: 9.0}))
    seen, said = [], []

    def watch(_progress):
        seen.append(torch.get_num_threads())

    with torch_threads(3):
        train(tiny, tmp_path / "cut", **quick, threads="auto", watch=watch, announce=said.append, until=1)
        assert torch.get_num_threads() == 3
    monkeypatch.setattr(threads, "measured_threads", lambda *_: pytest.fail("measured again"))
    assert read_train_config(tmp_path / "cut").threads == 2
    resume_training(tmp_path / "cut", watch=watch)
    assert set(seen) == {2}
    assert said == ["threads: 2 of 3 (images/s in a trial with 1: 10, 2: 1,200, 3: 9); --threads sets it"]
    train(tiny, tmp_path / "whole", **quick, threads=2)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")


def test_python_leaves_torch_as_it_is_unless_it_is_asked(tmp_path, tiny, quick):
    with torch_threads(2):
        seen = []
        train(tiny, tmp_path, **{**quick, "epochs": 1}, watch=lambda _: seen.append(torch.get_num_threads()))
    assert set(seen) == {2}
    assert read_train_config(tmp_path).threads is None


def test_nothing_is_measured_where_there_is_no_choice(monkeypatch):
    monkeypatch.setattr(threads, "measured_threads", lambda *_: pytest.fail("measured"))

    class Several:
        device, num_processes = torch.device("cpu"), 2

    class Card:
        device, num_processes = torch.device("cuda"), 1

    class Alone:
        device, num_processes = torch.device("cpu"), 1

    for place, number in ((Several, None), (Card, None), (Alone, 1)):
        with torch_threads(1):
            assert fastest_threads(None, torch.nn.Identity(), None, 8, place) == number


def test_the_command_measures_unless_it_is_told_the_number(tmp_path, tiny, monkeypatch, capsys):
    monkeypatch.setattr(threads, "measured_threads", lambda *_: ThreadChoice(1, {1: 10.0, 2: 9.0}))
    for name, more in (("measured", []), ("told", ["--threads", "2"])):
        words = ["train", tiny, "--resolution", "8", "--batch-size", "512", "--epochs", "1", *more]
        monkeypatch.setattr("sys.argv", ["zennas", *words, "--out", str(tmp_path / name)])
        with torch_threads(2), pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        assert ("threads: 1 of 2" in capsys.readouterr().err) == (name == "measured")
    assert read_train_config(tmp_path / "measured").threads == 1
    assert read_train_config(tmp_path / "told").threads == 2


def test_an_evaluation_has_the_threads_that_it_is_given(tmp_path, tiny, quick, monkeypatch):
    train(tiny, tmp_path, **{**quick, "epochs": 1})
    seen = []
    real = evaluation.evaluate_network
    monkeypatch.setattr(
        evaluation, "evaluate_network", lambda *a, **k: seen.append(torch.get_num_threads()) or real(*a, **k)
    )
    before = torch.get_num_threads()
    evaluate(tiny, tmp_path / "last.safetensors", resolution=8, threads=before + 1)
    assert seen == [before + 1]
    assert torch.get_num_threads() == before
