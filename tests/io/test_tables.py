import csv
import io
import math

import pytest

from zennas.io.tables import csv_text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "=cmd|' /C calc'!A0"])
def test_texts_that_a_spreadsheet_would_compute_are_escaped(text):
    rows = list(csv.reader(io.StringIO(csv_text([text], [[text]]), newline="")))
    assert rows == [["'" + text.replace("\r", " ")]] * 2


def test_numbers_stay_numbers_and_read_back_as_they_were():
    values = [-1, -0.1, 1 / 3, 1e-300, 3, True, None, float("nan"), "a,b", 'say "x"', "1-2"]
    (row,) = csv.reader(io.StringIO(csv_text([], [values]).split("\n", 1)[1], newline=""))
    assert row[:5] == ["-1", "-0.1", repr(1 / 3), "1e-300", "3"]
    assert row[6] == ""
    assert math.isnan(float(row[7]))
    assert row[8:] == ["a,b", 'say "x"', "1-2"]
