"""What a grammar says about a string: the form that its `format` and `pattern` ask for, and how long it may get.

A form is forced only where the page's words must be converted anyway (a day, a time, a currency), or where a value of
another form could not be read. An e-mail address or an IBAN is copied: forced into its form, a misprint would come out
as something that the page does not say. Such formats are left to validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from schemas.formats import CURRENCIES

_MONTHS = (
    r"((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"  # but 29 February
)
_LEAP = r"([1-9]\d(0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)"  # years 1000 to 9999
_DATE = rf"([1-9]\d\d\d-{_MONTHS}|{_LEAP}-02-29)"
_TIME = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
_CLOCK = r"(\d{1,4}H(\d{1,4}M(\d{1,4}S)?)?|\d{1,5}M(\d{1,4}S)?|\d{1,6}S)"
_ZONE = r"(Z|[+-](0\d|1[0-4]):[0-5]\d)?"

PATTERNS = {
    "date": f"^{_DATE}$",
    "time": f"^{_TIME}{_ZONE}$",
    "date-time": f"^{_DATE}T{_TIME}{_ZONE}$",
    "duration": rf"^P(\d{{1,5}}W|\d{{1,5}}D(T{_CLOCK})?|T{_CLOCK})$",
}
"""By format. Dates are days of the calendar, leap years included. Seconds are optional, as till slips have it."""

KNOWN_TO_GRAMMARS = frozenset(("uuid", "ipv4", "ipv6"))
"""Formats that grammar engines and servers know by name, and mean the same by."""

LEFT_TO_VALIDATION = frozenset(
    "email idn-email iban hostname idn-hostname uri uri-reference iri iri-reference uri-template json-pointer "
    "relative-json-pointer regex".split()
)

LONGEST = {
    "address": 500,
    "country": 100,
    "email": 254,
    "iban": 60,
    "identifier": 200,
    "label": 500,
    "markdown": 20_000,
    "organization": 300,
    "person": 300,
    "phone": 60,
    "tax-id": 60,
}
LONGEST_TEXT = 2_000
"""Characters, by format and otherwise. Far beyond what is printed: a text that gets there is a loop or was cut."""

_BEYOND = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P=|P>|&)|(?<!\\)(?:\\\\)*\\[bBZGkKcXRhHC1-9]")


def is_regular(pattern: str) -> bool:
    """Whether a grammar can hold the pattern: it looks neither ahead nor behind, and refers back to no group."""
    return not _BEYOND.search(pattern)


def allowed_values(schema: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The values of a field whose format leaves few; None where it leaves many."""
    return tuple(sorted(CURRENCIES)) if schema.get("format") == "currency" else None
