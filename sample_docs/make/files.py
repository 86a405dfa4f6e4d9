"""One bill as a file of every kind that has no pages of its own: each must give the same values as its PDF."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import Any

import openpyxl

from sample_docs.make import office
from sample_docs.make.invoice_data import FREIGHT_BILL, GADGET_BILL
from sample_docs.make.invoice_layouts import strip
from sample_docs.make.invoices import AMERICAN, on_paper
from sample_docs.make.paper import LETTER
from sample_docs.make.printing import AMERICA, ENGLAND
from sample_docs.make.sample import UNTOLD, Sample, pdf_bytes

BILL = FREIGHT_BILL
COLUMNS = ("Description", "Quantity", "Unit", "Unit price", "VAT %", "Amount")
SELLER, BUYER = BILL["seller"], BILL["buyer"]
HEAD = (
    ("Invoice number", BILL["invoice_number"]),
    ("Invoice date", ENGLAND.day(BILL["invoice_date"])),
    ("Due date", ENGLAND.day(BILL["due_date"])),
    ("Order number", BILL["order_number"]),
    ("Customer number", BILL["customer_number"]),
    ("Currency", BILL["currency"]),
)
CONTACT = (
    ("VAT no.", SELLER["tax_id"]),
    ("Email", SELLER["email"]),
    ("Phone", SELLER["phone"]),
    ("IBAN", SELLER["iban"]),
)
SUMS = (
    ("Subtotal", BILL["subtotal"]),
    ("Total VAT", BILL["total_tax"]),
    ("Total", BILL["total"]),
    ("Amount due", BILL["amount_due"]),
)


def money(value: Decimal) -> str:
    return ENGLAND.number(value)


def rows() -> list[list[str]]:
    """The lines of the bill as they are printed, with their heading."""
    return [
        list(COLUMNS),
        *(
            [
                line["description"],
                str(line["quantity"]),
                line["unit"],
                money(line["unit_price"]),
                f"{line['tax_rate']}%",
                money(line["amount"]),
            ]
            for line in BILL["lines"]
        ),
    ]


def truth() -> dict[str, Any]:
    """What is printed of the bill: its tax by rate is not."""
    data = {key: value for key, value in BILL.items() if key != "tax_breakdown" and value is not UNTOLD}
    return {"schema": "invoice", "data": data}


def _sample(content: bytes | str) -> Sample:
    return Sample(content.encode() if isinstance(content, str) else content, truth())


def _word() -> Sample:
    body = [
        office.paragraph("Invoice", '<w:pStyle w:val="Title"/>'),
        office.paragraph(f"Bill to:\n{BUYER['name']}\n{BUYER['address']}\nVAT no. {BUYER['tax_id']}"),
        *(
            office.paragraph(f"{label}:\t{value}", '<w:tabs><w:tab w:val="left" w:pos="2400"/></w:tabs>')
            for label, value in HEAD
        ),
        office.word_table(rows()),
        *(
            office.paragraph(f"{label}:\t{money(value)}", '<w:tabs><w:tab w:val="right" w:pos="9600"/></w:tabs>')
            for label, value in SUMS
        ),
    ]
    header = office.word_part("hdr", office.paragraph(SELLER["name"]) + office.paragraph(SELLER["address"]))
    footer = office.word_part("ftr", "".join(office.paragraph(f"{label} {value}") for label, value in CONTACT))
    relations = [("header", "header1.xml"), ("footer", "footer1.xml"), ("styles", "styles.xml")]
    title = '<w:style w:styleId="Title"><w:name w:val="Title"/></w:style>'
    more = {"header1.xml": header, "footer1.xml": footer, "styles.xml": office.word_part("styles", title)}
    return _sample(office.docx("".join(body), more, relations))


def _workbook() -> Sample:
    """Numbers and days as what they are, shown by their formats; a sheet that is hidden."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Invoice"
    for line in ((SELLER["name"],), (SELLER["address"],), *((f"{label} {value}",) for label, value in CONTACT), ()):
        sheet.append(line)
    sheet.append(("Bill to", BUYER["name"]))
    sheet.append((None, BUYER["address"]))
    sheet.append((None, f"VAT no. {BUYER['tax_id']}"))
    sheet.append(())
    for label, value in HEAD:
        sheet.append(
            (label, BILL["invoice_date" if "Invoice d" in label else "due_date"] if "date" in label else value)
        )
        if "date" in label:
            sheet.cell(sheet.max_row, 2).number_format = "d mmmm yyyy"
    sheet.append(())
    sheet.append(COLUMNS)
    for line in BILL["lines"]:
        sheet.append(
            (line["description"], line["quantity"], line["unit"], line["unit_price"], line["tax_rate"] / 100,
             line["amount"])
        )  # fmt: skip
        for column, form in ((4, "#,##0.00"), (5, "0%"), (6, "#,##0.00")):
            sheet.cell(sheet.max_row, column).number_format = form
    for label, value in SUMS:
        sheet.append((None, None, None, None, label, value))
        sheet.cell(sheet.max_row, 6).number_format = "[$£-809]#,##0.00;[Red]-[$£-809]#,##0.00"
    rates = book.create_sheet("Rates")
    rates.append(("Rate of the year before", 0.175))
    rates.sheet_state = "hidden"
    stream = io.BytesIO()
    book.save(stream)
    return _sample(office.repacked(stream.getvalue(), without=("docProps/core.xml",)))  # which tells the time


