"""Ends replies that go round in circles, and lets tables repeat.

A sequence that repeats itself exactly, block after block, is a loop when it does so more often than a page can have it.
How often that is depends on what the block holds:

- nothing but blanks: a few dozen tokens;
- a part of one value, or of one line: 192 tokens, and never under 16 times. Dotted lines and rulings are that long; a
  run of digits is not, for no number has so many;
- whole rows or lines: as many as the pages can hold. Forty rows of 0.00 are a table;
- rows in which every value is null: 8, for a page prints no such rows.

What changes from row to row (a number that counts up) does not repeat exactly; that is bounded by the schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 100
MOST_BLANK = 48
MOST_DIGITS = 48
MOST_INLINE = 192
MOST_EMPTY_ROWS = 8
LONGEST_PERIOD = 1024
_LEAST_ROUNDS = 3
_LEAST_INLINE_ROUNDS = 16

_ESCAPED_BLANKS = re.compile(r"\\[nrtf]")
_KEY = re.compile(r'"(?:[^"\\]|\\.)*":')
_ROW_ENDS = tuple(
    map(re.compile, (r"\}\s*,\s*\{", r"\]\s*,\s*\[", r"\\n|\n", r'"\s*,\s*"', r",\s*(?=[-\d\[n])"))
)  # of objects, lists, lines, texts in a list, numbers in a list


class LoopWatch:
    """Watches one reply.

    text: what a sequence of tokens writes. rows: how many rows that look the same the pages can hold at most; they
    cannot hold more than they have lines.
    """

    def __init__(self, text: Callable[[Sequence[int]], str], rows: int = MOST_ROWS) -> None:
        self.looped = False
        self._text, self._rows = text, rows
        self._tokens: list[int] = []
        self._recent = np.full(LONGEST_PERIOD, -1, dtype=np.int64)  # the newest first
        self._runs: NDArray[np.int64] = np.zeros(LONGEST_PERIOD, dtype=np.int64)

    def feed(self, token: int) -> bool:
        """Whether the reply loops, this token included."""
        self._runs = (self._runs + 1) * (self._recent == token)  # how long every token equals the one a period before
        self._recent[1:] = self._recent[:-1]
        self._recent[0] = token
        self._tokens.append(token)
        self.looped = self.looped or self._loops()
        return self.looped

    def _loops(self) -> bool:
        periods = np.arange(1, LONGEST_PERIOD + 1)
        lengths = self._runs + periods
        around = np.flatnonzero((lengths >= min(MOST_BLANK, MOST_DIGITS)) & (lengths >= _LEAST_ROUNDS * periods))
        if not len(around):
            return False
        period = int(periods[around[0]])  # longer ones are the same rounds, counted by twos
        length = int(lengths[around[0]])
        return length >= self._most(self._text(self._tokens[-period:]), period)

    def _most(self, block: str, period: int) -> float:
        """How many tokens of such blocks may stand in a row."""
        plain = _ESCAPED_BLANKS.sub(" ", block)
        if not plain.strip():
            return MOST_BLANK
        if re.fullmatch(r"\.*\d[\d.]*", block):
            return MOST_DIGITS
        rows = _rows_in(block)
        if not rows:
            return max(MOST_INLINE, _LEAST_INLINE_ROUNDS * period)
        most = MOST_EMPTY_ROWS if _is_empty(block) else self._rows
        return (most + 1) * period / rows


def _rows_in(block: str) -> int:
    """How many rows a block has: objects if it has those, else lists, lines, or single values."""
    for ends in _ROW_ENDS:
        if rows := len(ends.findall(block * 3)) - len(ends.findall(block * 2)):  # one may lie across the blocks' border
            return rows
    return 0


def _is_empty(block: str) -> bool:
    """Whether a block of whole rows has no value in it. It may begin within a key, so two are looked at."""
    values = _KEY.sub("", block * 2)
    return "null" in values and not re.sub(r"null|[\s{}\[\],:]", "", values[values.find("}") : values.rfind("}")])
