"""Blocks of lines that look like the rows of one table: cells that line up and repeat the same types, page after page.

A line belongs to a block where enough of its cells stand under cells of the rows above, typed under typed. Lines
between rows that do not are what a row goes on with, headings of groups, or a page's edge; too many end the block.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import NamedTuple

from model.values.dates import dates
from pipeline.planning.sheet import Cell, Line, Sheet, line_text, words_text
from schemas.page import PageText

TOLERANCE = 0.35  # of a line's height: how far edges that line up may lie apart
ALIGNED = 2  # cells that must line up, one of them typed
WORDS_ALIGNED = 3  # the same where none is typed: two columns of prose line up too
PARTNERS = 4  # lines back that a row may have its first like: what lies between goes on with it
ASIDE = 8  # lines that are no rows, after which a block has ended
EDGE = 14  # the same where a page ends between: feet and heads come on top
GOES_ON = 0.6  # of a line's height: under a row and no further off, a line goes on with it
HEAD = 4  # lines over the first row in which the head is looked for
FULL = 0.6  # of the cells that most rows have: what has fewer is a total, or a balance that is carried over
SAMPLED = 6  # rows that tell what a column holds


class Row(NamedTuple):
    """above: where it begins, a fraction of the page: between its first line and the line before. tokens: of its text.

    cells: in its first line. entries: how many rows of a list stand side by side in it; none in a line of totals.
    """

    page: int
    above: float
    tokens: float
    cells: int
    entries: int = 1


@dataclass
class Column:
    """x0, x1: of the cell that was seen last. kinds: of the first cells, `date`, `number` or `text`."""

    x0: float
    x1: float
    typed: bool
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass
class Block:
    """head: texts of the lines over the first row, top to bottom. asides: texts of lines between rows, with the number
    of rows that come before. titled: those of them that may be heads of a table, having several cells and none typed.
    """

    head: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    asides: list[tuple[int, str, bool]] = field(default_factory=list)

    def kinds(self) -> Counter[str]:
        """How many columns hold dates, numbers and texts."""
        return Counter(column.kinds.most_common(1)[0][0] for column in self.columns if column.kinds)

    def matches(self, line: Line) -> bool:
        return _enough(*_lined_up(line, self.columns), len(line.cells))

    def add(self, page: PageText, line: Line, above: float) -> None:
        """Takes the line for a row, and its cells for where the columns are now."""
        tolerance = TOLERANCE * (line.bottom - line.top)
        for cell in line.cells:
            column = next((column for column in self.columns if _aligned(cell, column, tolerance)), None)
            if column is None:
                column = Column(cell.x0, cell.x1, cell.typed)
                self.columns.append(column)
            column.x0, column.x1 = cell.x0, cell.x1
            if sum(column.kinds.values()) < SAMPLED:
                column.kinds[_kind(page, cell)] += 1
        self.rows.append(Row(page.number, above, line.tokens, len(line.cells), _repeats(line.cells)))

    def go_on(self, tokens: float) -> None:
        self.rows[-1] = self.rows[-1]._replace(tokens=self.rows[-1].tokens + tokens)

    def without_totals(self) -> Block:
        """The block, its sparse rows known to be no entries."""
        least = FULL * median(row.cells for row in self.rows)
        rows = [row if row.cells >= least else row._replace(entries=0) for row in self.rows]
        return replace(self, rows=rows)


class Finder:
    """Finds the blocks of a document, given page after page; `blocks` are those found so far."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._open: Block | None = None
        self._asides = 0
        self._most = ASIDE

    @property
    def blocks(self) -> list[Block]:
        return [block.without_totals() for block in self._blocks]

    def take(self, page: PageText, sheet: Sheet) -> None:
        seen: deque[tuple[Line, float]] = deque(maxlen=PARTNERS)
        before: deque[Line] = deque(maxlen=HEAD + PARTNERS)
        for line, above in zip(sheet.lines, _above(sheet.lines), strict=True):
            if not self._goes_on(page, line, above, before):
                self._begins(page, line, above, seen, before)
            before.append(line)
        self._most = EDGE

    def _goes_on(self, page: PageText, line: Line, above: float, before: Sequence[Line]) -> bool:
        """Whether the line is the next row of the open block; else it is noted there as an aside."""
        block = self._open
        if block is None:
            return False
        if line.cells and block.matches(line):
            block.add(page, line, above)
            self._asides, self._most = 0, ASIDE
            return True
        self._asides += 1
        if before and block.rows[-1].page == page.number and _close(before[-1], line) and self._asides < PARTNERS:
            block.go_on(line.tokens)
        if self._asides > self._most:
            self._open = None
        else:
            titled = len(line.cells) > 1 and not any(cell.typed for cell in line.cells)
            block.asides.append((len(block.rows), line_text(page, line), titled))
        return False

    def _begins(
        self, page: PageText, line: Line, above: float, seen: deque[tuple[Line, float]], before: Sequence[Line]
    ) -> None:
        """Opens a block where the line and one shortly before it line up."""
        if not line.cells:
            return
        for partner, place in reversed(seen):
            if _enough(*_lined_up(line, partner.cells), min(len(line.cells), len(partner.cells))):
                over = [other for other in before if other.last <= partner.first][-HEAD:]
                block = Block(tuple(line_text(page, other) for other in over))
                block.add(page, partner, place)
                for between in before:
                    if between.first > partner.first:
                        block.go_on(between.tokens)
                block.add(page, line, above)
                self._blocks.append(block)
                self._open, self._asides, self._most = block, 0, ASIDE
                seen.clear()
                return
        seen.append((line, above))


