"""Table heads: lines in which several of a list's labels stand side by side, and the columns that they open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from model.embedded.candidates import Reading
from model.embedded.labels import Hit
from model.embedded.lines import Line, Span
from model.values.numbers import CURRENCY_CODES
from schemas.field import Field

_QUALIFIER = re.compile(
    r"(?:\([^()]{1,12}\)|(?:excl|incl|exkl|inkl|ex|inc|net|gross|netto|brutto|ht|ttc)\.?)", re.IGNORECASE
)
PROSE_WORDS, PROSE_SHARE = 9, 0.4  # a segment of so many words, so little of it labels, is running text
TITLE_LINES = 4  # above a head, in which its list's own label may stand
NEEDED = 2  # labels of different fields that make a line a table head


@dataclass
class Column:
    """One column of a table. x0, x1: points, of its head; pointer: the leaf that it fills, or None.

    others: leaves that its title may stand for as well, likeliest first.
    """

    x0: float
    x1: float
    pointer: str | None
    title: str = ""
    others: tuple[str, ...] = ()


@dataclass
class Head:
    """A table head: its last line, and its columns from left to right."""

    page: int
    first_line: int
    last_line: int
    columns: list[Column]

    @property
    def pointers(self) -> set[str]:
        return {column.pointer for column in self.columns if column.pointer}


def heads(reading: Reading, leaves: Sequence[Field]) -> list[Head]:
    """The heads of tables that show at least two of the leaves, best only where two share a line."""
    wanted = {leaf.pointer for leaf in leaves}
    found: list[Head] = []
    for lines in reading.by_page.values():
        index = 0
        while index < len(lines):
            named = reading.pointers_on(lines[index]) & wanted
            head = _best_head(reading, lines, index, wanted) if named else None
            if head is None:
                index += 1
            else:
                found.append(head)
                index = head.last_line + 1
    return found


def owned_heads(reading: Reading, lists: Mapping[str, Sequence[Field]]) -> dict[str, list[Head]]:
    """The heads of each list, by its pointer. A head belongs to the one list that it fits best.

    Lists whose fields have the same names fit alike: then the list whose own label stands above the head gets it, and
    without such a label nobody does, for the same rows cannot be every list's.
    """
    offers: dict[tuple[int, int], list[tuple[int, str, Head]]] = {}
    for pointer, leaves in lists.items():
        for head in heads(reading, leaves):
            fit = 2 * len(head.pointers) + 3 * _is_titled(reading, head, pointer)
            offers.setdefault((head.page, head.last_line), []).append((fit, pointer, head))
    owned: dict[str, list[Head]] = {pointer: [] for pointer in lists}
    for place in sorted(offers):
        ranked = sorted(offers[place], key=lambda offer: -offer[0])
        if len(ranked) == 1 or ranked[0][0] > ranked[1][0]:
            owned[ranked[0][1]].append(ranked[0][2])
    return owned


def _is_titled(reading: Reading, head: Head, pointer: str) -> bool:
    lines = reading.by_page[head.page]
    above = lines[max(0, head.first_line - TITLE_LINES) : head.first_line]
    return any(pointer in hit.pointers for line in above for hit in reading.hits_on(line))


def _best_head(reading: Reading, lines: list[Line], index: int, wanted: set[str]) -> Head | None:
    """A head that begins at this line: one line, or up to three stacked ones where those show more labels."""
    best: Head | None = None
    for depth in (1, 2, 3):
        stack = lines[index : index + depth]
        if len(stack) < depth or not _stacked(stack):
            break
        head = _head(reading, stack, wanted)
        if head is not None and (best is None or len(head.pointers) > len(best.pointers)):
            best = head
    return best


def _stacked(stack: list[Line]) -> bool:
    return all(below.y0 - above.y1 < 0.7 * above.size for above, below in pairwise(stack))


def _head(reading: Reading, stack: list[Line], wanted: set[str]) -> Head | None:
    hits = [hit for line in stack for hit in reading.hits_on(line) if _may_head(reading, hit)]
    if len({pointer for hit in hits for pointer in hit.pointers if pointer in wanted}) < NEEDED:
        return None
    if any(_has_amounts(line) for line in stack):
        return None
    assigned = _assigned(hits, wanted)
    if _stand_under_each_other(list(assigned.values())):
        return None
    if len(assigned) < NEEDED or len(assigned) < 0.5 * sum(len(line.segments) for line in stack[:1]) - 2:
        return None
    columns = _columns(stack, hits, assigned)
    return Head(stack[0].page, stack[0].index, stack[-1].index, columns)


def _may_head(reading: Reading, hit: Hit) -> bool:
    """Not in running text, nor with an amount behind it (`Total HT  205,52`), nor in a longer word (`Preis/Einh.`)."""
    if hit.line.text[max(0, hit.span.start - 1) : hit.span.start] in ("/", "-"):
        return False
    segment = hit.line.segment_at(hit.span.start)
    labels = sum(
        len(other.span.text) for other in reading.hits_on(hit.line) if segment.start <= other.span.start < segment.end
    )
    if segment.text.count(" ") >= PROSE_WORDS and labels < PROSE_SHARE * len(segment.text):
        return False
    amounts = (c.span for c in reading.candidates_on(hit.line, "money") if c.number and c.number.decimals == 2)
    return not any(
        hit.span.end <= amount.start and not any(map(str.isalnum, hit.line.text[hit.span.end : amount.start]))
        for amount in amounts
    )


def _stand_under_each_other(hits: list[Hit]) -> bool:
    """Whether labels of two fields stand in one column: then the upper one is a title above the table."""
    return any(
        upper.line.index < lower.line.index and min(upper.span.x1, lower.span.x1) > max(upper.span.x0, lower.span.x0)
        for upper in hits
        for lower in hits
    )


def _has_amounts(line: Line) -> bool:
    digits = sum(any(char.isdigit() for char in word.text) for word in line.words)
    return digits > 0.34 * len(line.words)


def _assigned(hits: list[Hit], wanted: set[str]) -> dict[str, Hit]:
    """One hit for each leaf and one leaf for each hit, the surest and longest labels first."""
    offers = sorted(
        (
            (-weight, -hit.length, hit.span.x0, number, pointer)
            for number, hit in enumerate(hits)
            for pointer, weight in hit.pointers.items()
            if pointer in wanted
        ),
    )
    taken: dict[str, Hit] = {}
    used: set[int] = set()
    for _, _, _, number, pointer in offers:
        if pointer not in taken and number not in used:
            taken[pointer] = hits[number]
            used.add(number)
    return taken


def _columns(stack: list[Line], hits: list[Hit], assigned: dict[str, Hit]) -> list[Column]:
    """Cells of the head: labels are cells of their own; what is left of a segment is a column not asked for."""
    cells: list[tuple[Span, str | None]] = [(_qualified(hit.span), pointer) for pointer, hit in assigned.items()]
    others = {
        pointer: tuple(sorted(hit.pointers.keys() - {pointer}, key=lambda other: -hit.pointers[other]))
        for pointer, hit in assigned.items()
    }
    claimed = [hit.span for hit in assigned.values()]
    for line in stack:
        for segment in line.segments:
            cells += [(rest, None) for rest in _unclaimed(segment, claimed) if not _QUALIFIER.fullmatch(rest.text)]
    columns: list[Column] = []
    for span, pointer in sorted(cells, key=lambda cell: (cell[1] is None, cell[0].x0)):
        over = [column for column in columns if min(column.x1, span.x1) - max(column.x0, span.x0) > 0]
        if over and pointer is None:  # a second line of a head cell: widen the column, keep its meaning
            column = max(over, key=lambda c: min(c.x1, span.x1) - max(c.x0, span.x0))
            column.x0, column.x1 = min(column.x0, span.x0), max(column.x1, span.x1)
            column.title += f" {span.text}"
        else:
            columns.append(Column(span.x0, span.x1, pointer, span.text, others.get(pointer or "", ())))
    return sorted(columns, key=lambda column: column.x0)


def _qualified(span: Span) -> Span:
    """The label with what qualifies it: a per cent sign, which says what its column holds, `excl.`, or `(m²)`."""
    rest = span.line.text[span.end : span.line.segment_at(span.start).end]
    sign = re.match(r" ?\(?%\)?", rest) or re.match(rf" {_QUALIFIER.pattern}(?!\w)", rest, re.IGNORECASE)
    return Span(span.line, span.start, span.end + len(sign[0])) if sign else span


def _titles(word: str) -> bool:
    """Whether a word can head a column: a word or a number sign; a currency belongs to the title beside it."""
    return word in ("#", "№") or (any(char.isalnum() for char in word) and word.strip("()[]") not in CURRENCY_CODES)


def _unclaimed(segment: Span, claimed: list[Span]) -> list[Span]:
    """Runs of whole words of a segment that no label covers."""
    line = segment.line
    runs: list[Span] = []
    first, last = line.word_range(segment.start, segment.end)
    start: int | None = None
    end = segment.start
    for index in range(first, last):
        at = line.starts[index]
        stop = at + len(line.words[index].text)
        covered = any(span.line is line and span.start < stop and at < span.end for span in claimed)
        if covered and start is not None:
            runs.append(Span(line, start, end))
            start = None
        elif not covered and _titles(line.words[index].text):
            start, end = (at if start is None else start), stop
    if start is not None:
        runs.append(Span(line, start, end))
    return runs
