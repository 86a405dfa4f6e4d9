"""A page as a planner looks at it: its lines, the cells that wide gaps cut them into, and what each costs in tokens.

Nothing is understood here and nothing kept of the page, so that a thousand pages take a second or two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.planning import tokens
from schemas.page import BLANK, PageText

CELL_GAP = 0.9  # in line heights: a wider gap parts columns, a narrower one words
NEXT_LINE = 0.6  # of a word's height: a word whose middle lies further off stands on another line
FEW = 5  # words: a page that shows something and has fewer was hardly read
_SEPARATOR = {"word": 0x20, "cell": 0x09, "line": 0x0A}
_Floats = NDArray[np.float64]
_Places = NDArray[np.int64]


class Cell(NamedTuple):
    """Words between two wide gaps. x0, x1: points. typed: a number, a date, a code or a sign, not words."""

    x0: float
    x1: float
    typed: bool
    first: int
    last: int


class Line(NamedTuple):
    """One visual line. y: middle of its first word, a fraction of the page. top, bottom: points, as if it ran level.

    tokens: of its words, without what parts cells and lines. first, last: its words, `PageText.words[first:last]`.
    cells: none where there is one only.
    """

    y: float
    top: float
    bottom: float
    tokens: float
    first: int
    last: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """tokens: of all words, line by line. small: height of the small print, a fraction of the page; None where there
    are too few words to tell. read: whether its words can be relied on to show what is on it."""

    number: int
    width: float
    height: float
    tokens: int
    small: float | None
    read: bool
    lines: tuple[Line, ...]


def sheet(page: PageText) -> Sheet:
    words = page.words
    boxes = np.fromiter(chain.from_iterable(word.box for word in words), np.float64, 4 * len(words)).reshape(-1, 4)
    lines, whole = _lines(page, [word.text for word in words], boxes) if words else ((), 0.0)
    return Sheet(
        number=page.number,
        width=page.width,
        height=page.height,
        tokens=math.ceil(whole),
        small=_small(boxes[:, 3] - boxes[:, 1]),
        read=page.reason == BLANK or (page.failure is None and len(words) >= FEW),
        lines=tuple(lines),
    )


def small_print(page: PageText) -> float | None:
    """Height of the small print as a fraction of the page; None where there are too few words to tell."""
    return _small(np.array([word.box.height for word in page.words]))


def _small(heights: _Floats) -> float | None:
    """The height that nine tenths of the words exceed: one small mark does not count."""
    return float(np.sort(heights)[len(heights) // 10]) if len(heights) >= FEW else None


def _lines(page: PageText, texts: list[str], boxes: _Floats) -> tuple[list[Line], float]:
    """The lines, and the tokens of all of them."""
    x0, x1 = boxes[:, 0] * page.width, boxes[:, 2] * page.width
    slope = math.tan(math.radians(page.skew))
    shift = slope * (x0 + x1) / 2
    y0, y1 = boxes[:, 1] * page.height - shift, boxes[:, 3] * page.height - shift
    middle, high = (y0 + y1) / 2, np.maximum(y1 - y0, 1e-6)
    lower = np.minimum(high[1:], high[:-1])
    new_line = (x0[1:] < x0[:-1]) | (np.abs(middle[1:] - middle[:-1]) > NEXT_LINE * lower)
    new_cell = new_line | (x0[1:] - x1[:-1] > CELL_GAP * np.maximum(high[1:], high[:-1]))
    price, digits, letters = _measured(texts, new_line, new_cell)
    starts = np.concatenate(([0], np.flatnonzero(new_line) + 1))
    ends = np.append(starts[1:], len(texts))
    cell_starts = np.concatenate(([0], np.flatnonzero(new_cell) + 1))
    cells = _cells(x0, x1, cell_starts, digits, letters)
    of_line = np.searchsorted(cell_starts, np.append(starts, len(texts)))
    tops, bottoms = np.minimum.reduceat(y0, starts), np.maximum.reduceat(y1, starts)
    costs = np.add.reduceat(price, starts) - tokens.BREAK * np.add.reduceat(np.insert(new_cell, 0, True), starts)
    ys = np.clip((boxes[starts, 1] + boxes[starts, 3]) / 2, 0.0, 1.0)
    return [
        Line(y, top, bottom, cost, first, last, tuple(cells[a:b]) if b - a > 1 else ())
        for y, top, bottom, cost, first, last, a, b in zip(
            *(array.tolist() for array in (ys, tops, bottoms, costs, starts, ends, of_line[:-1], of_line[1:])),
            strict=True,
        )
    ], float(price.sum())


def _measured(
    texts: list[str], new_line: NDArray[np.bool_], new_cell: NDArray[np.bool_]
) -> tuple[_Floats, _Places, _Places]:
    """For each word its tokens, with what parts it from the word before, its digits and its letters."""
    characters = tokens.codes(" " + " ".join(texts)).copy()
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    starts = np.concatenate(([0], np.cumsum(sizes + 1)[:-1]))
    characters[0] = _SEPARATOR["line"]
    characters[starts[1:][new_cell]] = _SEPARATOR["cell"]
    characters[starts[1:][new_line]] = _SEPARATOR["line"]
    kinds = tokens.kinds_of(characters)
    price = np.add.reduceat(tokens.prices(characters), starts, dtype=np.float64)
    digits = np.add.reduceat(tokens.are_digits(kinds), starts, dtype=np.int64)
    return price, digits, np.add.reduceat(tokens.are_letters(kinds), starts, dtype=np.int64)


def _cells(x0: _Floats, x1: _Floats, starts: _Places, digits: _Places, letters: _Places) -> list[Cell]:
    digit, letter = np.add.reduceat(digits, starts), np.add.reduceat(letters, starts)
    typed = (letter == 0) | ((digit > 0) & (letter <= np.maximum(3, digit)))
    ends = np.append(starts[1:], len(x0))
    columns = (x0[starts], np.maximum.reduceat(x1, starts), typed, starts, ends)
    return [Cell(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]


def line_text(page: PageText, line: Line, most: int = 160) -> str:
    """The words of a line; of a long one the beginning."""
    return words_text(page, line.first, line.last)[:most]


def words_text(page: PageText, first: int, last: int) -> str:
    return " ".join(word.text for word in page.words[first:last])
