"""Two ways to set out an invoice: a coloured band over a table of headings, and white space with hardly a rule."""

from __future__ import annotations

from sample_docs.make.invoice_layouts import BODY, SMALL, Words, line_cells
from sample_docs.make.paper import GREY, WHITE, Paper, Piece, Type, Value
from sample_docs.make.printing import Printer
from sample_docs.make.table import Column, print_headings, print_row
from schemas.pointer import resolve

GREEN = (0.1, 0.42, 0.36)


def band(paper: Paper, say: Printer, words: Words) -> None:
    """Seller in white on a band, the references as a table of one row, the tax by rate as a table of its own."""
    right = paper.width - 40
    paper.box((0, 0, paper.width, 104), fill=GREEN)
    paper.write(40, 46, say.text("/seller/name"), type=Type("sans-bold", 18, WHITE))
    y = paper.lines(40, 62, *say.spread("/seller/address"), type=SMALL.inked(WHITE))
    paper.write(40, y, words["tax_id"] + ": ", say.text("/seller/tax_id"), type=SMALL.inked(WHITE))
    paper.write(right, 46, words["title"], type=Type("sans", 20, WHITE), align="right")
    contacts = (words["phone"] + " ", say.text("/seller/phone"), "  |  ", say.text("/seller/email"))
    paper.write(right, 82, *contacts, type=SMALL.inked(WHITE), align="right")
    _reference_table(paper, say, words, right)
    paper.write(40, 188, words["buyer"], type=SMALL.bold().inked(GREEN))
    y = paper.lines(40, 203, say.text("/buyer/name"), *say.spread("/buyer/address"), type=BODY.sized(10))
    if resolve(say.data, "/buyer/tax_id"):
        paper.write(40, y, words["tax_id"] + ": ", say.text("/buyer/tax_id"), type=BODY)
    bottom = _band_table(paper, say, words, right)
    _band_sums(paper, say, words, right, bottom + 26)
    paper.write(40, 780, words["pay"] + " ", say.text("/seller/iban"), type=SMALL)


def _reference_table(paper: Paper, say: Printer, words: Words, right: float) -> None:
    values = [
        (words["number"], say.text("/invoice_number")),
        (words["date"], say.day("/invoice_date")),
        (words["customer"], say.text("/customer_number")),
        (words["due"], say.day("/due_date")),
    ]
    width = (right - 40) / len(values)
    paper.box((40, 122, right, 138), fill=(0.87, 0.93, 0.91))
    paper.box((40, 122, right, 158), ink=GREEN)
    for number, (label, value) in enumerate(values):
        middle = 40 + (number + 0.5) * width
        paper.write(middle, 133, label, type=SMALL.bold(), align="center")
        paper.write(middle, 152, value, type=BODY, align="center")


def _band_table(paper: Paper, say: Printer, words: Words, right: float) -> float:
    columns = (
        Column("description", words["description"], 46, wrap=225),
        Column("quantity", words["quantity"], 322, "right"),
        Column("price", words["price"], 388, "right"),
        Column("rate", words["rate"], 440, "right"),
        Column("amount", words["amount"], right - 6, "right"),
    )
    paper.box((40, 256, right, 274), fill=GREEN)
    y = print_headings(paper, 268, columns, SMALL.bold().inked(WHITE)) + 10
    for index in range(len(say.data["lines"])):
        y = print_row(paper, y, columns, line_cells(say, index), BODY) + 7
        paper.rule(40, y - 13, right, y - 13, weight=0.3, ink=GREY)
    return y


def _band_sums(paper: Paper, say: Printer, words: Words, right: float, y: float) -> None:
    columns = (
        Column("base", words["subtotal"], 330, "right"),
        Column("rate", words["rate"], 400, "right"),
        Column("tax", words["tax"], right - 6, "right"),
    )
    y = print_headings(paper, y, columns, SMALL.bold().inked(GREEN)) + 3
    for index in range(len(say.data["tax_breakdown"])):
        at = f"/tax_breakdown/{index}"
        cells = {"rate": say.percent(f"{at}/rate"), "base": say.money(f"{at}/base"), "tax": say.money(f"{at}/tax")}
        y = print_row(paper, y, columns, cells, BODY) + 3
    paper.rule(270, y - 9, right, y - 9)
    cells = {"base": say.money("/subtotal"), "tax": say.money("/total_tax")}
    y = print_row(paper, y + 3, columns, cells, BODY)
    paper.box((270, y + 2, right, y + 26), fill=GREEN)
    type = Type("sans-bold", 12, WHITE)
    paper.write(278, y + 18, words["total"], type=type)
    paper.write(right - 8, y + 18, say.money("/total"), " ", Value("€", "/currency"), type=type, align="right")


