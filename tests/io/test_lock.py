import errno
import os

import pytest

from zennas.errors import RunError
from zennas.io.lock import RunLock, is_locked

pytest.importorskip("fcntl")


def test_a_file_system_without_locks_is_told_as_that(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with RunLock(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)
    monkeypatch.setattr("fcntl.flock", none)
    with pytest.raises(RunError, match="cannot be locked: No locks available"), RunLock(tmp_path):
        pass
    assert not is_locked(tmp_path)
