"""Words of pages: the text layer where it tells what can be seen, else OCR; decided page by page, in reading order."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.contents import page_contents
from pipeline.document import open_document
from pipeline.layer import garbage, reads_like_language
from pipeline.layout import in_reading_order, turned
from pipeline.ocr import Ocr
from pipeline.read import read_pages
from schemas.page import Box, PageText, Word
from tests import prints
from tests.papers import write_invoice
from tests.prints import LETTER, letter, pdf, picture, scan

WORDS = " ".join(LETTER).split()


class NoOcr:
    """For pages that must be read without OCR."""

    def read(self, pixels: object) -> None:
        raise AssertionError("OCR was asked for")


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    return Ocr()


def pages(content: bytes, ocr: object = None) -> list[PageText]:
    with open_document(content) as document:
        return list(read_pages(document, ocr or NoOcr()))  # type: ignore[arg-type]


def texts(words: Sequence[Word]) -> list[str]:
    return [word.text for word in words]


def recall(page: PageText, wanted: Sequence[str] = WORDS) -> float:
    return sum(word in texts(page.words) for word in wanted) / len(wanted)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_words_stand_where_the_displayed_page_shows_them(rotation: int) -> None:
    def draw(page: pymupdf.Page) -> None:
        letter(page)
        page.set_rotation(rotation)

    content = pdf(draw)
    page = pages(content, NoOcr() if rotation == 0 else None)[0]
    assert texts(page.words) == WORDS
    assert page.source == "text"
    assert page.rotation == -rotation % 360  # what the file turns away, reading turns back
    assert (page.width, page.height) == (420, 300)
    [word] = [word for word in page.words if word.text == "HP-20417"]
    upright = pymupdf.open(stream=pdf(letter), filetype="pdf")[0]
    [place] = upright.search_for("HP-20417")
    assert word.box == pytest.approx((place.x0 / 420, place.y0 / 300, place.x1 / 420, place.y1 / 300), abs=0.002)


def test_a_landscape_page_that_the_file_puts_upright_stays_as_displayed() -> None:
    def draw(page: pymupdf.Page) -> None:
        for row, line in enumerate(LETTER):
            page.insert_text((60 + 35 * row, 400), line, fontsize=16, rotate=90)
        page.set_rotation(90)

    [page] = pages(pdf(draw, width=300, height=420))
    assert texts(page.words) == WORDS
    assert page.rotation == 0
    assert (page.width, page.height) == (420, 300)


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_text_drawn_on_its_side_or_head_is_put_upright(rotate: int) -> None:
    def draw(page: pymupdf.Page) -> None:
        for row, line in enumerate(LETTER):
            at = {90: (60 + 35 * row, 400), 180: (400, 400 - 35 * row), 270: (400 - 35 * row, 20)}[rotate]
            page.insert_text(at, line, fontsize=16, rotate=rotate)

    [page] = pages(pdf(draw, width=420, height=450))
    assert page.rotation == rotate  # text turned counter-clockwise is turned back clockwise
    assert (page.width, page.height) == ((420, 450) if rotate == 180 else (450, 420))
    assert texts(page.words) == WORDS
    assert all(word.box.width * page.width > word.box.height * page.height for word in page.words if len(word.text) > 4)


def test_words_come_in_reading_order_however_the_file_draws_them() -> None:
    places = {"last": (300, 200), "first": (40, 60), "second": (300, 62), "third": (40, 100), "fourth": (120, 99)}

    def draw(page: pymupdf.Page) -> None:
        for text, at in places.items():
            page.insert_text(at, text, fontsize=14)

    [page] = pages(pdf(draw))
    assert texts(page.words) == ["first", "second", "third", "fourth", "last"]


def test_ligatures_and_soft_hyphens_are_spelt_out() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_htmlbox(page.rect, "<p>e\ufb03cient \ufb01re co\u00adoperate</p>")

    [page] = pages(pdf(draw))
    assert texts(page.words) == ["efficient", "fire", "cooperate"]


def test_what_forms_were_filled_with_is_among_the_words_and_what_their_buttons_look_like_is_not() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((36, 50), "Name of the applicant")
        for kind, value, top in (
            (pymupdf.PDF_WIDGET_TYPE_TEXT, "Wharf Road", 60),
            (pymupdf.PDF_WIDGET_TYPE_CHECKBOX, True, 100),
        ):
            widget = pymupdf.Widget()
            widget.field_type, widget.field_name, widget.field_value = kind, f"field{top}", value
            widget.rect = pymupdf.Rect(36, top, 136 if top == 60 else 56, top + 20)
            page.add_widget(widget)

    [page] = pages(pdf(draw))
    assert texts(page.words) == ["Name", "of", "the", "applicant", "Wharf", "Road"]
    assert [mark.checked for mark in page.marks] == [True]


def test_invisible_text_is_no_word_of_the_page() -> None:
    def draw(page: pymupdf.Page) -> None:
        letter(page)
        page.insert_text((36, 280), "Total 9,999,999.00", render_mode=3)

    [page] = pages(pdf(draw))
    assert texts(page.words) == WORDS


def test_the_hidden_text_of_a_small_picture_is_kept() -> None:
    def draw(page: pymupdf.Page) -> None:
        letter(page)
        page.insert_image(pymupdf.Rect(300, 240, 400, 290), stream=prints.encoded(np.full((50, 100, 3), 180, np.uint8)))
        page.insert_text((310, 270), "stamped", render_mode=3)

    [page] = pages(pdf(draw))
    assert "stamped" in texts(page.words)


@pytest.mark.parametrize(
    "draw",
    [lambda page: None, lambda page: page.draw_rect(page.rect, color=(1, 1, 1), fill=(1, 1, 1))],
    ids=["nothing drawn", "painted white"],
)
def test_a_blank_page_needs_no_ocr(draw: prints.Draw) -> None:
    [page] = pages(pdf(draw))
    assert (page.source, page.reason, page.words, page.failure) == ("none", "blank page", (), None)


def test_a_scan_is_read_by_ocr_beside_a_page_that_is_not(ocr: Ocr) -> None:
    document = pymupdf.open(stream=pdf(letter))
    document.insert_pdf(pymupdf.open(stream=scan(picture(pdf(letter)))))
    first, second = pages(bytes(document.tobytes()), ocr)
    assert (first.source, second.source) == ("text", "ocr")
    assert second.reason == "no text layer, but pictures or drawings"
    assert recall(second) == 1.0
    assert (second.width, second.height) == pytest.approx((first.width, first.height))
    assert texts(second.words) == texts(first.words)
    for word, twin in zip(second.words, first.words, strict=True):
        assert word.box.intersection_over_union(twin.box) > 0.5, word


def test_hidden_words_under_a_scan_are_not_believed(ocr: Ocr) -> None:
    wrong = tuple(line.replace("1,536.75", "7,536.15") for line in LETTER)
    [page] = pages(scan(picture(pdf(letter)), hidden=wrong), ocr)
    assert "hidden text layer" in page.reason
    assert "1,536.75" in texts(page.words)
    assert "7,536.15" not in texts(page.words)


def test_words_that_a_scan_was_laid_over_are_not_believed(ocr: Ocr) -> None:
    def draw(page: pymupdf.Page) -> None:
        letter(page, tuple(line.replace("1,536.75", "7,536.15") for line in LETTER))
        page.insert_image(page.rect, stream=prints.encoded(picture(pdf(letter))))

    [page] = pages(pdf(draw), ocr)
    assert page.source == "ocr"
    assert "1,536.75" in texts(page.words)


def test_the_stamp_on_a_scan_is_not_its_text(ocr: Ocr) -> None:
    stamped = pymupdf.open(stream=scan(picture(pdf(letter))))
    stamped[0].insert_text((200, 20), "Received 2026-03-17 by the scanning desk, sheet 1 of 1, box 44", fontsize=6)
    [page] = pages(bytes(stamped.tobytes()), ocr)
    assert page.reason == "a scan with hardly any text layer"
    assert recall(page) == 1.0


def test_words_over_a_background_picture_are_believed() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_image(page.rect, stream=prints.encoded(np.full((30, 40, 3), 235, np.uint8)))
        letter(page)

    [page] = pages(pdf(draw))
    assert texts(page.words) == WORDS


PARAGRAPH = (
    "The goods remain the property of the seller until",
    "they have been paid for in full by the customer.",
    "Please quote the number of this invoice in every",
    "letter or payment that you send to our office.",
)


@pytest.mark.parametrize("code", [lambda code: (code + 7) % 94 + 33, lambda code: (code - 97 + 7) % 26 + 97])
def test_a_layer_whose_letters_are_mapped_wrongly_is_read_by_ocr(code: Callable[[int], int], ocr: Ocr) -> None:
    document = pymupdf.open(stream=pdf(lambda page: letter(page, PARAGRAPH)))
    mapping = "".join(f"<{seen:02x}> <{code(seen):04x}>\n" for seen in range(33, 127))
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
        f"1 begincodespacerange <00> <ff> endcodespacerange\n94 beginbfchar\n{mapping}endbfchar\nendcmap end end"
    )
    unicodes = document.get_new_xref()
    document.update_object(unicodes, "<<>>")
    document.update_stream(unicodes, cmap.encode())
    document.xref_set_key(document[0].get_fonts()[0][0], "ToUnicode", f"{unicodes} 0 R")
    garbled = bytes(document.tobytes())
    assert "property" not in pymupdf.open(stream=garbled)[0].get_text()
    [page] = pages(garbled, ocr)
    assert (page.source, page.reason) == ("ocr", "the text layer's letters make no words")
    assert recall(page, " ".join(PARAGRAPH).split()) > 0.9


def test_a_layer_of_codes_that_only_look_senseless_is_kept_when_ocr_sees_them_too(ocr: Ocr) -> None:
    codes = (
        "XKRT-PLMN-40 BCDF-GHJK-71",
        "TRWQ-ZXCV-93 QWRT-PSDF-25",
        "HJKL-MNBV-68 ZXCV-LKJH-14",
        "PLKM-NJHB-57 VGTF-CRDX-36",
        "WQXZ-KJHG-82 MNBV-PLKJ-29",
        "QZXW-VBNM-64 FGHJ-WXKQ-90",
    )
    [page] = pages(pdf(lambda page: letter(page, codes)), ocr)
    assert (page.source, page.reason) == ("text", "text layer, which OCR confirms")
    assert texts(page.words) == " ".join(codes).split()


def test_a_damaged_page_costs_no_other_page(ocr: Ocr) -> None:
    sheets = [Image.fromarray(picture(pdf(letter), dpi=100)) for _ in range(3)]
    stream = io.BytesIO()
    sheets[0].save(stream, "TIFF", save_all=True, append_images=sheets[1:], compression="tiff_deflate")
    content = bytearray(stream.getvalue())
    with Image.open(stream) as fax:
        fax.seek(1)
        [start, *_], [length, *_] = fax.tag_v2[273], fax.tag_v2[279]
    content[start : start + length] = bytes(length)
    first, second, third = pages(bytes(content), ocr)
    assert recall(first) == recall(third) == 1.0
    assert (second.number, second.words, second.source) == (2, (), "none")
    assert second.failure and "cannot be rendered" in second.failure


def test_a_cut_off_pdf_does_not_pass_for_blank_pages() -> None:
    content = pdf(letter, letter, letter)
    found = pages(content[:2000])
    assert texts(found[0].words) == WORDS
    assert "damaged" in found[0].reason
    assert found[2].failure and "damaged" in found[2].failure
    assert all(page.failure is None for page in pages(content))


def test_pages_are_read_one_at_a_time() -> None:
    with open_document(pdf(*[letter] * 50)) as document:
        reader = read_pages(document)
        assert [next(reader).number, next(reader).number] == [1, 2]
    with pytest.raises(Exception, match="closed"):
        document.pdf[3].get_text()


def test_contents_tell_scans_from_pages() -> None:
    def over(page: pymupdf.Page) -> None:
        page.insert_image(
            pymupdf.Rect(0, 0, 420, 150), stream=prints.encoded(np.zeros((9, 9, 3), np.uint8)), keep_proportion=False
        )
        letter(page)

    half = page_contents(pymupdf.open(stream=pdf(over))[0])
    assert half.covered == pytest.approx(0.5, abs=0.01)
    assert (half.buried, half.boxes, half.empty) == (0.0, False, False)
    whole = page_contents(pymupdf.open(stream=scan(picture(pdf(letter)), hidden=LETTER))[0])
    assert (whole.covered, whole.buried, whole.unseen) == (pytest.approx(1.0), 1.0, ())


def word(text: str) -> Word:
    return Word(text, Box(0.1, 0.1, 0.2, 0.2))


def test_garbage_is_what_stands_for_nothing() -> None:
    assert garbage([word("Überweisung"), word("¥500"), word("日本語"), word("naïve")]) == 0.0
    assert garbage([word("ab\ufffd\ue000")]) == 0.5


@pytest.mark.parametrize(
    ("line", "sound"),
    [
        (
            "Lieferung und Leistung erfolgen ausschließlich zu unseren allgemeinen Geschäftsbedingungen, die wir Ihnen",
            True,
        ),
        (
            "Wszystkie ceny zawierają podatek od towarów i usług zgodnie z obowiązującymi przepisami prawa polskiego",
            True,
        ),
        ("6{KQH 7HVWZDUHQ *PE+ 0XVWHUVWDGW 3ODW]KDOWHU 5HFKQXQJVGDWXP XQVHUHQ DOOJHPHLQHQ JHVFKlIWVEHGLQJXQJHQ", False),
        ("BSCDF XKRT", True),
    ],
)
def test_letters_are_as_frequent_as_in_languages(line: str, sound: bool) -> None:
    assert reads_like_language([word(part) for part in line.split()]) is sound


boxes = st.builds(
    lambda x, y, w, h: Box(x, y, min(1.0, x + w), min(1.0, y + h)),
    *[st.floats(0, 0.95)] * 2,
    *[st.floats(0.01, 0.05)] * 2,
)


@given(boxes)
def test_four_quarter_turns_are_none(box: Box) -> None:
    quarter = turned(box, 90)
    assert turned(quarter, 90) == pytest.approx(turned(box, 180))
    assert turned(quarter, 270) == pytest.approx(box)
    assert quarter.width == pytest.approx(box.height)


@given(st.lists(boxes, max_size=30, unique=True), st.randoms(use_true_random=False))
def test_reading_order_loses_nothing_and_does_not_depend_on_the_order_given(found: list[Box], random: object) -> None:
    words = [Word(str(number), box) for number, box in enumerate(found)]
    ordered = in_reading_order(words)
    assert sorted(ordered) == sorted(words)
    assert texts(in_reading_order(sorted(words, key=lambda w: (w.box.center[1], w.text)))) == texts(ordered)


@given(st.integers(1, 6), st.integers(1, 5), st.floats(-12, 12))
def test_rows_that_run_askew_are_read_row_by_row(rows: int, columns: int, skew: float) -> None:
    slope = np.tan(np.radians(skew))
    words = []
    for row in range(rows):
        for column in range(columns):
            x, y = 0.1 + 0.15 * column, 0.2 + 0.05 * row + slope * (0.1 + 0.15 * column)
            words.append(Word(f"{row}.{column}", Box(x, y, x + 0.1, y + 0.02)))
    assert texts(in_reading_order(reversed(words), skew)) == texts(words)


def test_reading_tells_nobody_and_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    """ONNX Runtime keeps a file of telemetry there, and sends it, unless it is told not to."""
    write_invoice(tmp_path / "x.pdf", "INV-1")
    home = tmp_path / "home"
    home.mkdir()
    program = (
        "from pipeline.document import open_document\n"
        "from pipeline.read import default_ocr, read_pages\n"
        f"print(sum(len(page.words) for page in read_pages(open_document({str(tmp_path / 'x.pdf')!r}))))\n"
        "default_ocr()\nimport onnxruntime\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    run = subprocess.run(
        [sys.executable, "-c", program], env={**kept, "HOME": str(home)}, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 0
    assert not list(home.rglob("*"))
