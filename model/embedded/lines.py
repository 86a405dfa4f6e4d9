"""Visual lines: words that stand side by side, cut into segments where the gap is wide.

Works in points (page width and height applied), since fractions are not the same length in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from schemas.page import Box, PageText, Word, enclosing

SEGMENT_GAP = 0.9  # in line heights: a wider gap separates columns, a narrower one separates words
INK_TO_PRINT = 1.55  # how much higher print is than the ink of a word, as fonts measure it
INK_LEAST = 1.0  # of the page's usual ink height: a dash and an `a` are as high words as others
SIDEWAYS, SIDEWAYS_LETTERS = 0.6, 4  # width over height of a word, and its letters, from which it runs up the page
STRIP = 2.0  # points by which the edges of words of one such line may differ
SEPARATOR = "\t"
_Placed = tuple[Word, float, float, float, float]


@dataclass(frozen=True)
class Line:
    """One visual line. `text` holds its words, joined by a space inside a segment and a tab between segments.

    starts: for each word, the character of `text` at which it begins. x0, y0, x1, y1, size: points; `size` is the
    median height of its words.
    """

    page: int
    index: int
    words: tuple[Word, ...]
    text: str
    starts: tuple[int, ...]
    edges: tuple[tuple[float, float], ...]
    y0: float
    y1: float
    size: float

    @property
    def x0(self) -> float:
        return self.edges[0][0]

    @property
    def x1(self) -> float:
        return max(edge[1] for edge in self.edges)

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @cached_property
    def segments(self) -> tuple[Span, ...]:
        """The runs of words with no wide gap between them, left to right."""
        spans, start = [], 0
        for piece in self.text.split(SEPARATOR):
            spans.append(Span(self, start, start + len(piece)))
            start += len(piece) + 1
        return tuple(spans)

    def segment_at(self, char: int) -> Span:
        for segment in self.segments:
            if segment.start <= char <= segment.end:
                return segment
        return self.segments[-1]

    def word_range(self, start: int, end: int) -> tuple[int, int]:
        """Indices (first, one past the last) of the words that characters start..end of `text` belong to."""
        first = 0
        while first + 1 < len(self.starts) and self.starts[first + 1] <= start:
            first += 1
        last = first + 1
        while last < len(self.starts) and self.starts[last] < end:
            last += 1
        return first, last


@dataclass(frozen=True)
class Span:
    """Characters start..end of a line, and the part of the page that they cover (x0, x1 in points)."""

    line: Line
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.line.text[self.start : self.end]

    @cached_property
    def words(self) -> tuple[Word, ...]:
        first, last = self.line.word_range(self.start, self.end)
        return self.line.words[first:last]

    @cached_property
    def x0(self) -> float:
        return self._edge(self.start)

    @cached_property
    def x1(self) -> float:
        return self._edge(self.end)

    @property
    def page(self) -> int:
        return self.line.page

    @property
    def box(self) -> Box:
        return enclosing(word.box for word in self.words)

    def _edge(self, char: int) -> float:
        """The x at which a character begins, its word's width shared out evenly among its characters."""
        line = self.line
        index, _ = line.word_range(max(0, char - 1) if char == self.end else char, char)
        left, right = line.edges[index]
        length = len(line.words[index].text)
        inside = min(max(char - line.starts[index], 0), length)
        return left + (right - left) * inside / length if length else left


def page_lines(page: PageText) -> list[Line]:
    """The visual lines of a page, top to bottom; behind them those that run up the page."""
    placed = [
        (word, word.box.x0 * page.width, word.box.y0 * page.height, word.box.x1 * page.width, word.box.y1 * page.height)
        for word in page.words
        if word.text and word.box.y1 > word.box.y0
    ]
    if page.skew:
        placed = [_level(item, page.skew) for item in placed]
    if page.source == "ocr" and placed:
        usual = median(item[4] - item[2] for item in placed)
        placed = [_as_high_as_print(item, usual) for item in placed]
    strips = _sideways(placed) if page.source == "text" else []
    aside = {id(item) for strip in strips for item in strip}
    rows = _rows([item for item in placed if id(item) not in aside])
    lines: list[Line] = []
    for row in rows:
        row.sort(key=lambda item: item[1])
        lines.append(_line(page.number, len(lines), row))
    for strip in strips:
        lines.append(_line(page.number, len(lines), strip))
    return lines


