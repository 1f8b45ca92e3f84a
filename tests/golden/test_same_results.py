"""The same seed gives the same candidates, winners and scores, to the last bit, as the code that was recorded."""

import json

import pytest

from tests.golden.record import RESULTS, SEARCHES, closed_form_results, search_results

EXPECTED = json.loads(RESULTS.read_text())


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_gives_the_recorded_rows(name, tmp_path):
    found = json.loads(json.dumps(search_results(SEARCHES[name], tmp_path)))
    expected = EXPECTED["searches"][name]
    assert found["first"] == expected["first"]
    assert found == expected


def test_the_closed_form_gives_the_recorded_scores():
    assert closed_form_results() == EXPECTED["closed_form"]
