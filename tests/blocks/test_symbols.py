"""Numbers that are not known yet."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zennas.architecture.model import SuperBlock
from zennas.blocks.symbols import Symbol, Tape, at_least, largest_divisor
from zennas.blocks.tracing import trace_layer

WIDTHS = st.integers(1, 500)


def computed(a, b):
    """A formula with every operation and a question."""
    c = at_least(7, math.floor(a / 3 + 2.5) * 8 - b)
    if c > b:
        c = round(c / 4) + 1
    if b == 12 or not a:
        c = 5 - a * 2
    d = 100 // a
    return c + d + (a - 1) + 2 * b + 1 / b + largest_divisor(b, 9)


def every_run(function, inputs):
    """Results of all runs of a function on symbols, with the answers of each."""
    tape = Tape(inputs)
    planned, runs = [], []
    while planned is not None:
        tape.begin(planned)
        result = function(*(Symbol(tape, place) for place in range(inputs)))
        runs.append((result.place, list(tape.answers)))
        answers = [answer.holds for answer in tape.answers]
        while answers and not answers[-1]:
            answers.pop()
        planned = [*answers[:-1], False] if answers else None
    return tape, runs


@given(WIDTHS, WIDTHS)
def test_one_run_says_what_is_computed(a, b):
    tape, runs = every_run(computed, 2)
    values = tape.evaluated((a, b))
    fitting = [place for place, answers in runs if all(answer.is_that_of(values) for answer in answers)]
    assert [values[place] for place in fitting] == [pytest.approx(computed(a, b))]


@pytest.mark.parametrize("function", [int, float, range, hash, lambda s: [0, 1][s], lambda s: {8: 1}[s]])
def test_what_cannot_be_written_down(function):
    with pytest.raises(TypeError):
        function(Symbol(Tape(1), 0))


def test_block_types_of_the_package_are_traced():
    for block in ("Conv", "Res", "Btn", "GBtn", "MB", "IR", "Linear", "MaxPool", "AvgPool"):
        example = SuperBlock(block, 3, 8, 8, 1, 8, 1, 2, 8, se=block == "MB")
        for stride, first in ((1, True), (2, True), (1, False)):
            assert trace_layer(example, stride, first) is not None, block
