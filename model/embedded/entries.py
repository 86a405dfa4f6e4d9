"""Entries under a heading, as a résumé lists posts and studies: each has a period, a few words of head, and a text.

Nothing marks where an entry begins but its period (`March 2019 – present`). How many lines stand before it is seen from
the first entry and taken for all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.embedded.candidates import Reading
from model.embedded.issuers import HEADING_ROLES
from model.embedded.lines import SEPARATOR, Line, Span
from model.embedded.roles import name_words, role_of
from model.embedded.tables import Row
from model.embedded.texts import heads, trimmed
from model.embedded.vocabulary import LEGAL_FORM
from schemas.field import Field

UNPROVED = 0.55  # the confidence in a value that only its place tells
MOST_BEFORE = 2  # lines of an entry before the one with its period
_POINT = r"(?:[^\W\d_]{3,9}\.? )?(?:\d{1,2}/)?(?:19|20)\d\d"
PERIOD = re.compile(
    rf"\(?({_POINT})\s*(?:[-–—]|to|until|bis|à|a|al)\s*"
    rf"({_POINT}|present|now|current|today|heute|aujourd'hui|présent|actualidad|presente|oggi|heden)\)?",
    re.IGNORECASE,
)
_INSTITUTION = re.compile(
    r"(?i)universi|college|institut|school|akademie|academy|hochschule|école|escuela|scuola|hospital|museum|laborator"
)


def entry_rows(reading: Reading, pointer: str, leaves: Sequence[Field]) -> list[Row]:
    """Rows for a list whose label is a heading and whose items have a start; none for other lists."""
    sides = _period_leaves(leaves)
    if not sides:
        return []
    for line in reading.lines:
        for hit in reading.hits_on(line):
            if pointer in hit.pointers and heads(hit) and len(line.segments) == 1:
                return _rows(reading, _body(reading, line), leaves, sides)
    return []


def _rows(reading: Reading, body: list[Line], leaves: Sequence[Field], sides: dict[int, Field]) -> list[Row]:
    dated = [index for index, line in enumerate(body) if PERIOD.search(line.text)]
    if not dated or dated[0] > MOST_BEFORE:
        return []
    starts = [index - dated[0] for index in dated]
    rows = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(body)
        if end > start:
            rows.append(_entry(body[start:end], leaves, sides))
    return rows


def _entry(lines: list[Line], leaves: Sequence[Field], sides: dict[int, Field]) -> Row:
    row = Row((lines[0].page, lines[0].y0), score=UNPROVED)
    texts: list[Span] = []
    for line in lines:
        period = PERIOD.search(line.text)
        if period is None:
            texts += [span for segment in line.segments if (span := trimmed(segment))]
            continue
        for side, leaf in sides.items():
            _put(row, leaf, _point(leaf, period[side]), (Span(line, *period.span(side)),))
        for piece in (Span(line, 0, period.start()), Span(line, period.end(), len(line.text))):
            texts += [span for part in _parts(piece, SEPARATOR) if (span := trimmed(part))]
    _place(row, texts, [leaf for leaf in leaves if leaf not in sides.values()])
    return row


def _place(row: Row, texts: list[Span], leaves: Sequence[Field]) -> None:
    """The head's words to the leaves that want names and titles, what is left to the description."""
    described = next((leaf for leaf in leaves if "description" in name_words(leaf.name)), None)
    named = [leaf for leaf in leaves if role_of(leaf) in HEADING_ROLES]
    titled = [leaf for leaf in leaves if leaf.kind == "string" and leaf is not described and leaf not in named]
    head = [part for text in texts[:2] for piece in _parts(text, ", ") if (part := trimmed(piece))]
    marked = [part for part in head if _INSTITUTION.search(part.text) or LEGAL_FORM.search(part.text)]
    other = [part for part in head if part not in marked]
    if not marked and len(other) > 1:
        marked, other = other[-1:], other[:-1]
    used: list[Span] = []
    for leaf, spans in ((named[:1], marked[:1]), (titled[:1], other[:1])):
        if leaf and spans:
            _put(row, leaf[0], spans[0].text, (spans[0],))
            used += spans
    rest = [text for text in texts if not any(span.line is text.line for span in used)]
    if described is not None and rest:
        _put(row, described, " ".join(span.text for span in rest), tuple(rest))


def _body(reading: Reading, heading: Line) -> list[Line]:
    """The lines from a heading to the next one that is set like it."""
    body: list[Line] = []
    for line in reading.lines:
        if (line.page, line.index) <= (heading.page, heading.index):
            continue
        if _set_alike(heading, line):
            break
        body.append(line)
    return body


def _set_alike(heading: Line, line: Line) -> bool:
    """Whether a line is a heading of the same rank: as large, beginning at the same place, in capitals if it is."""
    alike = abs(line.size - heading.size) < 0.1 * heading.size and abs(line.x0 - heading.x0) < heading.size
    return alike and len(line.segments) == 1 and len(line.words) <= 5 and line.text.isupper() and heading.text.isupper()


def _period_leaves(leaves: Sequence[Field]) -> dict[int, Field]:
    """The leaves for the two sides of a period, by the side: 1 its start, 2 its end."""
    sides: dict[int, Field] = {}
    for leaf in leaves:
        words = set(name_words(leaf.name))
        for side, telling in ((1, {"start", "from", "begin"}), (2, {"end", "to", "until"})):
            if words & telling and leaf.kind in ("string", "integer"):
                sides.setdefault(side, leaf)
    return sides if 1 in sides else {}


def _point(leaf: Field, text: str) -> object:
    year = re.search(r"(?:19|20)\d\d", text)
    if leaf.kind == "integer":
        return int(year[0]) if year else None
    return text.strip()


def _parts(span: Span, separator: str) -> list[Span]:
    found, start = [], span.start
    for piece in span.text.split(separator):
        found.append(Span(span.line, start, start + len(piece)))
        start += len(piece) + len(separator)
    return [part for part in found if part.text.strip()]


def _put(row: Row, leaf: Field, value: object, spans: tuple[Span, ...]) -> None:
    if value is not None and leaf.pointer not in row.values:
        row.values[leaf.pointer] = value
        row.spans[leaf.pointer] = spans
