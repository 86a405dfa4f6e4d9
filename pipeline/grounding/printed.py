"""How a value may be printed, and how well a text states it.

Scores are comparable between fields: 1.0 where letters and digits are the same or the text means the same value, less
by what has to be supposed (`SUPPOSED`), and the share that is alike where a text is only similar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from rapidfuzz import fuzz

from model.values.dates import TIME, dates, day_and_month
from model.values.numbers import CURRENCY_CODES, CURRENCY_SIGNS, numbers, parse_number
from model.values.text import squash
from schemas.field import Field

UNPRINTED = frozenset({"page-number", "fraction", "estimate"})  # formats of what is said about a page, not on it
STATED = 0.9  # the least score at which words count as stating a value
EXACT = 1.0
INSIDE = 0.98  # the words hold more than the value: `No.4711` for 4711
EITHER_ORDER = 0.97  # of day and month
AS_PERCENT = 0.95  # 0.19 printed as 19 %
YEARLESS = 0.85  # the words lack the year of a date
MISREAD = 0.85  # letters in place of digits, as OCR has them
UNSIGNED = 0.8  # the words have no minus, or one that the value lacks

_MINUS = frozenset("-−–")
_MARKS = ".,'’٫٬"
_CORE = re.compile(r"\d[\d.,'’\s\u00a0\u202f]*\d|[.,]?\d+")
_WELL_GROUPED = re.compile(r"\d{1,3}(?:([.,'’\s])\d{2,3})(?:\1\d{3})*(?:[.,]\d{1,4})?|\d*(?:[.,]\d+)?")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:$|[T ]\d)")
_AFTER = re.compile(r"[-−–]?\s*[)%‰]?\s*[^\W\d_]{0,4}\.?[-−–)*,;:.]*")
_DEBIT = frozenset(("dr", "s"))
_CONFUSED = str.maketrans("OoQDlI|iSsBZzGgb", "0000111155822699")
_SIGNS = sorted(CURRENCY_SIGNS, key=len, reverse=True)
_CODE = re.compile(r"(?<![A-Za-z])(?:" + "|".join(sorted(CURRENCY_CODES)) + r")(?![A-Za-z])")


def agreement(value: Any, text: str) -> float:
    """0..1: how well a text states a value: by value for numbers and dates, by letters and digits for the rest."""
    if isinstance(value, bool):
        return EXACT
    wanted = str(value)
    if is_number(value):
        return EXACT if Decimal(wanted) in amounts(text) or squash(wanted) == squash(text) else 0.0
    if squash(wanted) and squash(wanted) in squash(text):
        return EXACT
    if wanted in currencies(text):
        return EXACT
    day = iso_date(wanted)
    if day is not None and any(found.value == day for order in (True, False) for found in dates(text, order)):
        return EXACT
    return fuzz.ratio(squash(wanted), squash(text)) / 100


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def iso_date(value: Any) -> date | None:
    """The day that a value in ISO 8601 names; None for anything else."""
    match = _ISO.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


@lru_cache(maxsize=1 << 16)
def amounts(text: str) -> frozenset[Decimal]:
    """Every number that a text may mean, whichever its decimal mark is."""
    plain = _one_amount(text)
    if plain is not None:
        return plain
    return frozenset(number.value for mark in (None, ".", ",") for number in numbers(text, mark))


def _one_amount(text: str) -> frozenset[Decimal] | None:
    """The readings of a text that is one number, with its sign, currency or unit; None for others."""
    match = _CORE.search(text)
    if match is None:
        return frozenset()
    before, digits, after = text[: match.start()].strip(), match[0], text[match.end() :]
    if not _WELL_GROUPED.fullmatch(digits) or not _AFTER.fullmatch(after):
        return None
    lead = before.strip("-−–+( ")
    if lead and lead not in CURRENCY_SIGNS and lead not in CURRENCY_CODES:
        return None
    minus = bool(_MINUS & set(before)) or ("(" in before and ")" in after) or (after[:1] in _MINUS)
    negative = minus or after.strip(" )").casefold() in _DEBIT
    readings = {parse_number(digits, mark) for mark in (None, ".", ",")}
    return frozenset(-reading if negative else reading for reading in readings if reading is not None)


def unconfused(text: str) -> str:
    """The text as it may have been before OCR took digits for letters: `1O,5O` → `10,50`."""
    return text.translate(_CONFUSED)


@lru_cache(maxsize=1 << 14)
def currencies(text: str) -> frozenset[str]:
    """ISO 4217 codes of the signs and codes in a text."""
    found = set(_CODE.findall(text))
    rest = text
    for sign in _SIGNS:
        if sign in rest and (not sign.isalpha() or re.search(rf"(?<!\w){sign}(?![^\W\d])", rest)):
            found.add(CURRENCY_SIGNS[sign])
            rest = rest.replace(sign, " ")
    return frozenset(found)


def digit_forms(value: Decimal) -> Iterator[str]:
    """The digits of a number as printed with two to four decimals, and with none where it has none."""
    whole, _, fraction = format(abs(value).normalize(), "f").partition(".")
    for decimals in range(len(fraction), max(len(fraction), 2) + 2):
        digits = whole + fraction.ljust(decimals, "0")
        yield digits
        if whole == "0" and decimals:
            yield digits[1:]


def date_digits(day: date) -> tuple[str, ...]:
    """The digits of a day as printed in one word, in any order of its parts."""
    years = (f"{day.year:04}", f"{day.year % 100:02}")
    days, months = (f"{day.day:02}", str(day.day)), (f"{day.month:02}", str(day.month))
    forms = [f"{years[0]}{m}{d}" for d, m in zip(days, months, strict=True)]
    for year in years:
        for d in days:
            for m in months:
                forms += [d + m + year, m + d + year]
    forms.append(f"{years[1]}{months[0]}{days[0]}")
    return tuple(dict.fromkeys(forms))


@lru_cache(maxsize=1 << 14)
def days(text: str) -> frozenset[tuple[date, bool]]:
    """(day, whether another order of day and month is possible) for every date that a text may mean."""
    return frozenset((found.value, found.ambiguous) for order in (True, False) for found in dates(text, order))


def states_day(text: str, day: date) -> float:
    """The score of a word, or of a few, as a statement of a day; 0.0 where it is none."""
    return max((EITHER_ORDER if ambiguous else EXACT for found, ambiguous in days(text) if found == day), default=0.0)


def states_day_of_year(text: str, day: date) -> bool:
    """Whether a text is the day and month of a date that it leaves the year of."""
    return any(day_and_month(text.strip("(),;:"), order) == (day.day, day.month) for order in (True, False))


def text_forms(value: str, field: Field | None) -> Sequence[str]:
    """The squashed ways in which a text may be printed, likeliest first."""
    forms = [squash(value)]
    if field is not None and field.format == "time" and (time := TIME.fullmatch(value)):
        half = (time[4] or "").casefold()[:1]
        hour = int(time[1]) % 12 + 12 * (half == "p") if half else int(time[1])
        forms += _time_forms(hour, time[2])
    return [form for form in dict.fromkeys(forms) if form]


def _time_forms(hour: int, minute: str) -> list[str]:
    half, shown = ("am", "pm")[hour >= 12], hour % 12 or 12
    return [f"{hour:02}{minute}", f"{hour}{minute}", f"{shown}{minute}{half}", f"{shown:02}{minute}{half}"]
