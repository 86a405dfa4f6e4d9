"""Pages as they come: photographed, askew, faxed, two to a scan, stamped, tiny, long, or there twice."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pymupdf
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from benchmarks import degrading
from pipeline.copies import copy_issues
from pipeline.document import open_document
from pipeline.geometry import WHOLE, back, box_on_sheet, corners_of, flat_size, levelled, mapped, onto
from pipeline.ocr import Ocr
from pipeline.ocr.detection import SHARED, pieces
from pipeline.papers import find_paper
from pipeline.read import read_pages
from pipeline.render import flattened, render_page
from pipeline.review_page.pictures import Wanted, make_pictures
from pipeline.score import score
from pipeline.spreads import gutter
from schemas.contract import Contract
from schemas.errors import PageFailure
from schemas.page import BLANK, Box, Corners, Origin, PageText
from schemas.record import (
    ContractInfo,
    DocumentInfo,
    EngineInfo,
    Evidence,
    FieldResult,
    PageInfo,
    Record,
)
from tests.prints import LETTER, encoded, letter, pdf, picture, scan, skewed, turned

WORDS = " ".join(LETTER).split()
SHEET = picture(pdf(letter), dpi=200)
TERMS = (
    "General conditions of sale",
    "Goods remain our property",
    "until they are paid in full",
    "Claims within eight days",
    "The courts of Sampleton",
)


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    return Ocr()


def read(content: bytes, ocr: Ocr) -> list[PageText]:
    with open_document(content) as document:
        return list(read_pages(document, ocr))


def recall(page: PageText, wanted: Sequence[str] = WORDS) -> float:
    found = [word.text for word in page.words]
    return sum(word in found for word in wanted) / len(wanted)


def place(text: str) -> Box:
    """Where the letter has the text, from ascenders to descenders."""
    [found] = pymupdf.open(stream=pdf(letter))[0].search_for(text)
    return Box(found.x0 / 420, found.y0 / 300, found.x1 / 420, found.y1 / 300)


def box_of(page: PageText, text: str) -> Box:
    [box] = [word.box for word in page.words if word.text == text]
    return box


def ink_in(content: bytes, page: PageText, box: Box) -> tuple[int, int]:
    """Dark pixels of the page's picture in a box, and in a wider one around it."""
    with open_document(content) as document:
        shown = render_page(document, page.number, 1400, rotation=page.rotation, origin=page.origin)
    grey = np.asarray(shown.convert("L"))
    left, right = round(box.x0 * shown.width), round(box.x1 * shown.width)
    top, bottom = round(box.y0 * shown.height), round(box.y1 * shown.height)
    return int((grey[top:bottom, left:right] < 100).sum()), int((grey[top - 6 : bottom + 6, left:right] < 100).sum())


@pytest.mark.parametrize(("seed", "side"), [(5, 0), (11, 90)])
def test_a_photo_is_made_flat_and_its_words_stand_where_the_flat_page_shows_them(
    seed: int, side: int, ocr: Ocr
) -> None:
    caught = turned(degrading.photo(SHEET, np.random.default_rng(seed)), side)
    content = encoded(caught, "JPEG")
    [page] = read(content, ocr)
    assert recall(page) == 1.0
    assert page.rotation == -side % 360
    assert page.origin is not None
    assert page.origin.parts == 1
    assert page.width / page.height == pytest.approx(420 / 300, rel=0.12)
    for text in ("HP-20417", "1,536.75", "Harbour"):
        assert box_of(page, text).intersection_over_union(place(text)) > 0.4, text
    inside, around = ink_in(content, page, box_of(page, "HP-20417"))
    assert inside > 0.95 * around > 50


@pytest.mark.parametrize("degrees", [-15.0, 8.0])
def test_a_page_askew_is_put_level(degrees: float, ocr: Ocr) -> None:
    tilted = skewed(SHEET, degrees)
    content = scan(tilted)
    [page] = read(content, ocr)
    assert recall(page) >= 0.95
    assert abs(page.skew) < 0.5
    assert page.origin is not None
    inside, around = ink_in(content, page, box_of(page, "HP-20417"))
    assert inside > 0.95 * around > 50
    high, wide = tilted.shape[:2]
    on_sheet = box_on_sheet(box_of(page, "HP-20417"), page.origin)
    left, top, right, bottom = (round(e * s) for e, s in zip(on_sheet, (wide, high, wide, high), strict=True))
    assert (tilted[top:bottom, left:right] < 128).any(axis=2).sum() > 100  # the word, where the scan has it


