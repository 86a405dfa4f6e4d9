"""Entries under a heading, as a résumé lists posts and studies: each has a period, a few words of head, and a text.

Nothing marks where an entry begins but its period (`March 2019 – present`). How many lines stand before it is seen from
the first entry and taken for all. An item of a bulleted list that ends with its dates in brackets is an entry as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.embedded.candidates import Reading
from model.embedded.issuers import HEADING_ROLES
from model.embedded.lines import Line, Span
from model.embedded.outline import BULLET, items, of_list, passages, said
from model.embedded.roles import name_words, role_of
from model.embedded.rows import Row
from model.embedded.texts import heads, trimmed
from model.embedded.vocabulary import LEGAL_FORM
from schemas.field import Field

UNPROVED = 0.55  # the confidence in a value that only its place tells
MOST_BEFORE = 2  # lines of an entry before the one with its period
_NOW = r"present|now|current|today|heute|aujourd'hui|présent|actualidad|presente|oggi|heden"
_POINT = r"(?:[^\W\d_]{3,9}\.? )?(?:\d{1,2}/)?(?:19|20)\d\d"
PERIOD = re.compile(rf"\(?({_POINT})\s*(?:[-–—]|to|until|bis|à|a|al)\s*({_POINT}|{_NOW})\)?", re.IGNORECASE)
_BRACKETED = re.compile(rf"\s*\(({_POINT})(?:\s*[-–—]\s*({_POINT}|{_NOW}))?(?:,\s*([^()\d][^()]*|\d+ \w+))?\)")
_INSTITUTION = re.compile(
    r"(?i)universi|college|institut|school|akademie|academy|hochschule|école|escuela|scuola|hospital|museum|laborator"
)
_PARTS = re.compile(r"\t|\s\|(?:\s|$)|\s[–—-]\s")


def entry_rows(reading: Reading, node: Field, leaves: Sequence[Field], rivals: Sequence[Field]) -> list[Row]:
    """Rows for a list whose label is a heading and whose items have a start; none for other lists."""
    sides = _period_leaves(leaves)
    if not sides:
        return []
    found = [
        row
        for section in of_list(reading.printed.sections, node, rivals)
        for row in _rows(section.pieces, leaves, sides)
    ]
    if found:
        return found
    for line in reading.lines:
        for hit in reading.hits_on(line):
            if node.pointer in hit.pointers and heads(hit) and len(line.segments) == 1:
                return _rows(_body(reading, line), leaves, sides)
    return []


def _rows(pieces: Sequence[Span], leaves: Sequence[Field], sides: dict[int, Field]) -> list[Row]:
    rows = _dated_items(pieces, leaves, sides)
    marked = {id(span.line) for row in rows for span in row.first}
    body = [passage for passage in passages(pieces, PERIOD) if not any(id(span.line) in marked for span in passage)]
    dated = [
        index
        for index, passage in enumerate(body)
        if not BULLET.match(passage[0].text) and PERIOD.search(said(passage))
    ]
    if dated and dated[0] <= MOST_BEFORE:
        starts = [index - dated[0] for index in dated]
        for start, end in zip(starts, [*starts[1:], len(body)], strict=True):
            if end > start:
                rows.append(_entry(body[start:end], leaves, sides))
    return sorted(rows, key=lambda row: row.place)


def _dated_items(pieces: Sequence[Span], leaves: Sequence[Field], sides: dict[int, Field]) -> list[Row]:
    """Bulleted items that end with their dates: `Visiting Scholar, University of Sampleton (2014)`."""
    rows = []
    for spans in items(pieces):
        dates = _BRACKETED.search(said(spans))
        if dates is None or not spans:
            continue
        row = Row((spans[0].page, spans[0].line.y0), score=UNPROVED)
        for side, leaf in sides.items():
            _put(row, leaf, _point(leaf, dates[side] or dates[1]), spans)
        _put_current(row, leaves, dates[2] or "", spans)
        named, titled = _head_leaves(leaves, sides)
        head, _, rest = said(spans)[: dates.start()].partition(", ")
        if not rest or _INSTITUTION.search(head):
            head, rest = "", said(spans)[: dates.start()]
        for which, text in ((titled, head), (named, rest)):
            if which is not None and text:
                _put(row, which, text.strip(" ,"), spans)
        rows.append(row)
    return rows


def _entry(body: Sequence[tuple[Span, ...]], leaves: Sequence[Field], sides: dict[int, Field]) -> Row:
    row = Row((body[0][0].page, body[0][0].line.y0), score=UNPROVED)
    texts: list[list[tuple[Span, ...]]] = []  # of each passage the parts that are left beside its period
    head = 0  # passages before the first bullet
    for passage in body:
        bulleted = bool(BULLET.match(passage[0].text))
        spans = [span for piece in passage for span in _without_period(row, piece, leaves, sides)]
        parts = [part for part in _joined(spans, passage) if part]
        if parts:
            texts.append(parts)
            head += not bulleted and head == len(texts) - 1
    _place(row, texts, texts[: min(head, 2)], leaves, sides)
    return row


def _without_period(row: Row, piece: Span, leaves: Sequence[Field], sides: dict[int, Field]) -> list[Span]:
    """The parts of a line between separators; what its period says goes to the leaves of both sides."""
    found, ends = [], [piece.start]
    period = PERIOD.search(piece.text)
    if period is not None and not any(leaf.pointer in row.values for leaf in sides.values()):
        for side, leaf in sides.items():
            place = Span(piece.line, piece.start + period.start(side), piece.start + period.end(side))
            now = bool(re.fullmatch(_NOW, period[side], re.IGNORECASE)) and side == 2
            if not (now and leaf.nullable and "null" in leaf.description.casefold()):
                _put(row, leaf, _point(leaf, period[side]), (place,))
        _put_current(row, leaves, period[2], (piece,))
        ends += [piece.start + period.start(), piece.start + period.end()]
    ends.append(piece.end)
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        rest, at = piece.line.text[start:end], start
        for part in [*_PARTS.finditer(rest), None]:
            stop = start + part.start() if part else end
            span = trimmed(Span(piece.line, at, stop)) if stop > at else None
            if span is not None:
                found.append(span)
            at = start + part.end() if part else end
    return found


def _joined(spans: Sequence[Span], passage: Sequence[Span]) -> list[tuple[Span, ...]]:
    """Parts, of which the last one of a line that wraps goes on in the first one of the next."""
    parts: list[tuple[Span, ...]] = []
    for span in spans:
        above = parts[-1][-1] if parts else None
        wraps = above is not None and above.line is not span.line and len(passage) > 1
        if wraps and above is not None and above.end >= above.line.segments[-1].end:
            parts[-1] = (*parts[-1], span)
        else:
            parts.append((span,))
    return parts


def _place(
    row: Row,
    texts: Sequence[list[tuple[Span, ...]]],
    opening: Sequence[list[tuple[Span, ...]]],
    leaves: Sequence[Field],
    sides: dict[int, Field],
) -> None:
    """The head's words to the leaves that want names and titles, what is left to the description."""
    named, titled = _head_leaves(leaves, sides)
    head = [part for parts in opening for part in parts[:2]]
    if len(head) == 1:
        head = _by_comma(head[0])
    marked = [part for part in head if _INSTITUTION.search(said(part)) or LEGAL_FORM.search(said(part))]
    other = [part for part in head if part not in marked]
    if not marked and len(other) > 1:
        beside = opening[1][:1] if len(opening) > 1 and len(opening[0]) == 1 else []
        marked = beside or other[1:2]
        other = [part for part in other if part not in marked]
    used: list[Line] = []
    for leaf, parts in ((named, marked), (titled, other)):
        if leaf is not None and parts:
            _put(row, leaf, said(parts[0]), parts[0])
            used += [span.line for span in parts[0]]
    described = _described(leaves)
    rest = [span for parts in texts for part in parts for span in part if not any(span.line is line for line in used)]
    if described is not None and rest:
        _put(row, described, said([trimmed(_unmarked(span)) or span for span in rest]), tuple(rest))


