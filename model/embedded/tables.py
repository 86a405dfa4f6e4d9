"""Lists of objects: tables, matched to the fields of a list through their heads and followed down the pages.

A line begins a new row when it holds a value of the right type for columns that the row above has filled already; a
line with nothing but text under a text column goes on with the row above. Lines of totals are no rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from model.embedded.candidates import Reading
from model.embedded.cells import cells, is_rate, typed_candidate
from model.embedded.columns import FILLED, by_content
from model.embedded.headers import Head
from model.embedded.labels import Hit, concept_pointer
from model.embedded.lines import Line, Span
from model.embedded.roles import role_of
from model.embedded.rows import WHOLLY_READ, Row, without_sums
from model.embedded.scalars import TYPED, as_json
from model.embedded.vocabulary import TOTAL, says_only_when
from model.values.text import squash
from schemas.field import Field

PARTLY_READ = 0.7  # the same where a cell says something that its column's type cannot hold: a person has to look
CONTINUATION_GAP = 0.75  # in line heights, between a row's line and one that goes on with it
SAME_ROW_GAP = 0.5
_IN_ROWS = frozenset(map(concept_pointer, ("amount_paid", "change", "buyer", "ship_to")))  # a row may be a payment
TABLE_END_GAP = 7.0
ROW_BEFORE = 2  # typed cells of a row that stand before the label of a total beside the table
FULL = 0.75  # of the columns that most rows fill, which a row behind a line of totals must fill

Values = dict[str, tuple[Any, tuple[Span, ...]]]  # by pointer: a value, and what states it


def table_rows(reading: Reading, found: Sequence[Head], others: Sequence[Head], leaves: Sequence[Field]) -> list[Row]:
    """The rows under a list's table heads, in document order. others: heads of other lists, where a table ends too."""
    if not found:
        return []
    strongest = max(len(head.pointers) for head in found)
    found = [head for head in found if len(head.pointers) >= max(2, 0.6 * strongest)]
    by_pointer = {leaf.pointer: leaf for leaf in leaves}
    rows: list[Row] = []
    ends = sorted({(head.page, head.first_line) for head in (*found, *others)})
    for head in found:
        following = next((end for end in ends if end > (head.page, head.last_line)), None)
        by_content(reading, head, _lines_under(reading, head, following), leaves)
    _share_titles(found)
    for head in found:
        following = next((end for end in ends if end > (head.page, head.last_line)), None)
        rows += without_sums(Body(reading, head, by_pointer).rows(_lines_under(reading, head, following)), by_pointer)
    return rows


def _share_titles(found: Sequence[Head]) -> None:
    """A column that is known under one head is known under every head that prints the same titles."""
    untitled = {_titles(head): head.columns[0] for head in found if not head.columns[0].title}
    for head in found:
        first = untitled.get(_titles(head))
        if first is not None and head.columns[0].title:
            head.columns.insert(0, replace(first))
    known = {column.title: column.pointer for head in found for column in head.columns if column.pointer}
    for head in found:
        for column in head.columns:
            pointer = known.get(column.title)
            if column.pointer is None and pointer is not None and pointer not in head.pointers:
                column.pointer = pointer


def _titles(head: Head) -> tuple[str, ...]:
    return tuple(column.title for column in head.columns if column.title)


def _lines_under(reading: Reading, head: Head, following: tuple[int, int] | None) -> list[Line]:
    """Lines from a head to (page, line) of the next one, over pages that show no head of their own."""
    lines: list[Line] = []
    for page in sorted(reading.by_page):
        if page < head.page or (following and page > following[0]):
            continue
        for line in reading.by_page[page]:
            if page == head.page and line.index <= head.last_line:
                continue
            if following and (page, line.index) >= following:
                continue
            lines.append(line)
    return lines


