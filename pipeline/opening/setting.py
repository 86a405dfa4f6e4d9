"""Blocks laid out as pages: every word gets a box, and keeps its text as it is in the file.

First all is set on one endless strip (words, rules, and where it may be cut), then the strip is cut into pages. The
same blocks give the same pages on every machine. No word is ever broken or shortened: one that is wider than its column
has a box as narrow as that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.layout import in_reading_order
from pipeline.opening.blocks import BODY, Block, Line, NewPage, Picture, Section, Table
from pipeline.opening.columns import bands, needed_width, set_table, tidy
from pipeline.opening.lines import LEADING, Placed, fixed_lines, wrapped
from schemas.page import Box, Word

MARGIN = 36.0  # points
WIDTH, MOST_WIDTH = 595.0, 1400.0  # of a page, points: A4, and the widest whose print of 10 points can be read
SHAPE = (842.0 / 595.0, 0.7)  # height by width, of A4 and of the widest pages
HIGH = 1.15  # of its size: the height of a word's box
PARAGRAPH = 4.0  # points below each
AROUND = 8.0  # points above and below a table


@dataclass(frozen=True, slots=True)
class Laid:
    """One page as it is laid out. width, height: points. rules: lines drawn on it, from x0, y0 to x1, y1, fractions."""

    width: float
    height: float
    words: tuple[Word, ...]
    rules: tuple[Box, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Book:
    """A file as pages: laid out, or pictures that are read as scans are. notes: what a person should know besides."""

    pages: tuple[Laid | Picture, ...]
    notes: tuple[str, ...] = ()


class _Set(NamedTuple):
    """A word on the strip. top: points from the strip's beginning."""

    left: float
    top: float
    width: float
    size: float
    text: str
    cell: str | None


@dataclass(slots=True)
class _Strip:
    """width: that text may take. y: how far it is filled. cuts: where a page may end; ends: where one must."""

    width: float
    y: float = 0.0
    words: list[_Set] = field(default_factory=list)
    rules: list[tuple[float, float, float]] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def line(self, line: Line) -> None:
        """A paragraph, cut between any of its lines."""
        rows = (
            fixed_lines(line.text)
            if line.fixed
            else wrapped(line.text, self.width - line.indent, line.size, line.stops)
        )
        for row in rows:
            self.cuts.append(self.y)
            self.put(row, line.indent, self.y, line.size, line.cell)
            self.y += line.size * LEADING
        self.y += 0.0 if line.fixed else PARAGRAPH

    def table(self, table: Table) -> None:
        tidied = tidy(table)
        for number, band in enumerate(bands(tidied, self.width) if table.sheet else (tidied,)):
            if number:
                self.ends.append(self.y)
            self.y += AROUND
            grid = set_table(band, self.width, self.y)
            for cell in grid.cells:
                for row, top in cell.rows:
                    self.put(row, cell.left, top, BODY, cell.cell)
            self.cuts.extend(grid.cuts)
            self.rules.extend(grid.rules)
            self.y = grid.bottom + AROUND

    def put(self, row: Sequence[Placed], left: float, top: float, size: float, cell: str | None) -> None:
        self.words += [_Set(left + word.left, top, word.width, size, word.text, cell) for word in row]


def laid_out(section: Section) -> Iterator[Laid | Picture]:
    """The section's pages. A picture is a page between those of the text before and after it."""
    tables = [block for block in section.blocks if isinstance(block, Table)]
    wanted = max((needed_width(table) for table in tables), default=0.0) + 2 * MARGIN
    wanted = max([wanted, *(_fixed_width(block) for block in section.blocks)])
    width = min(MOST_WIDTH, max(WIDTH, wanted))
    for part in _parts(section.blocks):
        if isinstance(part, Picture):
            yield part
        else:
            yield from _pages(part, width, section.reason)


def _fixed_width(block: Block) -> float:
    if not isinstance(block, Line) or not block.fixed:
        return 0.0
    return max((word.left + word.width for row in fixed_lines(block.text) for word in row), default=0.0) + 2 * MARGIN


def _parts(blocks: Iterable[Block]) -> Iterator[list[Block] | Picture]:
    """Pictures by themselves, and what stands between them."""
    part: list[Block] = []
    for block in blocks:
        if not isinstance(block, Picture):
            part.append(block)
            continue
        if part:
            yield part
        yield block
        part = []
    if part:
        yield part


def _pages(blocks: Sequence[Block], width: float, reason: str) -> Iterator[Laid]:
    strip = _Strip(width - 2 * MARGIN)
    for block in blocks:
        match block:
            case Line():
                strip.line(block)
            case Table():
                strip.table(block)
            case NewPage():
                strip.ends.append(strip.y)
    wide = (width - WIDTH) / (MOST_WIDTH - WIDTH)
    height = width * (SHAPE[0] + (SHAPE[1] - SHAPE[0]) * wide)
    yield from _cut(strip, width, height, reason)


def _cut(strip: _Strip, width: float, height: float, reason: str) -> Iterator[Laid]:
    """Pages of the strip, each as full as it gets; one that nothing stands on is left out."""
    room = height - 2 * MARGIN
    words = sorted(strip.words, key=lambda word: word.top)
    rules = sorted(strip.rules)
    begin = first = drawn = 0
    top = 0.0
    cuts, ends = sorted(set(strip.cuts)), sorted(set(strip.ends))
    while first < len(words):
        bottom = _end(top, room, cuts, ends, strip.y)
        begin = first
        while first < len(words) and words[first].top < bottom:
            first += 1
        lines = []
        while drawn < len(rules) and rules[drawn][0] <= bottom:
            lines.append(rules[drawn])
            drawn += 1
        if first > begin:
            down = MARGIN - top
            yield Laid(
                width,
                height,
                in_reading_order(_word(word, width, height, down) for word in words[begin:first]),
                tuple(_rule(*line, width, height, down) for line in lines),
                reason,
            )
        top = bottom


def _end(top: float, room: float, cuts: Sequence[float], ends: Sequence[float], last: float) -> float:
    """Where the page that begins at `top` ends: at a forced end, else at the last cut that leaves it full."""
    following = bisect_right(ends, top)
    forced = ends[following] if following < len(ends) else last + 1.0
    if forced <= top + room:
        return forced
    place = bisect_right(cuts, top + room) - 1
    return cuts[place] if place >= 0 and cuts[place] > top else top + room


def _word(word: _Set, width: float, height: float, down: float) -> Word:
    left, top = MARGIN + word.left, word.top + down
    box = Box(left / width, top / height, (left + word.width) / width, (top + HIGH * word.size) / height)
    return Word(word.text, box, cell=word.cell)


def _rule(y: float, left: float, right: float, width: float, height: float, down: float) -> Box:
    return Box((MARGIN + left) / width, (y + down) / height, (MARGIN + right) / width, (y + down) / height)
