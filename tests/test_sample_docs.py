"""The sample documents are what their truths say, and can be made again."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence
from stdnum import iban
from stdnum.ch import uid
from stdnum.de import vat as german_vat
from stdnum.es import nif
from stdnum.fr import tva
from stdnum.gb import vat as british_vat
from stdnum.nl import btw

from model.values.dates import parse_date
from pipeline.document import open_document
from pipeline.read import read_pages
from sample_docs.make import files
from sample_docs.make.__main__ import HERE, SAMPLES
from sample_docs.make.paper import Mark, Paper, Value
from sample_docs.make.sample import truth
from sample_docs.make.scan import Look, moved, pictures
from schemas.errors import DocumentError, error_code
from schemas.pointer import leaves, resolve
from schemas.registry import load_contract

SIGNS = {"£": "GBP", "$": "USD", "€": "EUR"}
VALID_TAX_ID = {
    "DE": german_vat.is_valid,
    "FR": tva.is_valid,
    "B9": nif.is_valid,
    "NL": btw.is_valid,
    "GB": british_vat.is_valid,
    "CH": uid.is_valid,
}


def told(path: str) -> Any:
    return json.loads(
        (HERE / path).with_suffix(".truth.json").read_text("utf-8"), parse_float=Decimal, parse_int=Decimal
    )


READABLE = [path for path in SAMPLES if "fails" not in told(path)]
BROKEN = [path for path in SAMPLES if "fails" in told(path)]
DIGITAL = [path for path in READABLE if path.endswith(".pdf") and not re.search("scan|garbled", path)]


def of_schema(name: str) -> list[str]:
    return [path for path in READABLE if told(path)["schema"] == name]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All samples, made anew."""
    out = tmp_path_factory.mktemp("samples")
    for path, make in SAMPLES.items():
        make().save(out / path)
    return out


def test_the_folder_holds_what_the_program_makes_and_nothing_else() -> None:
    kept = {
        path.relative_to(HERE).as_posix()
        for path in HERE.glob("*/*")
        if path.is_file() and path.parent.name not in ("make", "__pycache__")
    }
    truths = {Path(path).with_suffix(".truth.json").as_posix() for path in SAMPLES}
    assert kept == SAMPLES.keys() | truths
    assert len(SAMPLES) >= 24
    assert sum((HERE / path).stat().st_size for path in kept) < 6_000_000


def test_the_readme_tells_of_every_document() -> None:
    assert (
        set(re.findall(r"\| `(\w+/[^`]+)` \|", (HERE.parent / "docs/samples.md").read_text("utf-8"))) == SAMPLES.keys()
    )


@pytest.mark.parametrize("path", SAMPLES)
def test_made_again_it_is_the_same(path: str, made: Path) -> None:
    """Truth by value, boxes to a thousandth of the page, documents by what they show (fonts differ by version)."""
    again = json.loads(
        (made / path).with_suffix(".truth.json").read_text("utf-8"), parse_float=Decimal, parse_int=Decimal
    )
    kept = told(path)
    assert {**again, "evidence": None} == {**kept, "evidence": None}
    for pointer, places in kept.get("evidence", {}).items():
        for one, other in zip(places, again["evidence"][pointer], strict=True):
            assert one["page"] == other["page"]
            assert np.allclose([*map(float, one["box"])], [*map(float, other["box"])], atol=1e-3)
    if path in READABLE:
        assert shown(HERE / path) == shown(made / path)


def shown(path: Path) -> list[tuple[Any, ...]]:
    """Size and text of each page of a PDF or of a file without pages, size of each picture of another file."""
    if path.parent.name == "files":
        with open_document(path) as opened:
            return [(page.width, page.height, page.words) for page in read_pages(opened)]
    if path.suffix == ".pdf":
        with pymupdf.open(path) as document:
            return [(*page.rect, page.get_text()) for page in document]
    with Image.open(path) as picture:
        return [frame.size for frame in ImageSequence.Iterator(picture)]


@pytest.mark.parametrize(
    "path", ["invoices/atelier-fr.pdf", "receipts/chemist-es-faded.jpg", "broken/damaged.pdf", *files.SAMPLES]
)
def test_made_twice_it_has_the_same_bytes(path: str) -> None:
    assert SAMPLES[path]().content == SAMPLES[path]().content


