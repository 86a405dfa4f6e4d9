"""Candidates: everything on the pages that could be the value of a field of some role, found once for all fields."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from model.embedded.date_order import DateOrder, date_order
from model.embedded.labels import Hit, LabelBook
from model.embedded.lines import SEPARATOR, Line, Span
from model.embedded.printed import Printed
from model.embedded.roles import Role
from model.values.dates import TIME, dates, day_and_month
from model.values.numbers import CURRENCY_CODES, CURRENCY_SIGNS, Number, numbers
from schemas.page import PageText

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
URL = re.compile(r"(?:https?://|www\.)[^\s\t,;]+", re.IGNORECASE)
IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
TAX_ID = re.compile(
    r"(?<!\w)(?:[A-Z]{2}\s?[A-Z0-9]{0,2}\s?(?:\d[\d. ]{6,14}\d)(?:\s?B\d\d)?|CHE[-\s]?\d{3}\.\d{3}\.\d{3}|\d{2}-?\d{7}"
    r"|\d{2}[A-Z]{5}\d{4}[A-Z]\d[A-Z][A-Z\d]|\d{9,15}|[A-Z]\d{7,9}[A-Z]?"
    r"|[XYZ]?\d{7,8}[A-Z]|\d{2} \d{3} \d{3} \d{3}|\d{3}-\d{3}-\d{2}-\d{2}|\d{3}-\d{2}-\d{2}-\d{3})(?!\w)"
)
PHONE = re.compile(r"(?<![\w/])(?:\+|\(0|\(\+|0|1[ -])[\d() ./-]{6,20}\d(?!\w)|\(\d{3}\) ?\d{3}-\d{4}(?!\w)")
IDENTIFIER = re.compile(r"(?<![\w])#?\s?[A-Za-z]{0,12}[-_/.]?[A-Za-z0-9]*\d[\w/.#-]*(?<![.,\-/])")
CODE = re.compile(r"[A-Z0-9][A-Z0-9./-]*(?: [A-Z0-9][A-Z0-9./-]*){0,8}")
CURRENCY = re.compile(
    "|".join(
        [rf"(?<![A-Za-z])(?:{'|'.join(sorted(CURRENCY_CODES))})(?![A-Za-z])"]
        + [
            re.escape(sign) if not sign[0].isalpha() else rf"(?<![A-Za-z]){re.escape(sign)}(?![A-Za-z])"
            for sign in sorted(CURRENCY_SIGNS, key=len, reverse=True)
        ]
    )
)
_SUBSECTION = re.compile(r"\((?:[a-z]|[ivx]{1,4})\)")
_SECTION = re.compile(
    r"(?i)(?:\b(?:sections?|articles?|clauses?|paragraphs?|exhibits?|schedules?|artikel|abschnitt|ziffer|artículo)\s|§\s?)$"
)
_PATTERNS: dict[Role, re.Pattern[str]] = {
    "email": EMAIL,
    "url": URL,
    "iban": IBAN,
    "tax_id": TAX_ID,
    "phone": PHONE,
    "identifier": IDENTIFIER,
}


@dataclass(frozen=True)
class Candidate:
    """A typed span. value: as Python (Decimal, date, str); quality: how surely the span is of its type, 0..1."""

    span: Span
    value: Any
    quality: float = 1.0
    number: Number | None = None


@dataclass
class Reading:
    """A document as the engine reads it for one contract: lines, labels and candidates, each computed once.

    heads: (page, line) of the lines that head the tables of lists. rows: for those that are their rows, up to which
    character. standings: of labels, as `relations.standing` has found them, by page, line and characters.
    """

    printed: Printed
    book: LabelBook
    heads: set[tuple[int, int]] = field(default_factory=set)
    rows: dict[tuple[int, int], int] = field(default_factory=dict)
    _cache: dict[tuple[int, int, Role], list[Candidate]] = field(default_factory=dict)
    _pointers: dict[tuple[int, int], frozenset[str]] = field(default_factory=dict)
    standings: dict[tuple[int, int, int, int], float] = field(default_factory=dict)

    @property
    def pages(self) -> Sequence[PageText]:
        return self.printed.pages

    @property
    def lines(self) -> list[Line]:
        return self.printed.lines

    @property
    def page_sizes(self) -> dict[int, tuple[float, float]]:
        return self.printed.page_sizes

    @property
    def by_page(self) -> dict[int, list[Line]]:
        return self.printed.by_page

    @property
    def mark(self) -> Any:
        return self.printed.mark

    @cached_property
    def hits(self) -> dict[tuple[int, int], list[Hit]]:
        """Labels by (page, line index)."""
        return {(line.page, line.index): self.book.hits(line) for line in self.lines}

    def in_row(self, span: Span) -> bool:
        """Whether it stands in a row of a list's table."""
        return span.start < self.rows.get((span.page, span.line.index), 0)

    def hits_on(self, line: Line) -> list[Hit]:
        return self.hits[line.page, line.index]

    def pointers_on(self, line: Line) -> frozenset[str]:
        """The fields that labels on a line may stand for."""
        key = (line.page, line.index)
        if key not in self._pointers:
            self._pointers[key] = frozenset(pointer for hit in self.hits_on(line) for pointer in hit.pointers)
        return self._pointers[key]

    @cached_property
    def date_order(self) -> DateOrder:
        """Which way the document's numeric dates are to be read."""
        return date_order([line.text for line in self.lines], self._currencies, self.mark)

    @cached_property
    def _currencies(self) -> Counter[str]:
        return Counter(candidate.value for candidate in self.candidates("currency"))

    @property
    def usual_currency(self) -> str | None:
        """The currency that most of the document's amounts are in; None where it shows none."""
        return next((code for code, _ in self._currencies.most_common(1)), None)

    def is_open_date(self, value: Any, spans: Sequence[Span]) -> bool:
        """Whether a date's words can be read as another day, and nothing in the document says which it is."""
        return not self.date_order.settled and any(
            found.ambiguous and found.value.isoformat() == value and found.start < span.end and span.start < found.end
            for span in spans
            for found in self._dates(span.line)
        )

    def dated(self, text: str) -> date | None:
        """The day of a date without its year: its last one up to the latest full date that the document prints."""
        found = day_and_month(text, self.date_order.day_first)
        if found is None or self._latest is None:
            return None
        day, month = found
        for year in (self._latest.year, self._latest.year - 1):
            with contextlib.suppress(ValueError):  # 29 February
                if date(year, month, day) <= self._latest:
                    return date(year, month, day)
        return None

    @cached_property
    def _latest(self) -> date | None:
        """Of the dates with all digits of their year: a bank's sort code may look like a date without them."""
        days = (found for found in self.candidates("date") if str(found.value.year) in found.span.text)
        return max((found.value for found in days), default=None)

    def candidates(self, role: Role) -> list[Candidate]:
        """Every candidate of a role, in reading order. Roles without a form of their own (text, names) have none."""
        return [found for line in self.lines for found in self.candidates_on(line, role)]

    def candidates_on(self, line: Line, role: Role) -> list[Candidate]:
        key = (line.page, line.index, role)
        if key not in self._cache:
            self._cache[key] = self._in_line(line, role)
        return self._cache[key]

    def _in_line(self, line: Line, role: Role) -> list[Candidate]:
        if role == "date":
            return [
                Candidate(Span(line, d.start, d.end), d.value, 0.9 if d.ambiguous else 1.0) for d in self._dates(line)
            ]
        if role == "time":
            return [
                Candidate(Span(line, m.start(), m.end()), m[0].strip(), 0.5 if "." in m[0] else 1.0)
                for m in TIME.finditer(line.text)
            ]
        if role in ("money", "number", "integer", "percentage"):
            return self._numbers(line, role)
        if role == "currency":
            return [
                Candidate(Span(line, m.start(), m.end()), CURRENCY_SIGNS.get(m[0], m[0]))
                for m in CURRENCY.finditer(line.text)
            ]
        if role in _PATTERNS:
            return self._pattern(line, role)
        return []

    def _dates(self, line: Line) -> list[Any]:
        return dates(line.text, self.date_order.day_first) if any(char.isdigit() for char in line.text) else []

    def candidates_in(self, span: Span, role: Role) -> list[Candidate]:
        """Those inside a part of a line. A number that reaches beyond it (`40 210.00`) is read anew, as two."""
        found = [c for c in self.candidates_on(span.line, role) if c.span.start < span.end and span.start < c.span.end]
        inside = [c for c in found if span.start <= c.span.start and c.span.end <= span.end]
        if len(inside) < len(found) and role in ("money", "number", "integer", "percentage"):
            return self._numbers(span.line, role, span.start, span.end)
        return inside

    def _numbers(self, line: Line, role: Role, begin: int = 0, end: int | None = None) -> list[Candidate]:
        text = line.text[:end]
        if not any(char.isdigit() for char in text[begin:]):
            return []
        taken = [(found.start, found.end) for found in self._dates(line)]
        taken += [match.span() for match in TIME.finditer(line.text) if ":" in match[0]]
        found = []
        for number in numbers(text[begin:], self.mark):
            at = begin + number.start
            if any(at < stop and start < begin + number.end for start, stop in taken):
                continue
            if not number.currency and is_reference(line.text, at, begin + number.end):
                continue
            quality = _quality(number, role)
            if role == "money" and self.printed.prints_decimals and number.decimals == 0 and not number.currency:
                quality *= 0.3  # where amounts show cents, a number without them is a count, or misread
            if quality > 0:
                start = line.text.index(number.digits, at)
                span = Span(line, start, start + len(number.digits))
                found.append(Candidate(span, number.value, quality, number))
        return found

    def _pattern(self, line: Line, role: Role) -> list[Candidate]:
        found = self._whole_codes(line) if role == "identifier" else []
        for match in _PATTERNS[role].finditer(
            line.text.replace(SEPARATOR, "\n") if role != "identifier" else line.text
        ):
            text = match[0].strip().lstrip("#").strip()
            if role == "phone" and any(d.start < match.end() and match.start() < d.end for d in self._dates(line)):
                continue
            if role == "identifier" and not _identifies(match[0]):
                continue
            found.append(Candidate(Span(line, match.start(), match.end()), text, 0.9))
        return found

    def _whole_codes(self, line: Line) -> list[Candidate]:
        """Codes with spaces in them (`PO 77-1031`, an IBAN): what is left of a segment behind its labels."""
        found = []
        hits = self.hits_on(line)
        for segment in line.segments:
            inside = [hit.span.end for hit in hits if segment.start <= hit.span.start < segment.end]
            start = max(inside, default=segment.start)
            text = line.text[start : segment.end]
            lead = len(text) - len(text.lstrip(" :.#-–"))
            match = CODE.fullmatch(text[lead:].rstrip(" ."))
            if (
                match
                and " " in match[0]
                and sum(char.isdigit() for char in match[0]) >= 0.4 * len(match[0].replace(" ", ""))
            ):
                found.append(Candidate(Span(line, start + lead, start + lead + len(match[0])), match[0]))
        return found


def is_reference(text: str, start: int, end: int) -> bool:
    """Whether the number at start..end names a part of a document: `4.2(b)`, `Section 10.3`."""
    return bool(_SUBSECTION.match(text, end) or _SECTION.search(text, 0, start))


def _quality(number: Number, role: Role) -> float:
    """How well a number's form fits its role: money shows two decimals or a currency, counts are whole."""
    if role == "percentage":
        return 1.0 if number.percent else 0.4
    if number.percent:
        return 0.0
    if role == "integer":
        return 1.0 if number.decimals == 0 and number.currency is None else 0.0
    if role == "number":
        return 0.9
    digits = len(number.digits.replace(" ", ""))
    if number.decimals == 2:
        return 1.0
    if number.currency:
        return 0.95
    return 0.0 if digits > 9 else 0.5 if number.decimals == 0 else 0.6


def _identifies(text: str) -> bool:
    digits = sum(char.isdigit() for char in text)
    return digits >= 1 and len(text.strip("# ")) >= 2
