"""Lists inside lists: a heading that names a group (`Age group: 90-94`), and the rows of a table under it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from model.embedded.candidates import Reading
from model.embedded.headers import Head
from model.embedded.lines import Line, Span
from model.embedded.roles import name_words, role_of
from model.embedded.rows import Row
from model.embedded.scalars import TYPED, as_json
from model.embedded.tables import PARTLY_READ
from model.embedded.texts import introduced, trimmed
from schemas.field import Field

_NUMBERS = frozenset("number no nr num id".split())
_NAMES = frozenset("name title description".split())
_Stated = tuple[Field, Any, tuple[Span, ...]]


def sections(
    reading: Reading, heads: Sequence[Head], rows: Sequence[Row], outer: Sequence[Field]
) -> list[tuple[Row, list[Row]]]:
    """(heading, rows) for each group of rows under one heading, in document order. outer: the group's own leaves.

    Rows before the first heading make a group of their own; nobody knows whether it is one group, so that none is sure.
    """
    found: list[tuple[Row, list[Row]]] = []
    pending = _headings(reading, outer, heads)
    places = {heading.place for heading in pending}
    for row in rows:
        if row.place in places:
            continue  # a heading with cells under two columns is no row
        while pending and pending[0].place <= row.place:
            heading = pending.pop(0)
            if not found or heading.values != found[-1][0].values:
                found.append((heading, []))
        if not found:
            found.append((Row(row.place), []))
        if not found[-1][0].values:
            row.score = min(row.score, PARTLY_READ)
        found[-1][1].append(row)
    return [(heading, members) for heading, members in found if members]


def heading_lines(reading: Reading, outer: Sequence[Field], heads: Sequence[Head]) -> set[tuple[int, int]]:
    """(page, line) of the lines that name a group."""
    return {(span.page, span.line.index) for row in _headings(reading, outer, heads) for span in row.first}


def _headings(reading: Reading, outer: Sequence[Field], heads: Sequence[Head]) -> list[Row]:
    """Every line that gives a value for one of the group's own fields; lines that stand close make one heading."""
    titles = {(head.page, index) for head in heads for index in range(head.first_line, head.last_line + 1)}
    found: list[Row] = []
    for line in reading.lines:
        if (line.page, line.index) in titles:
            continue
        row = Row((line.page, line.y0), last_line=line)
        for leaf, value, spans in (*_labelled(reading, line, outer), *_numbered(line, outer)):
            if leaf.pointer not in row.values:
                row.values[leaf.pointer], row.spans[leaf.pointer] = value, spans
        if not row.values:
            continue
        if found and _one_heading(found[-1], row):
            found[-1].values.update(row.values)
            found[-1].spans.update(row.spans)
            found[-1].last_line = line
        else:
            found.append(row)
    return found


def _labelled(reading: Reading, line: Line, outer: Sequence[Field]) -> Iterator[_Stated]:
    """What labels on a line introduce: `Age group: 90-94`."""
    for hit in reading.hits_on(line):
        for leaf in outer:
            if leaf.pointer not in hit.pointers:
                continue
            spans, strength = introduced(reading, hit)
            if not spans or strength < 0.4:
                continue
            role = role_of(leaf)
            if role not in TYPED:
                yield leaf, spans[0].text, tuple(spans)
                continue
            inside = [c for c in reading.candidates_on(spans[0].line, role) if c.span.start >= spans[0].start]
            if inside:
                yield leaf, as_json(leaf, inside[0]), (inside[0].span,)


def _numbered(line: Line, outer: Sequence[Field]) -> Iterator[_Stated]:
    """A heading that counts: `Event 12  Girls 100 Free` is an event's number, and its name."""
    for leaf in outer:
        noun, kind = _noun(leaf)
        if not noun or kind not in _NUMBERS:
            continue
        match = re.match(rf"\W*{re.escape(noun)}\W{{0,4}}(\w*\d\w*)\b", line.text, re.IGNORECASE)
        if match is None or (leaf.kind == "integer" and not match[1].isdigit()):
            continue
        number = Span(line, *match.span(1))
        yield leaf, int(match[1]) if leaf.kind == "integer" else match[1], (number,)
        rest = trimmed(Span(line, match.end(), len(line.text)))
        for other in outer:
            if rest is not None and _noun(other)[1] in _NAMES and _noun(other)[0] in ("", noun):
                yield other, " ".join(rest.text.split()), (rest,)


def _noun(leaf: Field) -> tuple[str, str]:
    """A name's words, the last apart: `event_number` → event, number."""
    words = name_words(leaf.name)
    return " ".join(words[:-1]), words[-1] if words else ""


def _one_heading(above: Row, row: Row) -> bool:
    """Whether two lines with values stand close and say different things, so that they are one heading."""
    first, second = above.last_line, row.last_line
    if first is None or second is None or first.page != second.page or above.values.keys() & row.values:
        return False
    return second.y0 - first.y1 < 2 * second.size