def _text() -> Sample:
    lines = [
        SELLER["name"],
        SELLER["address"],
        *(f"{label} {value}" for label, value in CONTACT),
        f"Bill to: {BUYER['name']}",
        BUYER["address"],
        f"VAT no. {BUYER['tax_id']}",
        *(f"{label}: {value}" for label, value in HEAD),
    ]
    sums = (f"{label}: {money(value)}" for label, value in SUMS)
    paragraphs = ("".join(f"<text:p>{escape(line)}</text:p>" for line in part) for part in (lines, sums))
    before, after = paragraphs
    return _sample(office.odf("text", f"<text:h>Invoice</text:h>{before}{office.odf_table(rows())}{after}"))


def _table() -> Sample:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerows([[SELLER["name"]], [SELLER["address"]], *([label, value] for label, value in CONTACT)])
    writer.writerows([[], ["Bill to", BUYER["name"]], ["", BUYER["address"]], ["VAT no.", BUYER["tax_id"]], []])
    writer.writerows([*([label, value] for label, value in HEAD), [], *rows()])
    writer.writerows(["", "", "", "", label, money(value)] for label, value in SUMS)
    return _sample(stream.getvalue())


def _page() -> str:
    head = "".join(f"<tr><th>{label}</th><td>{escape(value)}</td></tr>" for label, value in HEAD)
    heading, *lines = rows()
    table = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in line) + "</tr>" for line in lines)
    sums = "".join(f'<tr><td colspan="5">{label}</td><td>{money(value)}</td></tr>' for label, value in SUMS)
    return (
        "<!DOCTYPE html><html><head><title>Invoice</title><style>.x{color:red}</style></head><body>"
        f"<h1>Invoice</h1><p>{escape(SELLER['name'])}<br>{SELLER['address']}</p>"
        '<p style="display:none">Invoice number: HIDDEN-1</p><script>document.write("Total: 1.00")</script>'
        f"<p>Bill to:<br>{escape(BUYER['name'])}<br>{BUYER['address']}<br>VAT no. {BUYER['tax_id']}</p>"
        f"<table>{head}</table><table><tr>{''.join(f'<th>{text}</th>' for text in heading)}</tr>{table}{sums}</table>"
        f"<p>{'<br>'.join(f'{label} {value}' for label, value in CONTACT)}</p></body></html>\n"
    )


def _markdown() -> Sample:
    heading, *lines = rows()
    table = [heading, ["---"] * len(heading), *lines]
    text = [
        "# Invoice",
        f"**{SELLER['name']}**  \n{SELLER['address']}",
        f"Bill to:  \n{BUYER['name']}  \n{BUYER['address']}  \nVAT no. {BUYER['tax_id']}",
        "\n".join(f"- {label}: {value}" for label, value in HEAD),
        "\n".join(f"| {' | '.join(line)} |" for line in table),
        "\n".join(f"- {label}: {money(value)}" for label, value in SUMS),
        "  \n".join(f"{label} {value}" for label, value in CONTACT),
    ]
    return _sample("\n\n".join(text) + "\n")


