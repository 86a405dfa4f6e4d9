"""Lines that look like rows: counted on real pages, over page breaks, and not in prose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pymupdf
import pytest

from pipeline.document import open_document
from pipeline.planning.sheet import sheet
from pipeline.planning.tabular import Block, Finder
from pipeline.read import read_pages
from schemas.page import PageText
from tests.pages import page

SAMPLES = Path(__file__).parent.parent / "sample_docs"
TOLERANCE = 0.12  # of a table's rows, on top of lines of totals and balances, at most 3 a table


def blocks_of(pages: Sequence[PageText]) -> list[Block]:
    finder = Finder()
    for each in pages:
        finder.take(each, sheet(each))
    return finder.blocks


def rows_of(block: Block) -> int:
    return sum(row.entries for row in block.rows)


def pages_of(path: Path) -> list[PageText]:
    with open_document(path) as document:
        return list(read_pages(document))


@pytest.mark.parametrize(
    ("file", "list_"),
    [
        ("statements/business-en-12-pages.pdf", "transactions"),
        ("statements/giro-de.pdf", "transactions"),
        ("invoices/testwaren-de-3-pages.pdf", "lines"),
        ("invoices/freight-en.pdf", "lines"),
        ("invoices/atelier-fr.pdf", "lines"),
        ("invoices/gadgets-us.pdf", "lines"),
    ],
)
def test_the_largest_block_of_a_sample_has_about_as_many_rows_as_its_list(file: str, list_: str) -> None:
    truth = json.loads((SAMPLES / file).with_suffix(".truth.json").read_text(encoding="utf-8"))
    data = truth.get("data", truth)
    count = len(data[list_])
    found = sum(rows_of(block) for block in blocks_of(pages_of(SAMPLES / file)) if len(block.rows) > 2)
    largest = max(rows_of(block) for block in blocks_of(pages_of(SAMPLES / file)))
    assert largest <= (1 + TOLERANCE) * count + 3
    assert found >= (1 - TOLERANCE) * count


def table(rows: int, start: int = 1, wrap: int = 0) -> list[str]:
    lines = []
    for number in range(start, start + rows):
        lines.append(f"{number:>3}   2024-01-{1 + number % 28:02}   Goods of kind {number:<6}        {number}.50")
        lines += ["                    in a box that is blue"] * wrap
    return lines


def test_a_table_that_goes_on_overleaf_is_one_block() -> None:
    head = ["A report", "", "No.   Date         Article                      Amount"]
    foot = ["", "Page of a report"]
    pages = [page("\n".join([*head, *table(20, 1 + 20 * at), *foot]), number=at + 1) for at in range(3)]
    [block] = blocks_of(pages)
    assert rows_of(block) == 60
    assert {row.page for row in block.rows} == {1, 2, 3}
    assert "Date" in block.head[-1]


def test_what_a_row_goes_on_with_is_part_of_it() -> None:
    [single] = blocks_of([page("\n".join(table(10)))])
    [wrapped] = blocks_of([page("\n".join(table(10, wrap=2)))])
    assert rows_of(single) == rows_of(wrapped) == 10
    assert sum(row.tokens for row in wrapped.rows) > 1.3 * sum(row.tokens for row in single.rows)


def test_prose_has_no_rows_in_one_column_or_in_two() -> None:
    prose = ["The tenant may give notice at any time by letter and the landlord"] * 30
    assert blocks_of([page("\n".join(prose))]) == []
    columns = [f"{left[:30]:<34}{left[30:]}" for left in prose]
    assert blocks_of([page("\n".join(columns))]) == []


def test_rows_that_stand_side_by_side_are_counted_each() -> None:
    lines = [f"{at:>2}  Name of one    1:0{at}.25       {at + 9:>2}  Name of other  1:1{at}.75" for at in range(1, 9)]
    [block] = blocks_of([page("\n".join(lines))])
    assert rows_of(block) == 16


def test_rows_begin_between_lines() -> None:
    drawn = page("\n".join(table(6)))
    [block] = blocks_of([drawn])
    tops = sorted({word.box.y0 for word in drawn.words})
    bottoms = sorted({word.box.y1 for word in drawn.words})
    assert block.rows[0].above == 0.0
    for row, top, bottom in zip(block.rows[1:], tops[1:], bottoms[:-1], strict=True):
        assert bottom < row.above < top


def test_a_real_table_of_many_pages_in_proportional_type_is_counted() -> None:
    pdf = pymupdf.open()
    for sheet_ in range(4):
        leaf = pdf.new_page()
        leaf.insert_text((50, 60), "Register of deliveries", fontsize=14)
        for x, title in zip((50, 120, 330, 430), ("Day", "Goods", "Pieces", "Price"), strict=True):
            leaf.insert_text((x, 90), title, fontsize=9)
        for row in range(40):
            y = 105 + 15 * row
            leaf.insert_text((50, y), f"{1 + row % 28:02}.0{1 + sheet_}.2024", fontsize=9)
            leaf.insert_text((120, y), f"Crate of {'small ' * (row % 4)}apples", fontsize=9)
            for x, text in ((360, str(row * 7)), (470, f"{row * 13.5:,.2f}")):
                leaf.insert_text((x - pymupdf.get_text_length(text, fontsize=9), y), text, fontsize=9)
    with open_document(pdf.tobytes()) as document:
        found = blocks_of(list(read_pages(document)))
    assert [rows_of(block) for block in found] == [160]
