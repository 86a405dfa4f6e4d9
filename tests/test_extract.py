"""From bytes to record, on real PDFs made here."""

import json

import pymupdf
import pytest

from model.engine import Answer, Ask
from model.fake import FakeEngine
from model.registry import load_engine
from pipeline.confidence.trust import Trust
from pipeline.extract import extract
from schemas.contract import Contract
from schemas.errors import DamagedDocument, DocumentTooLarge, error_code
from schemas.record import Record

CONTRACT = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "invoice_number": {"type": "string"},
            "total": {"type": "number"},
            "due_date": {"type": ["string", "null"], "format": "date"},
        },
    },
    "bill",
)


def pdf(*pages: list[tuple[float, float, str]], password: str = "") -> bytes:
    document = pymupdf.open()
    for texts in pages:
        page = document.new_page()
        for x, y, text in texts:
            page.insert_text((x, y), text, fontsize=11)
    options = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "user_pw": password} if password else {}
    content: bytes = document.tobytes(**options)
    return content


BILL = [(72, 80, "Invoice number: A-1042"), (72, 120, "Total"), (400, 120, "1,250.00")]


def test_a_bill_becomes_a_record_with_evidence() -> None:
    record = extract(pdf(BILL), CONTRACT, load_engine("embedded"), name="bill.pdf")
    assert record.data == {"invoice_number": "A-1042", "total": 1250.0, "due_date": None}
    (evidence,) = record.fields["/total"].evidence
    assert evidence.page == 1 and evidence.text == "1,250.00"
    assert pytest.approx(evidence.box.x0, abs=0.01) == 400 / 595
    assert record.fields["/due_date"].status == "absent"
    assert record.document.pages[0].source == "text"
    assert Record.model_validate_json(record.model_dump_json()) == record


def test_a_value_on_a_later_page_points_to_that_page() -> None:
    record = extract(pdf([(72, 80, "See overleaf")], BILL), CONTRACT, load_engine("embedded"))
    assert record.fields["/total"].evidence[0].page == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-document"),
        (b"just words", "unsupported-document"),
        (b"%PDF-1.7\nrubbish", "damaged-document"),
        (pdf(BILL, password="secret"), "encrypted-document"),
    ],
)
def test_bad_documents_give_failed_records_that_say_why_and_what_to_do(content: bytes, code: str) -> None:
    record = extract(content, CONTRACT, load_engine("embedded"), name="bad.pdf")
    assert record.status == "failed" and record.data is None
    assert record.issues[0].code == code
    assert "bad.pdf" in record.issues[0].message


def test_a_missing_file_fails_as_a_record() -> None:
    record = extract("no/such/file.pdf", CONTRACT, load_engine("embedded"))
    assert record.status == "failed" and "no/such/file.pdf" in record.issues[0].message


def test_the_password_opens_it() -> None:
    record = extract(pdf(BILL, password="secret"), CONTRACT, load_engine("embedded"), passwords=("wrong", "secret"))
    assert record.data["total"] == 1250.0


def test_a_reply_cut_off_fails_the_record_and_invents_nothing() -> None:
    class Cut(FakeEngine):
        def answer(self, asks):  # type: ignore[no-untyped-def]
            for ask in asks:
                yield Answer(ask.id, '{"total": 12', finish="length")

    record = extract(pdf(BILL), CONTRACT, Cut())
    assert record.status == "failed" and record.data is None
    assert record.issues[0].code == "answer-cut-off"


def test_an_engine_that_says_nothing_of_places_is_grounded_by_search() -> None:
    def reply(ask: Ask) -> dict[str, object]:
        return {"invoice_number": "A-1042", "total": 99.0}

    record = extract(pdf(BILL), CONTRACT, FakeEngine(reply), trust=Trust(escalations=0))
    assert record.fields["/invoice_number"].evidence[0].text == "A-1042"
    assert record.fields["/total"].evidence == ()
    assert {field.status for field in record.fields.values()} <= {"review", "absent"}


def test_markup_and_control_characters_of_a_document_stay_data() -> None:
    hostile = "<script>alert(1)</script>7"
    record = extract(pdf([(72, 80, f"Invoice number: {hostile}")]), CONTRACT, load_engine("embedded"))
    assert json.loads(record.model_dump_json())["document"]["media_type"] == "application/pdf"


def test_error_codes_are_the_class_names_in_kebab_case() -> None:
    assert error_code(DamagedDocument("x")) == "damaged-document"
    assert error_code(DocumentTooLarge("x")) == "document-too-large"
