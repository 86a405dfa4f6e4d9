"""What stands in a statement of accounts: its schema, and made-up rows in groups, in three languages.

Names, numbers and texts are made of common nouns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any, Literal

from schemas.contract import Contract

Kind = Literal["rows", "groups"]
KINDS: tuple[Kind, ...] = ("rows", "groups")

TWICE = 0.02  # share of rows that are printed a second time, soon after: two rows, not one
LONG = 0.15  # share of rows of two lines
EMPTY = 0.15  # share of rows without a reference

WORDS = {
    "en": {
        "title": "Statement of accounts", "number": "Statement number", "currency": "Currency", "from": "From",
        "to": "To", "opening": "Opening balance", "closing": "Closing balance", "date": "Date",
        "description": "Description", "reference": "Reference", "debit": "Debit", "credit": "Credit", "page": "Page",
        "of": "of", "total": "Total", "forward": "Carried forward", "brought": "Brought forward",
        "continued": "continued", "account": "Account",
    },
    "de": {
        "title": "Kontoübersicht", "number": "Auszugsnummer", "currency": "Währung", "from": "Von", "to": "Bis",
        "opening": "Anfangssaldo", "closing": "Endsaldo", "date": "Datum", "description": "Buchungstext",
        "reference": "Beleg", "debit": "Soll", "credit": "Haben", "page": "Seite", "of": "von", "total": "Summe",
        "forward": "Übertrag", "brought": "Übertrag von Vorseite", "continued": "Fortsetzung", "account": "Konto",
    },
    "fr": {
        "title": "Relevé de comptes", "number": "Numéro du relevé", "currency": "Devise", "from": "Du", "to": "Au",
        "opening": "Solde initial", "closing": "Solde final", "date": "Date", "description": "Libellé",
        "reference": "Pièce", "debit": "Débit", "credit": "Crédit", "page": "Page", "of": "sur", "total": "Total",
        "forward": "À reporter", "brought": "Report", "continued": "suite", "account": "Compte",
    },
}  # fmt: skip
TOPICS = {
    "en": "Freight,Packaging,Cleaning,Office supplies,Repairs,Energy,Insurance,Rent,Training,Postage,Software,Catering",
    "de": "Fracht,Verpackung,Reinigung,Bürobedarf,Reparaturen,Energie,Versicherung,Miete,Schulung,Porto,Software,Küche",
    "fr": "Transport,Emballage,Nettoyage,Fournitures,Réparations,Énergie,Assurance,Loyer,Formation,Poste,Logiciels",
}
ACTS = {
    "en": "Invoice,Transfer,Credit note,Standing order,Refund,Card payment,Direct debit,Deposit",
    "de": "Rechnung,Überweisung,Gutschrift,Dauerauftrag,Erstattung,Kartenzahlung,Lastschrift,Einzahlung",
    "fr": "Facture,Virement,Avoir,Prélèvement,Remboursement,Paiement carte,Versement,Dépôt",
}


def section(head: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of a flat list has of its group."""
    return {"section": head["name"]}


def contract(kind: Kind) -> Contract:
    """A statement with a list of rows that name their section, or with a list of groups that hold rows."""
    text, amount = {"type": "string"}, {"type": ["number", "null"], "format": "money"}
    row = {
        "date": {"type": "string", "format": "date"},
        "description": text,
        "reference": {"type": ["string", "null"], "description": "Number of the voucher"},
        "debit": amount,
        "credit": amount,
    }
    if kind == "rows":
        heading = {"type": ["string", "null"], "description": "Name of the account, as printed in the heading above"}
        item = {"section": heading} | row
    else:
        name = {"type": ["string", "null"]}
        item = {"number": name, "name": name, "rows": {"type": "array", "items": _object(row)}}
    scalars = {
        "statement_number": text,
        "currency": {"type": "string", "format": "currency"},
        "period_start": {"type": "string", "format": "date"},
        "period_end": {"type": "string", "format": "date"},
        "opening_balance": {"type": "number"},
        "closing_balance": {"type": "number", "description": "After the last row"},
        "tax_number": {"type": ["string", "null"]},
    }
    return Contract.from_json_schema(_object(scalars | {kind: {"type": "array", "items": _object(item)}}), "statement")


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def made_up_groups(rng: Random, language: str, rows: int) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Heads, each with its rows, so many in all; a day has some ten rows in a long statement."""
    topics, acts = TOPICS[language].split(","), ACTS[language].split(",")
    day, left, number = date(2024, 1, 2), rows, rng.randrange(100, 300) * 10
    while left:
        size = min(left, rng.choice((3, 8, 15, 25, 40, 70)))
        number += rng.randrange(1, 4) * 10
        name = f"{rng.choice(topics)} {rng.choice('ABCDEFGH')}{number // 10 % 100}"
        inner: list[dict[str, Any]] = []
        while len(inner) < size:
            if inner and rng.random() < TWICE:
                inner.append(dict(rng.choice(inner[-3:])))
                continue
            day += timedelta(days=rng.random() < 12 / (12 + rows))
            more = longer(rng, language) if rng.random() < LONG else ""
            inner.append(_row(rng, day, f"{rng.choice(acts)} {rng.choice(topics)} {rng.randrange(100, 9999)}{more}"))
        yield {"number": f"{number}-{rng.randrange(10, 99)}", "name": name}, inner
        left -= size


def longer(rng: Random, language: str) -> str:
    """What makes a row's text too long for one line."""
    return f" {WORDS[language]['account'].lower()} {rng.randrange(10_000, 99_999)}-{rng.randrange(10, 99)}"


def _row(rng: Random, day: date, description: str) -> dict[str, Any]:
    amount, is_debit = cents(rng, rng.choice((90_00, 2_000_00, 60_000_00))), rng.random() < 0.65
    return {
        "date": day.isoformat(),
        "description": description,
        "reference": None if rng.random() < EMPTY else f"{rng.choice('ABKRTV')}{rng.randrange(10_000, 99_999)}",
        "debit": amount if is_debit else None,
        "credit": None if is_debit else amount,
    }


def cents(rng: Random, most: int) -> float:
    return rng.randrange(100, most) / 100
