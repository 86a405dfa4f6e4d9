"""A bank statement of any length, for trying how long documents are planned and read. It is made, and never kept here.

python -m sample_docs.make.long 200 statement.pdf      its truth is written beside it
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from sample_docs.make.paper import Paper
from sample_docs.make.printing import ENGLAND, Printer
from sample_docs.make.sample import Sample, printed
from sample_docs.make.statement_data import BRITISH, statement
from sample_docs.make.statements import BODY, Sheet, print_rows
from sample_docs.make.table import Column, print_row

ROWS = 25  # to a page


def long_statement(pages: int) -> Sample:
    """25 movements a page, money out and money in, each page handing its balance on to the next."""
    head = {
        "bank": "Specimen & Trial Bank plc",
        "account_holder": "Example Freight Ltd",
        "account_number": "GB82 WEST 1234 5698 7654 32",
        "currency": "GBP",
        "period_start": datetime.date(2019, 1, 1),
        "period_end": datetime.date(2023, 12, 31),
    }
    data = statement(head, BRITISH, ROWS * pages, "2412480.55")
    paper, say = Paper(), Printer(data, ENGLAND)
    paper.write(50, 62, say.text("/bank"), type=BODY.bold().sized(19))
    paper.write(50, 104, say.text("/account_holder"), type=BODY.sized(10))
    paper.write(50, 130, "IBAN ", say.text("/account_number"), "   Currency ", say.text("/currency"), type=BODY)
    paper.write(50, 144, say.day("/period_start"), " to ", say.day("/period_end"), type=BODY)
    columns = (
        Column("date", "Date", 50),
        Column("description", "Details", 112, wrap=230),
        Column("debit", "Money out (£)", 408, "right"),
        Column("credit", "Money in (£)", 476, "right"),
        Column("balance", "Balance (£)", 545, "right"),
    )
    sheet = Sheet(columns, 182, 78, ROWS, "d MMM yyyy", "Balance carried forward", "Balance brought forward")
    y = print_rows(paper, say, sheet)
    print_row(paper, y, columns, {"description": "Closing balance", "balance": say.money("/closing_balance")}, BODY)
    return printed("bank_statement", data, paper)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sample_docs.make.long", description="Make a long bank statement.")
    parser.add_argument("pages", type=int, help="how many")
    parser.add_argument("file", type=Path, help="the PDF to write")
    options = parser.parse_args()
    long_statement(options.pages).save(options.file)


if __name__ == "__main__":
    main()
