import pytest

import zennas
from zennas.errors import FileError, ZennasError
from zennas.io.directories import make_directory
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