@pytest.mark.parametrize("path", READABLE)
def test_the_truth_is_valid_and_every_value_has_a_place_on_a_page(path: str) -> None:
    kept = told(path)
    assert load_contract(kept["schema"]).validate(kept["data"]) == ()
    count = len(shown(HERE / path))
    for pointer, value in leaves(kept["data"]):
        if value is not None and not pointer.endswith("/page") and not path.startswith("files/"):
            assert kept["evidence"][pointer], pointer
    for pointer, places in kept.get("evidence", {}).items():
        assert resolve(kept["data"], pointer) is not None, pointer
        for place in places:
            x0, y0, x1, y1 = place["box"]
            assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, pointer
            assert 1 <= place["page"] <= count


@pytest.mark.parametrize("path", of_schema("invoice"))
def test_invoices_reconcile(path: str) -> None:
    data = told(path)["data"]
    for line in data["lines"]:
        assert abs(line["quantity"] * line["unit_price"] - line["amount"]) <= Decimal("0.005")
    assert sum(line["amount"] for line in data["lines"]) == data["subtotal"]
    for part in data.get("tax_breakdown", ()):
        if "base" in part:
            assert abs(part["base"] * part["rate"] / 100 - part["tax"]) <= Decimal("0.005")
            of_rate = [line["amount"] for line in data["lines"] if line["tax_rate"] == part["rate"]]
            assert sum(of_rate) == part["base"]
    tax = data["total_tax"] if "total_tax" in data else sum(part["tax"] for part in data["tax_breakdown"])
    assert data["subtotal"] + tax == data["total"]
    assert data.get("amount_due", 0) <= data["total"]


@pytest.mark.parametrize("path", of_schema("receipt"))
def test_receipts_reconcile(path: str) -> None:
    data = told(path)["data"]
    for item in data["items"]:
        if item.keys() >= {"quantity", "unit_price"}:
            assert item["quantity"] * item["unit_price"] == item["amount"]
    if data["items"] and "subtotal" not in data:
        assert sum(item["amount"] for item in data["items"]) == data["total"]
    if "subtotal" in data:
        assert data["subtotal"] + data["tax"] == data["total"]


@pytest.mark.parametrize("path", of_schema("bank_statement"))
def test_balances_follow_from_one_another(path: str) -> None:
    data = told(path)["data"]
    balance = data["opening_balance"]
    for row in data["transactions"]:
        balance += row["amount"] if "amount" in row else (row["credit"] or 0) - (row["debit"] or 0)
        assert row.get("balance", balance) == balance
    assert balance == data["closing_balance"]


def test_the_long_statement_has_300_rows_on_12_pages() -> None:
    kept = told("statements/business-en-12-pages.pdf")
    rows = range(len(kept["data"]["transactions"]))
    pages = [kept["evidence"][f"/transactions/{row}/balance"][0]["page"] for row in rows]
    assert len(rows) == 300
    assert pages == sorted(pages) and set(pages) == set(range(1, 13))


@pytest.mark.parametrize("path", READABLE)
def test_numbers_with_check_digits_are_valid_and_no_mail_can_arrive(path: str) -> None:
    for pointer, value in leaves(told(path)["data"]):
        name = pointer.rsplit("/", 1)[-1]
        if name == "iban" or (name == "account_number" and value):
            assert value is None or iban.is_valid(value)
        elif name == "tax_id" and value is not None:
            number = value.removesuffix(" MWST")
            assert VALID_TAX_ID[number[:2]](number), value
        elif "@" in str(value):
            assert re.search(r"[@.]example\.(com|org)$", value)


def letters(page: pymupdf.Page) -> tuple[str, np.ndarray[Any, Any]]:
    """The page's letters, and the middle of each as fractions of the displayed page."""
    found = [
        char
        for block in page.get_text("rawdict")["blocks"]
        for line in block.get("lines", ())
        for span in line["spans"]
        for char in span["chars"]
    ]
    middles = [(pymupdf.Rect(char["bbox"]) * page.rotation_matrix) for char in found]
    size = (page.rect.width, page.rect.height)
    points = np.array([((box.x0 + box.x1) / 2 / size[0], (box.y0 + box.y1) / 2 / size[1]) for box in middles])
    return "".join(char["c"] for char in found), points


def printed_at(pages: list[tuple[str, np.ndarray[Any, Any]]], place: Any) -> str:
    text, points = pages[int(place["page"]) - 1]
    x0, y0, x1, y1 = map(float, place["box"])
    inside = (points[:, 0] > x0) & (points[:, 0] < x1) & (points[:, 1] > y0) & (points[:, 1] < y1)
    return "".join(char for char, within in zip(text, inside, strict=True) if within).strip()


def plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def states(text: str, pointer: str, value: Any) -> bool:
    """Whether the text printed in one box states the value, a whole one."""
    if pointer == "/currency":
        return bool(SIGNS.get(text, text) == value)
    if isinstance(value, Decimal):
        digits = re.sub(r"[^\d-]", "", text)
        return digits in {re.sub(r"[^\d-]", "", form) for form in (str(value), f"{value:.2f}")}
    return str(value) in {str(parse_date(text, True)), str(parse_date(text, False))}


@pytest.mark.parametrize("path", DIGITAL)
def test_boxes_of_digital_documents_hold_the_letters_that_state_the_value(path: str) -> None:
    kept = told(path)
    with pymupdf.open(HERE / path) as document:
        pages = [letters(page) for page in document]
    for pointer, places in kept["evidence"].items():
        value = resolve(kept["data"], pointer)
        texts = [printed_at(pages, place) for place in places]
        if isinstance(value, bool):
            continue
        if pointer.endswith("/markdown"):
            words = re.findall(r"\w+", value)
            assert all(word in words for text in texts for word in re.findall(r"\w+", text))
        elif isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value) and pointer != "/currency":
            whole = plain("".join(texts))
            assert whole == plain(value) * max(1, len(whole) // len(plain(value))), pointer
        else:
            for text in texts:
                assert states(text, pointer, value), (pointer, text, value)


@pytest.mark.parametrize("path", ["pages/two-columns-en.pdf", "pages/chart-en.pdf"])
def test_transcripts_leave_nothing_out(path: str) -> None:
    with pymupdf.open(HERE / path) as document:
        printed = document[0].get_text()
    axis = {"0", "100", "200", "300", "400", "500", "600", "700"}
    assert set(re.findall(r"\w+", printed)) - axis <= set(
        re.findall(r"\w+", told(path)["data"]["pages"][0]["markdown"])
    )


@pytest.mark.parametrize("path", [path for path in READABLE if path.endswith(".pdf") and path not in DIGITAL])
def test_scans_hold_one_picture_a_page_and_no_words_that_are_right(path: str) -> None:
    with pymupdf.open(HERE / path) as document:
        assert all(len(page.get_images()) == 1 for page in document)
        text = " ".join(page.get_text() for page in document)
    assert bool(text.strip()) == ("garbled" in path)
    assert not re.search("Muster|Rechnung|EUR", text)


@given(
    skew=st.floats(-5, 5),
    turn=st.sampled_from((0, 90, 180, 270)),
    margin=st.sampled_from((0.0, 15.0)),
    left=st.integers(20, 100),
    top=st.integers(20, 200),
)
@settings(max_examples=25, deadline=None)
def test_boxes_follow_the_ink_through_skew_turn_and_margin(
    skew: float, turn: int, margin: float, left: int, top: int
) -> None:
    paper = Paper((200, 300))
    rect = (left, top, left + 60, top + 12)
    paper.box(rect, fill=(0, 0, 0))
    look = Look(seed=1, dpi=100, skew=skew, turn=turn, margin=margin, noise=3)
    (picture,) = pictures(paper, look)
    dark = np.asarray(picture.rotate(turn, expand=True)) < 128
    rows, columns = np.nonzero(dark)
    (box,) = (mark.rect for mark in moved([Mark("/total", 1, rect)], paper, look))
    ink = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.allclose(box, ink, atol=2.5)


def test_what_is_printed_nowhere_is_left_out_and_what_is_absent_is_null() -> None:
    paper = Paper()
    paper.write(50, 50, "No. ", Value("A-1", "/number"))
    data = {"number": "A-1", "total": Decimal("9.50"), "due": None, "lines": [{"amount": Decimal("9.50")}]}
    found = truth("invoice", data, paper.marks, (paper.width, paper.height))
    assert found["data"] == {"number": "A-1", "due": None, "lines": []}
    with pytest.raises(ValueError, match="/number"):
        truth("invoice", {"total": 1}, paper.marks, (paper.width, paper.height))


@pytest.mark.parametrize("path", BROKEN)
def test_broken_documents_fail_as_told(path: str) -> None:
    with pytest.raises(DocumentError) as caught, open_document(HERE / path):
        pass
    assert error_code(caught.value) == told(path)["fails"]


def test_the_password_opens_the_encrypted_document() -> None:
    with pymupdf.open(HERE / "broken/encrypted.pdf") as document:
        assert document.needs_pass
        assert document.authenticate("intaglio")
        assert "EF-20417" in document[0].get_text()


def test_the_fax_is_black_and_white() -> None:
    with Image.open(HERE / "statements/extracto-es-fax.tiff") as picture:
        assert [frame.mode for frame in ImageSequence.Iterator(picture)] == ["1"] * 3
