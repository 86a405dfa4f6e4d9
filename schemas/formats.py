"""What a value's `format` says about it: values that cannot be right, whatever the page says.

Formats that are only a hint where to look (`person`, `address`, `phone`, …) have no test here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from schemas.field import Field
from schemas.pointer import escaped

# ISO 4217: in use, or in use after 1998. Source: Unicode CLDR, supplemental currency data.
CURRENCIES = frozenset(
    (
        "AED AFN ALL AMD ANG AOA ARS ATS AUD AWG AZN BAM BBD BDT BEF BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
        "BYN BYR BZD CAD CDF CHF CLF CLP CNY COP CRC CUC CUP CVE CYP CZK DEM DJF DKK DOP DZD EEK EGP ERN ESP "
        "ETB EUR FIM FJD FKP FRF GBP GEL GHS GIP GMD GNF GRD GTQ GYD HKD HNL HRK HTG HUF IDR IEP ILS INR IQD "
        "IRR ISK ITL JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LTL LUF LVL LYD MAD "
        "MDL MGA MKD MMK MNT MOP MRO MRU MTL MUR MVR MWK MXN MYR MZN NAD NGN NIO NLG NOK NPR NZD OMR PAB PEN "
        "PGK PHP PKR PLN PTE PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SIT SKK SLE SLL SOS SRD SSP "
        "STD STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VEF VES VND VUV WST XAF "
        "XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL"
    ).split()
)
FIRST_YEAR, LAST_YEAR = 1700, 2199
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


def misformed(root: Field, data: Any) -> Iterator[tuple[str, str]]:
    """(pointer, what is wrong) of every string in the data that is not of its field's format."""
    for pointer, node, value in leaf_values(root, data):
        if isinstance(value, str) and node.format in _TESTS:
            complaint = next((says for test, says in _TESTS[node.format] if not test(value)), None)
            if complaint:
                yield pointer, f"{value!r} {complaint}."


def leaf_values(root: Field, data: Any) -> Iterator[tuple[str, Field, Any]]:
    """(pointer, field, value) of every leaf in the data that the schema describes."""
    return _values(root, data, "")


def is_iban(text: str) -> bool:
    """Whether the check digits are right; spaces and hyphens do not matter. Source: ISO 13616, ISO 7064 MOD 97-10."""
    compact = re.sub(r"[\s-]", "", text).upper()
    if not _IBAN.fullmatch(compact):
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def is_currency(text: str) -> bool:
    return text in CURRENCIES


def is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


def is_date(text: str) -> bool:
    """Whether it is a day of the calendar, as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text  # weeks and days without hyphens are ISO 8601 as well
    except ValueError:
        return False


def is_likely_date(text: str) -> bool:
    """Whether its year is one that a document may speak of: 0204 and 2918 are slips of a digit."""
    return FIRST_YEAR <= int(text[:4]) <= LAST_YEAR


_TESTS: dict[str | None, tuple[tuple[Callable[[str], bool], str], ...]] = {
    "currency": ((is_currency, "is no currency code of ISO 4217"),),
    "date": ((is_date, "is no day as YYYY-MM-DD"), (is_likely_date, "is in a year that no document is likely to mean")),
    "email": ((is_email, "is no e-mail address"),),
    "iban": ((is_iban, "is no IBAN: its check digits do not fit"),),
}


def _values(node: Field, data: Any, pointer: str) -> Iterator[tuple[str, Field, Any]]:
    if isinstance(data, list) and node.item is not None:
        for index, item in enumerate(data):
            yield from _values(node.item, item, f"{pointer}/{index}")
    elif isinstance(data, dict):
        for child in node.children:
            if child.name in data:
                yield from _values(child, data[child.name], f"{pointer}/{escaped(child.name)}")
    else:
        yield pointer, node, data