def _sideways(placed: Sequence[_Placed]) -> list[list[_Placed]]:
    """Words that run up the page, as a stamp in the margin does, strip by strip, from the bottom up."""
    strips: list[list[_Placed]] = []
    for item in placed:
        word, x0, y0, x1, y1 = item
        if len(word.text) < SIDEWAYS_LETTERS or x1 - x0 > SIDEWAYS * (y1 - y0):
            continue
        if not any(abs(strip[0][1] - x0) < STRIP and abs(strip[0][3] - x1) < STRIP for strip in strips):
            within = [other for other in placed if abs(other[1] - x0) < STRIP and abs(other[3] - x1) < STRIP]
            strips.append(sorted(within, key=lambda other: -other[4]))
    return strips


def _level(item: _Placed, skew: float) -> _Placed:
    """The word moved up or down to where it would stand on a line that runs level, and as high as its letters are."""
    word, x0, y0, x1, y1 = item
    slope = math.tan(math.radians(skew))
    rise = abs(slope) * (x1 - x0)
    shift = slope * (x0 + x1) / 2
    shrink = min(rise / 2, 0.3 * (y1 - y0))
    return word, x0, y0 - shift + shrink, x1, y1 - shift - shrink


def _as_high_as_print(item: _Placed, usual: float) -> _Placed:
    """A scanned word, whose box ends at its ink, as high as a text layer would have it: from ascender to descender."""
    word, x0, y0, x1, y1 = item
    half = max(y1 - y0, INK_LEAST * usual) * INK_TO_PRINT / 2
    middle = (y0 + y1) / 2
    return word, x0, middle - half, x1, middle + half


def _rows(placed: Sequence[_Placed]) -> list[list[_Placed]]:
    """Groups words whose vertical middles lie within half of the smaller one's height."""
    rows: list[list[_Placed]] = []
    centers: list[tuple[float, float]] = []
    for item in sorted(placed, key=lambda item: item[2] + item[4]):
        middle, height = (item[2] + item[4]) / 2, item[4] - item[2]
        joined = False
        for back in range(len(rows) - 1, max(-1, len(rows) - 4), -1):
            center, size = centers[back]
            if abs(middle - center) <= 0.45 * min(size, height) and not _collides(rows[back], item):
                rows[back].append(item)
                count = len(rows[back])
                centers[back] = (center + (middle - center) / count, size + (height - size) / count)
                joined = True
                break
        if not joined:
            rows.append([item])
            centers.append((middle, height))
    order = sorted(range(len(rows)), key=lambda index: centers[index][0])
    return [rows[index] for index in order]


def _collides(row: list[_Placed], item: _Placed) -> bool:
    """Whether the word would be printed over one that is in the row already (two lines that nearly touch)."""
    width = item[3] - item[1]
    return any(min(other[3], item[3]) - max(other[1], item[1]) > 0.5 * min(width, other[3] - other[1]) for other in row)


def _line(page: int, index: int, row: list[_Placed]) -> Line:
    size = median(item[4] - item[2] for item in row)
    pieces: list[str] = []
    starts: list[int] = []
    length = 0
    right: float | None = None
    for word, x0, _, x1, _ in row:
        if right is not None:
            pieces.append(SEPARATOR if x0 - right > SEGMENT_GAP * size else " ")
            length += 1
        starts.append(length)
        pieces.append(word.text)
        length += len(word.text)
        right = x1
    return Line(
        page=page,
        index=index,
        words=tuple(item[0] for item in row),
        text="".join(pieces),
        starts=tuple(starts),
        edges=tuple((item[1], item[3]) for item in row),
        y0=min(item[2] for item in row),
        y1=max(item[4] for item in row),
        size=size,
    )
