"""Three bank statements: twelve pages with two columns of amounts, one page with signed amounts, and a fax of three."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sample_docs.make.paper import GREY, Paper, Piece, Type, Value
from sample_docs.make.printing import ENGLAND, GERMANY, SPAIN, Printer
from sample_docs.make.sample import Sample, printed
from sample_docs.make.scan import Look, scanned_tiff
from sample_docs.make.statement_data import BRITISH, GERMAN, SPANISH, statement
from sample_docs.make.table import Column, print_headings, print_row

BODY = Type("sans", 8.5)
DAY = datetime.date


class Sheet(NamedTuple):
    """How a bank sets out its pages.

    first, later: baseline of the headings on the first page and on the others. rows: to a page.
    day: pattern of the dates. carried, brought: labels of the balance at a page's foot and at the next one's head.
    """

    columns: tuple[Column, ...]
    first: float
    later: float
    rows: int
    day: str
    carried: str = ""
    brought: str = ""


def print_rows(paper: Paper, say: Printer, sheet: Sheet, type: Type = BODY) -> float:
    """The transactions over as many pages as they need, and the baseline after the last of them."""
    y = print_headings(paper, sheet.first, sheet.columns, type.bold()) + 6
    if sheet.brought:
        opening: dict[str, Piece] = {"description": sheet.brought, "balance": say.money("/opening_balance")}
        y = print_row(paper, y, sheet.columns, opening, type.bold()) + 6
    for index in range(len(say.data["transactions"])):
        if index and index % sheet.rows == 0:
            y = _next_page(paper, say, sheet, index, y, type)
        at = f"/transactions/{index}"
        cells: dict[str, Piece] = {key: say.money(f"{at}/{key}") for key in ("debit", "credit", "amount", "balance")}
        cells["description"] = say.text(f"{at}/description")
        cells["date"] = cells["value_date"] = say.day(f"{at}/date", sheet.day)
        if isinstance(cells["value_date"], Value):
            cells["value_date"] = cells["value_date"].text[:6]
        y = print_row(paper, y, sheet.columns, cells, type) + 6
    return y


def _next_page(paper: Paper, say: Printer, sheet: Sheet, index: int, y: float, type: Type) -> float:
    """Closes a page and opens the next, with the balance after the transaction before `index` on both, if so set."""
    balance = say.locale.number(say.data["transactions"][index - 1]["balance"])
    if sheet.carried:
        print_row(paper, y, sheet.columns, {"description": sheet.carried, "balance": balance}, type.bold())
    paper.add_page()
    y = print_headings(paper, sheet.later, sheet.columns, type.bold()) + 6
    if sheet.brought:
        cells = {"description": sheet.brought, "balance": balance}
        y = print_row(paper, y, sheet.columns, cells, type.bold()) + 6
    return y


def _number_pages(paper: Paper, x: float, y: float, form: str, type: Type) -> None:
    for number in range(1, paper.pages + 1):
        paper.turn_to(number)
        paper.write(x, y, form.format(number, paper.pages), type=type, align="right")


def _british() -> Sample:
    """300 rows on 12 pages, money out and money in; each page hands its balance on to the next."""
    head = {
        "bank": "Specimen & Trial Bank plc",
        "account_holder": "Example Freight Ltd",
        "account_number": "GB82 WEST 1234 5698 7654 32",
        "currency": "GBP",
        "period_start": DAY(2024, 1, 1),
        "period_end": DAY(2024, 3, 31),
    }
    data = statement(head, BRITISH, 300, "12480.55")
    paper, say = Paper(), Printer(data, ENGLAND)
    blue = (0.05, 0.17, 0.38)
    paper.write(50, 62, say.text("/bank"), type=Type("serif-bold", 19, blue))
    paper.write(545, 62, "Statement of account", type=Type("sans", 12, blue), align="right")
    paper.lines(50, 104, say.text("/account_holder"), "Unit 4", "Sampleton SX1 2ZZ", type=BODY.sized(10))
    paper.write(50, 170, "IBAN ", say.text("/account_number"), type=BODY)
    paper.write(50, 184, say.day("/period_start"), " to ", say.day("/period_end"), type=BODY)
    paper.box((330, 90, 545, 190), fill=(0.93, 0.95, 0.98))
    paper.write(340, 106, "Your account in short (", Value("GBP", "/currency"), ")", type=BODY.bold())
    paid_out = sum(row["debit"] or 0 for row in data["transactions"])
    paid_in = sum(row["credit"] or 0 for row in data["transactions"])
    for row, (label, amount) in enumerate(
        (
            ("Balance on 1 January 2024", say.money("/opening_balance")),
            ("Money in", say.locale.number(paid_in)),
            ("Money out", say.locale.number(paid_out)),
            ("Balance on 31 March 2024", say.money("/closing_balance")),
        )
    ):
        paper.write(340, 126 + 16 * row, label, type=BODY)
        paper.write(536, 126 + 16 * row, amount, type=BODY, align="right")
    columns = (
        Column("date", "Date", 50),
        Column("description", "Details", 112, wrap=230),
        Column("debit", "Money out (£)", 408, "right"),
        Column("credit", "Money in (£)", 476, "right"),
        Column("balance", "Balance (£)", 545, "right"),
    )
    sheet = Sheet(columns, 222, 78, 25, "d MMM yyyy", "Balance carried forward", "Balance brought forward")
    y = print_rows(paper, say, sheet)
    cells: dict[str, Piece] = {"description": "Closing balance", "balance": say.money("/closing_balance")}
    print_row(paper, y, columns, cells, BODY.bold())
    _number_pages(paper, 545, 815, "Page {} of {}", BODY.inked(GREY))
    return printed("bank_statement", data, paper)


def _german() -> Sample:
    """One column of signed amounts, no running balance."""
    head = {
        "bank": "Attrappen-Sparkasse Musterstadt",
        "account_holder": "Muster & Söhne Testwaren GmbH",
        "account_number": "DE89 3704 0044 0532 0130 00",
        "currency": "EUR",
        "period_start": DAY(2024, 4, 2),
        "period_end": DAY(2024, 4, 30),
    }
    data = statement(head, GERMAN, 17, "8215.40", signed=True)
    paper, say = Paper(), Printer(data, GERMANY)
    paper.write(56, 70, say.text("/bank"), type=BODY.bold().sized(14))
    paper.write(539, 70, "Kontoauszug 4/2024", type=BODY.sized(12), align="right")
    paper.rule(56, 80, 539, 80, weight=1.5, ink=(0.8, 0.1, 0.1))
    paper.write(56, 102, "Kontoinhaber: ", say.text("/account_holder"), type=BODY)
    paper.write(56, 116, "IBAN: ", say.text("/account_number"), type=BODY)
    paper.write(56, 130, "Zeitraum: ", say.day("/period_start"), " - ", say.day("/period_end"), type=BODY)
    euro = Value("EUR", "/currency")
    paper.write(56, 158, "Alter Kontostand", type=BODY.bold())
    paper.write(539, 158, say.money("/opening_balance"), " ", euro, type=BODY.bold(), align="right")
    columns = (
        Column("date", "Buchung", 56),
        Column("value_date", "Wert", 116),
        Column("description", "Verwendungszweck / Buchungstext", 156, wrap=250),
        Column("amount", "Betrag EUR", 539, "right"),
    )
    paper.box((50, 170, 545, 186), fill=(0.93, 0.93, 0.93))
    y = print_rows(paper, say, Sheet(columns, 181, 60, 40, "dd.MM.yyyy"))
    paper.rule(56, y - 8, 539, y - 8)
    paper.write(56, y + 6, "Neuer Kontostand vom ", say.locale.day(data["period_end"]), type=BODY.bold())
    paper.write(539, y + 6, say.money("/closing_balance"), " ", euro, type=BODY.bold(), align="right")
    return printed("bank_statement", data, paper)


def _fax() -> Sample:
    """Black and white, three pages in one TIFF."""
    head = {
        "bank": "Caja de Ahorros Imaginaria",
        "account_holder": "Papelería Ficticia S.L.",
        "account_number": "ES91 2100 0418 4502 0005 1332",
        "currency": "EUR",
        "period_start": DAY(2024, 7, 1),
        "period_end": DAY(2024, 9, 30),
    }
    data = statement(head, SPANISH, 54, "3907.18")
    paper, say = Paper(), Printer(data, SPAIN)
    body = Type("mono", 9)
    paper.write(46, 66, say.text("/bank"), type=Type("sans-bold", 15))
    paper.write(46, 84, "EXTRACTO DE CUENTA CORRIENTE", type=body.bold())
    paper.write(46, 108, "Titular   ", say.text("/account_holder"), type=body)
    paper.write(46, 122, "IBAN      ", say.text("/account_number"), type=body)
    paper.write(46, 136, "Periodo   ", say.day("/period_start"), " al ", say.day("/period_end"), type=body)
    paper.write(46, 150, "Moneda    ", Value("EUR", "/currency"), type=body)
    columns = (
        Column("date", "Fecha", 46),
        Column("description", "Concepto", 112, wrap=200),
        Column("debit", "Cargos", 396, "right"),
        Column("credit", "Abonos", 470, "right"),
        Column("balance", "Saldo", 549, "right"),
    )
    y = print_rows(paper, say, Sheet(columns, 182, 80, 22, "dd/MM/yy", brought="SALDO ANTERIOR"), body)
    cells: dict[str, Piece] = {"description": "SALDO FINAL", "balance": say.money("/closing_balance")}
    print_row(paper, y + 4, columns, cells, body.bold())
    _number_pages(paper, 549, 806, "Hoja {}/{}", body)
    return scanned_tiff("bank_statement", data, paper, Look(seed=31, dpi=180, skew=0.6, blur=0.6, noise=14))


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "statements/business-en-12-pages.pdf": _british,
    "statements/giro-de.pdf": _german,
    "statements/extracto-es-fax.tiff": _fax,
}
