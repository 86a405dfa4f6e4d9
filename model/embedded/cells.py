"""From the lines under a table head to cells: which part of a line belongs to which column, and what value it says."""

from __future__ import annotations

import re
from collections.abc import Iterable

from model.embedded.candidates import Candidate, Reading
from model.embedded.headers import Column
from model.embedded.lines import Line, Span
from model.embedded.roles import Role

_NUMBER = re.compile(r"[-+(]?[$€£¥₹]?\d[\d.,']*%?\)?")


def cells(line: Line, columns: list[Column]) -> dict[int, list[Span]]:
    """The pieces of a line by index of the column that each stands in."""
    found: dict[int, list[Span]] = {}
    for piece in _pieces(line, columns):
        index = max(range(len(columns)), key=lambda i: _fit(columns[i], piece))
        if _fit(columns[index], piece) > -1.5:
            found.setdefault(index, []).append(piece)
    return found


def _pieces(line: Line, columns: list[Column]) -> Iterable[Span]:
    """Segments, cut where a word begins exactly under another column's head, and between numbers of two columns."""
    for segment in line.segments:
        first, last = line.word_range(segment.start, segment.end)
        start = segment.start
        for index in range(first + 1, last):
            left = line.edges[index][0]
            gap = left - line.edges[index - 1][1]
            opens = gap > 0.3 * line.size and _opens_column(left, line, start, columns)
            if opens or _parts_numbers(line, index, columns):
                yield Span(line, start, line.starts[index] - 1)
                start = line.starts[index]
        yield Span(line, start, segment.end)


def _parts_numbers(line: Line, index: int, columns: list[Column]) -> bool:
    """Whether a word and the one before it are numbers under different heads: `1,500 98.50`."""
    if not all(_NUMBER.fullmatch(line.words[at].text) for at in (index - 1, index)):
        return False
    before, after = _over(line.edges[index - 1], columns), _over(line.edges[index], columns)
    return before is not None and after is not None and before != after


def _over(edge: tuple[float, float], columns: list[Column]) -> int | None:
    """The column whose head a word stands under, if any."""
    overlaps = [min(column.x1, edge[1]) - max(column.x0, edge[0]) for column in columns]
    most = max(overlaps)
    return overlaps.index(most) if most > 0 else None


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


def typed_candidate(reading: Reading, role: Role, spans: list[Span]) -> Candidate | None:
    """What a cell of a typed column says; None where it says something else, or more."""
    for span in spans:
        inside = reading.candidates_in(span, role)
        if inside and _covers(inside[0].span, span, alone=role == "money"):
            return inside[0]
    return None


def is_rate(role: Role, candidate: Candidate, title: str) -> bool:
    """False for a bare number in a column of percentages whose head has no per cent sign."""
    return role != "percentage" or "%" in title or (candidate.number is not None and candidate.number.percent)


def _covers(value: Span, cell: Span, *, alone: bool) -> bool:
    """Whether the value is what the cell says, not a number inside a sentence; `alone`: nor one of several."""
    rest = cell.text.replace(value.text, "", 1)
    if alone and any(char.isdigit() for char in rest):
        return False
    return sum(char.isalnum() for char in rest) <= max(6, len(value.text))
