import pytest
import torch

from tests.searching.test_executors import task
from zennas.scores import register_score, registry
from zennas.searching.executors import serial
from zennas.searching.threads import Threads, fitting_threads, usable_cores


def test_threads_give_the_outcomes_of_one_process_in_order():
    tasks = [task("zen", kernel) for kernel in (3, 5, 7, 3, 5)]
    assert Threads(3)(tasks) == serial(tasks)


def test_the_torch_threads_of_the_user_are_left_as_they_were():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        Threads(2)([task("zen"), task("zen", 5)])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_each_task_computes_on_one_torch_thread():
    @register_score("threads-of-torch", needs_torch=True)
    def threads_of_torch(architecture, resolution, settings):
        from zennas.scores.builtin import exact

        return exact("threads-of-torch", float(torch.get_num_threads()))

    try:
        outcomes = Threads(2)([task("threads-of-torch") for _ in range(6)])
    finally:
        del registry._SCORES["threads-of-torch"]
    assert [outcome.score for outcome in outcomes] == [1.0] * 6


def test_a_bug_is_raised():
    @register_score("buggy")
    def buggy(architecture, resolution, settings):
        return 1 / 0

    try:
        with pytest.raises(ZeroDivisionError):
            Threads(2)([task("buggy")] * 4)
    finally:
        del registry._SCORES["buggy"]


def test_threads_do_not_take_more_memory_than_there_is(monkeypatch):
    monkeypatch.setattr("zennas.searching.threads._machine_memory", lambda: 8e9)
    monkeypatch.setattr("zennas.searching.threads.usable_cores", lambda: 16)
    assert fitting_threads(1e6) == 16
    assert fitting_threads(1e9) == 4
    assert fitting_threads(1e12) == 1
    monkeypatch.setattr("zennas.searching.threads._machine_memory", lambda: None)
    assert fitting_threads(1e12) == 16


def test_a_containers_limit_counts(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("zennas.searching.threads._MEMORY_LIMIT", limit)
    monkeypatch.setattr("zennas.searching.threads.usable_cores", lambda: 1 << 20)
    limit.write_text("4000000\n")
    assert fitting_threads(1e6) == 2
    limit.write_text("max\n")
    assert fitting_threads(1e6) > 2
    assert usable_cores() >= 1