def test_a_page_that_lies_well_or_a_little_askew_stays_its_sheet(ocr: Ocr) -> None:
    for degrees in (0.0, 1.5):
        [page] = read(scan(skewed(SHEET, degrees)), ocr)
        assert page.origin is None
        assert page.skew == pytest.approx(degrees, abs=0.3)


def test_two_pages_on_one_scan_are_two_pages_and_those_behind_are_counted_on(ocr: Ocr) -> None:
    left, right = (
        picture(pdf(lambda page, lines=lines: letter(page, lines, 13), width=300, height=420), dpi=150)
        for lines in (LETTER, TERMS)
    )
    both = np.hstack([left, np.roll(right, 5, axis=0)])

    def spread(page: pymupdf.Page) -> None:
        page.insert_image(page.rect, stream=encoded(both))

    content = pdf(spread, lambda page: letter(page), width=600, height=420)
    pages = read(content, ocr)
    assert [page.number for page in pages] == [1, 2, 3]
    assert [page.sheet for page in pages] == [1, 1, 2]
    assert [page.origin and (page.origin.part, page.origin.parts) for page in pages] == [(1, 2), (2, 2), (1, 1)]
    assert recall(pages[0]) >= 0.95
    assert recall(pages[1], " ".join(TERMS).split()) >= 0.95
    assert pages[2].source == "text"
    assert (pages[0].width, pages[0].height) == pytest.approx((300, 420), abs=1)
    inside, around = ink_in(content, pages[1], box_of(pages[1], "Sampleton"))
    assert inside > 0.95 * around > 50
    assert ink_in(content, pages[2], box_of(pages[2], "HP-20417"))[0] > 50


def lines_at(*columns: tuple[float, float], rows: int = 10) -> list[Box]:
    return [Box(left, 0.1 + 0.07 * row, right, 0.13 + 0.07 * row) for left, right in columns for row in range(rows)]


def blank(width: int = 1200, height: int = 850) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


def test_two_pages_are_told_from_columns_tables_and_forms() -> None:
    spread = lines_at((0.05, 0.44), (0.55, 0.93))
    assert gutter(spread, blank()) == 0.5
    assert gutter(spread, blank(height=1700)) is None  # upright: two columns
    assert gutter(lines_at((0.08, 0.485), (0.515, 0.92)), blank()) is None  # columns stand closer
    assert gutter([*spread, Box(0.3, 0.02, 0.7, 0.06)], blank()) is None  # a title across
    assert gutter(lines_at((0.05, 0.3), (0.7, 0.93)), blank()) is None  # labels, and values at the right edge
    assert gutter(lines_at((0.05, 0.44)), blank()) is None
    ruled = blank()
    ruled[400:403, 40:1160] = 0
    assert gutter(spread, ruled) is None


def test_no_paper_is_seen_in_a_plain_scan_with_rules_and_boxes() -> None:
    page = blank(850, 1200)
    page[100:103, 60:790] = page[1100:1103, 60:790] = 0
    page[300:900, 60:63] = page[300:900, 787:790] = page[300:303, 60:790] = page[897:900, 60:790] = 0
    assert find_paper(page, np.array(corners_of(Box(0.1, 0.3, 0.9, 0.7)))) is None


def faxed(lines: int) -> bytes:
    return degrading.faxed([SHEET], np.random.default_rng(3), lines)


@pytest.mark.parametrize("lines", [98, 196])
def test_a_fax_has_square_pixels_and_is_read(lines: int, ocr: Ocr) -> None:
    with open_document(faxed(lines)) as document:
        shown = document.picture(1)
    assert shown.width / shown.height == pytest.approx(420 / 300, rel=0.01)
    [page] = read(faxed(lines), ocr)
    assert recall(page) >= 0.9
    assert box_of(page, "HP-20417").intersection_over_union(place("HP-20417")) > 0.4


@pytest.mark.parametrize("dpi", [(0, 98), (204, 0), (math.nan, 98), (1, 72000)])
def test_resolutions_that_no_scanner_has_change_nothing(dpi: tuple[float, float]) -> None:
    from pipeline.pixels import with_square_pixels

    frame = Image.new("L", (20, 10))
    frame.info["dpi"] = dpi
    assert with_square_pixels(frame) is frame


@pytest.mark.parametrize("way", [degrading.pale, degrading.small])
def test_weak_and_coarse_scans_are_read(way: degrading.Way, ocr: Ocr) -> None:
    [page] = read(way([SHEET], np.random.default_rng(3)), ocr)
    assert recall(page) >= 0.95


