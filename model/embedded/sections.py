"""Lists inside lists: a heading that names a group (`Age group: 90-94`), and the rows of a table under it."""

from __future__ import annotations

from collections.abc import Sequence

from model.embedded.candidates import Reading
from model.embedded.headers import Head
from model.embedded.lists import object_rows
from model.embedded.roles import role_of
from model.embedded.scalars import TYPED, as_json
from model.embedded.tables import Row
from model.embedded.texts import introduced
from schemas.field import Field


def section_rows(
    reading: Reading, heads: Sequence[Head], others: Sequence[Head], inner: Field, outer: Sequence[Field]
) -> list[tuple[Row, list[Row]]]:
    """(heading, rows) for each group, in document order. Rows before the first heading make a group of their own."""
    assert inner.item is not None
    rows = object_rows(reading, inner.pointer, heads, others, tuple(inner.item.leaves()))
    sections: list[tuple[Row, list[Row]]] = []
    pending = _headings(reading, outer)
    for row in rows:
        while pending and pending[0].place <= row.place:
            heading = pending.pop(0)
            if not sections or heading.values != sections[-1][0].values:
                sections.append((heading, []))
        if not sections:
            sections.append((Row(row.place), []))
        sections[-1][1].append(row)
    return [(heading, members) for heading, members in sections if members]


def _headings(reading: Reading, outer: Sequence[Field]) -> list[Row]:
    """Every line that gives a value for one of the group's own fields; lines that stand close make one heading."""
    found: list[Row] = []
    for line in reading.lines:
        row = Row((line.page, line.y0))
        for hit in reading.hits_on(line):
            for leaf in outer:
                if leaf.pointer not in hit.pointers or leaf.pointer in row.values:
                    continue
                spans, strength = introduced(reading, hit)
                if not spans or strength < 0.4:
                    continue
                role = role_of(leaf)
                if role in TYPED:
                    inside = [c for c in reading.candidates_on(spans[0].line, role) if c.span.start >= spans[0].start]
                    if not inside:
                        continue
                    row.values[leaf.pointer], row.spans[leaf.pointer] = as_json(leaf, inside[0]), (inside[0].span,)
                else:
                    row.values[leaf.pointer], row.spans[leaf.pointer] = spans[0].text, tuple(spans)
        if not row.values:
            continue
        row.last_line = line
        if found and _one_heading(found[-1], row):
            found[-1].values.update(row.values)
            found[-1].spans.update(row.spans)
            found[-1].last_line = line
        else:
            found.append(row)
    return found


def _one_heading(above: Row, row: Row) -> bool:
    """Whether two lines with values stand close and say different things, so that they are one heading."""
    first, second = above.last_line, row.last_line
    if first is None or second is None or first.page != second.page or above.values.keys() & row.values:
        return False
    return second.y0 - first.y1 < 2 * second.size
