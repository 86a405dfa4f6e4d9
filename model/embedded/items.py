"""Lists without a table head, as receipts print them: a text, its amount to the right, all before the totals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.embedded.candidates import Candidate, Reading
from model.embedded.labels import concept_pointer
from model.embedded.lines import SEPARATOR, Line, Span
from model.embedded.roles import role_of
from model.embedded.rows import Row
from model.embedded.scalars import as_json
from model.embedded.texts import trimmed
from schemas.field import Field
from schemas.lexicon import meant

UNPROVED = 0.6  # the confidence in rows that no head names
_TOTALS = frozenset(map(concept_pointer, ("total", "subtotal", "amount_paid")))
_QUANTITY = re.compile(r"^\s*(\d+(?:[.,]\d+)?)\s*(?:[xX×*@]\s*|(?:pcs?|st|stk|ud)\b\.?\s*|\s+(?=\D))")


def item_rows(reading: Reading, leaves: Sequence[Field]) -> list[Row]:
    """Rows for a list that has a description and an amount; none for other lists, or where no such lines stand."""
    roles = {concept: _leaf(leaves, concept) for concept in ("description", "line_amount", "quantity", "unit_price")}
    if roles["description"] is None or roles["line_amount"] is None:
        return []
    rows: list[Row] = []
    for lines in reading.by_page.values():
        above: Line | None = None
        for line in lines:
            if _begins_totals(reading, line):
                break
            amounts = [c for c in reading.candidates_on(line, "money") if c.quality >= 0.95]
            if amounts and not _is_labelled(reading, line):
                row = _row(reading, line, above, amounts, roles)
                if row is not None:
                    rows.append(row)
            above = None if amounts else line
    return rows


def _row(
    reading: Reading, line: Line, above: Line | None, amounts: Sequence[Candidate], roles: dict[str, Field | None]
) -> Row | None:
    """The item of a line; where the line holds figures only, its description is the line above."""
    text = Span(line, 0, amounts[0].span.start)
    quantity = _QUANTITY.match(text.text.replace(SEPARATOR, " "))
    described = trimmed(Span(line, quantity.end() if quantity else 0, text.end))
    if described is None or sum(char.isalpha() for char in described.text) < 3:
        described = trimmed(above.segments[0]) if above and not _is_labelled(reading, above) else None
    if described is None or sum(char.isalpha() for char in described.text) < 3:
        return None
    row = Row((line.page, line.y0), score=UNPROVED)
    _put(row, roles["description"], " ".join(described.text.split()), described)
    amount = roles["line_amount"]
    assert amount is not None
    _put(row, amount, as_json(amount, amounts[-1]), amounts[-1].span)
    price = roles["unit_price"]
    if price is not None and len(amounts) > 1:
        _put(row, price, as_json(price, amounts[0]), amounts[0].span)
    count = roles["quantity"]
    if count is not None and quantity is not None:
        span = Span(line, quantity.start(1), quantity.end(1))
        whole = next((c for c in reading.candidates_on(line, "number") if c.span.start == span.start), None)
        if whole is not None:
            _put(row, count, as_json(count, whole), span)
    return row


def _put(row: Row, leaf: Field | None, value: object, span: Span) -> None:
    if leaf is not None:
        row.values[leaf.pointer] = value
        row.spans[leaf.pointer] = (span,)


def _leaf(leaves: Sequence[Field], concept: str) -> Field | None:
    for leaf in leaves:
        if any(known.name == concept for known in meant(leaf.name, leaf.title, leaf.description, in_row=True)):
            return leaf if concept != "description" or role_of(leaf) == "text" else None
    return None


def _begins_totals(reading: Reading, line: Line) -> bool:
    return any(
        hit.pointers.keys() & _TOTALS and hit.span.start == line.segments[0].start for hit in reading.hits_on(line)
    )


def _is_labelled(reading: Reading, line: Line) -> bool:
    """Whether the line begins with a label of a field outside lists: a tax, a date, a number."""
    return any(
        hit.span.start == line.segments[0].start and any("*" not in pointer for pointer in hit.pointers)
        for hit in reading.hits_on(line)
    )
