"""Which way a list is printed: as pages, as label-value pairs, as a table, or as texts under a heading."""

from __future__ import annotations

from collections.abc import Sequence

from model.embedded.candidates import Reading
from model.embedded.entries import entry_rows
from model.embedded.figures import figure_leaves, figure_rows, is_statement_list
from model.embedded.items import item_rows
from model.embedded.lines import Span
from model.embedded.outlined import outlined_items, outlined_rows
from model.embedded.pairs import pair_rows
from model.embedded.papers import author_rows, cited_rows
from model.embedded.rolls import roll_items
from model.embedded.rows import Row
from model.embedded.scalars import Choice
from model.embedded.texts import introduced, separated
from model.embedded.transcript import page_rows
from schemas.field import Field

MAX_LINES = 30


def row_leaves(node: Field) -> tuple[Field, ...]:
    """The leaves that a row of a list of objects shows itself; lists inside it only where their values are given."""
    assert node.item is not None
    depth = node.pointer.count("*") + 1
    return tuple(leaf for leaf in node.item.leaves() if leaf.pointer.count("*") == depth or leaf.choices)


def object_rows(reading: Reading, node: Field, tabled: list[Row], rivals: Sequence[Field]) -> list[Row]:
    """The rows of a list of objects, in document order; empty where the document shows none.

    rivals: all lists of the contract, which may claim what stands under a heading.

    tabled: those that stand in tables.
    """
    leaves = row_leaves(node)
    for way in (page_rows, pair_rows):
        rows = way(reading, leaves)
        if rows is not None:
            return rows
    printed, figures = reading.printed, figure_leaves(leaves)
    if figures is not None and (
        found := figure_rows(node, figures, printed.statements, printed.fiscal_year, reading.usual_currency)
    ):
        return found
    if is_statement_list(leaves):
        return []
    return (
        cited_rows(reading, node)
        or tabled
        or author_rows(reading, node)
        or entry_rows(reading, node, leaves, rivals)
        or outlined_rows(reading.printed, node, rivals)
        or item_rows(reading, leaves)
    )


def text_items(reading: Reading, node: Field, rivals: Sequence[Field]) -> list[Choice]:
    """The items of a list of plain values: what stands behind its label or under its heading, cut at separators."""
    assert node.item is not None
    if node.item.kind != "string" or node.item.choices:
        return []  # a text is no number, and need not be an allowed value
    pointer = node.item.pointer
    if found := roll_items(reading, node) or outlined_items(reading.printed, node, rivals):
        return found
    for line in reading.lines:
        for hit in reading.hits_on(line):
            if pointer not in hit.pointers:
                continue
            segment = line.segment_at(hit.span.start)
            if hit.span.start != segment.start:
                continue
            spans, strength = introduced(reading, hit)
            if strength < 0.5:
                continue
            if spans and spans[0].line is not line:
                spans = _under(reading, spans[0])
            items = [item for span in spans for item in separated(span)]
            if items:
                return [Choice(pointer, item.text, (item,), 0.6 * strength) for item in items]
    return []


def _under(reading: Reading, first: Span) -> list[Span]:
    """What stands under a heading, from its first segment on: whole lines, while they begin where that begins."""
    found = list(first.line.segments) if first.start == first.line.segments[0].start else [first]
    for line in reading.by_page[first.page][first.line.index + 1 : first.line.index + MAX_LINES]:
        begins = [segment for segment in line.segments if abs(segment.x0 - first.x0) < 1.5 * line.size]
        gap = line.y0 - found[-1].line.y1
        if not begins or gap > 0.9 * line.size or line.size > 1.2 * first.line.size:
            break
        labels = reading.hits_on(line)
        if any(hit.span.start == begins[0].start and hit.span.end >= begins[0].end - 1 for hit in labels):
            break
        found += line.segments if begins[0] is line.segments[0] else begins[:1]
    return found
