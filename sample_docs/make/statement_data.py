"""What the sample bank statements say: invented payees, movements spread by fixed steps, balances that follow."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple


class Payee(NamedTuple):
    """Someone who is paid, or who pays, again and again. text: `{}` becomes a running number. cents: one of many."""

    text: str
    cents: int
    spread: int


BRITISH = (
    Payee("CARD PAYMENT MODEL GROCER {:04d}", -1850, 6100),
    Payee("CONTACTLESS CAFE SPECIMEN", -320, 900),
    Payee("DIRECT DEBIT PLACEHOLDER ENERGY REF {:06d}", -8400, 2500),
    Payee("FASTER PAYMENT IN INV EF-{:05d}", 64000, 190000),
    Payee("CARD PAYMENT TRIAL FUEL STATION {:03d}", -5200, 4000),
    Payee("STANDING ORDER UNIT 4 RENT", -125000, 0),
    Payee("BACS CREDIT PLACEHOLDER FOODS PLC INVOICE EF-{:05d} LESS DISCOUNT", 88000, 210000),
    Payee("CHEQUE {:06d}", -21000, 43000),
    Payee("CASH WITHDRAWAL TESTBOROUGH HIGH ST", -6000, 0),
    Payee("ACCOUNT CHARGES", -650, 300),
    Payee("TRANSFER TO PAYROLL {:04d}", -142000, 60000),
)
GERMAN = (
    Payee("SEPA-Überweisung Werkstatt Irgendwo eG RE-2024-{:05d}", 41250, 90000),
    Payee("Kartenzahlung BAUMARKT ATTRAPPE", -1890, 7000),
    Payee("Lastschrift Probestrom Dingsda Vertrag {:06d}", -11390, 900),
    Payee("Entgelt Kontoführung", -790, 0),
    Payee("Gehalt Beispielmann 0{:03d}", -185000, 40000),
    Payee("Gutschrift Platzhalter Handels KG", 93310, 70000),
)
SPANISH = (
    Payee("RECIBO LUZ SIMULADA {:06d}", -7420, 3000),
    Payee("COMPRA TARJ. FARMACIA MODELO", -1290, 4100),
    Payee("TRANSF. COLEGIO SUPUESTO FRA {:04d}", 120300, 88000),
    Payee("COMISION MANTENIMIENTO", -600, 0),
    Payee("INGRESO EFECTIVO", 30000, 50000),
    Payee("ADEUDO SEGURO FIGURADO {:05d}", -15850, 2000),
)


def statement(
    head: Mapping[str, Any], payees: Sequence[Payee], count: int, opening: str, signed: bool = False
) -> dict[str, Any]:
    """A statement in the shape of the schema `bank_statement`, spread over its period; each balance follows from the
    one before. signed: one column of signed amounts instead of debits and credits."""
    balance, rows = Decimal(opening), []
    days = (head["period_end"] - head["period_start"]).days
    for index, (text, amount) in enumerate(islice(_movements(payees), count)):
        balance += amount
        row: dict[str, Any] = {
            "date": head["period_start"] + datetime.timedelta(days=index * days // count),
            "description": text,
        }
        if signed:
            row["amount"] = amount
        else:
            row["debit"], row["credit"] = (-amount, None) if amount < 0 else (None, amount)
        rows.append({**row, "balance": balance})
    return {**head, "opening_balance": Decimal(opening), "closing_balance": balance, "transactions": rows}


def _movements(payees: Sequence[Payee]) -> Iterator[tuple[str, Decimal]]:
    """Without end: description and signed amount, spread by the steps of a linear congruence (Numerical Recipes)."""
    state = len(payees)
    while True:
        state = (state * 1664525 + 1013904223) % 2**32
        payee = payees[(state >> 8) % len(payees)]
        cents = abs(payee.cents) + ((state >> 12) % payee.spread if payee.spread else 0)
        number = (state >> 10) % 10**4
        yield payee.text.format(number), Decimal(cents if payee.cents > 0 else -cents) / 100
