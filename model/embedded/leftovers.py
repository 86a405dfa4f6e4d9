"""Lines that look like rows but that no row covers: what else a narrow question may be given, at a low confidence.

A check or a person decides about them, so that the rules which keep doubtful rows out of a table are left aside: a row
may be less full than the others, stand behind the totals, or say something that its column's type cannot hold. A line
of totals, a head, a heading, running text and what is printed on every page stay no rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import median

from model.embedded.candidates import Reading
from model.embedded.cells import cells
from model.embedded.headers import PROSE_WORDS, Column, Head
from model.embedded.lines import Line, Span
from model.embedded.lists import row_leaves
from model.embedded.prepared import Prepared
from model.embedded.rows import Row
from model.embedded.sections import heading_lines
from model.embedded.tables import CONTINUATION_GAP, SAME_ROW_GAP, Body, Values
from model.engine import Scope
from schemas.field import Field
from schemas.page import WHOLE_PAGE

DOUBTFUL = 0.5  # the confidence in a row that the table's own rules would not have
MARGIN = 0.12  # of the page's height, above and below, in which running heads and feet stand
ABOVE = 2.0  # in line heights: how near to a row a line of nothing but one text must stand to belong to the table


def is_narrow(scope: Scope) -> bool:
    """Whether a scope is the box around a few lines of one page, and not a slice of the list."""
    return scope.first == scope.last and scope.rows is not None and scope.region != WHOLE_PAGE


def leftover_rows(prepared: Prepared, node: Field, innermost: Field, rows: Sequence[Row], scope: Scope) -> list[Row]:
    """Rows for the lines of a narrow scope that none of the list's rows covers, through the columns of its table."""
    reading, heads = prepared.reading, prepared.heads.get(innermost.pointer, [])
    lines = _uncovered(prepared, node, innermost, rows, scope)
    leaves = {leaf.pointer: leaf for leaf in row_leaves(innermost)}
    found: list[Row] = []
    for line in lines:
        head = _head_of(heads, line)
        if head is None:
            continue
        columns = _as_filled(head, rows)
        body = Body(reading, Head(head.page, head.first_line, head.last_line, columns), leaves)
        filled = _inside(cells(line, columns), scope)
        if not filled or body.is_total(line, filled) or _is_running_text(line, columns):
            continue
        values, _ = body.read(filled)
        if not values or _stands_apart(body, line, filled, values, rows):
            continue
        above = found[-1] if found else None
        if above is not None and _goes_on(body, above, line, filled, values):
            body.extend(above, line, set(filled), values)
        else:
            above = body.extend(Row((line.page, line.y0), score=DOUBTFUL), line, set(filled), values)
            found.append(above)
        above.reach[line.page, line.index] = max(span.end for spans in filled.values() for span in spans)
    return found


def _uncovered(prepared: Prepared, node: Field, innermost: Field, rows: Sequence[Row], scope: Scope) -> list[Line]:
    """The scope's lines that are no row's, no table's head, no group's heading and no page's running head or foot."""
    reading = prepared.reading
    covered = {place for row in rows for place in row.reach} | reading.heads
    covered |= {(span.page, span.line.index) for row in rows for span in row.first}
    if node is not innermost:
        covered |= heading_lines(reading, row_leaves(node), prepared.heads.get(innermost.pointer, []))
    return [
        line
        for line in reading.by_page.get(scope.first, ())
        if (line.page, line.index) not in covered
        and any(scope.holds(line.page, word.box) for word in line.words)
        and not _runs_on_every_page(reading, line)
    ]


def _runs_on_every_page(reading: Reading, line: Line) -> bool:
    """Whether a line at the page's edge is printed, numbers aside, at the same height of another page."""
    height = reading.page_sizes[line.page][1]
    if MARGIN * height < line.middle < (1 - MARGIN) * height:
        return False
    return any(
        abs(other.middle - line.middle) < line.size and _same_but_for_a_number(other, line)
        for page, lines in reading.by_page.items()
        if page != line.page
        for other in lines
    )


def _same_but_for_a_number(left: Line, right: Line) -> bool:
    """Whether two lines print the same words, but for one with a number: a page's, or a date's."""
    if len(left.words) != len(right.words):
        return False
    pairs = [(one.text, other.text) for one, other in zip(left.words, right.words, strict=True)]
    different = [pair for pair in pairs if pair[0] != pair[1]]
    return len(different) <= 1 and all(re.sub(r"\d+", "", one) == re.sub(r"\d+", "", two) for one, two in different)


def _head_of(heads: Sequence[Head], line: Line) -> Head | None:
    """The head above a line, on its page or one before; below the list's only heads, the first of them."""
    above = [head for head in heads if (head.page, head.last_line) < (line.page, line.index)]
    return above[-1] if above else heads[0] if heads else None


def _as_filled(head: Head, rows: Sequence[Row]) -> list[Column]:
    """The head's columns, each as wide as what usually stands in it."""
    return [_widened(column, rows) for column in head.columns]


def _widened(column: Column, rows: Sequence[Row]) -> Column:
    spans = [found for row in rows if column.pointer and (found := row.spans.get(column.pointer))]
    if not spans:
        return column
    left, right = median(found[0].x0 for found in spans), median(found[0].x1 for found in spans)
    return Column(min(column.x0, left), max(column.x1, right), column.pointer, column.title, column.others)


def _inside(filled: Mapping[int, list[Span]], scope: Scope) -> dict[int, list[Span]]:
    """The cells that have a word in the scope."""
    kept = {
        index: [span for span in spans if any(scope.holds(span.page, word.box) for word in span.words)]
        for index, spans in filled.items()
    }
    return {index: spans for index, spans in kept.items() if spans}


def _is_running_text(line: Line, columns: Sequence[Column]) -> bool:
    return any(
        segment.text.count(" ") >= PROSE_WORDS and segment.x1 > _end_of(segment, columns) for segment in line.segments
    )


def _stands_apart(
    body: Body, line: Line, filled: Mapping[int, list[Span]], values: Values, rows: Sequence[Row]
) -> bool:
    """Whether a line without a figure is more likely a heading: it is of one piece, or begins under no text's column,
    and is not set like the rows just above or below it."""
    if any(char.isdigit() for word in line.words for char in word.text):
        return False
    first = body.head.columns[min(filled)].pointer
    if first not in values:
        return True
    alike = (row.last_line for row in rows if row.last_line and row.last_line.page == line.page)
    near = any(
        abs(other.size - line.size) < 0.15 * line.size
        and min(abs(line.y0 - other.y1), abs(other.y0 - line.y1)) <= ABOVE * line.size
        for other in alike
    )
    return len(line.segments) == 1 and not near


def _end_of(segment: Span, columns: Sequence[Column]) -> float:
    """Where the second next column right of a segment's start begins: text that runs so far is no cell."""
    right = sorted(column.x0 for column in columns if column.x0 > segment.x0 + segment.line.size)
    return right[1] if len(right) > 1 else float("inf")


def _goes_on(body: Body, above: Row, line: Line, filled: Mapping[int, list[Span]], values: Values) -> bool:
    """Whether a line belongs to the doubtful row above it: its other half, or one of the two is a wrapped text."""
    if not filled.keys() & above.columns:
        return body.near(above, line, SAME_ROW_GAP)
    wrapped = not any(map(body.typed, above.values)) or not any(map(body.typed, values))
    return wrapped and body.near(above, line, CONTINUATION_GAP)
