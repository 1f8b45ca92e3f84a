"""Shared by all tests: one thread a process, so that two test processes do not wait for each other."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
