"""How a country prints dates, amounts and percentages, and the values of a document printed that way."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.dates import format_date

from sample_docs.make.paper import Piece, Value
from schemas.pointer import resolve

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Rounded half up to two decimals, as invoices are."""
    return amount.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Locale:
    """language: for the names of months. date: a CLDR pattern. percent: where `{}` is the number."""

    language: str
    date: str
    decimal: str = "."
    group: str = ","
    percent: str = "{}%"

    def number(self, value: Decimal | int, places: int | None = 2) -> str:
        """Grouped in thousands; `places` None keeps the decimals that the value has."""
        text = f"{value:,}" if places is None else f"{value:,.{places}f}"
        return text.translate({ord(","): self.group, ord("."): self.decimal})

    def day(self, value: datetime.date, pattern: str = "") -> str:
        return str(format_date(value, pattern or self.date, locale=self.language))


ENGLAND = Locale("en_GB", "d MMMM yyyy")
AMERICA = Locale("en_US", "MM/dd/yyyy")
GERMANY = Locale("de_DE", "dd.MM.yyyy", ",", ".", "{} %")
SWITZERLAND = Locale("de_CH", "d. MMMM yyyy", ".", "'", "{}%")
FRANCE = Locale("fr_FR", "d MMMM yyyy", ",", "\u00a0", "{} %")
SPAIN = Locale("es_ES", "dd/MM/yyyy", ",", ".", "{}%")
NETHERLANDS = Locale("nl_NL", "dd-MM-yyyy", ",", ".", "{}%")


@dataclass(frozen=True)
class Printer:
    """Gives the values of `data` as pieces to write: their printed text, tied to their pointer; `` for a null."""

    data: Mapping[str, Any]
    locale: Locale

    def text(self, pointer: str) -> Piece:
        return self._piece(pointer, str)

    def spread(self, pointer: str, gap: str = ", ") -> list[Value]:
        """A text as several, one for each part between gaps: an address line by line."""
        value = resolve(self.data, pointer)
        return [Value(part, pointer) for part in value.split(gap)] if value else []

    def day(self, pointer: str, pattern: str = "") -> Piece:
        return self._piece(pointer, lambda value: self.locale.day(value, pattern))

    def money(self, pointer: str) -> Piece:
        return self._piece(pointer, self.locale.number)

    def count(self, pointer: str) -> Piece:
        return self._piece(pointer, lambda value: self.locale.number(value, None))

    def percent(self, pointer: str) -> Piece:
        return self._piece(pointer, lambda value: self.locale.percent.format(self.locale.number(value, None)))

    def _piece(self, pointer: str, form: Any) -> Piece:
        value = resolve(self.data, pointer)
        return "" if value is None else Value(form(value), pointer)
