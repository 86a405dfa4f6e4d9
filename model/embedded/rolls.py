"""Lists of plain texts that a contract or a table holds: names by capacity, and the column under the list's label."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.embedded.candidates import Reading
from model.embedded.contracts import EDGE, capacity_names
from model.embedded.labels import labels_of
from model.embedded.lines import Line, Span
from model.embedded.scalars import Choice
from model.embedded.texts import trimmed
from model.embedded.vocabulary import TOTAL
from model.values.text import squash
from schemas.field import Field

ROLL = 0.6  # the confidence in a text that only its column tells
_AMOUNT = re.compile(r"[$€£]?\d{1,3}(?:[,.']\d{3})+(?:[.,]\d+)?$|[$€£]\d|\d+[.,]\d\d%?$")
MOST_WORDS = 4  # of a column's title
_NAME_OF = re.compile(r"(?i)^(names? of )")


def roll_items(reading: Reading, node: Field) -> list[Choice]:
    """The items of a list of texts: cells of a column under its label, or names above the capacity it stands for."""
    assert node.item is not None
    pointer = node.item.pointer
    columned = _columned(reading, {_singular(label) for label in labels_of(node)})
    if len(columned) > 1:
        return [
            Choice(pointer, " ".join(span.text.strip() for span in spans), tuple(spans), ROLL) for spans in columned
        ]
    named = capacity_names(reading, node)
    return [Choice(pointer, span.text.strip(" ,"), (span,), ROLL) for span in named]


def _columned(reading: Reading, wanted: set[str]) -> list[list[Span]]:
    """The cells under the first head that begins with one of the labels and has a column of figures beside it."""
    for number, line in enumerate(reading.lines):
        if len(line.segments) < 2 or any(char.isdigit() for char in line.text):
            continue
        title = line.segments[0].text
        below = reading.lines[number + 1] if number + 1 < len(reading.lines) else line
        stacked = len(below.segments) == 1 and below.y0 - line.y1 < 0.7 * line.size
        if _heads(title, wanted):
            last = line
        elif stacked and _heads(f"{title} {below.text}", wanted):
            last = below
        else:
            continue
        cells = _cells(reading, last, line.segments[1].x0)
        if cells:
            return cells
    return []


def _heads(title: str, wanted: set[str]) -> bool:
    """Whether a column's title is one of the labels, or names what has it: `Name of Initial Lender`."""
    named = _NAME_OF.match(title.strip(" :.*"))
    return _singular(title) in wanted or bool(
        named and named[1] and len(title.split()) <= MOST_WORDS and _singular(title.split()[-1]) in wanted
    )


def _singular(text: str) -> str:
    return re.sub(r"(?<=[a-z])s$", "", squash(text))


def _cells(reading: Reading, head: Line, right: float) -> list[list[Span]]:
    """Cells of the first column, each of the lines up to the next one that has a figure beside it."""
    found: list[list[Span]] = []
    lines = [line for line in _after(reading, head) if not _at_edge(reading, line)]
    for number, line in enumerate(lines):
        first = line.segments[0]
        if TOTAL.match(first.text) or (found and first.line.size > 1.2 * head.size):
            break
        if first.x0 > right - line.size:
            continue
        cell = _left_part(line, right)
        if cell is None:
            continue
        if _has_figure(lines, number, right):
            found.append([cell])
        elif found and (_near(found[-1][-1], cell) or lines[number - 1].page != line.page):
            found[-1].append(cell)
        elif found:
            break
    return found


def _after(reading: Reading, head: Line) -> Sequence[Line]:
    return [line for line in reading.lines if (line.page, line.index) > (head.page, head.index)]


def _left_part(line: Line, right: float) -> Span | None:
    """The words of a line that stand left of the second column."""
    first = line.segments[0]
    left = [n for n, edge in enumerate(line.edges) if edge[0] < right - line.size and line.starts[n] < first.end]
    figure = next((number for number in left if re.match(r"[$€£]|[\d.,]{4,}$", line.words[number].text)), len(left))
    if not left[:figure]:
        return None
    last = left[:figure][-1]
    cell = trimmed(Span(line, 0, line.starts[last] + len(line.words[last].text)))
    return cell if cell is not None and any(map(str.isalpha, cell.text)) else None


def _has_figure(lines: Sequence[Line], number: int, right: float) -> bool:
    """Whether a figure stands beside a line, though its baseline be a little off."""
    line = lines[number]
    return any(
        edge[0] > right - 3 * line.size and _AMOUNT.match(word.text)
        for other in lines[max(0, number - 1) : number + 2]
        if other.page == line.page and abs(other.middle - line.middle) < 0.95 * line.size
        for word, edge in zip(other.words, other.edges, strict=True)
    )


def _near(above: Span, cell: Span) -> bool:
    return above.page == cell.page and cell.line.y0 - above.line.y1 < 0.8 * cell.line.size


def _at_edge(reading: Reading, line: Line) -> bool:
    height = reading.page_sizes[line.page][1]
    return not EDGE * height < line.middle < (1 - EDGE) * height
