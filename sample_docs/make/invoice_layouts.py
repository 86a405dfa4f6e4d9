"""Two ways to set out an invoice: a full grid, and a strip of labels above their values."""

from __future__ import annotations

from collections.abc import Mapping

from sample_docs.make.paper import GREY, WHITE, Paper, Piece, Type, Value, text_of
from sample_docs.make.printing import Printer
from sample_docs.make.table import Column, print_headings, print_row
from schemas.pointer import resolve

Words = Mapping[str, str]

SMALL = Type("sans", 8)
BODY = Type("sans", 9)


def line_cells(say: Printer, index: int) -> dict[str, Piece]:
    """The cells of one line of the invoice, by column key."""
    at = f"/lines/{index}"
    return {
        "position": str(index + 1),
        "description": say.text(f"{at}/description"),
        "quantity": say.count(f"{at}/quantity"),
        "unit": say.text(f"{at}/unit"),
        "price": say.money(f"{at}/unit_price"),
        "rate": say.percent(f"{at}/tax_rate"),
        "amount": say.money(f"{at}/amount"),
    }


def grid(paper: Paper, say: Printer, words: Words) -> None:
    """Seller on the left, a box of labels beside values on the right, every cell of the table in a frame."""
    right = paper.width - 48
    paper.write(48, 66, say.text("/seller/name"), type=BODY.bold().sized(15))
    y = paper.lines(48, 82, *say.spread("/seller/address"), type=SMALL)
    y = paper.lines(48, y, (words["phone"] + " ", say.text("/seller/phone")), say.text("/seller/email"), type=SMALL)
    paper.write(48, y, words["tax_id"] + " ", say.text("/seller/tax_id"), type=SMALL)
    paper.write(right, 70, words["title"], type=BODY.bold().sized(22), align="right")
    _reference_box(paper, say, words, right)
    paper.write(48, 178, words["buyer"], type=SMALL.inked(GREY))
    paper.lines(48, 193, say.text("/buyer/name"), *say.spread("/buyer/address"), type=BODY.sized(10))
    paper.write(48, 242, words["tax_id"] + " ", say.text("/buyer/tax_id"), type=SMALL)
    bottom = _grid_table(paper, say, words, right)
    _grid_sums(paper, say, words, right, bottom + 22)
    paper.rule(48, 768, right, 768, ink=GREY)
    paper.write(48, 782, words["pay"] + " IBAN ", say.text("/seller/iban"), type=SMALL)


def _reference_box(paper: Paper, say: Printer, words: Words, right: float) -> None:
    rows = (
        ("number", say.text("/invoice_number")),
        ("date", say.day("/invoice_date")),
        ("order", say.text("/order_number")),
        ("customer", say.text("/customer_number")),
        ("due", say.day("/due_date")),
    )
    paper.box((right - 220, 84, right, 84 + 15 * len(rows)), ink=GREY)
    for number, (label, value) in enumerate(rows):
        y = 95 + 15 * number
        paper.write(right - 212, y, words[label] + ":", type=BODY)
        paper.write(right - 8, y, value, type=BODY.bold(), align="right")


def _grid_table(paper: Paper, say: Printer, words: Words, right: float) -> float:
    columns = (
        Column("position", words["position"], 60, "center"),
        Column("description", words["description"], 78, wrap=205),
        Column("quantity", words["quantity"], 322, "right"),
        Column("unit", words["unit"], 330),
        Column("price", words["price"], 425, "right"),
        Column("rate", words["rate"], 463, "right"),
        Column("amount", words["amount"], right - 6, "right"),
    )
    edges = (48, 72, 290, 326, 366, 430, 468, right)
    top, y = 262.0, 274.0
    paper.box((48, top, right, top + 18), fill=(0.9, 0.92, 0.95))
    y = print_headings(paper, y, columns, SMALL.bold()) + 8
    rules = [top, top + 18]
    for index in range(len(say.data["lines"])):
        y = print_row(paper, y, columns, line_cells(say, index), BODY) + 5
        rules.append(y - 11)
    for line in rules:
        paper.rule(48, line, right, line)
    for edge in edges:
        paper.rule(edge, top, edge, rules[-1])
    return rules[-1]


def _grid_sums(paper: Paper, say: Printer, words: Words, right: float, y: float) -> None:
    """The tax by rate on the left, the totals on the right."""
    columns = (
        Column("rate", words["rate"] + " %", 90, "right"),
        Column("base", words["base"], 160, "right"),
        Column("tax", words["rate"], 220, "right"),
    )
    line = print_headings(paper, y, columns, SMALL.bold())
    for index in range(len(say.data["tax_breakdown"])):
        at = f"/tax_breakdown/{index}"
        cells = {"rate": say.percent(f"{at}/rate"), "base": say.money(f"{at}/base"), "tax": say.money(f"{at}/tax")}
        line = print_row(paper, line, columns, cells, SMALL)
    for key, pointer in (("subtotal", "/subtotal"), ("tax", "/total_tax")):
        paper.write(right - 190, y, words[key], type=BODY)
        paper.write(right - 6, y, say.money(pointer), type=BODY, align="right")
        y += 15
    paper.rule(right - 195, y - 10, right, y - 10)
    paper.write(right - 190, y + 3, words["total"] + " ", say.text("/currency"), type=BODY.bold().sized(11))
    paper.write(right - 6, y + 3, say.money("/total"), type=BODY.bold().sized(11), align="right")


