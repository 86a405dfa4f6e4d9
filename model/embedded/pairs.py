"""Lists of whatever a form says: each printed label with its value, each checkbox with its text."""

from __future__ import annotations

import re

from model.embedded.candidates import Reading
from model.embedded.choices import marked_texts
from model.embedded.lines import Line, Span
from model.embedded.relations import same_column
from model.embedded.roles import role_of
from model.embedded.rows import Row
from model.embedded.texts import trimmed
from schemas.field import Field
from schemas.page import Mark

_LABEL = re.compile(r"^\s*([^\W\d_][^:\t]{0,48}?)\s*(?::(?!//)|\?\s*$)")
MAX_LABEL_WORDS = 7
WITH_COLON, WITHOUT_COLON = 0.9, 0.7  # how surely a printed text is a label


def pair_rows(reading: Reading, leaves: tuple[Field, ...]) -> list[Row] | None:
    """Rows for a list with a `label` leaf beside a boolean or a text; None where the list is of another kind."""
    label = next((leaf for leaf in leaves if role_of(leaf) == "label"), None)
    value = next((leaf for leaf in leaves if leaf is not label), None)
    if label is None or value is None:
        return None
    if role_of(value) == "boolean":
        return _checkboxes(reading, label, value)
    return [_row(label, value, pair) for pair in label_values(reading)]


def label_values(reading: Reading) -> list[tuple[Span, Span | None]]:
    """Printed labels (ending in a colon, or known) with the text right of or below them, in reading order."""
    found: list[tuple[Span, Span | None]] = []
    used: set[tuple[int, int, int]] = set()
    marks = marked_texts(reading)
    marked = {(text.line.page, text.line.index, text.start) for text, _ in marks}
    for line in reading.lines:
        for number, segment in enumerate(line.segments):
            place = (line.page, line.index, segment.start)
            if place in used or place in marked:
                continue
            label = _label(reading, segment)
            if label is None:
                continue
            options = [(text, mark) for text, mark in marks if text.line is line and text.start > label.end]
            value = _ticked(options) if options else _value(reading, line, number, label, used | marked)
            if value is not None:
                used.add((line.page, value.line.index, value.line.segment_at(value.start).start))
            if value is not None or segment.text.rstrip().endswith((":", "?")):
                found.append((label, value))
    return found


def _label(reading: Reading, segment: Span) -> Span | None:
    match = _LABEL.match(segment.text)
    if match and len(match[1].split()) <= MAX_LABEL_WORDS:
        return Span(segment.line, segment.start + match.start(1), segment.start + match.end(1))
    for hit in reading.hits_on(segment.line):
        if hit.span.start == segment.start and hit.span.end >= segment.start + len(segment.text.rstrip(" .*")):
            return hit.span
    return None


def _ticked(options: list[tuple[Span, Mark]]) -> Span | None:
    """Of the checkboxes behind a label, the text of the one that is ticked."""
    ticked = [text for text, mark in options if mark.checked]
    return ticked[0] if len(ticked) == 1 else None


def _value(reading: Reading, line: Line, number: int, label: Span, used: set[tuple[int, int, int]]) -> Span | None:
    segment = line.segments[number]
    rest = trimmed(Span(line, label.end, segment.end))
    if rest is not None:
        return rest
    if number + 1 < len(line.segments):
        following = line.segments[number + 1]
        introduced = segment.text.rstrip().endswith((":", "?")) and ":" not in following.text
        free = (line.page, line.index, following.start) not in used
        if free and (introduced or _label(reading, following) is None):
            return trimmed(following)
    lines = reading.by_page[line.page]
    for below in lines[line.index + 1 : line.index + 2]:
        if below.y0 - line.y1 > 1.2 * line.size:
            break
        for candidate in below.segments:
            if (
                same_column(label, candidate, line.size)
                and not candidate.text.rstrip().endswith(":")
                and (line.page, below.index, candidate.start) not in used
            ):
                return trimmed(candidate)
    return None


def _checkboxes(reading: Reading, label: Field, value: Field) -> list[Row]:
    rows = []
    for text, mark in marked_texts(reading):
        row = Row((text.page, text.line.y0))
        row.values = {label.pointer: text.text, value.pointer: mark.checked}
        row.spans = {label.pointer: (text,), value.pointer: (text,)}
        rows.append(row)
    return rows


def _row(label: Field, value: Field, pair: tuple[Span, Span | None]) -> Row:
    named, said = pair
    colon = named.line.text[named.end :].lstrip().startswith((":", "?"))
    row = Row((named.page, named.line.y0), {label.pointer: named.text}, {label.pointer: (named,)})
    row.score = WITH_COLON if colon else WITHOUT_COLON
    if said is not None:
        row.values[value.pointer] = said.text
        row.spans[value.pointer] = (said,)
    return row