def _plain() -> str:
    """For letters that are all as wide."""
    widths = (48, 10, 8, 12, 8, 12)
    lines = []
    for line in rows():
        first, *rest = line
        words = first.split()
        cut = next(n for n in range(len(words), 0, -1) if len(" ".join(words[:n])) < widths[0])
        cells = "".join(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))
        lines.append(f"{' '.join(words[:cut]).ljust(widths[0])}{cells}")
        lines += [f"  {' '.join(words[cut:])}"] * (cut < len(words))
    wide = sum(widths)
    return "\n".join(
        [
            SELLER["name"].center(wide).rstrip(),
            SELLER["address"].center(wide).rstrip(),
            f"VAT no. {SELLER['tax_id']}".center(wide).rstrip(),
            "",
            "INVOICE",
            "",
            *(f"{label + ':':<20}{value}" for label, value in HEAD),
            "",
            f"Bill to: {BUYER['name']}",
            f"         {BUYER['address']}",
            f"         VAT no. {BUYER['tax_id']}",
            "",
            *lines,
            "-" * wide,
            *(f"{label + ':':>{wide - 14}}{money(value):>14}" for label, value in SUMS),
            "",
            *(f"{label} {value}" for label, value in CONTACT[1:]),
            "",
        ]
    )


def _elements() -> Sample:
    def part(name: str, party: Mapping[str, Any]) -> str:
        names = {"name": "Name", "address": "Address", "tax_id": "VatNumber", "email": "Email", "phone": "Phone",
                 "iban": "Iban"}  # fmt: skip
        inner = "".join(f"    <{names[key]}>{escape(value)}</{names[key]}>\n" for key, value in party.items() if value)
        return f"  <{name}>\n{inner}  </{name}>\n"

    head = "".join(f"  <{label.title().replace(' ', '')}>{value}</{label.title().replace(' ', '')}>\n"
                   for label, value in HEAD)  # fmt: skip
    tags = ("Description", "Quantity", "Unit", "UnitPrice", "VatRate", "Amount")
    lines = "".join(
        "    <Line>"
        + "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in zip(tags, line, strict=True))
        + "</Line>\n"
        for line in rows()[1:]
    )
    sums = "".join(f"  <{label.title().replace(' ', '')}>{money(value)}</{label.title().replace(' ', '')}>\n"
                   for label, value in SUMS)  # fmt: skip
    return _sample(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Invoice>\n'
        f"{head}{part('Seller', SELLER)}{part('Buyer', BUYER)}  <Lines>\n{lines}  </Lines>\n{sums}</Invoice>\n"
    )


def _slide() -> Sample:
    head = [f"{label}: {value}" for label, value in HEAD]
    lines = (
        office.shape(["Invoice"], 0, "title"),
        office.shape([SELLER["name"], SELLER["address"], *(f"{label} {value}" for label, value in CONTACT)], 100),
        office.shape([f"Bill to: {BUYER['name']}", BUYER["address"], f"VAT no. {BUYER['tax_id']}"], 200),
        office.shape(head, 300),
        office.slide_table(rows(), 400),
        office.shape([f"{label}: {money(value)}" for label, value in SUMS], 500),
    )
    return _sample(office.pptx(["".join(lines)]))


def _mail() -> Sample:
    """The bill in the text, as plain text and as a web page, and another bill attached as a PDF."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{SELLER['name']} <{SELLER['email']}>"
    message["To"] = "accounts@foods.example.org"
    message["Subject"] = "Your invoice"
    message["Date"] = "Fri, 08 Mar 2024 09:30:00 +0000"
    message.set_content("Please see the formatted text.\n")
    message.add_alternative(_page(), subtype="html")
    attached = pdf_bytes(on_paper(GADGET_BILL, strip, AMERICA, AMERICAN, LETTER).finished())
    message.add_attachment(attached, maintype="application", subtype="pdf", filename="invoice 100-88231.pdf")
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"part-{number}-of-the-mail")
    return _sample(message.as_bytes())


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "files/letter-en.docx": _word,
    "files/workbook-en.xlsx": _workbook,
    "files/text-en.odt": _text,
    "files/slide-en.pptx": _slide,
    "files/table-en.csv": _table,
    "files/page-en.html": lambda: _sample(_page()),
    "files/elements-en.xml": _elements,
    "files/notes-en.md": _markdown,
    "files/plain-en.txt": lambda: _sample(_plain()),
    "files/mail-en.eml": _mail,
}
