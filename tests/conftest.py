"""Shared by all tests: one thread a process, so that two test processes do not wait for each other."""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# A busy machine is no failure, and a failure must come again: examples are not timed, and drawn from the test's name.
settings.register_profile("zennas", deadline=None, derandomize=True)
settings.load_profile("zennas")


@pytest.fixture
def command_line(monkeypatch, capfd):
    """Runs a command as the console script does, in this process; gives back what it wrote to stdout and stderr."""
    from zennas.cli.main import main

    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["zennas", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capfd.readouterr()
        assert ended.value.code == code, written.err
        return written

    return run


@pytest.fixture
def cluster():
    """A Ray cluster of two nodes on this machine, one CPU each; the second can be removed."""
    ray = pytest.importorskip("ray", reason="the [ray] extra is not installed")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.second = made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()
