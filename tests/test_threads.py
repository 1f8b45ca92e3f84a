"""Threads of torch: what a user may write, and a number that holds inside a block alone."""

import pytest

from zennas.errors import ZennasError
from zennas.threads import read_threads, torch_threads


@pytest.mark.parametrize(("given", "number"), [("auto", "auto"), ("3", 3), (1, 1)])
def test_a_number_or_auto_is_read(given, number):
    assert read_threads(given) == number


@pytest.mark.parametrize("given", ["0", -1, "two", 1.0, True, None, [], "9" * 5000])
def test_anything_else_is_refused_with_what_is_allowed(given):
    with pytest.raises(ZennasError, match="from 1 on, or auto"):
        read_threads(given)


def test_the_number_holds_inside_and_after_an_error_it_is_that_of_before():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()

    def compute(count):
        with torch_threads(count):
            assert torch.get_num_threads() == (count or before)
            raise KeyError

    for count in (before + 1, None):
        with pytest.raises(KeyError):
            compute(count)
        assert torch.get_num_threads() == before
