"""Identifiers with check digits: numbers that tell a slip of a digit by themselves.

Which scheme a value is of is taken from its field's format, or from a word of the field's name or title that means
nothing else (`isbn`, `ean`, `card`). A value is only judged where it has the form of its scheme: a number cut short, or
one of another scheme, is left undecided. Sources of the schemes: python-stdnum, which names each one's standard.

A wrong value passes by chance: one in 97 for IBAN and LEI, about one in ten for those with one check digit. A number
that stands at the wrong place, another party's, passes always; so passing proves the reading, not the choosing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from stdnum.exceptions import InvalidChecksum, ValidationError

from schemas.checks import CheckResult
from schemas.field import Field
from schemas.formats import leaf_values

ONE_DIGIT = 0.1
TWO_DIGITS = 1 / 97


class Scheme(NamedTuple):
    """module: of python-stdnum. form: what a value has to look like, without blanks and marks. chance: that a wrong
    value passes."""

    name: str
    module: str
    form: str
    chance: float


IBAN = Scheme("IBAN", "iban", r"[A-Z]{2}\d\d[A-Z0-9]{11,30}", TWO_DIGITS)
VAT = Scheme("VAT number", "eu.vat", r"[A-Z]{2}[A-Z0-9+*]{8,13}", ONE_DIGIT)
_NATIONAL_VAT = {  # beside those of the European Union
    "GB": Scheme("VAT number", "gb.vat", r"GB\d{9}(\d{3})?", TWO_DIGITS),
    "CHE": Scheme("VAT number", "ch.vat", r"CHE\d{9}(MWST|TVA|IVA|TPV)", ONE_DIGIT),
    "NO": Scheme("VAT number", "no.mva", r"NO\d{9}MVA", ONE_DIGIT),
}
_NAMED = {
    "iban": IBAN,
    "isbn": Scheme("ISBN", "isbn", r"\d{9}[\dX]|\d{13}", ONE_DIGIT),
    "issn": Scheme("ISSN", "issn", r"\d{7}[\dX]", ONE_DIGIT),
    "ean": Scheme("EAN", "ean", r"\d{8}|\d{12,14}", ONE_DIGIT),
    "gtin": Scheme("GTIN", "ean", r"\d{8}|\d{12,14}", ONE_DIGIT),
    "lei": Scheme("LEI", "lei", r"[A-Z0-9]{18}\d\d", TWO_DIGITS),
    "isin": Scheme("ISIN", "isin", r"[A-Z]{2}[A-Z0-9]{9}\d", ONE_DIGIT),
    "imei": Scheme("IMEI", "imei", r"\d{15}", ONE_DIGIT),
    "orcid": Scheme("ORCID", "isni", r"\d{15}[\dX]", ONE_DIGIT),
    "card": Scheme("card number", "luhn", r"[2-6]\d{12,18}", ONE_DIGIT),
    "vat": VAT,
}
_REFERENCE = Scheme("creditor reference", "iso11649", r"RF\d\d[A-Z0-9]{1,21}", TWO_DIGITS)
_ACCOUNT_WORDS = frozenset(("account", "konto", "kontonummer", "compte", "cuenta", "conto"))


def check_digits(root: Field, data: Any) -> Iterator[CheckResult]:
    """One result for every value whose scheme is known and whose form is the scheme's."""
    for pointer, node, value in leaf_values(root, data):
        if isinstance(value, str | int) and not isinstance(value, bool):
            compact = re.sub(r"[\s.\-/]", "", str(value)).upper()
            scheme = _scheme(node, compact)
            passed = _passes(scheme, compact) if scheme else None
            if scheme and passed is not None and (passed or node.format != "iban"):  # its format says so already
                says = "fit" if passed else "do not fit"
                message = f"{pointer}: the check digits of the {scheme.name} {value!r} {says}."
                yield CheckResult(f"check digits of {pointer}", passed, (pointer,), message, chance=scheme.chance)


def _scheme(node: Field, compact: str) -> Scheme | None:
    """The scheme of a field's value, where it has that scheme's form."""
    words = _words(node.name) | _words(node.title)
    if node.format == "iban" or (words & _ACCOUNT_WORDS and node.format in (None, "identifier")):
        scheme: Scheme | None = IBAN
    elif node.format == "tax-id" or {"vat", "tax"} & words:
        scheme = next((one for prefix, one in _NATIONAL_VAT.items() if compact.startswith(prefix)), VAT)
    elif compact.startswith("RF") and "reference" in words:
        scheme = _REFERENCE
    else:
        scheme = next((_NAMED[word] for word in sorted(words) if word in _NAMED), None)
    return scheme if scheme and re.fullmatch(scheme.form, compact) else None


def _passes(scheme: Scheme, compact: str) -> bool | None:
    """None where the value is not of the scheme after all: of no country that has it, or of another length there."""
    validate: Callable[[str], str] = import_module(f"stdnum.{scheme.module}").validate
    options: dict[str, Any] = {"check_country": False} if scheme is IBAN else {}
    try:
        validate(compact, **options)
    except InvalidChecksum:
        return False
    except ValidationError:
        return None
    return True


def _words(name: str) -> frozenset[str]:
    """The words of a name in any case style, their numbers left out: `isbn13` → `isbn`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return frozenset(re.findall(r"[^\W\d_]+", spaced.casefold()))
