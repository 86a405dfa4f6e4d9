"""Rows of lists: their values, what states them, and which last one is the sum of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from model.embedded.lines import Line, Span
from model.embedded.roles import role_of
from model.values.numbers import parse_number
from schemas.field import Field

WHOLLY_READ = 0.9  # the confidence in a row's values
SUMMED = 3  # rows from which the last may be the sum of the others


@dataclass
class Row:
    """One row. values and spans by leaf pointer (with `*`); place: page and y of its first line, for ordering.

    reach: by (page, line), the character up to which the line is the row's.
    """

    place: tuple[int, float]
    values: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    score: float = WHOLLY_READ
    last_line: Line | None = None
    columns: set[int] = field(default_factory=set)
    reach: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def first(self) -> list[Span]:
        """Its spans, in reading order."""
        spans = [span for spans in self.spans.values() for span in spans]
        return sorted(spans, key=lambda span: (span.page, span.line.index, span.start))


def without_sums(rows: list[Row], leaves: Mapping[str, Field]) -> list[Row]:
    """The rows without a last one that no label names, but whose every amount is the sum of the column above it."""
    if len(rows) < SUMMED:
        return rows
    *above, last = rows
    amounts = [pointer for pointer in last.values if role_of(leaves[pointer]) == "money"]
    columns = [[_amount(row.values.get(pointer, 0)) for row in rows] for pointer in amounts]
    agree = all(None not in column and sum(column[:-1]) == column[-1] for column in columns)  # type: ignore[arg-type]
    return above if amounts and agree and last.values.keys() < above[-1].values.keys() else rows


def _amount(value: Any) -> Decimal | None:
    """A money value as a number, whatever form its leaf wants; None for a text in its place."""
    return parse_number(value) if isinstance(value, str) else Decimal(str(value))
