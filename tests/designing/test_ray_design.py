"""A design on a real two-node Ray cluster on this machine, which loses a node."""

import threading
import time

import pytest

import zennas
from tests.designing.conftest import outcome
from zennas.searching.executors import Execution

pytest.importorskip("ray", reason="the [ray] extra is not installed")


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_finds_what_one_process_finds(cluster, whole, tmp_path, small):
    out, removed = tmp_path / "spread", []

    def remove_when_training_has_begun():
        while not (out / "candidates" / "1-2" / "config.yaml").exists():
            time.sleep(0.05)
        cluster.remove_node(cluster.second)
        removed.append(True)

    thread = threading.Thread(target=remove_when_training_has_begun, daemon=True)
    thread.start()
    zennas.design(out=out, execution=Execution(ray=cluster.address, cpus=1), threads=1, **small)
    thread.join(60)
    assert removed
    assert outcome(out) == outcome(whole.directory)
