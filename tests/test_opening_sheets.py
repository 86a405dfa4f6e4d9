"""Spreadsheets and tables of values: every cell's text as it is shown, under the cell's own name."""

import csv
import datetime
import io
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.document import open_document
from pipeline.opening.blocks import column_name
from pipeline.opening.delimited import delimiter_of, records
from pipeline.opening.numberformats import general, shown
from sample_docs.make import office
from schemas.errors import DamagedDocument, DocumentTooLarge, EmptyDocument
from tests.opened import cells, notes, pages

MOMENT = datetime.datetime(2024, 3, 8, 14, 5, 9)


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (1234.5, "General", "1234.5"),
        (0.1 + 0.2, "General", "0.3"),
        (123456789012345, "General", "123456789012345"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (0.125, "0.00", "0.13"),
        (2.5, "0", "3"),
        (-1234.5, "#,##0.00;(#,##0.00)", "(1,234.50)"),
        (-1234.5, "#,##0.00", "-1,234.50"),
        (0, '#,##0;-#,##0;"nil"', "nil"),
        (0.195, "0%", "20%"),
        (0.195, "0.0%", "19.5%"),
        (7, "000000", "000007"),
        (1500000, '0.0,,"M"', "1.5M"),
        (12345.678, "0.00E+00", "1.23E+04"),
        (1097.58, "[$£-809]#,##0.00;[Red]-[$£-809]#,##0.00", "£1,097.58"),
        (-1097.58, "[$£-809]#,##0.00;[Red]-[$£-809]#,##0.00", "-£1,097.58"),
        (1097.58, '#,##0.00\\ "€"', "1,097.58 €"),
        (1097.58, "_-* #,##0.00\\ _€_-;-* #,##0.00\\ _€_-", "1,097.58"),
        (5, "[<10]0.0;0", "5.0"),
        (50, "[<10]0.0;0", "50"),
        ("AB-1", '"No. "@', "No. AB-1"),
        ("AB-1", "0.00", "AB-1"),
        ("#N/A", "General", "#N/A"),
        (True, "General", "TRUE"),
        (None, "0.00", ""),
        (Decimal("3.10"), "0.0", "3.1"),
        (5, ";;;", ""),
        (MOMENT, "yyyy-mm-dd", "2024-03-08"),
        (MOMENT, "dd/mm/yy hh:mm", "08/03/24 14:05"),
        (MOMENT, "h:mm:ss AM/PM", "2:05:09 PM"),
        (MOMENT, "d mmmm yyyy", "8 March 2024"),
        (MOMENT, "[$-407]dddd, d. mmmm yyyy", "Freitag, 8. März 2024"),
        (MOMENT, "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "Friday, March 8, 2024"),
        (MOMENT, "mmm-yy", "Mar-24"),
        (MOMENT, "General", "2024-03-08"),
        (datetime.timedelta(hours=27, minutes=4), "[h]:mm", "27:04"),
        (datetime.time(9, 30), "h:mm", "9:30"),
    ],
)
def test_numbers_and_dates_are_shown_as_the_cell_shows_them(value: object, code: str, text: str) -> None:
    assert shown(value, code) == text


@given(
    st.floats(allow_nan=False, allow_infinity=False, width=64), st.sampled_from(("0.00", "#,##0.00", "0.00%", "#,##0"))
)
@settings(max_examples=100, deadline=None)
def test_what_is_shown_of_a_number_is_that_number_rounded(value: float, code: str) -> None:
    text = shown(value, code)
    number = Decimal(text.replace(",", "").rstrip("%")) / (100 if "%" in code else 1)
    places = {"0.00": "0.005", "#,##0.00": "0.005", "0.00%": "0.00005", "#,##0": "0.5"}[code]
    assert abs(number - Decimal(repr(value))) <= Decimal(places)


@given(st.floats(-1e9, 1e9), st.text(max_size=12))
@settings(max_examples=200, deadline=None)
def test_no_number_format_is_an_error(value: float, code: str) -> None:
    assert isinstance(shown(value, code), str)
    assert abs(Decimal(general(value)) - Decimal(repr(value))) <= Decimal("0.01")


