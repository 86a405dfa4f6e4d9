"""Lists of figures: what a statement says of one thing (`revenue`), an entry for each period.

A list is one of figures if its items have a number and a period and no text that names them: its own name is the
caption. Company-wide figures only; those of segments stand in tables of their own kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.embedded.captions import Caption, caption_of, plain
from model.embedded.fiscal import FiscalYear, written
from model.embedded.roles import name_words, role_of
from model.embedded.statements import Figure, StatementRow
from model.embedded.tables import Row
from schemas.field import Field

CAPTIONED = 0.8  # the confidence in a figure that its caption and its column tell
_VALUES = frozenset("value amount figure".split())
_PERIODS = frozenset("period quarter year date".split())
_UNITS = frozenset({"unit", "currency"})
_SCALES = frozenset("scale multiplier magnitude".split())
_COMPARED = frozenset("comparison growth change".split())
_PLACEHOLDER = re.compile(r"['\"‘“](N/?A|n/a|none|unknown)['\"’”] (?:if|for|when|where)")
_BEYOND_MONEY = re.compile(r"\bper\b.{0,20}\bshare|\bshares (?:issued|outstanding)\b|\brates?\b|\bnumber of\b")
_OWNED = "attributable"  # to the owners: less what belongs to minorities


@dataclass(frozen=True, slots=True)
class FigureLeaves:
    """The leaves of a list of figures by what they hold; `others` are the same for every company-wide figure."""

    value: Field
    period: Field
    unit: Field | None
    scale: Field | None
    others: tuple[Field, ...]


def figure_leaves(leaves: Sequence[Field]) -> FigureLeaves | None:
    """None where a list is not one of figures."""
    value = _named(leaves, _VALUES)
    period = _named(leaves, _PERIODS)
    if value is None or period is None or value.kind not in ("number", "integer"):
        return None
    unit, scale = _named(leaves, _UNITS), _named(leaves, _SCALES)
    others = tuple(leaf for leaf in leaves if leaf not in (value, period, unit, scale))
    compared = any(_COMPARED & set(name_words(leaf.name)) for leaf in others)
    if compared or not all(_constant(leaf) is not None for leaf in others):
        return None
    return FigureLeaves(value, period, unit, scale, others)


def figure_rows(
    node: Field, leaves: FigureLeaves, stated: Sequence[StatementRow], year: FiscalYear | None, currency: str | None
) -> list[Row]:
    """An entry for each period of the row that a list's caption names, in the order in which they are printed."""
    caption = caption_of(node)
    named = best_row(node, stated)
    if named is None:
        return []
    found: list[Row] = []
    for figure in named.figures:
        period = written(leaves.period, figure.period, year)
        if period is not None:
            found.append(_row(leaves, caption, named, figure, period, currency))
    return found


def _row(
    leaves: FigureLeaves, caption: Caption, named: StatementRow, figure: Figure, period: str | int, currency: str | None
) -> Row:
    span = figure.span
    row = Row((span.page, span.line.y0), score=CAPTIONED, last_line=span.line)
    amount = abs(figure.value) if caption.outflow else figure.value
    row.values[leaves.value.pointer] = int(amount) if amount == int(amount) else float(amount)
    row.values[leaves.period.pointer] = period
    counted = bool(_BEYOND_MONEY.search(f"{named.heading} {named.label}".casefold()))
    if leaves.unit is not None:
        row.values[leaves.unit.pointer] = "%" if figure.percent else currency
    if leaves.scale is not None:
        row.values[leaves.scale.pointer] = 1 if figure.percent or counted else named.scale
    for leaf in leaves.others:
        row.values[leaf.pointer] = _constant(leaf)
    row.spans[leaves.value.pointer] = (span,)
    row.spans[leaves.period.pointer] = (figure.period.span,)
    row.values = {pointer: value for pointer, value in row.values.items() if value is not None}
    return row


def best_row(node: Field, stated: Sequence[StatementRow]) -> StatementRow | None:
    """The row that the surest caption of a field names; of several the first, for statements stand before their notes.

    A field that says `attributable` of itself wants what the owners have, where the statement tells that apart.
    """
    caption, owned = caption_of(node), _OWNED in node.description.casefold()
    ranked = [
        (owned != (_OWNED in row.label.casefold()), rank, place)
        for place, row in enumerate(stated)
        if row.figures and (rank := caption.rank(plain(row.label), plain(row.heading))) is not None
    ]
    return stated[min(ranked)[2]] if ranked else None


def _named(leaves: Sequence[Field], words: frozenset[str]) -> Field | None:
    """The one leaf whose name ends in one of the words; None where several do."""
    found = [leaf for leaf in leaves if name_words(leaf.name)[-1:] and name_words(leaf.name)[-1] in words]
    return found[0] if len(found) == 1 else None


def _constant(leaf: Field) -> Any:
    """What a leaf holds that no statement tells: its default, or what its description says to write where there is
    nothing to say (`'NA' for company-level metrics`)."""
    if leaf.default is not None:
        return leaf.default
    told = _PLACEHOLDER.search(leaf.description)
    return told[1] if told and role_of(leaf) in ("text", "organization", "person") else None
