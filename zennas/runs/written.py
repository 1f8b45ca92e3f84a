"""Rows of `run.db` as text, written by compiled code: what a candidate's row says of its mutations, and its checksum.

The checksum is taken over the row as a JSON list (`zennas.runs.rows`), as Python writes one.
"""

import zlib

import numpy as np
import numpy.typing as npt

from zennas.compiled import compiled_and_kept, compiled_apart
from zennas.scores.closed_form.state import IntMatrix, IntVector, Matrix
from zennas.searching.compiled.program import BOTTLENECK, IN, LAYERS, OUT, STRIDE, TYPE

Bytes = npt.NDArray[np.uint8]
"""Characters, all of them of ASCII."""
Parts = npt.NDArray[np.int32]

NUMBER, NULL = -1, -2
"""Columns whose value is a number with a fraction, or none; the others are the place of a whole cost."""

REMAINDERS = np.array([zlib.crc32(bytes([byte])) ^ zlib.crc32(b"\0") for byte in range(256)], dtype=np.int64)
"""What a byte does to a CRC-32 (a CRC is linear: that of a byte and of 0 differ by it)."""
_ALL = 0xFFFFFFFF
_COMMA, _BLANK, _QUOTE, _OPEN, _CLOSE = (ord(character) for character in ', "[]')
_SEMICOLON, _EQUALS, _BEGIN, _END, _ZERO, _MINUS = (ord(character) for character in ";=()0-")
_N, _U, _L = (ord(character) for character in "nul")


@compiled_apart
def write_whole(room: Bytes, at: int, value: int) -> int:
    """Write a whole number; returns where it ends.

    Args:
        room: written.
        at: where it begins.
        value: the number.
    """
    if value < 0:
        room[at] = _MINUS
        at += 1
        value = -value
    digits, rest = 1, value // 10
    while rest > 0:
        digits, rest = digits + 1, rest // 10
    for place in range(at + digits - 1, at - 1, -1):
        room[place] = _ZERO + value % 10
        value //= 10
    return at + digits


@compiled_apart
def write_part(room: Bytes, at: int, row: IntVector, term: Bytes, bare: int) -> int:
    """Write a super-block as `format_structure` does; returns where it ends.

    Args:
        room: written.
        at: where it begins.
        row: the super-block.
        term: what stands before the bracket.
        bare: whether the bottleneck is left out.
    """
    for character in term:
        room[at] = character
        at += 1
    room[at] = _BEGIN
    for column in (IN, OUT, STRIDE, BOTTLENECK, LAYERS):
        if column == BOTTLENECK and bare:
            continue
        at = write_whole(room, at + 1, row[column])
        room[at] = _COMMA
    room[at] = _END
    return at + 1


@compiled_and_kept
def write_rows(
    keys: IntMatrix,
    mutations: IntVector,
    places: Parts,
    mutated: Parts,
    terms: Bytes,
    lengths: IntVector,
    bare: IntVector,
    columns: IntVector,
    costs: Matrix,
    numbers: Bytes,
    remainders: IntVector,
    room: Bytes,
    texts: IntMatrix,
    checks: IntVector,
) -> None:
    """Write the rows of candidates one after another, each as a JSON list.

    Args:
        keys: id, iteration and parent of each.
        mutations: how many each has.
        places: of their mutations, the index and the number of parts.
        mutated: the parts of their mutations.
        terms: of each block type without a bottleneck, then with one, what stands before the bracket.
        lengths: of those.
        bare: of each of them, whether the bottleneck is left out.
        columns: what stands behind the mutations: `NUMBER`, `NULL`, or the place of a cost.
        costs: of each.
        numbers: those of the columns that are `NUMBER`, row after row, as a JSON list.
        remainders: see `REMAINDERS`.
        room: written.
        texts: where the text of the mutations begins and ends, written.
        checks: the CRC-32 of each row, written.
    """
    at, read = 0, 1
    for i in range(len(keys)):
        begin = at
        room[at] = _OPEN
        at += 1
        for key in range(3):
            at = write_whole(room, at, keys[i, key])
            room[at], room[at + 1] = _COMMA, _BLANK
            at += 2
        room[at] = _QUOTE
        at += 1
        texts[i, 0] = at
        for which in range(mutations[i]):
            if which > 0:
                room[at] = _SEMICOLON
                at += 1
            at = write_whole(room, at, places[i, which, 0])
            room[at] = _EQUALS
            at += 1
            for part in range(places[i, which, 1]):
                row = mutated[i, which, part]
                term = 2 * row[TYPE] + (row[BOTTLENECK] > 0)
                at = write_part(room, at, row, terms[term, : lengths[term]], bare[term])
        texts[i, 1] = at
        room[at] = _QUOTE
        at += 1
        for column in columns:
            room[at], room[at + 1] = _COMMA, _BLANK
            at += 2
            if column >= 0:
                at = write_whole(room, at, int(costs[i, column]))
            elif column == NULL:
                room[at], room[at + 1], room[at + 2], room[at + 3] = _N, _U, _L, _L
                at += 4
            else:
                while numbers[read] != _COMMA and numbers[read] != _CLOSE:
                    if numbers[read] != _BLANK:
                        room[at] = numbers[read]
                        at += 1
                    read += 1
                read += 1
        room[at] = _CLOSE
        at += 1
        remainder = _ALL
        for place in range(begin, at):
            remainder = remainders[(remainder ^ room[place]) & 0xFF] ^ (remainder >> 8)
        checks[i] = remainder ^ _ALL
