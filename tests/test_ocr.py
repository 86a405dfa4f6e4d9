"""OCR: words in tight boxes, whatever side the page lies on and however much askew it runs."""

from __future__ import annotations

import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.ocr import Ocr, models
from pipeline.ocr.detection import cut_out, find_lines, ordered, size
from pipeline.ocr.ink import find_ink, gap_between, spans
from pipeline.ocr.models import Models
from pipeline.ocr.reader import OcrPage
from pipeline.ocr.recognition import recognize
from schemas.errors import DocumentError
from schemas.page import Box
from tests.prints import LETTER, letter, pdf, picture, skewed, turned

WORDS = " ".join(LETTER).split()
PAGE = picture(pdf(letter))


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    return Ocr()


def recall(page: OcrPage) -> float:
    return sum(word in [found.text for found in page.words] for word in WORDS) / len(WORDS)


def place(text: str) -> Box:
    """Where PyMuPDF says that the letter has the text, from ascenders to descenders."""
    [found] = pymupdf.open(stream=pdf(letter))[0].search_for(text)
    return Box(found.x0 / 420, found.y0 / 300, found.x1 / 420, found.y1 / 300)


def test_every_word_is_read_in_a_box_of_its_own(ocr: Ocr) -> None:
    page = ocr.read(PAGE)
    assert (page.rotation, page.skew) == (0, pytest.approx(0.0, abs=0.3))
    assert (page.width, page.height) == (PAGE.shape[1], PAGE.shape[0])
    assert recall(page) == 1.0
    for word in page.words:
        if WORDS.count(word.text) == 1 and word.text not in ("number:", "fifty"):
            assert word.box.intersection_over_union(place(word.text)) > 0.5, word
        assert (word.source, word.confidence > 0.8) == ("ocr", True)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_page_on_its_side_or_head_is_put_upright(rotation: int, ocr: Ocr) -> None:
    page = ocr.read(turned(PAGE, 360 - rotation))
    assert page.rotation == rotation
    assert recall(page) == 1.0
    assert (page.width, page.height) == (PAGE.shape[1], PAGE.shape[0])
    [word] = [word for word in page.words if word.text == "HP-20417"]
    assert word.box.intersection_over_union(place("HP-20417")) > 0.5


@pytest.mark.parametrize(("degrees", "side"), [(-15, 0), (-6, 180), (3, 0), (9, 90), (15, 270)])
def test_a_page_askew_is_read_and_its_skew_told(degrees: float, side: int, ocr: Ocr) -> None:
    page = ocr.read(turned(skewed(PAGE, degrees), side))
    assert page.rotation == -side % 360
    assert page.skew == pytest.approx(degrees, abs=1.0)
    assert recall(page) > 0.9


def test_words_of_a_page_askew_stand_where_the_picture_shows_them(ocr: Ocr) -> None:
    tilted = skewed(PAGE, 8)
    [word] = [word for word in ocr.read(tilted).words if word.text == "HP-20417"]
    high, wide = tilted.shape[:2]
    left, top, right, bottom = (
        round(edge * side) for edge, side in zip(word.box, (wide, high, wide, high), strict=True)
    )
    inside = (tilted[top:bottom, left:right].min(axis=2) < 128).sum()
    around = (tilted[top - 6 : bottom + 6, left - 6 : right + 6].min(axis=2) < 128).sum()
    assert inside > 0.97 * around > 100


def test_a_long_till_roll_is_read_from_top_to_bottom(ocr: Ocr) -> None:
    lines = tuple(f"Article {number:02d} costs {number + 3}.50" for number in range(1, 61))
    roll = picture(pdf(lambda page: letter(page, lines, size=14), width=300, height=60 + 31 * 62), dpi=110)
    assert roll.shape[0] > 6 * roll.shape[1]
    text = "".join(word.text for word in ocr.read(roll).words)
    assert sum(f"Article{number:02d}" in text for number in range(1, 61)) >= 58
    assert sum(f"costs{number + 3}.50" in text for number in range(1, 61)) >= 58


def test_small_print_beside_large_is_found(ocr: Ocr) -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((36, 90), "STATEMENT", fontsize=48)
        for row in range(12):
            page.insert_text(
                (36, 160 + 11 * row), f"Clause {row + 1} of the general conditions of carriage", fontsize=7
            )

    words = [word.text for word in ocr.read(picture(pdf(draw), dpi=190)).words]
    assert "STATEMENT" in words
    assert words.count("carriage") == 12


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((300, 400, 3), 255, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((3, 2000, 3), np.uint8),
        np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8),
    ],
    ids=["blank", "one pixel", "a line", "noise"],
)
def test_a_picture_without_text_has_no_words(pixels: NDArray[np.uint8], ocr: Ocr) -> None:
    page = ocr.read(pixels)
    assert [word.text for word in page.words] == []
    assert page.rotation == 0


