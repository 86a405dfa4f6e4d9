"""When two values are the same: numbers, dates and times by value, texts by their letters and digits.

A printed text is compared by number if all of it is one number (`9.00` is `9`; a currency sign beside it is ignored;
digits that begin with a zero, `0042`, are a code and stay text), and by date if all of it is one date, the day before
the month unless that is impossible.
Texts are compared casefolded and without anything but letters and digits. They are close where the similarity of
Levenshtein's kind (`rapidfuzz.fuzz.ratio`, insertions and deletions) is at least 0.90; codes are never close, because
one digit off is another thing: values of a code format or an enum, and texts with more digits than letters.

ANLS, the average normalised Levenshtein similarity (Biten et al. 2019, arXiv 1905.13648), is told beside: how alike two
texts are, with their spaces and marks but without regard to case, and nothing where over half would have to change.
"""

from __future__ import annotations

import datetime
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from model.values.dates import TIME, dates
from model.values.numbers import numbers
from schemas.field import Field

CLOSE = 90.0
ANLS_THRESHOLD = 0.5
_CODE_FORMATS = frozenset(("identifier", "iban", "tax-id", "phone", "email", "uri", "currency", "country"))
_NUMBER_FORMATS = frozenset(("money", "percentage", "page-number"))

Reading = Literal["number", "date", "time", "code", "open"]
Likeness = Literal["exact", "close", "different"]
Kind = Literal["number", "date", "time", "flag", "text", "code"]


class Form(NamedTuple):
    """A value made comparable: forms are equal when the values are."""

    kind: Kind
    value: Any


def reading_of(field: Field) -> Reading:
    """How the printed text of a field's value is to be read; `open` leaves it to the text itself."""
    if field.kind in ("number", "integer") or field.format in _NUMBER_FORMATS:
        return "number"
    if field.format in ("date", "time"):
        return "date" if field.format == "date" else "time"
    if field.format in _CODE_FORMATS or field.choices:
        return "code"
    return "open"


def form(value: Any, reading: Reading) -> Form | None:
    """The comparable form of a leaf; None for null and for a text of nothing but blanks."""
    if value is None:
        return None
    if isinstance(value, bool):
        return Form("flag", value)
    if isinstance(value, int | float | Decimal):
        return Form("code", _squashed(str(value))) if reading == "code" else Form("number", _decimal(value))
    if isinstance(value, datetime.date | datetime.time):
        value = value.isoformat()
    return _printed_form(str(value), reading)


def likeness(truth: Form, found: Form) -> Likeness:
    """`close` counts as right in the fuzzy figures only."""
    if truth == found:
        return "exact"
    if truth.kind == found.kind == "text" and fuzz.ratio(truth.value, found.value, score_cutoff=CLOSE):
        return "close"
    return "different"


def text_similarity(truth: str, found: str) -> float:
    """One text's share in ANLS: 1 - d / longer length, d the Levenshtein distance; 0.0 where that is under 0.5."""
    similarity = Levenshtein.normalized_similarity(truth.strip().casefold(), found.strip().casefold())
    return similarity if similarity >= ANLS_THRESHOLD else 0.0


@lru_cache(maxsize=1 << 16)
def _printed_form(text: str, reading: Reading) -> Form | None:
    text = text.strip()
    if not text:
        return None
    found: Form | None = None
    if reading == "time":
        found = _time(text)
    elif reading == "date":
        found = _date(text)
    elif reading == "number":
        found = _number(text)
    elif reading == "open" and not (text[0] == "0" and text[1:2].isdigit()):
        found = _number(text) or _date(text)
    elif reading == "open":
        found = _date(text)
    if found is not None:
        return found
    squashed = _squashed(text)
    letters = sum(char.isalpha() for char in squashed)
    return Form("code" if reading == "code" or 2 * letters < len(squashed) else "text", squashed)


def _squashed(text: str) -> str:
    """Letters and digits only, casefolded; a text that has none (a dash, a tick) stays as it is."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in plain if char.isalnum()) or plain


def _decimal(value: float | Decimal) -> Decimal:
    """Floats to the 15 digits that they hold, so that 0.1 + 0.2 equals a printed 0.3; whole numbers to all digits."""
    return Decimal(f"{value:.15g}") if isinstance(value, float) else Decimal(value)


def _number(text: str) -> Form | None:
    found = numbers(text)
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(text)):
        return Form("number", found[0].value)
    return None


def _date(text: str) -> Form | None:
    text = text.strip(" .,;:")
    try:
        return Form("date", datetime.date.fromisoformat(text))
    except ValueError:
        found = dates(text)
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(text)):
        return Form("date", found[0].value)
    return None


def _time(text: str) -> Form | None:
    match = TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, half = match.groups()
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half[0] in "Pp" else 0)
    return Form("time", (hours, int(minute), int(second or 0)))