def test_print_beside_a_stamp_is_read(ocr: Ocr) -> None:
    [page] = read(
        degrading.stamped([picture(pdf(letter, width=595, height=842), dpi=200)], np.random.default_rng(2)), ocr
    )
    assert recall(page) >= 0.8


def test_tiny_print_under_a_large_title_is_read(ocr: Ocr) -> None:
    clause = "The carrier is liable for loss of or damage to the goods to 17.25 per cent"

    def draw(page: pymupdf.Page) -> None:
        page.insert_text((40, 60), "WAYBILL 4711", fontsize=18)
        for row in range(14):
            page.insert_text((40, 100 + 5.6 * row), clause, fontsize=4)

    [page] = read(scan(picture(pdf(draw, width=400, height=500), dpi=300), width=400), ocr)
    texts = [word.text for word in page.words]
    assert page.rotation == 0
    assert texts.count("17.25") >= 13
    assert "WAYBILL" in texts


def test_a_strip_of_metres_is_read_in_pieces(ocr: Ocr) -> None:
    count = 90
    lines = tuple(f"Item {number:03d} costs {number + 3}.50" for number in range(1, count + 1))
    roll = picture(pdf(lambda page: letter(page, lines, size=9), width=150, height=60 + 19.8 * (count + 2)), dpi=203)
    assert roll.shape[0] * roll.shape[1] > 2.2e6
    [page] = read(encoded(roll), ocr)
    text = "".join(word.text for word in page.words)
    assert sum(f"Item{number:03d}costs{number + 3}.50" in text for number in range(1, count + 1)) >= count - 2
    assert text.count("Item") <= count  # none of them twice


@given(st.integers(100, 50_000), st.integers(20, 4000))
def test_pieces_cover_a_strip_and_each_place_is_one_pieces_own(length: int, across: int) -> None:
    found = list(pieces(length, across))
    assert found[0].begin == found[0].first == 0
    assert found[-1].end == found[-1].last == length
    for before, after in pairwise(found):
        assert before.last == after.first
        assert before.end - after.begin >= min(length, round(SHARED * across))


def test_a_page_that_was_scanned_twice_is_told_and_kept(ocr: Ocr) -> None:
    one = picture(pdf(letter), dpi=150)
    other = picture(pdf(lambda page: letter(page, tuple(line.replace("4", "7") for line in LETTER))), dpi=150)

    def sheet(pixels: np.ndarray) -> object:
        return lambda page: page.insert_image(page.rect, stream=encoded(pixels, "JPEG"))

    content = pdf(sheet(one), sheet(other), sheet(skewed(one, 1.0)), sheet(np.full_like(one, 255)))  # type: ignore[arg-type]
    pages = read(content, ocr)
    assert [page.copy_of for page in pages] == [None, None, 1, None]
    assert pages[3].reason == BLANK
    assert recall(pages[2]) >= 0.95


def test_copies_of_printed_pages_are_told_by_their_words_and_places(ocr: Ocr) -> None:
    content = pdf(letter, letter, lambda page: letter(page, LETTER[::-1]), lambda page: None, lambda page: None)
    pages = read(content, ocr)
    assert [page.copy_of for page in pages] == [None, 1, None, None, None]
    in_list = FieldResult(
        value="x", evidence=(Evidence(page=2, box=Box(0, 0, 1, 1), text="x", score=1),), confidence=1, status="accepted"
    )
    [issue] = copy_issues("a.pdf", pages, {"/number": in_list})
    assert (issue.code, issue.severity, issue.page) == ("duplicate-page", "warning", 2)
    [issue] = copy_issues("a.pdf", pages, {"/lines/0/amount": in_list})
    assert issue.severity == "error"
    assert "page 2 says the same as page 1" in issue.message


points = st.tuples(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15))
quads = st.tuples(points, points, points, points).map(
    lambda moves: tuple((x + dx, y + dy) for (x, y), (dx, dy) in zip(WHOLE, moves, strict=True))
)