def strip(paper: Paper, say: Printer, words: Words, sign: str = "$") -> None:
    """A strip of labels with the values under them, zebra rows, the amount due in a dark bar. sign: of the currency."""
    left, right = 54, paper.width - 54
    accent = (0.13, 0.3, 0.42)
    paper.write(left, 74, words["title"], type=Type("sans-bold", 26, accent))
    paper.write(right, 62, say.text("/seller/name"), type=BODY.bold().sized(11), align="right")
    y = 76.0
    for line in (*_halves(say.spread("/seller/address")), say.text("/seller/phone"), say.text("/seller/email")):
        paper.write(right, y, line, type=SMALL, align="right")
        y += 11
    paper.write(left, 128, words["buyer"], type=SMALL.bold().inked(accent))
    paper.lines(left, 142, say.text("/buyer/name"), *say.spread("/buyer/address"), type=BODY.sized(10))
    values = (
        ("number", say.text("/invoice_number")),
        ("date", say.day("/invoice_date")),
        ("due", say.day("/due_date")),
        ("order", say.text("/order_number")),
        ("customer", say.text("/customer_number")),
    )
    paper.box((left, 196, right, 212), fill=(0.85, 0.9, 0.93))
    for number, (label, value) in enumerate(values):
        x = left + 6 + number * (right - left) / len(values)
        paper.write(x, 207, words[label], type=SMALL.bold())
        paper.write(x, 226, value, type=BODY)
    bottom = _zebra_table(paper, say, words, (left, right))
    _sums_with_bar(paper, say, words, (right, bottom + 14), sign)
    if say.data["seller"].get("iban"):
        tax_id, iban = say.text("/seller/tax_id"), say.text("/seller/iban")
        paper.write(left, 748, "IBAN ", iban, f"   {words['tax_id']} ", tax_id, type=SMALL)


def _halves(parts: list[Value]) -> list[Value]:
    """Address parts two to a line."""
    pairs = [parts[start : start + 2] for start in range(0, len(parts), 2)]
    return [Value(", ".join(part.text for part in pair), pair[0].pointer) for pair in pairs]


def _zebra_table(paper: Paper, say: Printer, words: Words, sides: tuple[float, float]) -> float:
    left, right = sides
    columns = (
        Column("quantity", words["quantity"], left + 34, "right"),
        Column("unit", words["unit"], left + 44),
        Column("description", words["description"], left + 80, wrap=230),
        Column("price", words["price"], right - 90, "right"),
        Column("amount", words["amount"], right - 6, "right"),
    )
    paper.rule(left, 246, right, 246, weight=1.2)
    y = print_headings(paper, 258, columns, SMALL.bold()) + 8
    paper.rule(left, y - 13, right, y - 13, weight=1.2)
    for index in range(len(say.data["lines"])):
        cells = line_cells(say, index)
        if index % 2:
            rows = 2 if BODY.width(text_of(cells["description"])) > 230 else 1
            paper.box((left, y - 11, right, y - 3 + 11.25 * (rows - 1) + 8), fill=(0.95, 0.96, 0.97))
        y = print_row(paper, y, columns, cells, BODY) + 7
    return y


def _sums_with_bar(paper: Paper, say: Printer, words: Words, corner: tuple[float, float], sign: str) -> None:
    right, y = corner
    currency = Value(sign, "/currency")
    rows: list[tuple[list[Piece], list[Piece]]] = [
        ([words["subtotal"]], [currency, say.money("/subtotal")]),
        ([words["tax"] + " (", say.percent("/tax_breakdown/0/rate"), ")"], [currency, say.money("/total_tax")]),
        ([words["total"]], [currency, say.money("/total")]),
    ]
    paid = resolve(say.data, "/total") - resolve(say.data, "/amount_due")
    if paid:
        rows.append(([words["paid"]], ["-" + sign + say.locale.number(paid)]))
    for label, value in rows:
        paper.write(right - 190, y, *label, type=BODY)
        paper.write(right - 6, y, *value, type=BODY, align="right")
        y += 16
    paper.box((right - 200, y - 6, right, y + 18), fill=(0.13, 0.3, 0.42))
    bar = BODY.bold().sized(12).inked(WHITE)
    paper.write(right - 190, y + 10, words["due_amount"], type=bar)
    paper.write(right - 6, y + 10, currency, say.money("/amount_due"), type=bar, align="right")
