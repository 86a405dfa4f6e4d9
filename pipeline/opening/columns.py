"""Tables laid out: how wide each column is, where every cell's lines stand, and where a page may end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pipeline.opening.blocks import BODY, Cell, Table
from pipeline.opening.lines import LEADING, Row, wrapped
from pipeline.opening.widths import is_wide, text_width

GAP = 16.0  # points between columns
PADDING = 3.0  # points above and below a row's text
EMPTY = 6.0  # points: the height of a row with nothing in it
COMFORT = 160.0  # points: a column is not to be narrower for want of room, if its text takes as much
MOST_EMPTY = 2  # rows or columns in a run that are shown; more of them say nothing
LONGEST_NUMBER, MOST_LETTERS = 24, 3  # of a cell that is set to the right, as numbers are


class Lines(NamedTuple):
    """A cell's lines. left: points. rows: each with its distance from the strip's beginning."""

    left: float
    rows: tuple[tuple[Row, float], ...]
    cell: str | None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table that is set. rules: (y, x0, x1) of each row's lower edge; bottom: where it ends."""

    cells: tuple[Lines, ...]
    rules: tuple[tuple[float, float, float], ...]
    cuts: tuple[float, ...]
    bottom: float


def needed_width(table: Table) -> float:
    """Points in which it can be set with comfort."""
    natural, _ = _widths(_spread(tidy(table)))
    return sum(min(wide, COMFORT) + GAP for wide in natural)


def bands(table: Table, width: float) -> Iterator[Table]:
    """The tidy table, parted between columns where it is far too wide for one page; its cells keep their names."""
    natural, _ = _widths(_spread(table))
    begin, x = 0, 0.0
    starts = [0]
    for column, wide in enumerate(natural):
        taken = min(wide, COMFORT) + GAP
        if column > begin and x + taken > width + GAP:
            starts.append(column)
            begin, x = column, 0.0
        x += taken
    if len(starts) == 1:
        yield table
        return
    for first, end in zip(starts, [*starts[1:], len(natural)], strict=True):
        cells = (cell for cell in table.cells if first <= cell.column < end)
        yield Table(
            tuple(
                cell._replace(column=cell.column - first, across=min(cell.across, end - cell.column)) for cell in cells
            ),
            sheet=True,
        )


def set_table(table: Table, width: float, top: float) -> Grid:
    """table: a tidy one. width: that it may take; top: where it begins."""
    cells = _spread(table)
    if not cells:
        return Grid((), (), (), top)
    widths = _fitted(*_widths(cells), width)
    lefts = [0.0]
    for wide in widths:
        lefts.append(lefts[-1] + wide + GAP)
    numbers = _numbers(cells)
    lines = [
        (cell, wrapped(cell.text, lefts[cell.column + cell.across] - lefts[cell.column] - GAP, BODY)) for cell in cells
    ]
    tops = _tops(lines, top)
    found = []
    for cell, rows in lines:
        room = lefts[cell.column + cell.across] - lefts[cell.column] - GAP
        moved = [_to_the_right(row, room) if cell.across == 1 and cell.column in numbers else row for row in rows]
        begin = tops[cell.row] + PADDING
        found.append(
            Lines(
                lefts[cell.column],
                tuple((row, begin + number * BODY * LEADING) for number, row in enumerate(moved)),
                cell.cell,
            )
        )
    right = lefts[-1] - GAP
    return Grid(tuple(found), tuple((y, 0.0, right) for y in tops[1:]), _cuts(lines, tops), tops[-1])


def tidy(table: Table) -> Table:
    """Columns and rows in which no cell begins count for little: a run of them is two at most, and cells that go over
    them are as much smaller. So a table is never larger than its cells, whatever a file says of their places."""
    rows, columns = (_Places(getattr(cell, name) for cell in table.cells) for name in ("row", "column"))
    return table._replace(
        cells=tuple(
            Cell(
                rows.of[cell.row],
                columns.of[cell.column],
                cell.text,
                cell.cell,
                columns.span(cell.column, cell.across) if cell.across > 1 else 1,
                rows.span(cell.row, cell.down) if cell.down > 1 else 1,
            )
            for cell in table.cells
        )
    )


class _Places:
    """New places for the rows or columns of a table, by the old ones."""

    def __init__(self, used: Iterable[int]) -> None:
        self.used = sorted(set(used))
        self.of: dict[int, int] = {}
        place = -1
        for before, number in zip([None, *self.used], self.used, strict=False):
            place += 1 + (0 if before is None else min(number - before - 1, MOST_EMPTY))
            self.of[number] = place

    def span(self, begin: int, count: int) -> int:
        last = self.used[bisect_left(self.used, begin + max(count, 1)) - 1]
        return self.of[last] + 1 - self.of[begin]