def airy(paper: Paper, say: Printer, words: Words, sign: str = "€") -> None:
    """References as labels with values beside them, a table without rules, the seller down the right side."""
    paper.write(60, 84, words["title"], type=Type("sans", 24, (0.2, 0.2, 0.2)))
    _side_column(paper, say, words)
    y = paper.lines(60, 120, say.text("/buyer/name"), *say.spread("/buyer/address"), type=BODY.sized(10), step=14)
    if resolve(say.data, "/buyer/tax_id"):
        paper.write(60, y, words["tax_id"] + " ", say.text("/buyer/tax_id"), type=BODY.sized(10))
    y = 212.0
    for label, value in (
        ("number", say.text("/invoice_number")),
        ("date", say.day("/invoice_date")),
        ("due", say.day("/due_date")),
        ("order", say.text("/order_number")),
    ):
        paper.write(60, y, words[label], type=BODY.inked(GREY))
        paper.write(160, y, value, type=BODY)
        y += 15
    columns = (
        Column("description", words["description"], 60, wrap=180),
        Column("quantity", words["quantity"], 290, "right"),
        Column("unit", words["unit"], 298),
        Column("price", words["price"], 385, "right"),
        Column("rate", words["rate"], 430, "right"),
        Column("amount", words["amount"], 535, "right"),
    )
    y = print_headings(paper, 300, columns, BODY.inked(GREY)) + 10
    for index in range(len(say.data["lines"])):
        cells = line_cells(say, index)
        amount = cells.pop("amount")
        paper.write(488, y, Value(sign, "/currency"), type=BODY)
        paper.write(535, y, amount, type=BODY, align="right")
        y = print_row(paper, y, columns, cells, BODY) + 8
    _airy_sums(paper, say, words, y + 8, sign)


def _side_column(paper: Paper, say: Printer, words: Words) -> None:
    paper.write(400, 84, say.text("/seller/name"), type=BODY.bold().sized(10))
    lines: tuple[tuple[Piece, ...], ...] = (
        *((part,) for part in say.spread("/seller/address")),
        (),
        (words["phone"] + " ", say.text("/seller/phone")),
        (say.text("/seller/email"),),
        (words["tax_id"] + " ", say.text("/seller/tax_id")),
        ("IBAN ", say.text("/seller/iban")),
    )
    for row, line in enumerate(lines):
        paper.write(400, 100 + 12.5 * row, *line, type=SMALL)


def _airy_sums(paper: Paper, say: Printer, words: Words, y: float, sign: str) -> None:
    rows: list[tuple[tuple[Piece, ...], Piece]] = [((words["subtotal"],), say.money("/subtotal"))]
    for index in range(len(say.data["tax_breakdown"])):
        at = f"/tax_breakdown/{index}"
        rate, base = say.percent(f"{at}/rate"), say.money(f"{at}/base")
        rows.append(((words["rate"] + " ", rate, f" {words['base']} ", base), say.money(f"{at}/tax")))
    for label, value in rows:
        paper.write(340, y, *label, type=BODY)
        paper.write(488, y, Value(sign, "/currency"), type=BODY)
        paper.write(535, y, value, type=BODY, align="right")
        y += 16
    paper.rule(340, y - 9, 535, y - 9)
    bold = BODY.bold().sized(10.5)
    paper.write(340, y + 5, words["total"], type=bold)
    paper.write(470, y + 5, Value(sign, "/currency"), type=bold)
    paper.write(535, y + 5, say.money("/total"), type=bold, align="right")
    paper.write(60, y + 48, words["pay"], type=SMALL)
    paper.write(60, y + 59, "IBAN ", say.text("/seller/iban"), ".", type=SMALL)
