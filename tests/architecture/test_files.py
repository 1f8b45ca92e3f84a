import os

import pytest

from zennas.architecture import read_architecture, write_architecture
from zennas.errors import ArchitectureError, ZennasError
from zennas.zoo import zoo_entry

NETWORK = zoo_entry("zennet-cifar-0.5M").architecture


@pytest.mark.parametrize("suffix", ["yaml", "json", "txt"])
def test_files_round_trip(tmp_path, suffix):
    path = tmp_path / f"net.{suffix}"
    write_architecture(NETWORK, path)
    assert read_architecture(path).super_blocks == NETWORK.super_blocks
    assert os.listdir(tmp_path) == [path.name], "nothing is left beside the file"


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.yaml"
    write_architecture(NETWORK, path)
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ZennasError, match="No space left"):
        write_architecture(zoo_entry("zennet-cifar-2.0M").architecture, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_unreadable_files(tmp_path):
    with pytest.raises(ArchitectureError, match="cannot be read"):
        read_architecture(tmp_path / "missing.yaml")
    binary = tmp_path / "net.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ArchitectureError, match="not a text file"):
        read_architecture(binary)
    with pytest.raises(ArchitectureError, match="unknown kind of file"):
        read_architecture(tmp_path / "net.pt") if (tmp_path / "net.pt").write_text("") == 0 else None
