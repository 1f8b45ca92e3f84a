"""The rows of `run.db`: how values become rows, and how rows are checked before they become values again.

A row has a checksum: the CRC-32 of its other values, written as a JSON list. Whatever changes one bit of a value
changes it. It is in the row's last column; those of the state are together in one of its values. What a row says
is checked beside it, since runs of the first format have no checksums.
"""

import json
import math
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from zennas.architecture.model import Architecture, SuperBlock
from zennas.architecture.structure import format_structure, parse_structure
from zennas.counting import QUANTITIES, Costs
from zennas.counting.quantities import COUNTED_ALONE
from zennas.errors import ArchitectureError
from zennas.latency.correction import rounds_from_json
from zennas.scores.result import Score
from zennas.searching.population import Candidate
from zennas.spaces.mutation import Mutation

CHECK = "_check"
"""The column of the checksum; no quantity can have its name."""
CHECKS = "checks"
"""The key of the state's checksums by key."""
_NOTHING_REMEMBERED = ("algorithm", "{}")
"""A row of the state that says as much as its absence."""
KEYS = ("id", "iteration", "parent", "mutation", "score")
"""Columns of the candidates before the costs."""
COLUMN_TYPES = frozenset({"INTEGER", "REAL", "TEXT"})
"""Types of all columns."""
FAILURES = ("iteration", "structure", "reason")
RESCORED = ("id", "score", "std_error", "repeats")
STATE = ("key", "value")
_MOST = 1e100
"""Above any score; sums of such numbers are finite."""

Row = Sequence[Any]
FRESH_STATE = "fresh_repeats"
"""Where the state has the repeats that had no part in choosing the winners, by candidate."""
RACE_STATE = "race_batch_size"
"""Where it has how many images the repeats had that did choose; those of older versions had as many as the fresh ones.
"""
ISLANDS_STATE = "islands"
"""Where it has what is known of each island."""
LATENCIES_STATE = "latencies"
"""Where it has what was measured of candidates: seconds an image, and how slow the machine was."""
ROUNDS_STATE = "latency_rounds"
"""Where it has the searches within corrected latencies (`zennas.latency.correction.Round`)."""

FailedNetwork = tuple[int, tuple[SuperBlock, ...], str]
"""Iteration, super-blocks, and why the network could not be scored."""


class DamagedRow(Exception):  # noqa: N818
    """A row that is not what was written; the message says which. The store makes a `RunError` of it."""


def schema() -> list[str]:
    """SQL that makes the tables of a run, with a column for each quantity that is registered."""
    costs = ", ".join(f'"{quantity.name}" {quantity.column_type}' for quantity in QUANTITIES.values())
    check = f"{CHECK} INTEGER NOT NULL"
    return [
        "CREATE TABLE candidates (id INTEGER PRIMARY KEY, iteration INTEGER NOT NULL, parent INTEGER NOT NULL, "
        f"mutation TEXT NOT NULL, score REAL NOT NULL, {costs}, {check})",
        f"CREATE TABLE failures (iteration INTEGER NOT NULL, structure TEXT NOT NULL, reason TEXT NOT NULL, {check})",
        "CREATE TABLE rescored (id INTEGER PRIMARY KEY, score REAL NOT NULL, std_error REAL NOT NULL, "
        f"repeats TEXT NOT NULL, {check})",
        "CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    ]


def column_names(columns: Iterable[str]) -> str:
    """Columns as SQL takes them."""
    return ", ".join(f'"{name}"' for name in columns)


def insert(
    database: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Row], checked: bool = True
) -> None:
    """Put rows into a table; of the state and of re-scored candidates in place of those of the same key.

    Args:
        database: has the table.
        table: its name.
        columns: all of them but the checksum.
        rows: with a value for each of the columns.
        checked: whether the table has a checksum.
    """
    if checked:
        columns = (*columns, CHECK)
        rows = [(*row, _checksum(row)) for row in rows]
    insert_finished(database, table, columns, rows)


