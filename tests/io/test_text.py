import os
import stat
import subprocess

import pytest

import zennas
from zennas.errors import FileError, ZennasError
from zennas.io.directories import make_directory, next_directory
from zennas.io.foreign import parse_foreign
from zennas.io.text import read_text, write_text


@pytest.mark.parametrize("use", [read_text, make_directory, lambda path: write_text(path, "x")])
def test_a_path_with_a_zero_byte_is_no_path(tmp_path, use):
    with pytest.raises(FileError, match="zero byte"):
        use(tmp_path / "\0.yaml")


def test_a_network_of_such_a_name_is_refused():
    with pytest.raises(ZennasError, match="zero byte"):
        zennas.load("\0.yaml")


def test_what_another_librarys_parser_raises_is_damage_in_one_short_line():
    def parse():
        raise AssertionError("first " + "x" * 500 + "\nsecond")

    with pytest.raises(FileError, match=r"^f: first x+\.\.\.x+$") as error:
        parse_foreign(parse, lambda said: FileError(f"f: {said}"))
    assert len(str(error.value)) < 100
    with pytest.raises(FileError, match="^f: KeyError$"):
        parse_foreign(lambda: (_ for _ in ()).throw(KeyError()), lambda said: FileError(f"f: {said}"))
    assert parse_foreign(lambda: 3, FileError) == 3


def test_a_file_is_replaced_at_once_and_anybody_may_read_it(tmp_path, monkeypatch):
    path = tmp_path / "f.txt"
    write_text(path, "old")
    replaced = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda one, other: (replaced.append(path.read_text()), real(one, other)))
    write_text(path, "new")
    assert replaced == ["old"], "the old file is whole until the new one takes its place"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_new_directories_are_numbered_from_one(tmp_path):
    assert next_directory(tmp_path) == tmp_path / "search-1"
    (tmp_path / "search-1").mkdir()
    (tmp_path / "train-3").mkdir()
    assert next_directory(tmp_path) == tmp_path / "search-2"
    assert next_directory(tmp_path, "train") == tmp_path / "train-1"


def test_links_are_followed_pipes_written_to_and_permissions_kept(tmp_path):
    kept, link, pipe = tmp_path / "kept", tmp_path / "link", tmp_path / "pipe"
    write_text(kept, "old")
    kept.chmod(0o600)
    link.symlink_to(kept)
    write_text(link, "new")
    assert link.is_symlink()
    assert kept.read_text() == "new"
    assert kept.stat().st_mode & 0o777 == 0o600
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        write_text(pipe, "through")
        assert reader.communicate(timeout=20)[0] == "through"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_nothing_is_left_where_writing_is_interrupted(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "f.txt", "half")
    assert not list(tmp_path.iterdir())
