"""A real two-node Ray cluster on this machine."""

import pytest

import zennas
from tests.searching.test_executors import task
from zennas.searching.executors import Execution, executor
from zennas.searching.tasks import Failure, Outcome

pytest.importorskip("ray", reason="the [ray] extra is not installed")

SETTINGS = dict(
    params="60k", score="slow-width", iterations=400, round_size=32, plugins=["tests.searching.plugin_for_tests"]
)


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_finds_what_one_process_finds(cluster):
    alone = zennas.search(**SETTINGS)
    removed = []

    def watch(progress):
        if progress.done >= 100 and not removed:
            removed.append(progress.done)
            cluster.remove_node(cluster.second)

    spread = zennas.search(ray=cluster.address, watch=watch, **SETTINGS)
    assert removed
    assert spread.candidates() == alone.candidates()


@pytest.mark.slow
def test_a_network_that_kills_its_worker_is_recorded_and_skipped(cluster):
    with executor(Execution(ray=cluster.address, cpus=0.5)) as execute:
        outcomes = execute([task("deadly"), task("deadly", kernel=7), task("deadly", second=7)])
    assert outcomes == [Outcome(32.0), Failure("killed its worker 3 times"), Failure("kernel 7 is refused")]