@dataclass
class Body:
    reading: Reading
    head: Head
    leaves: Mapping[str, Field]
    closed: bool = False  # a line of totals has been seen: what follows is a row only if it is a full one
    widths: Counter[int] = field(default_factory=Counter)  # rows by how many columns they fill
    leftmost: Counter[int] = field(default_factory=Counter)  # rows by the first column that they fill

    def rows(self, lines: list[Line]) -> list[Row]:
        rows: list[Row] = []
        current: Row | None = None
        last: Line | None = None
        misses = 0
        for line in lines:
            if last is not None and line.page == last.page and line.y0 - last.y1 > TABLE_END_GAP * line.size:
                misses += 4
            if last is not None and line.page != last.page:
                current, misses = None, min(misses, 2)
            if misses >= 6:
                if line.page == (last.page if last else self.head.page):
                    continue
                misses = 3  # a table may go on over the page, under a page heading of a few lines
            filled = self._own(line, cells(line, self.head.columns))
            taken = self.take(line, filled, current)
            if taken is not None:
                taken.reach[line.page, line.index] = max(span.end for spans in filled.values() for span in spans)
            if taken is None:
                misses += 1
                current = None if current and not self.near(current, line, 2.0) else current
            elif taken is not current:
                rows.append(taken)
                current, last, misses = taken, line, 0
            else:
                last = line
        return rows

    def take(self, line: Line, filled: dict[int, list[Span]], current: Row | None) -> Row | None:
        """The row that the line begins or goes on with; None for a line of something else."""
        if self.is_total(line, filled):
            self.closed = True
            return None
        marked = self._take_choices(filled)
        read = self.values(filled)
        if read is None:
            return None
        values, unread = read
        typed = [pointer for pointer, (value, _) in values.items() if value is not None and self.typed(pointer)]
        columns = set(filled)
        if current is not None:
            disjoint = not (columns & current.columns)
            if disjoint and values and self.near(current, line, SAME_ROW_GAP):
                return self.extend(current, line, columns, values, marked)
            texts_only = values and not typed and all(not self.typed(pointer) for pointer in values)
            if texts_only and len(values) < 2 and self.near(current, line, CONTINUATION_GAP):
                return self.extend(current, line, columns, values)
        usual = self.widths.most_common(1)[0][0] if self.widths else 0
        untyped = any(self.typed(pointer) for pointer in self.head.pointers) and not typed
        if len(values) < 2 or (untyped and len(columns) < max(FILLED, usual)):  # `--  Ekman, Liv  Hill Team  DQ`
            return None
        if len(columns) < FULL * usual and (self.closed or min(columns) > self.leftmost.most_common(1)[0][0]):
            return None
        self.widths[len(columns)] += 1
        self.leftmost[min(columns)] += 1
        self.closed = False
        row = Row((line.page, line.y0), score=PARTLY_READ if unread else WHOLLY_READ)
        return self.extend(row, line, columns, values, marked)

    def values(self, filled: dict[int, list[Span]]) -> tuple[Values, int] | None:
        """Values by pointer, and how many cells say something that is not of their column's type; None if most do."""
        values, wrong = self.read(filled)
        return None if wrong and wrong >= len(values) else (values, wrong)

    def read(self, filled: Mapping[int, list[Span]]) -> tuple[Values, int]:
        """Values by pointer, and how many cells say something that is not of their column's type."""
        values: Values = {}
        wrong = 0
        for index, spans in filled.items():
            pointer = self.head.columns[index].pointer
            if pointer is None:
                continue
            value, used = self._value(self.leaves[pointer], spans, self.head.columns[index].title)
            if value is not None:
                values[pointer] = (value, used)
            elif any(char.isalnum() for span in spans for char in span.text):
                wrong += 1
        return values, wrong

    def _value(self, leaf: Field, spans: list[Span], title: str) -> tuple[Any, tuple[Span, ...]]:
        role = role_of(leaf)
        if role not in TYPED or role in ("identifier", "phone", "tax_id", "url", "email"):
            return " ".join(span.text.strip() for span in spans), tuple(spans)
        candidate = typed_candidate(self.reading, role, spans)
        if candidate is None and leaf.format == "date" and (day := self.reading.dated(spans[0].text)):
            return day.isoformat(), (spans[0],)
        if candidate is None and leaf.or_text and any(map(str.isalpha, spans[0].text)):
            return spans[0].text.strip(), (spans[0],)  # `DNS` in the place of a rank
        if candidate is None or not is_rate(role, candidate, title):
            return None, ()
        return as_json(leaf, candidate), (candidate.span,)

    def _take_choices(self, filled: dict[int, list[Span]]) -> dict[str, list[Span]]:
        """Takes out of the cells what consists of a list leaf's allowed values only, whatever column it stands in."""
        taken: dict[str, list[Span]] = {}
        for pointer, leaf in self.leaves.items():
            if not (leaf.choices and pointer.endswith("/*")):
                continue
            allowed = {squash(str(choice)) for choice in leaf.choices}
            for spans in filled.values():
                for span in [s for s in spans if all(squash(word) in allowed for word in re.findall(r"\w+", s.text))]:
                    spans.remove(span)
                    taken.setdefault(pointer, []).append(span)
        return taken

    def typed(self, pointer: str) -> bool:
        return role_of(self.leaves[pointer]) in ("date", "money", "number", "integer", "percentage", "iban", "email")

    def extend(
        self,
        row: Row,
        line: Line,
        columns: set[int],
        values: Values,
        marked: Mapping[str, list[Span]] | None = None,
    ) -> Row:
        for pointer, pieces in (marked or {}).items():
            row.values[pointer] = [match for piece in pieces for match in re.findall(r"\w+", piece.text)]
            row.spans[pointer] = tuple(pieces)
        for pointer, (value, spans) in values.items():
            if pointer in row.values and isinstance(value, str) and not self.typed(pointer):
                row.values[pointer] = f"{row.values[pointer]} {value}"
                row.spans[pointer] = row.spans[pointer] + spans
            elif pointer not in row.values:
                row.values[pointer] = value
                row.spans[pointer] = spans
        row.columns |= columns
        row.last_line = line
        return row

    def near(self, row: Row, line: Line, gap: float) -> bool:
        above = row.last_line
        return above is not None and above.page == line.page and line.y0 - above.y1 <= gap * line.size

    def is_total(self, line: Line, filled: Mapping[int, list[Span]]) -> bool:
        """Whether the line gives a value of the whole document (a total, a balance carried forward), not of a row."""
        if TOTAL.match(line.segments[0].text):
            return True
        said = [spans for index, spans in sorted(filled.items()) if not self._is_dated(index)]
        texts = [span for spans in said for span in spans if any(char.isalpha() for char in span.text)]
        return bool(texts) and any(self._names_whole(hit, texts[0]) for hit in self.reading.hits_on(line))

    def _own(self, line: Line, filled: dict[int, list[Span]]) -> dict[int, list[Span]]:
        """The cells without those of another table beside this one, which begin with a total's label behind a row."""
        typed = [index for index in sorted(filled) if (pointer := self._pointer(index)) and self.typed(pointer)]
        for index in sorted(filled):
            whole = any(self._names_whole(hit, filled[index][0]) for hit in self.reading.hits_on(line))
            if whole and sum(before < index for before in typed) >= ROW_BEFORE:
                return {before: spans for before, spans in filled.items() if before < index}
        return filled

    def _is_dated(self, index: int) -> bool:
        pointer = self._pointer(index)
        return pointer is not None and role_of(self.leaves[pointer]) == "date"

    def _pointer(self, index: int) -> str | None:
        return self.head.columns[index].pointer

    def _names_whole(self, hit: Hit, cell: Span) -> bool:
        """Whether a label is all that a row's text says, a date aside, and it is a label of a field outside lists."""
        outside = any("*" not in pointer and pointer not in _IN_ROWS for pointer in hit.pointers)
        return outside and hit.span.start == cell.start and says_only_when(cell.text[hit.span.end - cell.start :])