def insert_finished(database: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """`insert` for rows that have their checksum, where the table has one.

    Args:
        database: has the table.
        table: its name.
        columns: all of them.
        rows: with a value for each of the columns.
    """
    places = ",".join("?" * len(columns))
    verb = "INSERT OR REPLACE" if table in ("rescored", "state") else "INSERT"
    database.executemany(f"{verb} INTO {table} ({column_names(columns)}) VALUES ({places})", rows)


def without_check(row: Row, what: str) -> Row:
    """A row without its checksum.

    Args:
        row: as it was read.
        what: what it is of, for the message.

    Raises:
        DamagedRow: the checksum is not that of the row.
    """
    *values, check = row
    if check is None or check != _checksum_or_none(values):
        raise DamagedRow(what)
    return values


def _checksum(values: Row) -> int:
    return zlib.crc32(json.dumps(values).encode())


def _checksum_or_none(values: Row) -> int | None:
    """The checksum, or `None` for what nothing that is written here holds, such as bytes."""
    try:
        return _checksum(values)
    except TypeError:
        return None


class Ancestor(NamedTuple):
    """What the rows of later candidates need of an earlier one."""

    iteration: int
    super_blocks: tuple[SuperBlock, ...]


def read_candidate(row: Row, costs: Sequence[str], before: Sequence[Ancestor]) -> Candidate:
    """The candidate of a row.

    Args:
        row: its keys and costs, without a checksum.
        costs: names of the costs.
        before: all candidates before it, whose structures its own follows from.

    Raises:
        DamagedRow: the row does not follow those before it, or a value is none that can be there.
    """
    number, iteration, parent, text, score, *numbers = row
    what = f"candidate {len(before)}"
    if number != len(before) or type(number) is not int:
        raise DamagedRow(what)
    last = before[-1].iteration if before else 0
    if not (_is_count(iteration) and iteration >= last and type(parent) is int and -1 <= parent < number):
        raise DamagedRow(what)
    if type(text) is not str or type(score) is not float or not _is_number(score):
        raise DamagedRow(what)
    try:
        mutations: tuple[Mutation, ...] = ()
        if parent < 0:
            blocks = parse_structure(text).super_blocks
        else:
            mutations = _read_mutations(text)
            blocks = _mutated(before[parent].super_blocks, mutations)
        return Candidate(number, iteration, parent, mutations, blocks, score, _read_costs(costs, numbers))
    except (ArchitectureError, ValueError):
        raise DamagedRow(what) from None


def check_structure(candidate: Candidate) -> None:
    """Check that a candidate's super-blocks fit each other: what a checksum makes certain where there is one.

    Raises:
        DamagedRow: they do not.
    """
    try:
        Architecture(candidate.super_blocks)
    except ArchitectureError:
        raise DamagedRow(f"candidate {candidate.id}") from None


def _read_mutations(text: str) -> tuple[Mutation, ...]:
    parts = (part.partition("=") for part in text.split(";"))
    return tuple(Mutation(int(index), parse_structure(blocks).super_blocks) for index, _, blocks in parts)


def _mutated(blocks: tuple[SuperBlock, ...], mutations: Sequence[Mutation]) -> tuple[SuperBlock, ...]:
    for mutation in mutations:
        if not 0 <= mutation.index < len(blocks):
            raise ValueError(mutation.index)
        blocks = mutation.apply(blocks)
    return blocks


def _read_costs(names: Sequence[str], numbers: Sequence[Any]) -> Costs:
    """Costs from columns by name; where an old run lacks one that every network has, it is unknown."""
    values: dict[str, Any] = dict(zip(names, numbers, strict=True))
    for name, value in values.items():
        quantity = QUANTITIES[name]
        may_lack = value is None and (quantity.predicted or quantity.count is not None)
        if not may_lack and (type(value) not in (int, float) or math.isnan(value)):
            raise ValueError(name)
    fields: dict[str, Any] = {name: values.get(name) for name, quantity in QUANTITIES.items() if quantity.count is None}
    others = tuple((name, values[name]) for name in COUNTED_ALONE if values.get(name) is not None)
    return Costs(**fields, others=others)


def checked_score(value: Any) -> float:
    """A candidate's score from its column. Raises `DamagedRow` where it is none."""
    if type(value) is not float or not _is_number(value):
        raise DamagedRow("the score of a candidate")
    return value


def failure_rows(failures: Iterable[FailedNetwork]) -> list[Row]:
    """Networks that could not be scored, as rows."""
    return [(iteration, format_structure(blocks), reason) for iteration, blocks, reason in failures]


def rescored_rows(scores: Mapping[int, Score]) -> list[Row]:
    """Monte Carlo scores of candidates by id, as rows."""
    return [(i, s.score, s.std_error, json.dumps(s.repeats)) for i, s in scores.items()]


def state_rows(state: Mapping[str, Any], checks: dict[str, int] | None) -> list[Row]:
    """State values by key, as rows.

    Args:
        state: JSON values.
        checks: checksums of the state so far, which get those of the new values; `None` for a run without checksums.
    """
    rows: list[Row] = [(key, json.dumps(value)) for key, value in state.items()]
    if checks is None:
        return rows
    checks.update({row[0]: _checksum(row) for row in rows})
    return [*rows, (CHECKS, json.dumps(checks))]


def read_failure(row: Row) -> FailedNetwork:
    """A network that could not be scored, from its row without a checksum. Raises `DamagedRow`."""
    iteration, structure, reason = row
    if not (_is_count(iteration) and type(structure) is str and type(reason) is str):
        raise DamagedRow("a network that could not be scored")
    try:
        return iteration, parse_structure(structure).super_blocks, reason
    except (ArchitectureError, ValueError):
        raise DamagedRow("a network that could not be scored") from None


def read_rescored(row: Row) -> tuple[int, tuple[float, ...]]:
    """The id and the repeats of a re-scored candidate, from its row without a checksum.

    Raises:
        DamagedRow: the repeats are no finite numbers.
    """
    number, _, _, text = row
    what = f"the Monte Carlo score of candidate {number if _is_count(number) else '?'}"
    repeats = _from_json(text, what)
    if not (_is_count(number) and _is_list(repeats, _is_number) and repeats):
        raise DamagedRow(what)
    return number, tuple(map(float, repeats))


def read_checks(text: Any) -> dict[str, int]:
    """The state's checksums by key, from their value in the state. Raises `DamagedRow`."""
    checks = _from_json(text, "the state")
    if type(checks) is not dict or not all(map(_is_count, checks.values())):
        raise DamagedRow("the state")
    return checks


def read_state(rows: Iterable[Row], checked: bool) -> dict[str, Any]:
    """The state by key.

    Args:
        rows: keys and JSON texts.
        checked: whether there are checksums.

    Raises:
        DamagedRow: a value is not what was written, or none that its key can have.
    """
    texts = {key: text for key, text in rows}  # noqa: C416  (rows are sequences, not pairs, to a type checker)
    checks = read_checks(texts.pop(CHECKS, None)) if checked else {}
    state = {}
    for key, allowed in _STATE.items():
        if key not in texts:
            if checks.get(key) not in (None, _checksum(_NOTHING_REMEMBERED)):
                raise DamagedRow(f"the state {key!r}")
            continue
        if checked and checks.get(key) != _checksum_or_none((key, texts[key])):
            raise DamagedRow(f"the state {key!r}")
        state[key] = _from_json(texts[key], f"the state {key!r}")
        if not allowed(state[key]):
            raise DamagedRow(f"the state {key!r}")
    return state


def _from_json(text: Any, what: str) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise DamagedRow(what) from None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -_MOST < value < _MOST


def _is_text(value: Any) -> bool:
    return type(value) is str


def _are_repeats(value: Any) -> bool:
    return type(value) is dict and all(
        key.isascii() and key.isdigit() and _is_list(numbers, _is_number) for key, numbers in value.items()
    )


def _are_latencies(value: Any) -> bool:
    def is_taken(taken: Any) -> bool:
        return (
            type(taken) is list
            and len(taken) == 2
            and (taken[0] is None or (_is_number(taken[0]) and taken[0] > 0))
            and _is_number(taken[1])
        )

    return type(value) is dict and all(
        key.isascii() and key.isdigit() and is_taken(taken) for key, taken in value.items()
    )


def _are_rounds(value: Any) -> bool:
    try:
        rounds_from_json(value)
    except (ValueError, TypeError, KeyError):
        return False
    return True


def _is_list(value: Any, of: Callable[[Any], bool]) -> bool:
    return type(value) is list and all(map(of, value))


def _is_count_or_none(value: Any) -> bool:
    return value is None or _is_count(value)


_STATE: Mapping[str, Callable[[Any], bool]] = {
    "iteration": _is_count,
    "scored": _is_count,
    "failed": _is_count,
    "populations": lambda value: _is_list(value, lambda ids: _is_list(ids, _is_count)),
    "bests": lambda value: _is_list(value, _is_count_or_none),
    "algorithm": lambda value: type(value) is dict,
    ISLANDS_STATE: lambda value: _is_list(value, lambda island: type(island) is dict),
    "status": _is_text,
    "winners": lambda value: _is_list(value, _is_count),
    "measured": lambda value: _is_list(value, lambda seconds: seconds is None or _is_number(seconds)),
    "notes": lambda value: _is_list(value, _is_text),
    "columns": lambda value: _is_list(value, _is_text),
    "updated": lambda value: _is_number(value) and 0 <= value < 1e12,
    "not_resumed": _is_text,
    FRESH_STATE: _are_repeats,
    RACE_STATE: _is_count,
    LATENCIES_STATE: _are_latencies,
    ROUNDS_STATE: _are_rounds,
}
"""The keys of the state and what may be their values; others, of older versions, are not looked at."""