def _spread(table: Table) -> Sequence[Cell]:
    """The cells; in a sheet, a text with nothing right of it runs on over the empty cells there, as on the screen."""
    if not table.sheet:
        return table.cells
    rows: dict[int, list[int]] = defaultdict(list)
    for cell in table.cells:
        for row in range(cell.row, cell.row + cell.down):
            insort(rows[row], cell.column)
    end = max((cell.column + cell.across for cell in table.cells), default=0)
    spread = []
    for cell in table.cells:
        others = rows[cell.row]
        place = bisect_right(others, cell.column)
        after = others[place] if place < len(others) else end
        alone = cell.across == cell.down == 1 and after > cell.column + 1
        runs_on = alone and not is_number(cell.text)
        spread.append(cell._replace(across=after - cell.column) if runs_on else cell)
    return spread


def _widths(cells: Sequence[Cell]) -> tuple[list[float], list[float]]:
    """Of each column: what its text takes on one line, and what its longest word does; points."""
    count = max((cell.column + cell.across for cell in cells), default=0)
    natural, least = [0.0] * count, [0.0] * count
    for cell in cells:
        if cell.across == 1:
            line, word = _measures(cell.text)
            natural[cell.column] = max(natural[cell.column], line)
            least[cell.column] = max(least[cell.column], word)
    for cell in cells:
        if cell.across > 1:
            line, word = _measures(cell.text)
            _widen(natural, cell, line)
            _widen(least, cell, word)
    return natural, least


def _widen(widths: list[float], cell: Cell, wanted: float) -> None:
    under = range(cell.column, cell.column + cell.across)
    lacking = wanted - sum(widths[column] for column in under) - GAP * (cell.across - 1)
    if lacking > 0:
        widths[under[-1]] += lacking


@lru_cache(maxsize=1 << 16)
def _measures(text: str) -> tuple[float, float]:
    """Points that the text takes on one line, and that its longest word does."""
    line = max(text_width(part) for part in text.split("\n")) * BODY + 0.01
    word = max((text_width(part) for part in text.split()), default=0.0) * BODY
    return line, min(word, COMFORT) if not text.isascii() and any(map(is_wide, text)) else word


def _fitted(natural: list[float], least: list[float], width: float) -> list[float]:
    """Widths that fit: the widest give way first, down to their longest word; then all in proportion."""
    room = width - GAP * (len(natural) - 1)
    if sum(natural) <= room:
        return natural
    low, high = 0.0, max(natural)
    for _ in range(40):
        middle = (low + high) / 2
        taken = sum(max(few, min(wide, middle)) for wide, few in zip(natural, least, strict=True))
        low, high = (middle, high) if taken <= room else (low, middle)
    widths = [max(few, min(wide, low)) for wide, few in zip(natural, least, strict=True)]
    total = sum(widths)
    return widths if total <= room else [max(1.0, wide * max(room, 1.0) / total) for wide in widths]


def _numbers(cells: Sequence[Cell]) -> frozenset[int]:
    """Columns most of whose cells are numbers; they are set to the right, heading included."""
    counts: dict[int, list[bool]] = defaultdict(list)
    for cell in cells:
        if cell.across == 1 and cell.text:
            counts[cell.column].append(is_number(cell.text))
    return frozenset(column for column, told in counts.items() if sum(told) * 2 > len(told))


def is_number(text: str) -> bool:
    """Whether it looks like a number, an amount or a date."""
    return (
        len(text) <= LONGEST_NUMBER
        and any(map(str.isdigit, text))
        and sum(map(str.isalpha, text)) <= MOST_LETTERS
        and "\n" not in text
    )


def _to_the_right(row: Row, room: float) -> Row:
    shift = room - (row[-1].left + row[-1].width) if row else 0.0
    return tuple(word._replace(left=word.left + shift) for word in row)


def _tops(lines: Sequence[tuple[Cell, list[Row]]], top: float) -> list[float]:
    """Where each row begins, and last where the table ends."""
    count = max(cell.row + cell.down for cell, _ in lines)
    heights = [EMPTY] * count
    for cell, rows in lines:
        if cell.down == 1:
            heights[cell.row] = max(heights[cell.row], _height(rows))
    for cell, rows in lines:
        if cell.down > 1:
            lacking = _height(rows) - sum(heights[cell.row : cell.row + cell.down])
            heights[cell.row + cell.down - 1] += max(0.0, lacking)
    tops = [top]
    for high in heights:
        tops.append(tops[-1] + high)
    return tops


def _height(rows: Sequence[Row]) -> float:
    return len(rows) * BODY * LEADING + 2 * PADDING


def _cuts(lines: Sequence[tuple[Cell, list[Row]]], tops: list[float]) -> tuple[float, ...]:
    """Between rows where no cell runs over; inside of rows that are higher than usual, between lines."""
    covered = {row for cell, _ in lines for row in range(cell.row + 1, cell.row + cell.down)}
    return tuple(top for row, top in enumerate(tops[:-1]) if row not in covered)