def _by_comma(part: tuple[Span, ...]) -> list[tuple[Span, ...]]:
    span = part[0]
    cut = span.text.find(", ")
    if len(part) > 1 or cut < 0:
        return [part]
    return [(Span(span.line, span.start, span.start + cut),), (Span(span.line, span.start + cut + 2, span.end),)]


def _unmarked(span: Span) -> Span:
    mark = BULLET.match(span.text)
    return Span(span.line, span.start + mark.end(), span.end) if mark else span


def _head_leaves(leaves: Sequence[Field], sides: dict[int, Field]) -> tuple[Field | None, Field | None]:
    """The leaves for the name of where an entry was spent, and for its title."""
    free = [leaf for leaf in leaves if leaf not in sides.values() and leaf.kind == "string"]
    named = next((leaf for leaf in free if role_of(leaf) in HEADING_ROLES), None)
    described = _described(leaves)
    titled = next((leaf for leaf in free if leaf is not named and leaf is not described and _is_title(leaf)), None)
    return named, titled


def _is_title(leaf: Field) -> bool:
    return not {"category", "type", "location", "city", "country"} & set(name_words(leaf.name))


def _described(leaves: Sequence[Field]) -> Field | None:
    return next((leaf for leaf in leaves if "description" in name_words(leaf.name)), None)


def _put_current(row: Row, leaves: Sequence[Field], end: str, spans: tuple[Span, ...]) -> None:
    for leaf in leaves:
        if leaf.kind == "boolean" and {"current", "present", "ongoing"} & set(name_words(leaf.name)):
            _put(row, leaf, bool(re.fullmatch(_NOW, end, re.IGNORECASE)), spans)


def _body(reading: Reading, heading: Line) -> list[Span]:
    """The lines from a heading to the next one that is set like it."""
    body: list[Span] = []
    for line in reading.lines:
        if (line.page, line.index) <= (heading.page, heading.index):
            continue
        if _set_alike(heading, line):
            break
        body.append(Span(line, 0, len(line.text)))
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
    if leaf.kind == "integer" and (not leaf.or_text or text.strip().isdigit()):
        return int(year[0]) if year else None
    return text.strip()


def _put(row: Row, leaf: Field, value: object, spans: tuple[Span, ...]) -> None:
    if value is not None and leaf.pointer not in row.values:
        row.values[leaf.pointer] = value
        row.spans[leaf.pointer] = spans
