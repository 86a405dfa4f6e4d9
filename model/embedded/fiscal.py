"""Fiscal periods: `Three Months Ended December 31, 2024` is FY2025 Q2 where the fiscal year ends on June 30."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from model.embedded.statements import Period, StatementRow
from model.values.dates import dates
from schemas.field import Field

_YEAR_END = re.compile(r"(?i)(?:fiscal )?year(?: |-)end(?:ed|ing)? (?:on )?([^\W\d_]{3,9}\.? \d{1,2},? (?:19|20)\d\d)")
SLACK = 12  # days by which a fiscal year of 52 or 53 weeks may end late
_LABELLED = re.compile(r"FY ?(?:\d{4}|\\d)")
_DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class FiscalYear:
    """month, day: on which it ends; a year of whole weeks ends some days before or behind it."""

    month: int
    day: int

    def label(self, period: Period) -> str | None:
        """`FY2025 Q2`, `FY2025 H1`, `FY2025 YTD` or `FY2025`; None where a period is none of these."""
        closing = self._closing(period.end)
        passed = 12 - round((closing - period.end).days / _DAYS_A_MONTH)  # months of the year that have passed
        year = f"FY{closing.year}"
        if passed == 12 and period.months in (0, 12):
            return year
        if period.months in (0, 3):
            return f"{year} Q{passed // 3}" if passed in (3, 6, 9, 12) else None
        if period.months == 6 and passed in (6, 12):
            return f"{year} H{passed // 6}"
        return f"{year} YTD" if period.months == passed else None

    def _closing(self, day: date) -> date:
        """The last day of the fiscal year that a day is in."""
        for year in (day.year, day.year + 1):
            end = date(year, self.month, min(self.day, 28))
            if (end - day).days >= -SLACK - 3:
                return end
        raise AssertionError("a fiscal year ends at least once a year")


def fiscal_year(rows: Sequence[StatementRow], texts: Iterable[str]) -> FiscalYear | None:
    """When the fiscal year ends: on the day that most texts name so, else on the earlier day of a balance sheet, which
    is compared with the last year's end."""
    named = Counter(
        (days[0].value.month, days[0].value.day)
        for text in texts
        for match in _YEAR_END.finditer(text)
        if (days := dates(match[1]))
    )
    if named:
        return FiscalYear(*named.most_common(1)[0][0])
    for row in rows:
        ends = sorted({figure.period.end for figure in row.figures if figure.period.months == 0})
        if len(ends) == 2:
            return FiscalYear(ends[0].month, ends[0].day)
    return None


def wants_label(leaf: Field) -> bool:
    """Whether a field asks for periods as `FY2025 Q2`, by its pattern, its examples or what it says of itself."""
    told = " ".join((leaf.pattern or "", leaf.description, *map(str, leaf.examples)))
    return bool(_LABELLED.search(told))


def written(leaf: Field, period: Period, year: FiscalYear | None) -> str | int | None:
    """A period in the form that a field asks for: fiscal, as the date of its end, as a year, or as printed."""
    if wants_label(leaf):
        return year.label(period) if year else None
    if leaf.format == "date" or "YYYY-MM-DD" in leaf.description:
        return period.end.isoformat()
    if leaf.kind == "integer":
        return period.end.year
    return period.text
