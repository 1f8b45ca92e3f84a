import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import zennas
from zennas.architecture import parse_structure
from zennas.errors import ScoreError, ZennasError
from zennas.scores import ScoreSettings
from zennas.searching.executors import Execution, Processes, executor, serial, spread, stopping
from zennas.searching.tasks import Failure, Outcome, ScoreTask, run_task

PLUGIN = "tests.searching.plugin_for_tests"
SETTINGS = ScoreSettings(batch_size=4, repeats=2)


def task(score, kernel=3, second=3, plugins=(PLUGIN,)):
    text = f"SuperConvK3BNRELU(3,8,1,1)SuperResK{kernel}K{kernel}(8,16,1,8,1)SuperResK{second}K{second}(16,16,1,8,1)"
    return ScoreTask(score, text, 8, SETTINGS, plugins)


@pytest.mark.slow
def test_the_result_does_not_depend_on_the_number_of_workers():
    settings = dict(params="60k", score="zen", iterations=96, batch_size=4, round_size=16, rescore=2, resolution=16)
    one, two, four = (zennas.search(workers=n, **settings) for n in (1, 2, 4))
    assert one.candidates() == two.candidates() == four.candidates()
    assert one.best.rescored.repeats == two.best.rescored.repeats == four.best.rescored.repeats


@pytest.mark.slow
def test_a_network_that_kills_its_worker_is_recorded_and_skipped():
    processes = Processes(2, run_task)
    try:
        tasks = [task("deadly"), task("deadly", kernel=7), task("deadly", kernel=5), task("deadly", second=7)]
        outcomes = processes(tasks)
    finally:
        processes.close()
    assert outcomes == [
        Outcome(32.0),
        Failure("killed its worker 3 times"),
        Outcome(32.0),
        Failure("kernel 7 is refused"),
    ]


def test_serial_carries_out_in_order():
    assert [o.score for o in serial([task("slow-width"), task("layers", plugins=())])] == [32.0, 3.0]


def test_bugs_of_a_users_score_are_raised_and_refusals_are_not():
    from zennas.scores import register_score, registry

    @register_score("buggy")
    def buggy(architecture, resolution, settings):
        return 1 / 0

    try:
        with pytest.raises(ZeroDivisionError):
            serial([task("buggy")])
    finally:
        del registry._SCORES["buggy"]


def test_a_missing_plugin_and_wrong_workers():
    with pytest.raises(ZennasError, match="plugin 'nowhere' cannot be imported"):
        zennas.search(plugins=["nowhere"], params="1M", iterations=1)
    with pytest.raises(ZennasError, match="0 workers"):
        Execution(0)
    with executor(Execution()) as execute:
        assert execute is serial


def test_the_torch_threads_of_the_user_are_left_as_they_were():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        serial([task("zen")])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_refused_start_ends_the_search():
    with pytest.raises((ZennasError, ScoreError), match="refuses the start: kernel"):
        zennas.search(
            score="deadly",
            params="1M",
            plugins=[PLUGIN],
            iterations=2,
            start="SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,16,1,8,1)SuperResK7K7(16,16,1,8,1)SuperConvK1BNRELU(16,64,1,1)",
        )
    assert parse_structure(task("zen").structure).out_channels == 16


def test_workers_end_when_their_parent_is_killed(tmp_path):
    code = """
import os
from tests.searching.test_executors import task
from zennas.searching.executors import Processes
from zennas.searching.tasks import run_task
processes = Processes(2, run_task)
processes([task("slow-width")] * 8)
print(*processes._pool._processes, flush=True)
os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    workers = [int(pid) for pid in killed.stdout.split()]
    assert len(workers) == 2
    for _ in range(200):
        if not any(Path(f"/proc/{pid}").exists() for pid in workers):
            return
        time.sleep(0.05)
    raise AssertionError("workers outlived their parent")


def card(task: float) -> str:
    """The card that a worker may use, once another worker has had the time to take a task, too."""
    time.sleep(task)
    return os.environ["CUDA_VISIBLE_DEVICES"]


def test_workers_share_out_the_cards_of_a_machine():
    with spread(Execution(2), card, cards=["3", "GPU-b"]) as execute:
        assert set(execute([0.5] * 6)) == {"3", "GPU-b"}


def wait_until_unwanted(path: Path) -> bool:
    path.touch()
    while not stopping():
        time.sleep(0.01)
    return True


def test_a_long_task_is_told_that_it_is_no_longer_wanted(tmp_path):
    processes = Processes(1, wait_until_unwanted)
    thread = threading.Thread(target=lambda: processes([tmp_path / "begun"]), daemon=True)
    thread.start()
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    processes.close()
    thread.join(60)
    assert not thread.is_alive()


def test_workers_that_died_while_nothing_was_asked_of_them_are_replaced():
    processes = Processes(2, run_task)
    try:
        tasks = [task("meanfield", plugins=()), task("meanfield", second=5, plugins=())]
        first = processes(tasks)
        for worker in list(processes._pool._processes.values()):
            worker.kill()
            worker.join()
        assert processes(tasks) == first
    finally:
        processes.close()


@pytest.mark.parametrize("wrong", [{"cpus": -1}, {"gpus": -0.5}, {"cpus": float("nan")}])
def test_what_a_ray_task_cannot_take_is_refused(wrong):
    with pytest.raises(ZennasError, match="of a Ray task are not allowed"):
        Execution(ray="auto", **wrong)
