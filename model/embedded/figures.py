"""Lists of figures: what a statement says of one thing (`revenue`), an entry for each period.

A list is one of figures if its items have a number and a period and no text that names them: its own name is the
caption. Figures of parts of the company are those under the caption as a heading, in tables that tell parts apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.embedded.captions import Caption, caption_of, plain
from model.embedded.fiscal import FiscalYear, wants_label, written
from model.embedded.roles import name_words, role_of
from model.embedded.rows import Row
from model.embedded.statements import Figure, StatementRow
from schemas.field import Field

SEGMENTED = 0.6  # the confidence in a figure of a part of the company
CAPTIONED = 0.8  # the confidence in a figure that its caption and its column tell
_VALUES = frozenset("value amount figure".split())
_PERIODS = frozenset("period quarter year date".split())
_UNITS = frozenset({"unit", "currency"})
_SCALES = frozenset("scale multiplier magnitude".split())
_COMPARED = frozenset("comparison growth change".split())
_PLACEHOLDER = re.compile(r"['\"‘“](N/?A|n/a|none|unknown)['\"’”] (?:if|for|when|where)")
_BEYOND_MONEY = re.compile(r"\bper\b.{0,20}\bshare|\bshares (?:issued|outstanding)\b|\brates?\b|\bnumber of\b")
_APART = re.compile(r"(?i)segment|geograph|disaggregat|by (?:product|market|region|country|end market|business)")
_PRIMARY = re.compile(
    r"(?i)statements? of (?:consolidated |condensed )*(?:income|operations|earnings|cash)|balance sheet"
)
_SUMMED = re.compile(r"(?i)total|consolidated|sub-?total")
_PLACES = re.compile(r"(?i)geograph|region|country")
_OWNED = "attributable"  # to the owners: less what belongs to minorities


@dataclass(frozen=True, slots=True)
class FigureLeaves:
    """The leaves of a list of figures by what they hold; `others` are the same for every company-wide figure.

    segment: for the name of the part of the company that a figure is of; level: an enum that tells what sort of part.
    """

    value: Field
    period: Field
    unit: Field | None
    scale: Field | None
    others: tuple[Field, ...]
    segment: Field | None
    level: Field | None


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
    parts = [leaf for leaf in others if "segment" in name_words(leaf.name)]
    segment = next((leaf for leaf in parts if not leaf.choices), None)
    level = next((leaf for leaf in parts if leaf.choices), None)
    return FigureLeaves(value, period, unit, scale, others, segment, level)


def is_statement_list(leaves: Sequence[Field]) -> bool:
    """Whether a list is one of figures beyond doubt, so that no other table is its own: its entries say what they are
    counted in, or which fiscal period they belong to."""
    value, period = _named(leaves, _VALUES), _named(leaves, _PERIODS)
    if value is None or period is None:
        return False
    return wants_label(period) or _named(leaves, _SCALES) is not None


def figure_rows(
    node: Field, leaves: FigureLeaves, stated: Sequence[StatementRow], year: FiscalYear | None, currency: str | None
) -> list[Row]:
    """An entry for each period of the row that a list's caption names, in the order in which they are printed."""
    caption = caption_of(node)
    named = best_row(node, stated)
    found: list[Row] = []
    for statement in ([named] if named else []) + (_segments(caption, stated) if leaves.segment else []):
        for figure in statement.figures:
            period = written(leaves.period, figure.period, year)
            if period is not None:
                row = _row(leaves, caption, statement, figure, period, currency)
                found.append(row if statement is named else _of_segment(row, leaves, statement))
    return found


def _segments(caption: Caption, stated: Sequence[StatementRow]) -> list[StatementRow]:
    """The rows under a heading that is the caption, in a table that tells the parts of a company apart."""
    found: dict[str, StatementRow] = {}
    for row in stated:
        heading = re.sub(r" by .*", "", plain(row.heading))
        apart = _APART.search(f"{row.heading} {row.title}") and not _PRIMARY.search(row.title)
        named = bool(heading) and caption.rank(heading, "") is not None and not _SUMMED.match(row.label)
        if apart and named and _told(caption, row):
            found.setdefault(plain(row.label), row)
    return list(found.values())


def _of_segment(row: Row, leaves: FigureLeaves, statement: StatementRow) -> Row:
    assert leaves.segment is not None
    row.values[leaves.segment.pointer] = statement.label
    row.spans[leaves.segment.pointer] = (statement.span,)
    row.score = SEGMENTED
    if leaves.level is not None:
        wanted = "geographic" if _PLACES.search(statement.heading) else "business"
        level = next((choice for choice in leaves.level.choices if wanted in str(choice).casefold()), None)
        row.values[leaves.level.pointer] = level
    return row


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
        if _told(caption, row) and (rank := caption.rank(plain(row.label), plain(row.heading))) is not None
    ]
    return stated[min(ranked)[2]] if ranked else None


def _told(caption: Caption, row: StatementRow) -> bool:
    """Whether a row has figures, and they are rates where the caption is one."""
    return bool(row.figures) and caption.percent in (None, all(figure.percent for figure in row.figures))


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
