"""Single values that financial statements tell: the period that is reported on, and figures of that period."""

from __future__ import annotations

from collections.abc import Sequence

from model.embedded.captions import is_known
from model.embedded.figures import best_row
from model.embedded.fiscal import wants_label
from model.embedded.printed import Printed
from model.embedded.roles import name_words, role_of
from model.embedded.scalars import Choice
from model.embedded.statements import Figure, Period
from schemas.field import Field

STATED = 0.75  # the confidence in what is told by the statements' heads, and by a caption and its column
ENOUGH = 5  # rows of statements from which a document is a report


def choose_reported(printed: Printed, leaves: Sequence[Field]) -> dict[str, Choice]:
    """Values for leaves that ask for the reported period, its end, or a figure by its name in general accounting."""
    wanted = [leaf for leaf in leaves if _asks_for_period(leaf) or _asks_for_figure(leaf)]
    if not wanted or len(printed.statements) < ENOUGH:
        return {}
    period = reported_period(printed)
    choices = [_figure(printed, leaf) if _asks_for_figure(leaf) else _period(printed, leaf, period) for leaf in wanted]
    return {choice.pointer: choice for choice in choices if choice is not None}


def reported_period(printed: Printed) -> Period | None:
    """The shortest of the statements' periods with the latest end; None where they tell days only."""
    periods = [figure.period for row in printed.statements for figure in row.figures if figure.period.months]
    return max(periods, key=lambda period: (period.end, -period.months), default=None)


def _asks_for_period(leaf: Field) -> bool:
    words = set(name_words(leaf.name))
    return "period" in words and (wants_label(leaf) or (role_of(leaf) == "date" and "end" in words))


def _asks_for_figure(leaf: Field) -> bool:
    return leaf.kind in ("number", "integer") and is_known(leaf)


def _period(printed: Printed, leaf: Field, period: Period | None) -> Choice | None:
    if period is None:
        return None
    year = printed.fiscal_year
    value = period.end.isoformat() if role_of(leaf) == "date" else year.label(period) if year else None
    return Choice(leaf.pointer, value, (period.span,), STATED) if value else None


def _figure(printed: Printed, leaf: Field) -> Choice | None:
    """The figure of the latest period; of a year and a quarter that end together, the year's."""
    row = best_row(leaf, printed.statements)
    if row is None:
        return None
    latest: Figure = max(
        row.figures, key=lambda figure: (figure.period.end, figure.period.months == 12, -figure.period.months)
    )
    value = int(latest.value) if leaf.kind == "integer" or latest.value == int(latest.value) else float(latest.value)
    return Choice(leaf.pointer, value, (latest.span,), STATED)
