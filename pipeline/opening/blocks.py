"""What the readers of formats give: blocks of text and tables in reading order, before they have a place on a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

BODY = 10.0  # points: the size of ordinary text
HEADINGS = (18.0, 15.0, 13.0, 12.0, 11.0, 11.0)  # by level, from 1
MOST_PICTURES = 100  # of one file, that become pages
LEAST_PIXELS = 40_000  # of a picture that becomes a page; smaller ones are logos and icons


class Stop(NamedTuple):
    """Where a tab goes: so many points from the line's beginning. ends: the text behind it ends there."""

    at: float
    ends: bool = False


class Line(NamedTuple):
    """A paragraph. text: a `\\n` in it breaks the line, a `\\t` goes to the next stop. size, indent: in points.

    cell: what evidence calls the place. fixed: its spaces count, as in a text of columns. stops: for its tabs, before
    the usual ones.
    """

    text: str
    size: float = BODY
    indent: float = 0.0
    cell: str | None = None
    fixed: bool = False
    stops: tuple[Stop, ...] = ()


class Cell(NamedTuple):
    """A cell of a table: text as it is shown, from row and column (from 0) on over so many rows and columns.

    cell: what evidence calls it, such as `Sheet1!B7`.
    """

    row: int
    column: int
    text: str
    cell: str | None = None
    across: int = 1
    down: int = 1


class Table(NamedTuple):
    """cells: in the order of rows. sheet: texts run over empty cells to their right, and a wide table is parted."""

    cells: tuple[Cell, ...]
    sheet: bool = False


class Picture(NamedTuple):
    """A picture that becomes a page by itself, to be read as a scan is. content: of the file."""

    content: bytes


class NewPage(NamedTuple):
    """What follows begins on a page of its own."""


Block = Line | Table | Picture | NewPage


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks on pages of one width. reason: where their words come from, for the record."""

    blocks: tuple[Block, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Content:
    """All that a file holds. notes: what a person should know besides: macros, hidden sheets, attachments."""

    sections: tuple[Section, ...]
    notes: tuple[str, ...] = field(default=())


def heading(text: str, level: int, cell: str | None = None) -> Line:
    """level: 1 for the title, as in HTML."""
    return Line(text, HEADINGS[min(max(level, 1), len(HEADINGS)) - 1], cell=cell)


def column_name(number: int) -> str:
    """0 → A, 25 → Z, 26 → AA: as spreadsheets call columns."""
    letters = ""
    number += 1
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters
