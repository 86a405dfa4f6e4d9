"""Two ways to set out an invoice: a letter for a window envelope, which may run over pages, and two framed parties."""

from __future__ import annotations

from decimal import Decimal

from sample_docs.make.invoice_layouts import BODY, SMALL, Words, line_cells
from sample_docs.make.paper import GREY, Paper, Piece, Type, Value, text_of
from sample_docs.make.printing import Printer
from sample_docs.make.table import Column, print_headings, print_row

LEFT, RIGHT = 68.0, 545.0
FOOT = 730.0
"""The last baseline of a letter's table before it goes on over the page."""

SERIF = Type("serif", 10)


def letter(paper: Paper, say: Printer, words: Words) -> None:
    """A letter by DIN 5008: address window, references beside it, the seller's particulars in the footer."""
    name = say.text("/seller/name")
    paper.write(RIGHT, 60, name, type=Type("serif-bold", 16, (0.45, 0.1, 0.12)), align="right")
    sender = " · ".join(map(text_of, (name, *say.spread("/seller/address"))))
    paper.write(LEFT, 132, sender, type=Type("sans", 6.5, GREY))
    paper.lines(LEFT, 152, say.text("/buyer/name"), *say.spread("/buyer/address"), type=BODY.sized(10.5))
    _references(paper, say, words)
    paper.write(LEFT, 262, words["title"] + " ", say.text("/invoice_number"), type=BODY.bold().sized(13))
    paper.write(LEFT, 284, "Für Ihren Auftrag danken wir und berechnen wie folgt:", type=BODY)
    y = _letter_table(paper, say, words)
    y = _letter_sums(paper, say, words, y)
    paper.write(LEFT, y + 14, words["due"] + " ", say.day("/due_date"), " ohne Abzug.", type=BODY)
    for number in range(1, paper.pages + 1):
        paper.turn_to(number)
        _footer(paper, say, words, first=number == 1)
        if paper.pages > 1:
            paper.write(RIGHT, 760, words["page"].format(number, paper.pages), type=SMALL.inked(GREY), align="right")


def _references(paper: Paper, say: Printer, words: Words) -> None:
    y = 150.0
    for label, value in (
        ("number", say.text("/invoice_number")),
        ("date", say.day("/invoice_date")),
        ("customer", say.text("/customer_number")),
        ("order", say.text("/order_number")),
    ):
        paper.write(372, y, words[label], type=SMALL)
        paper.write(462, y, value, type=SMALL)
        y += 13


def _letter_table(paper: Paper, say: Printer, words: Words) -> float:
    """The lines, over as many pages as they need; each page ends with what is carried and begins with it again."""
    columns = (
        Column("position", words["position"], LEFT + 16, "right"),
        Column("description", words["description"], LEFT + 28, wrap=190),
        Column("quantity", words["quantity"], 322, "right"),
        Column("unit", words["unit"], 332),
        Column("price", f"{words['price']}\nEUR", 425, "right"),
        Column("rate", words["rate"], 468, "right"),
        Column("amount", f"{words['amount']}\nEUR", RIGHT, "right"),
    )
    y, carried = _letter_headings(paper, columns, 312), Decimal(0)
    for index, line in enumerate(say.data["lines"]):
        if y > FOOT - 20:
            _carry(paper, say, words, FOOT, carried)
            paper.add_page()
            number = text_of(say.text("/invoice_number"))
            paper.write(LEFT, 60, f"{words['title']} {number}", type=SMALL.inked(GREY))
            y = _letter_headings(paper, columns, 84)
            y = _carry(paper, say, words, y, carried)
        y = print_row(paper, y, columns, line_cells(say, index), BODY) + 4
        carried += line["amount"]
    return y


def _letter_headings(paper: Paper, columns: tuple[Column, ...], y: float) -> float:
    paper.rule(LEFT, y - 11, RIGHT, y - 11, weight=0.9)
    y = print_headings(paper, y, columns, SMALL.bold())
    paper.rule(LEFT, y - 5, RIGHT, y - 5, weight=0.9)
    return y + 8


def _carry(paper: Paper, say: Printer, words: Words, y: float, carried: Decimal) -> float:
    paper.write(LEFT + 28, y, words["carried"], type=Type("sans-italic", 9))
    paper.write(RIGHT, y, say.locale.number(carried), type=Type("sans-italic", 9), align="right")
    return y + 15


def _letter_sums(paper: Paper, say: Printer, words: Words, y: float) -> float:
    paper.rule(LEFT, y - 9, RIGHT, y - 9)
    y += 4
    paper.write(LEFT + 28, y, words["subtotal"], type=BODY)
    paper.write(RIGHT, y, say.money("/subtotal"), type=BODY, align="right")
    for index in range(len(say.data["tax_breakdown"])):
        y, at = y + 14, f"/tax_breakdown/{index}"
        rate, base = say.percent(f"{at}/rate"), say.money(f"{at}/base")
        paper.write(LEFT + 28, y, "zzgl. ", rate, f" {words['rate']} auf ", base, type=BODY)
        paper.write(RIGHT, y, say.money(f"{at}/tax"), type=BODY, align="right")
    y += 18
    paper.write(LEFT + 28, y, words["total"], type=BODY.bold().sized(10))
    currency: Piece = Value("EUR", "/currency")
    paper.write(RIGHT, y, currency, " ", say.money("/total"), type=BODY.bold().sized(10), align="right")
    paper.rule(LEFT, y + 5, RIGHT, y + 5)
    return y + 20


