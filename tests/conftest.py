"""Shared by all tests: one thread a process, so that two test processes do not wait for each other."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

# A busy machine is no failure, and a failure must come again: examples are not timed, and drawn from the test's name.
settings.register_profile("zennas", deadline=None, derandomize=True)
settings.load_profile("zennas")
