"""Numbers that are not known yet: a block's function is run with them once, and says what it computes from what.

A `Symbol` writes every operation to a `Tape`. Where the function asks which of two numbers is larger, the tape answers
as it was told to, and the run goes on as for numbers of which that is true; another run takes the other answer.
What cannot be written down, such as `int()` or a number as an index, raises `TypeError`.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, FLOOR, ROUND, AT_LEAST, DIVISOR = range(9)
"""Operations of a tape; the last two are `at_least` and `largest_divisor`."""
LESS, EQUAL = 0, 1
"""Questions of a tape."""

Operation = tuple[int, int, int]
"""What is done, and the places of the two numbers it is done with; `FLOOR` and `ROUND` take the first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked about the numbers at two places, and which answer the run was given."""

    question: int
    left: int
    right: int
    holds: bool

    def is_that_of(self, values: Sequence[float]) -> bool:
        """Whether it is the answer for the numbers at all places of the tape."""
        left, right = values[self.left], values[self.right]
        return (left < right if self.question == LESS else left == right) == self.holds


class Tape:
    """Numbers by their place: the inputs, constants, and results of operations. Equal ones have one place."""

    def __init__(self, inputs: int) -> None:
        """A tape with so many inputs at its first places."""
        self.constants: dict[int, float] = {}
        self.operations: dict[int, Operation] = {}
        self._places: dict[Any, int] = {("input", number): number for number in range(inputs)}
        self.answers: list[Answer] = []
        self._planned: Sequence[bool] = ()

    def __len__(self) -> int:
        """Places so far."""
        return len(self._places)

    def begin(self, planned: Sequence[bool]) -> None:
        """Begin a run that answers its first questions as planned, and every later one with yes."""
        self.answers, self._planned = [], planned

    def place(self, value: "float | Symbol") -> int:
        """Where a number stands."""
        if isinstance(value, Symbol):
            return value.place
        found = self._places.setdefault(("constant", float(value)), len(self._places))
        self.constants[found] = float(value)
        return found

    def operated(self, operation: int, left: "float | Symbol", right: "float | Symbol") -> "Symbol":
        """The result of an operation.

        Args:
            operation: one of the names above.
            left: its first number.
            right: its second; of `FLOOR` and `ROUND` the first again.
        """
        key = operation, self.place(left), self.place(right)
        found = self._places.setdefault(key, len(self._places))
        self.operations[found] = key
        return Symbol(self, found)

    def asked(self, question: int, left: "float | Symbol", right: "float | Symbol") -> bool:
        """The answer to a question in this run; what was asked before has the answer that it had.

        Args:
            question: `LESS` or `EQUAL`.
            left: its first number.
            right: its second.
        """
        a, b = self.place(left), self.place(right)
        if a == b:
            return question == EQUAL
        for known in self.answers:
            if (known.question, known.left, known.right) == (question, a, b):
                return known.holds
        number = len(self.answers)
        holds = self._planned[number] if number < len(self._planned) else True
        self.answers.append(Answer(question, a, b, holds))
        return holds

    def evaluated(self, inputs: Sequence[float]) -> list[float]:
        """The numbers at all places.

        Args:
            inputs: the numbers at the first places.
        """
        values = list(inputs)
        for place in range(len(inputs), len(self)):
            if place in self.constants:
                values.append(self.constants[place])
            else:
                operation, left, right = self.operations[place]
                values.append(_OPERATIONS[operation](values[left], values[right]))
        return values


_OPERATIONS: dict[int, Callable[[float, float], float]] = {
    ADD: operator.add,
    SUBTRACT: operator.sub,
    MULTIPLY: operator.mul,
    DIVIDE: operator.truediv,
    FLOOR_DIVIDE: operator.floordiv,
    FLOOR: lambda value, _: math.floor(value),
    ROUND: lambda value, _: round(value),
    AT_LEAST: max,
    DIVISOR: lambda number, bound: largest_divisor(int(number), int(bound)),
}


class Symbol:
    """A number on a tape. Arithmetic, comparisons, `math.floor` and `round` work on it as on a number."""

    __slots__ = ("place", "tape")
    __hash__ = None  # type: ignore[assignment]  # a dictionary would look for this very object

    def __init__(self, tape: Tape, place: int) -> None:
        self.tape = tape
        self.place = place

    def __add__(self, other: "float | Symbol") -> "Symbol":
        return self.tape.operated(ADD, self, other)

    __radd__ = __add__

    def __sub__(self, other: "float | Symbol") -> "Symbol":
        return self.tape.operated(SUBTRACT, self, other)

    def __rsub__(self, other: float) -> "Symbol":
        return self.tape.operated(SUBTRACT, other, self)

    def __mul__(self, other: "float | Symbol") -> "Symbol":
        return self.tape.operated(MULTIPLY, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: "float | Symbol") -> "Symbol":
        return self.tape.operated(DIVIDE, self, other)

    def __rtruediv__(self, other: float) -> "Symbol":
        return self.tape.operated(DIVIDE, other, self)

    def __floordiv__(self, other: "float | Symbol") -> "Symbol":
        return self.tape.operated(FLOOR_DIVIDE, self, other)

    def __rfloordiv__(self, other: float) -> "Symbol":
        return self.tape.operated(FLOOR_DIVIDE, other, self)

    def __floor__(self) -> "Symbol":
        return self.tape.operated(FLOOR, self, self)

    def __round__(self) -> "Symbol":
        return self.tape.operated(ROUND, self, self)

    def __lt__(self, other: "float | Symbol") -> bool:
        return self.tape.asked(LESS, self, other)

    def __gt__(self, other: "float | Symbol") -> bool:
        return self.tape.asked(LESS, other, self)

    def __le__(self, other: "float | Symbol") -> bool:
        return not self > other

    def __ge__(self, other: "float | Symbol") -> bool:
        return not self < other

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Symbol | int | float):
            return False
        return self.tape.asked(EQUAL, self, other)

    def __bool__(self) -> bool:
        return not self.tape.asked(EQUAL, self, 0)

    def __index__(self) -> NoReturn:
        raise TypeError("a number that is not known yet cannot be an index")


def at_least(bound: int, number: int) -> int:
    """The larger of two numbers, as `max`; a tape gets one operation instead of a question.

    Args:
        bound: any number.
        number: any number.
    """
    unknown: Any = number
    if isinstance(unknown, Symbol):
        return cast(int, unknown.tape.operated(AT_LEAST, bound, unknown))
    return max(bound, number)


def largest_divisor(number: int, bound: int) -> int:
    """The largest divisor of a number that is not above a bound.

    Args:
        number: 1 or more.
        bound: 1 or more.
    """
    unknown: Any = number
    if isinstance(unknown, Symbol):
        return cast(int, unknown.tape.operated(DIVISOR, unknown, bound))
    return next(d for d in range(min(number, bound), 0, -1) if number % d == 0)