def saved(book: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def sheet(title: str = "Sheet1") -> tuple[openpyxl.Workbook, Worksheet]:
    book = openpyxl.Workbook()
    book.active.title = title
    return book, book.active


def test_a_workbook_shows_cells_merged_cells_and_names_and_tells_what_is_hidden() -> None:
    book, first = sheet("Q1 2024")
    first["B2"] = "Merged heading"
    first.merge_cells("B2:D2")
    first["B3"], first["C3"], first["D3"] = 1234.5, datetime.date(2024, 3, 8), True
    first["B3"].number_format, first["C3"].number_format = "#,##0.00", "d mmm yyyy"
    first["B4"], first["E3"], first["B5"] = "in a hidden row", "in a hidden column", "last"
    first.row_dimensions[4].hidden = True
    first.column_dimensions["E"].hidden = True
    other = book.create_sheet("Rates")
    other["A1"] = 7
    secret = book.create_sheet("Secret")
    secret["A1"] = "nobody sees it"
    secret.sheet_state = "hidden"
    content = saved(book)
    assert cells(content) == {
        "'Q1 2024'": "Q1 2024", "'Q1 2024'!B2": "Merged heading", "'Q1 2024'!B3": "1,234.50",
        "'Q1 2024'!C3": "8 Mar 2024", "'Q1 2024'!D3": "TRUE", "'Q1 2024'!B5": "last", "Rates": "Rates", "Rates!A1": "7",
    }  # fmt: skip
    assert [page.reason for page in pages(content)] == ["cells of the sheet Q1 2024", "cells of the sheet Rates"]
    assert notes(content) == (
        "hidden sheets are not read: Secret.",
        "the sheet 'Q1 2024' has hidden rows or columns, which are not read.",
    )


def test_formulas_show_their_stored_result_and_those_without_one_are_told() -> None:
    book, first = sheet()
    first["A1"], first["A2"] = 5, "=A1*2"
    content = saved(book)
    assert cells(content) == {"Sheet1!A1": "5"}
    assert "Sheet1!A2" in notes(content)[0] and "spreadsheet program" in notes(content)[0]
    from zipfile import ZipFile

    with ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = (
        parts["xl/worksheets/sheet1.xml"].replace(b"<v></v>", b"<v>10</v>").replace(b"<v />", b"<v>10</v>")
    )
    solved = office.packed(parts)
    assert cells(solved) == {"Sheet1!A1": "5", "Sheet1!A2": "10"}
    assert notes(solved) == ()


def test_a_wide_and_long_sheet_becomes_pages_on_which_every_cell_stands_once() -> None:
    book, first = sheet()
    for row in range(120):
        first.append([f"r{row}c{column}-of-some-length" for column in range(30)])
    content = saved(book)
    found = cells(content)
    assert len(found) == 120 * 30
    assert all(text == f"r{row}c{column}-of-some-length" for row in range(120) for column in range(30)
               for text in (found[f"Sheet1!{column_name(column)}{row + 1}"],))  # fmt: skip
    read = pages(content)
    assert len(read) > 2 and max(page.width for page in read) <= 1400
    assert all(0 <= word.box.x0 < word.box.x1 <= 1 and 0 <= word.box.y0 < word.box.y1 <= 1
               for page in read for word in page.words)  # fmt: skip


def test_empty_damaged_and_huge_workbooks_fail_in_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    book, first = sheet()
    with pytest.raises(EmptyDocument):
        open_document(saved(book))
    first["A1"] = 1
    content = saved(book)
    from zipfile import ZipFile

    with ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">]>'
    for name in ("xl/workbook.xml", "xl/worksheets/sheet1.xml"):
        with pytest.raises(DamagedDocument, match="document type"):
            open_document(office.packed({**parts, name: bomb + parts[name].partition(b"?>")[2]}))
        with pytest.raises(DamagedDocument):
            open_document(office.packed({**parts, name: parts[name][: len(parts[name]) // 2]}))
    import pipeline.opening.values as values

    monkeypatch.setattr(values, "MOST_CELLS", 0)
    with pytest.raises(DocumentTooLarge, match="cells"):
        open_document(content)


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=8)


@given(
    st.lists(st.lists(WORDS, min_size=3, max_size=5), min_size=3, max_size=6).filter(
        lambda table: len({len(row) for row in table}) == 1
    ),
    st.sampled_from(",;\t|"),
)
@settings(max_examples=40, deadline=None)
def test_values_come_back_as_they_were_written(table: list[list[str]], delimiter: str) -> None:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
    text = stream.getvalue()
    assert list(records(text, delimiter)) == table
    found = cells(text.encode("utf-8-sig"), "values.csv" if delimiter != "\t" else "values.tsv")
    if delimiter_of(text)[1] == delimiter:
        wanted = {f"{column_name(column)}{row + 1}": " ".join(value.split()) for row, line in enumerate(table)
                  for column, value in enumerate(line)}  # fmt: skip
        assert found == {name: value for name, value in wanted.items() if value}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b,c\n1,2,3\n4,5,6\n", (True, ",")),
        ("a;b\n1,5;2\n2,5;3\n", (True, ";")),
        ("sep=|\na|b\n", (True, "|")),
        ("a\tb\n1\t2\n3\t4\n", (True, "\t")),
        ("Dear Sir, or Madam,\nthe bill, of course, is late.\nYours\n", (False, ",")),
        ("one line\n", (False, "")),
        ('"a,1","b\nc",d\n1,2,3\n4,5,6\n7,8,9\n', (True, ",")),
    ],
)
def test_the_sign_between_values_is_told_by_the_text(text: str, found: tuple[bool, str]) -> None:
    assert delimiter_of(text)[1] == found[1] or not found[0]
    assert delimiter_of(text)[0] == found[0]


def test_values_in_quotes_may_hold_lines_and_signs_and_a_lost_quote_is_told() -> None:
    content = b'sep=;\r\nName;Note\r\n"Smith; J";"two\r\nlines"\r\n'
    assert cells(content, "x.csv") == {"A1": "Name", "B1": "Note", "A2": "Smith; J", "B2": "two lines"}
    with pytest.raises(DamagedDocument, match="line"):
        open_document(b'a,b,c\n1,"' + b"x" * (1 << 21) + b",2\n", name="x.csv")
    with pytest.raises(EmptyDocument):
        open_document(b",,\n,,\n", name="x.csv")