def _footer(paper: Paper, say: Printer, words: Words, first: bool) -> None:
    """Three small columns. On later pages they repeat what the first says and are no place of their own."""
    paper.rule(LEFT, 772, RIGHT, 772, ink=GREY)
    type = Type("sans", 7, (0.3, 0.3, 0.3))
    columns: tuple[tuple[float, list[tuple[Piece, ...]]], ...] = (
        (LEFT, [(say.text("/seller/name"),), *((part,) for part in say.spread("/seller/address"))]),
        (
            LEFT + 170,
            [
                (words["phone"] + " ", say.text("/seller/phone")),
                (words["email"] + " ", say.text("/seller/email")),
                (words["tax_id"] + " ", say.text("/seller/tax_id")),
            ],
        ),
        (LEFT + 330, [("Beispielbank Musterstadt",), ("IBAN ", say.text("/seller/iban")), ("BIC TESTDEFFXXX",)]),
    )
    for x, lines in columns:
        for row, line in enumerate(lines):
            paper.write(x, 783 + 9.5 * row, *(line if first else map(text_of, line)), type=type)


def framed(paper: Paper, say: Printer, words: Words) -> None:
    """Serif type, seller and buyer each in a frame, number and date in one sentence, columns ruled down the page."""
    paper.box((42, 42, 290, 136))
    paper.write(52, 62, say.text("/seller/name"), type=SERIF.bold().sized(14))
    y = paper.lines(52, 78, *say.spread("/seller/address"), type=SERIF)
    paper.write(52, y, words["phone"] + " ", say.text("/seller/phone"), type=SERIF)
    paper.box((310, 100, 553, 176))
    paper.write(320, 116, words["buyer"] + " :", type=Type("serif-italic", 9))
    paper.lines(320, 132, say.text("/buyer/name"), *say.spread("/buyer/address"), type=SERIF.sized(11))
    number, day = say.text("/invoice_number"), say.day("/invoice_date")
    paper.write(42, 212, words["number"] + " ", number, f" {words['date']} ", day, type=SERIF.bold().sized(14))
    due = (words["due"] + " : ", say.day("/due_date"))
    paper.write(42, 230, words["customer"] + " : ", say.text("/customer_number"), " – ", *due, type=SERIF)
    _framed_table(paper, say, words)
    _framed_sums(paper, say, words)
    paper.write(
        297,
        800,
        say.data["seller"]["name"] + " au capital de 7 500 € – RCS fictif",
        type=SERIF.sized(8),
        align="center",
    )
    tax_id, iban = say.text("/seller/tax_id"), say.text("/seller/iban")
    paper.write(297, 811, words["tax_id"] + " ", tax_id, " – IBAN ", iban, type=SERIF.sized(8), align="center")


def _framed_table(paper: Paper, say: Printer, words: Words) -> None:
    columns = (
        Column("description", words["description"], 48, wrap=215),
        Column("quantity", words["quantity"], 306, "right"),
        Column("unit", words["unit"], 318),
        Column("price", words["price"], 420, "right"),
        Column("rate", words["rate"], 468, "right"),
        Column("amount", words["amount"], 548, "right"),
    )
    for edge in (42, 268, 312, 356, 426, 474, 553):
        paper.rule(edge, 248, edge, 600)
    for line in (248, 268, 600):
        paper.rule(42, line, 553, line)
    y = print_headings(paper, 262, columns, SERIF.bold()) + 12
    for index in range(len(say.data["lines"])):
        y = print_row(paper, y, columns, line_cells(say, index), SERIF) + 8


def _framed_sums(paper: Paper, say: Printer, words: Words) -> None:
    """The tax by rate in a small frame on the left, the totals on the right, each with its euro sign."""
    columns = (
        Column("rate", "Taux", 95, "right"),
        Column("base", words["base"], 180, "right"),
        Column("tax", "Montant TVA", 264, "right"),
    )
    paper.box((42, 614, 270, 634 + 14 * len(say.data["tax_breakdown"])))
    y = print_headings(paper, 627, columns, SERIF.bold().sized(9))
    for index in range(len(say.data["tax_breakdown"])):
        at = f"/tax_breakdown/{index}"
        cells = {"rate": say.percent(f"{at}/rate"), "base": say.money(f"{at}/base"), "tax": say.money(f"{at}/tax")}
        y = print_row(paper, y, columns, cells, SERIF.sized(9)) + 2
    paid = say.data["total"] - say.data["amount_due"]
    euro: Piece = Value("€", "/currency")
    y = 628.0
    for label, value in (
        ("subtotal", say.money("/subtotal")),
        ("tax", say.money("/total_tax")),
        ("total", say.money("/total")),
    ):
        paper.write(356, y, words[label], type=SERIF)
        paper.write(548, y, value, " ", euro, type=SERIF, align="right")
        y += 16
    if paid:
        paper.write(356, y, words["paid"], type=SERIF)
        paper.write(548, y, f"-{say.locale.number(paid)} €", type=SERIF, align="right")
        y += 16
    paper.box((350, y - 10, 553, y + 10), fill=(0.92, 0.92, 0.9), ink=(0.1, 0.1, 0.1))
    paper.write(356, y + 4, words["due_amount"], type=SERIF.bold().sized(12))
    paper.write(548, y + 4, say.money("/amount_due"), " ", euro, type=SERIF.bold().sized(12), align="right")
