"""One document of every kind through `intaglio ingest`: values, and evidence that says where they stand."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from pipeline.document import open_document
from pipeline.read import read_pages
from sample_docs.make import files, office
from schemas.errors import DocumentError
from schemas.pointer import leaves
from schemas.record import Record
from tests.ole import fixed, ole, text
from tests.test_opening_frames import film, sheet
from tests.test_opening_mail import mail

SAMPLES = {path.removeprefix("files/"): make().content for path, make in files.SAMPLES.items()}
SLIP = "Invoice number: R-77\nInvoice date: 2024-03-08\nTotal: 41.50 EUR\n"
OUTLOOK = ole({**text("0037", "Bill"), **text("0C1A", "Ann"), **text("1000", SLIP), **fixed({}, 32)})
ODS = office.odf("spreadsheet", office.odf_table([["Invoice number", "R-77"], ["Total", "41.50 EUR"]], "Bill"))


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """By the name of the document, of one run over a folder of them."""
    folder, out = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out")
    for name, content in SAMPLES.items():
        (folder / name).write_bytes(content)
    (folder / "bundle.zip").write_bytes(
        office.packed({"slips/one.txt": SLIP, "mail.eml": mail(SLIP.replace("77", "78"), two_txt=SLIP.encode())})
    )
    (folder / "outlook.msg").write_bytes(OUTLOOK)
    (folder / "sheet.ods").write_bytes(ODS)
    (folder / "values.tsv").write_bytes(b"Invoice number\tTotal\nR-79\t41.50\nR-80\t42.50\n")
    (folder / "clip.mp4").write_bytes(film([sheet("TOTAL 41.50")] * 8, "mp4", "mpeg4"))
    (folder / "old.doc").write_bytes(ole({"WordDocument": b"x"}))
    arguments = [str(folder), "--schema", "invoice", "--out", str(out), "--direct", "--quiet", "--workers", "1"]
    ended = CliRunner().invoke(app, ["ingest", *arguments])
    assert ended.exit_code == 1, ended.output  # one document failed
    paths = sorted(out.rglob("*.json"))
    return {str(path.relative_to(out))[:-5]: Record.model_validate_json(path.read_text("utf-8")) for path in paths}


def test_every_document_has_a_record_and_the_same_bytes_have_one(records: dict[str, Record]) -> None:
    inner = {"bundle.zip/mail.eml", "bundle.zip/mail.eml/two.txt", "mail-en.eml/invoice 100-88231.pdf"}
    others = {"outlook.msg", "sheet.ods", "values.tsv", "clip.mp4", "old.doc"}
    assert set(records) == {*SAMPLES, *inner, *others}  # slips/one.txt has the bytes of mail.eml/two.txt
    failed = {name: record.issues[0].code for name, record in records.items() if record.status == "failed"}
    assert failed == {"old.doc": "unsupported-document"}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_bill_gives_its_values_from_every_kind_of_file(name: str, records: dict[str, Record]) -> None:
    """But for who is who: the embedded engine tells parties by layouts, which these files have each their own of."""
    record = records[name]
    wanted = {pointer: value for pointer, value in leaves(files.truth()["data"]) if value is not None}
    for pointer, value in wanted.items():
        if pointer.startswith(("/seller", "/buyer")):
            continue
        found = record.fields[pointer]
        assert same(value, found.value), pointer
        assert found.evidence, pointer


def same(value: Any, found: str | None) -> bool:
    if isinstance(value, int | Decimal):
        return found is not None and Decimal(found) == Decimal(value)
    return found == str(value)


def test_evidence_names_the_cell_the_element_and_the_line(records: dict[str, Record]) -> None:
    def cell(name: str, pointer: str) -> str | None:
        return records[name].fields[pointer].evidence[0].cell

    assert cell("workbook-en.xlsx", "/invoice_number") == "Invoice!B12"
    assert cell("workbook-en.xlsx", "/lines/1/amount") == "Invoice!F21"
    assert cell("table-en.csv", "/lines/1/amount") == "F21"
    assert cell("page-en.html", "/lines/1/amount") == "table 2!F3"
    assert cell("letter-en.docx", "/lines/1/amount") == "table 1!F3"
    assert cell("slide-en.pptx", "/lines/1/amount") == "slide 1, table 1!F3"
    assert cell("elements-en.xml", "/invoice_number") == "/Invoice/InvoiceNumber"
    assert cell("elements-en.xml", "/lines/1/amount") == "/Invoice/Lines/Line[2]/Amount"
    assert cell("plain-en.txt", "/invoice_number") == "line 7"
    assert cell("sheet.ods", "/invoice_number") == "Bill!B1"
    assert records["workbook-en.xlsx"].fields["/lines/1/amount"].evidence[0].text == "55.00"
    assert records["bundle.zip/mail.eml/two.txt"].data["total"] == 41.5
    assert records["outlook.msg"].data["invoice_number"] == "R-77"
    assert records["bundle.zip/mail.eml"].data["invoice_number"] == "R-78"
    assert records["clip.mp4"].document.pages[0].source == "ocr"


def test_the_cell_named_is_the_one_that_holds_the_value(records: dict[str, Record]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(SAMPLES["workbook-en.xlsx"]))
    amounts = 0
    for pointer, result in records["workbook-en.xlsx"].fields.items():
        for evidence in result.evidence:
            for name in (evidence.cell or "").split(","):
                title, _, place = name.partition("!")
                value = book[title][place].value
                if isinstance(value, int | float) and pointer.endswith(("amount", "unit_price", "quantity")):
                    assert Decimal(str(value)) == Decimal(result.value or ""), pointer
                    amounts += 1
    assert amounts >= 15


def test_records_of_pdfs_are_as_they_were_and_old_ones_load(records: dict[str, Record]) -> None:
    text = records["mail-en.eml/invoice 100-88231.pdf"].model_dump_json()
    assert '"cell"' not in text and '"notes"' not in text
    assert Record.model_validate_json(text) == records["mail-en.eml/invoice 100-88231.pdf"]
    kept = records["workbook-en.xlsx"].model_dump_json()
    assert Record.model_validate_json(kept) == records["workbook-en.xlsx"]
    issues = [issue for issue in records["workbook-en.xlsx"].issues if issue.code == "file-noted"]
    assert [issue.severity for issue in issues] == ["warning"] and "Rates" in issues[0].message


def test_a_second_run_has_nothing_to_do(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.msg").write_bytes(OUTLOOK)
    (tmp_path / "in" / "a.eml").write_bytes(mail(SLIP, two_txt=SLIP.encode()))
    arguments = ["ingest", str(tmp_path / "in"), "--schema", "invoice", "--out", str(tmp_path / "out"), "--direct"]
    for read in (3, 0):
        ended = CliRunner().invoke(app, [*arguments, "--json", "--workers", "1"])
        assert json.loads(ended.stdout)["read"] == read


def test_fields_comments_and_stamps_of_a_pdf_are_words_and_attached_files_are_told() -> None:
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 72), "Printed words of the page, enough of them to be a layer of text")
    page.add_freetext_annot((72, 100, 300, 130), "Typed 42.00")
    widget = pymupdf.Widget()
    widget.field_type, widget.field_name = pymupdf.PDF_WIDGET_TYPE_TEXT, "amount"
    widget.rect, widget.field_value = pymupdf.Rect(72, 200, 300, 220), "Filled 77.50"
    page.add_widget(widget)
    document.embfile_add("factur-x.xml", b"<x/>")
    with open_document(document.tobytes()) as opened:
        (read,) = read_pages(opened)
        assert {"42.00", "77.50"} <= {word.text for word in read.words}
        assert opened.notes == ("files are attached to it, which are not read: factur-x.xml.",)


SEEDS = [*SAMPLES.values(), OUTLOOK, ODS, office.packed({"a.txt": "x"})]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_broken_files_of_every_kind_are_read_or_fail_in_kind(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        with open_document(bytes(content)) as document:
            assert list(read_pages(document)) or document.page_count == 0
    except DocumentError as error:
        assert error.remedy
