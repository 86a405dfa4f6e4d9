"""Dates as printed: numeric in any order and with month names in many languages.

Whether `03/04/2021` is in March or April is a property of the document, so `day_first` looks at all its dates first.
Month names come from the Unicode CLDR through Babel.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

LOCALES = "en de fr es it nl pt pl sv da nb fi cs sk ro hu tr hr sl lt lv et id ms ru uk el vi".split()
_EXTRA_MONTHS = {"sept": 9, "mrz": 3, "juil": 7, "mai": 5, "okt": 10, "dez": 12}

# A date never spans a tab or a line: a wide gap parts columns, and what stands in two columns is two things.
_S = r"[ \u00a0]"
_NUMERIC = re.compile(
    r"(?<![\d/.,])(?:"
    rf"(?P<y1>(?:19|20)\d\d){_S}?[-/.]{_S}?(?P<m1>\d{{1,2}}){_S}?[-/.]{_S}?(?P<d1>\d{{1,2}})"
    rf"|(?P<a>\d{{1,2}}){_S}?(?P<sep>[-/.]){_S}?(?P<b>\d{{1,2}}){_S}?(?P=sep){_S}?(?P<y2>(?:19|20)\d\d|\d\d)"
    r"|(?P<y3>20\d\d)(?P<m3>0[1-9]|1[0-2])(?P<d3>0[1-9]|[12]\d|3[01])"
    r")(?:(?=\d{1,2}:\d\d)|(?!\d|/\d|[.,]\d))"  # scanned receipts run date and time together: 16-03-201812:07
)
_WORD = r"[^\W\d_]{3,12}"
_P = r"[ \u00a0.\-/]"
_NAMED = re.compile(
    r"(?<![\w])(?:"
    rf"(?P<d1>\d{{1,2}})(?:st|nd|rd|th|er|º|°)?(?:{_P}|,)*(?:(?:de|of){_S}+)?(?P<m1>{_WORD})"
    rf"(?:{_P}|[,'])*(?:del?{_S}+)?(?P<y1>(?:19|20)?\d\d)"
    rf"|(?P<m2>{_WORD}){_P}*(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?{_S}?(?:{_P}|,){_S}*(?P<y2>(?:19|20)\d\d)"
    rf"|(?P<y4>(?:19|20)\d\d){_P}+(?P<m4>{_WORD}){_P}+(?P<d4>\d{{1,2}})"
    rf"|(?P<y5>(?:19|20)\d\d){_S}?年{_S}?(?P<m5>\d{{1,2}}){_S}?月{_S}?(?P<d5>\d{{1,2}}){_S}?日"
    r")(?!\w|[.,]\d)"  # "1 set 45.00" is a count, a unit and a price
)
_DAY = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<sep>[./-])(?P<second>\d{{1,2}})\.?"
    rf"|(?P<d1>\d{{1,2}}){_P}*(?P<m1>{_WORD})\.?|(?P<m2>{_WORD}){_P}*(?P<d2>\d{{1,2}})"
)
TIME = re.compile(r"(?<![\d:.])([01]?\d|2[0-3])[:h.]([0-5]\d)(?::([0-5]\d))?\s?([AaPp]\.?[Mm]\.?)?(?![\d:])")


@dataclass(frozen=True, slots=True)
class Date:
    """A date found in a text; start, end: characters. ambiguous: another order of day and month is possible."""

    value: datetime.date
    start: int
    end: int
    text: str
    ambiguous: bool = False


@cache
def month_names() -> dict[str, int]:
    """Month names and abbreviations of LOCALES, casefolded and without accents and points."""
    from babel import Locale

    names = dict(_EXTRA_MONTHS)
    for code in LOCALES:
        months = Locale.parse(code).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months.get(context, {}).get(width, {}).items():
                    plain = folded(name)
                    if len(plain) >= 3 and not plain.isdigit():
                        names.setdefault(plain, number)
    return names


def folded(text: str) -> str:
    """Casefolded, without accents and points."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char) and char != ".")


def order_votes(texts: Iterable[str]) -> tuple[int, int]:
    """How many numeric dates can only be read with the day first, and how many only with the month first."""
    day = month = 0
    for text in texts:
        for match in _NUMERIC.finditer(text):
            if match["a"] is None:
                continue
            first, second = int(match["a"]), int(match["b"])
            day += 31 >= first > 12 >= second > 0
            month += 31 >= second > 12 >= first > 0
    return day, month


def dates(text: str, day_before_month: bool = True) -> list[Date]:
    """Every date in a text, left to right; impossible ones (the 31st of June) are left out."""
    found = [date for match in _NUMERIC.finditer(text) if (date := _numeric(match, day_before_month))]
    if any(char.isalpha() for char in text):
        found += [date for match in _NAMED.finditer(text) if (date := _named(match))]
        found.sort(key=lambda date: date.start)
    return found


def day_and_month(text: str, day_before_month: bool = True) -> tuple[int, int] | None:
    """(day, month) of a text that is a date without its year, as statements print them: `03.02.`, `2 Feb`, `Feb 02`."""
    match = _DAY.fullmatch(text.strip())
    if match is None:
        return None
    if match["first"] is None:
        month = month_names().get(folded(match["m1"] or match["m2"]))
        return None if month is None else (int(match["d1"] or match["d2"]), month)
    first, second = int(match["first"]), int(match["second"])
    if second > 12 or (first <= 12 and match["sep"] != "." and not day_before_month):
        first, second = second, first
    return (first, second) if 1 <= first <= 31 and 1 <= second <= 12 else None


def parse_date(text: str, day_before_month: bool = True) -> datetime.date | None:
    """The first date in a text; None where there is none."""
    found = dates(text, day_before_month)
    return found[0].value if found else None


def _numeric(match: re.Match[str], day_before_month: bool) -> Date | None:
    if match["y1"] or match["y3"]:
        year, month, day = match["y1"] or match["y3"], match["m1"] or match["m3"], match["d1"] or match["d3"]
        return _date(match, year, int(month), int(day))
    first, second = int(match["a"]), int(match["b"])
    if match["sep"] == "." and len(match["y2"]) == 2 and first > 31:
        return None
    ambiguous = first <= 12 and second <= 12 and first != second and match["sep"] != "."  # points: day first everywhere
    if first > 12:
        day_before_month = True
    elif second > 12:
        day_before_month = False
    day, month = (first, second) if day_before_month else (second, first)
    return _date(match, match["y2"], month, day, ambiguous)


def _named(match: re.Match[str]) -> Date | None:
    for form in "1245":
        if match[f"y{form}"] is None:
            continue
        month = match[f"m{form}"]
        number = int(month) if month.isdigit() else month_names().get(folded(month))
        return None if number is None else _date(match, match[f"y{form}"], number, int(match[f"d{form}"]))
    return None


def _date(match: re.Match[str], year: str, month: int, day: int, ambiguous: bool = False) -> Date | None:
    number = int(year)
    if len(year) == 2:
        number += 2000 if number < 70 else 1900
    try:
        value = datetime.date(number, month, day)
    except ValueError:
        return None
    return Date(value, match.start(), match.end(), match[0], ambiguous)
