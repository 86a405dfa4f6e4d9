"""What sort of value a field wants, read from its type, format, name, title and description.

A role decides which candidates a field may take (`date` only dates, `iban` only IBANs) and how they are written into
the JSON. It never depends on the schema as a whole, only on the one field and the names of the objects around it.
"""

from __future__ import annotations

import re
from typing import Literal

from schemas.field import Field

Role = Literal[
    "date",
    "time",
    "money",
    "number",
    "integer",
    "percentage",
    "currency",
    "country",
    "identifier",
    "iban",
    "tax_id",
    "email",
    "phone",
    "url",
    "organization",
    "person",
    "address",
    "boolean",
    "choice",
    "text",
    "label",
    "markdown",
    "page_number",
    "open",
]
Party = Literal["issuer", "recipient", ""]

_FORMATS: dict[str, Role] = {
    "date": "date",
    "date-time": "date",
    "time": "time",
    "money": "money",
    "currency": "currency",
    "country": "country",
    "percentage": "percentage",
    "identifier": "identifier",
    "iban": "iban",
    "tax-id": "tax_id",
    "email": "email",
    "phone": "phone",
    "uri": "url",
    "organization": "organization",
    "person": "person",
    "address": "address",
    "label": "label",
    "markdown": "markdown",
    "page-number": "page_number",
}
# Words of a name, most telling last position first: `total_amount` is an amount, `account_number` an identifier.
_WORDS: dict[Role, frozenset[str]] = {
    "date": frozenset("date day dated dob birthdate maturity expiry".split()),
    "time": frozenset(["time", "hour"]),
    "percentage": frozenset(["percent", "percentage", "pct", "rate"]),
    "currency": frozenset({"currency"}),
    "country": frozenset({"country", "nationality"}),
    "iban": frozenset({"iban"}),
    "tax_id": frozenset("vat gstin tin ein vatin siret".split()),
    "email": frozenset({"email", "mail", "emails"}),
    "phone": frozenset("phone tel telephone mobile fax phones".split()),
    "url": frozenset(["url", "website", "link", "homepage"]),
    "address": frozenset(["address", "addresses"]),
    "money": frozenset(
        (
            "amount total subtotal price cost fee tax balance sum paid due net gross value debit credit "
            "charge salary payment premium deposit discount tip untaxed taxed payable"
        ).split()
    ),
    "identifier": frozenset(
        "number no nr id identifier code reference ref sku isbn swift bic serial plate policy account".split()
    ),
    "organization": frozenset(
        (
            "company merchant vendor seller supplier issuer store shop organization organisation employer "
            "institution bank carrier shipper consignee insurer borrower lender customer buyer client agent "
            "publisher hospital university school"
        ).split()
    ),
    "person": frozenset("person name holder author athlete patient employee fullname contact driver guest".split()),
}
_ISSUER = frozenset(
    "seller supplier vendor issuer merchant company store shop sender shipper provider bank employer".split()
)
_RECIPIENT = frozenset("buyer customer client recipient consignee receiver billing billed payer debtor".split())


def name_words(name: str) -> list[str]:
    """The words of an identifier in any case style: `invoiceNumber`, `invoice_number` → invoice, number."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word for word in re.split(r"[\W_]+", spaced.casefold()) if word]


def role_of(field: Field) -> Role:
    """The role of a leaf."""
    if field.kind == "any":
        return "open"
    if field.kind == "boolean":
        return "boolean"
    if field.choices:
        return "choice"
    if field.format in _FORMATS:
        return _FORMATS[field.format]
    words = name_words(field.name)
    named = _named_role(words) or _named_role(name_words(field.title))
    if named == "time":
        return "text"  # a time of day has its format; others (a race's, a lap's) are texts
    if field.kind in ("integer", "number"):
        if named in ("money", "percentage"):
            return named
        return "integer" if field.kind == "integer" else "number"
    if named == "money" and not re.search(
        r"amount|total|price|number|digits|pay|sum|cost", field.description.casefold()
    ):
        return "money" if not field.description else "text"
    if named is None and "as printed" not in field.description:
        return _described_role(field.description) or "text"
    return named or "text"


def concept_role(name: str) -> Role:
    """The role that a lexicon concept's own name tells."""
    return _named_role(name_words(name)) or "text"


_KIN: tuple[frozenset[str], ...] = (
    frozenset({"money", "number", "integer", "percentage", "currency"}),
    frozenset({"identifier", "tax_id", "iban", "phone", "integer"}),
    frozenset({"date", "time"}),
)


def akin(label: Role, wanted: Role) -> bool:
    """Whether a label for values of one role may claim a value of another: one for dates never claims an amount."""
    return label == wanted or any(label in kin and wanted in kin for kin in _KIN)


def party_of(field: Field) -> Party:
    """Whose name, address or number a field asks for: of the one who wrote the document, or of its addressee."""
    words = set(name_words(field.pointer.replace("/", " "))) | set(name_words(field.title))
    described = set(name_words(field.description))
    if words & _RECIPIENT:
        return "recipient"
    if words & _ISSUER or described & _ISSUER:
        return "issuer"
    return "recipient" if described & _RECIPIENT else ""


def _named_role(words: list[str]) -> Role | None:
    for word in reversed(words):
        for role, known in _WORDS.items():
            if word in known:
                if role == "organization" and words[-1] in _WORDS["identifier"]:
                    continue
                return role
    return None


def _described_role(description: str) -> Role | None:
    words = name_words(description)[:8]
    for role in ("date", "email", "phone", "iban", "currency", "percentage"):
        if set(words) & _WORDS[role]:
            return role
    return None
