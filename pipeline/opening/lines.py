"""Text broken into lines: where each of its words stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from pipeline.opening.blocks import BODY, Stop
from pipeline.opening.widths import FIXED, SPACE, WIDE, is_wide, text_width

LEADING = 1.3  # of the size: from one line to the next
STOP = 36.0  # points from one tab stop to the next
MOST_LETTERS = 160  # of a line of fixed letters
_TOKEN = re.compile(r"\t|[^\s]+")


class Placed(NamedTuple):
    """A word on its line. left, width: points from the line's beginning."""

    text: str
    left: float
    width: float


Row = tuple[Placed, ...]


def wrapped(text: str, width: float, size: float, stops: Sequence[Stop] = ()) -> list[Row]:
    """At least one line for each that the text has; a line that is empty takes its room too."""
    return [row for line in text.split("\n") for row in _wrapped(line, width, size, stops)]


def _wrapped(text: str, width: float, size: float, stops: Sequence[Stop]) -> Iterator[Row]:
    row: list[Placed] = []
    x = 0.0
    for found in _TOKEN.finditer(text):
        token = found.group()
        if token == "\t":
            x = _after_tab(x, text[found.end() :].partition("\t")[0], size, stops)
            continue
        for piece in _pieces(token, width, size):
            wide = text_width(piece) * size
            if row and x + wide > width:
                yield tuple(row)
                row, x = [], 0.0
            x = min(x, max(0.0, width - wide))  # after more tabs than the line has room for
            row.append(Placed(piece, x, min(wide, width)))
            x += min(wide, width) + SPACE * size
    yield tuple(row)


def _after_tab(x: float, text: str, size: float, stops: Sequence[Stop]) -> float:
    """Where the text behind a tab begins, after one that ends at x."""
    stop = next((stop for stop in stops if stop.at > x), Stop((x // STOP + 1) * STOP))
    if not stop.ends:
        return stop.at
    wide = sum(text_width(word) + SPACE for word in text.split()) * size - SPACE * size
    return max(x, stop.at - wide)


def _pieces(token: str, width: float, size: float) -> list[str]:
    """The word itself; a run of letters that may be broken anywhere, and is wider than the line, in parts."""
    if text_width(token) * size <= width or token.isascii() or not any(map(is_wide, token)):
        return [token]
    most = max(1, int(width / (WIDE * size)))
    return [token[start : start + most] for start in range(0, len(token), most)]


@lru_cache(maxsize=4)
def fixed_lines(text: str) -> list[Row]:
    """Lines in which every letter is as wide as the next, and those from East Asia two; overlong ones are wrapped."""
    return [row for line in text.split("\n") for row in _fixed(line.expandtabs(8))]


def _fixed(line: str) -> Iterator[Row]:
    row: list[Placed] = []
    column, back, end = 0, 0, 0
    for found in re.finditer(r"\S+", line):
        column += _columns(line[end : found.start()])
        end = found.end()
        word = found.group()
        wide = _columns(word)
        if row and column - back + wide > MOST_LETTERS:
            yield tuple(row)
            row, back = [], column
        row.append(Placed(word, (column - back) * FIXED * BODY, wide * FIXED * BODY))
        column += wide
    yield tuple(row)


def _columns(text: str) -> int:
    return len(text) if text.isascii() else sum(2 if is_wide(letter) else 1 for letter in text)