@given(quads, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_points_go_onto_the_sheet_and_back(corners: Corners, places: list[tuple[float, float]]) -> None:
    matrix = onto(corners)
    assert mapped(matrix, WHOLE) == pytest.approx(np.array(corners), abs=1e-9)
    assert mapped(back(matrix), mapped(matrix, places)) == pytest.approx(np.array(places), abs=1e-9)


@given(st.floats(-20, 20), st.floats(50, 5000), st.floats(50, 5000))
def test_a_level_page_holds_all_of_its_sheet(degrees: float, width: float, height: float) -> None:
    corners = levelled(degrees, (width, height))
    inside = mapped(back(onto(corners)), WHOLE)
    assert (inside > -1e-6).all()
    assert (inside < 1 + 1e-6).all()
    wide, high = flat_size(corners, (width, height))
    assert wide * high == pytest.approx(
        (width * math.cos(math.radians(degrees)) + height * abs(math.sin(math.radians(degrees))))
        * (height * math.cos(math.radians(degrees)) + width * abs(math.sin(math.radians(degrees))))
    )


@given(quads, st.floats(0.2, 0.8), st.floats(0.2, 0.8))
def test_a_flat_page_shows_what_lies_between_its_corners(corners: Corners, x: float, y: float) -> None:
    sheet = np.full((300, 400, 3), 255, np.uint8)
    [[left, top]] = mapped(onto(corners), [(x, y)])
    assume(0.03 < left < 0.97 and 0.03 < top < 0.97)
    sheet[round(top * 300) - 4 : round(top * 300) + 4, round(left * 400) - 4 : round(left * 400) + 4] = 0
    flat = flattened(sheet, corners)
    rows, columns = np.nonzero(flat.min(axis=2) < 100)
    assert rows.mean() / flat.shape[0] == pytest.approx(y, abs=0.02)
    assert columns.mean() / flat.shape[1] == pytest.approx(x, abs=0.02)


def test_corners_that_are_no_pages_cost_that_page_only() -> None:
    line = Origin(1, corners=((0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4)))
    wild = Origin(1, corners=((math.nan, 0.0), (1e300, 0.0), (1.0, 1e300), (0.0, -1e300)))
    with open_document(scan(SHEET)) as document:
        for origin in (line, wild):
            with pytest.raises(PageFailure):
                render_page(document, 1, 400, origin=origin)
        crossed = Origin(1, corners=((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)))
        assert max(render_page(document, 1, 400, origin=crossed).size) <= 400


def test_the_review_page_shows_the_half_of_the_sheet(tmp_path: object) -> None:
    both = np.hstack([SHEET, 255 - SHEET])
    stream = io.BytesIO()
    Image.fromarray(both).save(stream, "PNG")
    path = tmp_path / "both.png"  # type: ignore[operator]
    path.write_bytes(stream.getvalue())
    with open_document(path) as document:
        digest = document.sha256
    halves = {
        number: Origin(1, number, 2, corners_of(Box(left, 0, left + 0.5, 1))) for number, left in ((1, 0.0), (2, 0.5))
    }
    pictures = make_pictures(Wanted(str(path), digest, {1: 0, 2: 0}, origins=halves), 60)
    assert not pictures.missing
    light = [np.asarray(Image.open(io.BytesIO(pictures.made[number].webp)).convert("L")).mean() for number in (1, 2)]
    assert light[0] > 200 > 60 > light[1]


def test_truth_told_on_the_sheet_is_met_by_evidence_on_the_flat_page() -> None:
    origin = Origin(1, 2, 2, levelled(8, (800, 600)))
    flat = Box(0.3, 0.4, 0.42, 0.44)
    contract = Contract.from_json_schema({"type": "object", "properties": {"total": {"type": "string"}}}, "bill")
    record = Record(
        document=DocumentInfo(
            uri="a.png",
            sha256="0",
            media_type="image/png",
            bytes=1,
            pages=(
                PageInfo(number=1, width=1, height=1, source="ocr"),
                PageInfo(number=2, width=1, height=1, source="ocr", origin=origin),
            ),
        ),
        contract=ContractInfo(name="bill", fingerprint="0"),
        engine=EngineInfo(name="embedded", model="", revision="", fingerprint="0"),
        data={"total": "12"},
        fields={
            "/total": FieldResult(
                value="12",
                evidence=(Evidence(page=2, box=flat, text="12", score=1),),
                confidence=1,
                status="accepted",
            )
        },
        status="accepted",
    )
    assert Record.model_validate_json(record.model_dump_json()) == record
    told = {"/total": [{"page": 1, "box": list(box_on_sheet(flat, origin))}]}
    assert score({"total": "12"}, record, contract, told).outcomes[0].same_word
    elsewhere = {"/total": [{"page": 1, "box": list(flat)}]}
    assert not score({"total": "12"}, record, contract, elsewhere).outcomes[0].same_word
