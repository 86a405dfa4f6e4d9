"""How the pages of a long document are printed: habits of one printer, and paper on which its lines are set.

Lengths are points. Words get the boxes that a PDF's text layer would give them: Helvetica's widths, from four fifths of
the size above the base line to one fifth below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from random import Random
from typing import Any

from schemas.page import Box, PageText, Word

SIZE = 9.0
LINE, WRAPPED = 28.5, 11.0  # from a row to the next, and to the second line of the same row
TOP, BOTTOM = 64.0, 70.0  # margins that hold the running head and the foot
NARROW = 0.92  # share of a column that its text may fill

A4, LETTER = (595.3, 841.9), (612.0, 792.0)


@dataclass(frozen=True, slots=True)
class Locale:
    """How numbers and dates are written. day: as for `strftime`."""

    language: str
    group: str
    mark: str
    day: str
    paper: tuple[float, float] = A4

    def amount(self, value: float) -> str:
        whole, cents = f"{abs(value):,.2f}".split(".")
        return f"{'-' if value < 0 else ''}{whole.replace(',', self.group)}{self.mark}{cents}"

    def date(self, value: str) -> str:
        """value: as ISO 8601 writes it."""
        return date.fromisoformat(value).strftime(self.day)


LOCALES = (
    Locale("en", ",", ".", "%d %b %Y"),
    Locale("en", ",", ".", "%m/%d/%Y", LETTER),
    Locale("de", ".", ",", "%d.%m.%Y"),
    Locale("de", "'", ".", "%d.%m.%Y"),
    Locale("fr", " ", ",", "%d/%m/%Y"),
)


@dataclass(frozen=True, slots=True)
class Habits:
    """What one printer does on every page. Shares are of pages.

    columns: left edge of each column as a share of the page's width, by name, left to right; amounts stand at the right
    edge of theirs. heads: pages after the first that repeat the head of the table. carried: sums are carried forward
    from page to page. continued: the heading of a group is repeated where it goes on. subtotals: after each group.
    """

    locale: Locale
    columns: dict[str, float]
    heads: float
    carried: bool
    continued: bool
    subtotals: bool

    @classmethod
    def drawn(cls, rng: Random) -> Habits:
        """Those of some printer."""
        first = rng.choice((("date", "description", "reference"), ("date", "reference", "description")))
        widths = {"date": 0.12, "description": 0.31, "reference": 0.13, "debit": 0.15, "credit": 0.15}
        edge, columns = 0.08 + rng.uniform(0, 0.02), {}
        for name in (*first, "debit", "credit"):
            columns[name] = edge
            edge += widths[name]
        return cls(
            locale=rng.choice(LOCALES),
            columns=columns,
            heads=rng.choice((1.0, 1.0, 0.5, 0.0)),
            carried=rng.random() < 0.5,
            continued=rng.random() < 0.5,
            subtotals=rng.random() < 0.7,
        )

    def span(self, name: str) -> tuple[float, float]:
        """Left and right edge of a column, in points."""
        edges = [*self.columns.values(), 0.96]
        place = list(self.columns).index(name)
        width = self.locale.paper[0]
        return edges[place] * width, (edges[place + 1] - 0.01) * width


class Paper:
    """Sets lines below each other, in reading order. Where one does not fit, its user turns the page."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.words: list[list[Word]] = [[]]
        self.base = TOP

    @property
    def page(self) -> int:
        """Number of the page that is being printed."""
        return len(self.words)

    @property
    def room(self) -> float:
        """Points that are left for lines."""
        return self.height - BOTTOM - self.base

    def turn(self) -> None:
        self.words.append([])
        self.base = TOP

    def down(self, points: float) -> None:
        self.base += points

    def text(self, text: str, left: float, size: float = SIZE, page: int | None = None) -> tuple[Word, ...]:
        """Sets words on the present line of the present page, or of another one."""
        set_words = tuple(self._set(text, left, size))
        self.words[(page or self.page) - 1] += set_words
        return set_words

    def right(self, text: str, edge: float) -> tuple[Word, ...]:
        """Sets words that end at an edge."""
        return self.text(text, edge - width_of(text, SIZE))

    def pages(self) -> tuple[PageText, ...]:
        return tuple(
            PageText(number, self.width, self.height, tuple(words)) for number, words in enumerate(self.words, 1)
        )

    def _set(self, text: str, left: float, size: float) -> Iterator[Word]:
        for piece in text.split(" "):
            end = left + width_of(piece, size)
            top, bottom = self.base - 0.8 * size, self.base + 0.2 * size
            yield Word(piece, Box(left / self.width, top / self.height, end / self.width, bottom / self.height))
            left = end + width_of(" ", size)


def wrapped(text: str, width: float) -> Sequence[str]:
    """The lines into which a text breaks in a column."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, SIZE) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def width_of(text: str, size: float) -> float:
    return size * sum(map(_advance, text))


@cache
def _advance(character: str) -> float:
    """Of a font of size 1."""
    return float(_font().text_length(character, 1.0))


@cache
def _font() -> Any:
    import pymupdf

    return pymupdf.Font("helv")