def test_readings_come_in_the_order_of_their_lines_however_they_are_batched(ocr: Ocr) -> None:
    quads = sorted(find_lines(ocr.models, PAGE), key=lambda quad: float(quad[0][1]))
    lines = [cut_out(PAGE, quad) for quad in quads]
    once = [reading.text for reading in recognize(ocr.models, lines)]
    assert SequenceMatcher(None, " ".join(once).split(), WORDS).ratio() > 0.9
    again = [reading.text for reading in recognize(ocr.models, [*lines[::-1], *lines])]
    assert again == once[::-1] + once


def test_positions_run_along_the_line(ocr: Ocr) -> None:
    lines = [cut_out(PAGE, quad) for quad in find_lines(ocr.models, PAGE)]
    for reading in recognize(ocr.models, lines):
        assert len(reading.positions) == len(reading.text)
        assert list(reading.positions) == sorted(reading.positions)
        assert 0.0 < reading.positions[0] < 0.2
        assert 0.8 < reading.positions[-1] <= 1.0


def test_dropped_spaces_are_seen_in_the_ink(ocr: Ocr) -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_text((36, 80), "TIME:", fontsize=20)
        page.insert_text((36 + pymupdf.get_text_length("TIME:", fontsize=20) + 16, 80), "11:05:42", fontsize=20)

    assert [word.text for word in ocr.read(picture(pdf(draw, height=140))).words] == ["TIME:", "11:05:42"]


def test_ink_is_found_between_stray_marks_of_the_next_lines() -> None:
    line = np.full((40, 200, 3), 250, np.uint8)
    line[0:2, 30:60] = line[38:40, 90:120] = 10  # what hangs in from above and below
    line[12:26, 20:80] = line[12:26, 110:180] = 10
    ink = find_ink(line, "TOTAL EUR")
    assert ink.top == pytest.approx(12 / 40)
    assert ink.bottom == pytest.approx((26 + 0.28 * 14) / 40)  # room for the descenders that these words lack
    assert list(spans(ink, [(0.15, 0.35), (0.6, 0.85)])) == [(0.1, 0.4), (0.55, 0.9)]
    inverse = find_ink(255 - line, "TOTAL EUR")
    assert (inverse.top, inverse.bottom) == (ink.top, ink.bottom)
    assert not len(find_ink(np.full((40, 200, 3), 250, np.uint8), "x").columns)


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.floats(0, 1), st.floats(0, 1))
def test_the_widest_gap_lies_between_its_two_places(columns: list[bool], one: float, other: float) -> None:
    before, after = sorted((one, other))
    middle, width = gap_between(np.array(columns), before, after)
    first, last = int(before * len(columns)), max(int(before * len(columns)) + 1, int(after * len(columns)))
    assert first <= middle <= last
    runs = "".join("x" if inked else " " for inked in columns[first:last]).split("x")
    assert width == max(map(len, runs))


@given(st.floats(-44, 44), st.floats(5, 400), st.floats(5, 60), st.integers(0, 3), st.booleans())
def test_a_quad_starts_at_the_top_left_of_its_reading(
    angle: float, width: float, height: float, start: int, mirrored: bool
) -> None:
    turn = np.radians(angle)
    right, down = np.array([np.cos(turn), np.sin(turn)]) * width, np.array([-np.sin(turn), np.cos(turn)]) * height
    corners = np.array([[500, 500], 500 + right, 500 + right + down, 500 + down], np.float32)
    shuffled = np.roll(corners[::-1] if mirrored else corners, start, axis=0)
    assert ordered(shuffled) == pytest.approx(corners, abs=0.01)
    assert size(ordered(shuffled)) == pytest.approx((width, height), rel=0.01)


def test_models_come_from_the_package_and_a_missing_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "DETECTION", "PP-OCRv99_det.onnx")
    with pytest.raises(DocumentError, match=r"PP-OCRv99_det.onnx is not in the installed rapidocr package") as caught:
        Models().detection  # noqa: B018
    assert "rapidocr" in caught.value.remedy


def test_threads_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert Models().threads == 1
    assert Models(threads=3).threads == 3


def test_neither_onnx_runtime_nor_opencv_is_loaded_before_a_page_needs_it() -> None:
    code = (
        "import sys; import pipeline.read, pipeline.ocr, pipeline.marks, pipeline.render, pipeline.document;"
        "print([name for name in ('onnxruntime', 'cv2', 'rapidocr', 'pymupdf', 'PIL.Image') if name in sys.modules])"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