def _above(lines: Sequence[Line]) -> Iterator[float]:
    """For each line the place halfway between it and the line before, 0 for the first."""
    previous: float | None = None
    for line in lines:
        yield 0.0 if previous is None else (previous + line.y) / 2
        previous = line.y


def _close(before: Line, line: Line) -> bool:
    return line.top - before.bottom < GOES_ON * (line.bottom - line.top)


def _lined_up(line: Line, columns: Iterable[Cell | Column]) -> tuple[int, int]:
    """How many cells of the line stand in columns of their type, and how many of these are typed."""
    tolerance = TOLERANCE * (line.bottom - line.top)
    found = typed = 0
    for cell in line.cells:
        if any(_aligned(cell, column, tolerance) for column in columns):
            found += 1
            typed += cell.typed
    return found, typed


def _enough(found: int, typed: int, cells: int) -> bool:
    return 2 * found >= cells and (found >= WORDS_ALIGNED or (found >= ALIGNED and typed > 0))


def _aligned(cell: Cell, column: Cell | Column, tolerance: float) -> bool:
    return cell.typed == column.typed and (
        abs(cell.x0 - column.x0) < tolerance
        or abs(cell.x1 - column.x1) < tolerance
        or abs(cell.x0 + cell.x1 - column.x0 - column.x1) < tolerance
    )


def _repeats(cells: Sequence[Cell]) -> int:
    """How many rows stand side by side: the cells come in equal parts of the same types at the same distance."""
    for parts in (3, 2):
        size, rest = divmod(len(cells), parts)
        if rest or size < ALIGNED or not any(cell.typed for cell in cells):
            continue
        wide = max(cell.x1 - cell.x0 for cell in cells) / 2
        shift = cells[size].x0 - cells[0].x0
        if (
            all(
                cells[at].typed == cells[at - size].typed and abs(cells[at].x0 - cells[at - size].x0 - shift) < wide / 4
                for at in range(size, len(cells))
            )
            and len({cell.typed for cell in cells[:size]}) == 2
        ):
            return parts
    return 1


def _kind(page: PageText, cell: Cell) -> str:
    text = words_text(page, cell.first, cell.last)
    if not any(char.isdigit() for char in text):
        return "text"
    if any(True for _ in dates(text, True)):
        return "date"
    return "number" if cell.typed else "text"
