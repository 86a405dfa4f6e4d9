"""From the lines under a table head to cells: which part of a line belongs to which column."""

from __future__ import annotations

from collections.abc import Iterable

from model.embedded.headers import Column
from model.embedded.lines import Line, Span


def cells(line: Line, columns: list[Column]) -> dict[int, list[Span]]:
    """The pieces of a line by index of the column that each stands in."""
    found: dict[int, list[Span]] = {}
    for piece in _pieces(line, columns):
        index = max(range(len(columns)), key=lambda i: _fit(columns[i], piece))
        if _fit(columns[index], piece) > -1.5:
            found.setdefault(index, []).append(piece)
    return found


def _pieces(line: Line, columns: list[Column]) -> Iterable[Span]:
    """Segments, cut where a word begins exactly under another column's head."""
    for segment in line.segments:
        first, last = line.word_range(segment.start, segment.end)
        start = segment.start
        for index in range(first + 1, last):
            left = line.edges[index][0]
            gap = left - line.edges[index - 1][1]
            if gap > 0.3 * line.size and _opens_column(left, line, start, columns):
                yield Span(line, start, line.starts[index] - 1)
                start = line.starts[index]
        yield Span(line, start, segment.end)


def _opens_column(left: float, line: Line, start: int, columns: list[Column]) -> bool:
    begun = Span(line, start, start + 1).x0
    return any(abs(column.x0 - left) < 0.25 * line.size and column.x0 > begun + line.size for column in columns)


def _fit(column: Column, piece: Span) -> float:
    """How well a piece stands in a column: overlap with the head, and edges that line up with it."""
    size = piece.line.size
    left, right = piece.x0, piece.x1
    overlap = min(column.x1, right) - max(column.x0, left)
    narrow = max(1.0, min(column.x1 - column.x0, right - left))
    score = min(1.0, overlap / narrow) if overlap > 0 else overlap / (4 * size)
    if abs(column.x0 - left) < 0.4 * size:
        score += 1.0
    if abs(column.x1 - right) < 0.4 * size:
        score += 1.0
    if abs((column.x0 + column.x1) - (left + right)) < size:
        score += 0.4
    return score
