"""Checkboxes: as form widgets, as characters, drawn, and in scans; and the squares that are none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pymupdf
import pytest

from pipeline.document import open_document
from pipeline.marks import glyphs, scanned_marks
from pipeline.read import read_pages
from schemas.page import Box, Mark, PageText, Word
from tests.prints import encoded, letter, pdf, picture, skewed, turned

BOX = 12.0
LEFT, FIRST, STEP = 40.0, 60.0, 32.0
LABELS = ("By post", "By courier", "Collected", "Delivered", "Insured", "Fragile")


def drawn_form(page: pymupdf.Page) -> None:
    """A box before each label: empty, crossed, ticked (sticking out), filled, with an X in it, empty."""
    for row, label in enumerate(LABELS):
        top = FIRST + STEP * row
        page.draw_rect(pymupdf.Rect(LEFT, top, LEFT + BOX, top + BOX))
        page.insert_text((LEFT + BOX + 8, top + 10), label, fontsize=11)
        if row == 1:
            page.draw_line((LEFT + 2, top + 2), (LEFT + 10, top + 10))
            page.draw_line((LEFT + 2, top + 10), (LEFT + 10, top + 2))
        elif row == 2:
            page.draw_polyline([(LEFT + 2, top + 5), (LEFT + 5, top + 10), (LEFT + 15, top - 6)], width=1.4)
        elif row == 3:
            page.draw_rect(pymupdf.Rect(LEFT + 2.5, top + 2.5, LEFT + 9.5, top + 9.5), fill=(0, 0, 0))
        elif row == 4:
            page.insert_text((LEFT + 2.4, top + 10), "X", fontsize=11)


CHECKED = [False, True, True, True, True, False]


def read(content: bytes) -> PageText:
    with open_document(content) as document:
        [page] = read_pages(document)
    return page


def by_row(marks: Sequence[Mark]) -> list[bool]:
    return [mark.checked for mark in sorted(marks, key=lambda mark: mark.box.y0)]


def square(row: int, width: float = 420.0, height: float = 300.0) -> Box:
    top = FIRST + STEP * row
    return Box(LEFT / width, top / height, (LEFT + BOX) / width, (top + BOX) / height)


def test_drawn_boxes_are_checked_when_anything_is_drawn_in_them() -> None:
    page = read(pdf(drawn_form))
    assert by_row(page.marks) == CHECKED
    for row, mark in enumerate(sorted(page.marks, key=lambda mark: mark.box.y0)):
        assert mark.box.intersection_over_union(square(row)) > 0.8


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_marks_are_turned_upright_with_the_words(rotation: int) -> None:
    def rotated(page: pymupdf.Page) -> None:
        drawn_form(page)
        page.set_rotation(rotation)

    page = read(pdf(rotated))
    assert by_row(page.marks) == CHECKED
    assert min(page.marks, key=lambda mark: mark.box.y0).box.intersection_over_union(square(0)) > 0.8


def test_widgets_tell_their_own_state() -> None:
    def form(page: pymupdf.Page) -> None:
        for row, (kind, value) in enumerate(
            (kind, value)
            for kind in (pymupdf.PDF_WIDGET_TYPE_CHECKBOX, pymupdf.PDF_WIDGET_TYPE_RADIOBUTTON)
            for value in (True, "Off")
        ):
            widget = pymupdf.Widget()
            widget.field_type, widget.field_name, widget.field_value = kind, f"choice{row}", value
            widget.rect = pymupdf.Rect(LEFT, FIRST + STEP * row, LEFT + BOX, FIRST + STEP * row + BOX)
            page.add_widget(widget)
            page.insert_text((LEFT + BOX + 8, FIRST + STEP * row + 10), LABELS[row], fontsize=11)

    page = read(pdf(form))
    assert by_row(page.marks) == [True, False, True, False]
    assert sorted(page.marks)[0].box.intersection_over_union(square(0)) > 0.8
    assert [word.text for word in page.words] == " ".join(LABELS[:4]).split()


def test_cells_of_tables_bullets_and_patterns_are_no_checkboxes() -> None:
    def comb(page: pymupdf.Page) -> None:
        letter(page, ("Date of birth",))
        for cell in range(8):
            page.draw_rect(pymupdf.Rect(40 + 14 * cell, 100, 54 + 14 * cell, 114))
        page.draw_rect(pymupdf.Rect(40, 150, 48, 158), fill=(0.1, 0.2, 0.6))  # a bullet
        page.draw_rect(pymupdf.Rect(40, 200, 240, 212))  # a field to write in

    assert read(pdf(comb)).marks == ()

    def pattern(page: pymupdf.Page) -> None:
        letter(page, ("A chart",))
        for row in range(20):
            for column in range(30):
                page.draw_rect(pymupdf.Rect(12 * column, 12 * row + 40, 12 * column + 9, 12 * row + 49))

    assert read(pdf(pattern)).marks == ()


def test_characters_that_are_checkboxes() -> None:
    box = Box(0.1, 0.1, 0.2, 0.2)
    words = [Word(text, box, 0.7, "ocr") for text in ("☐", "☒", "✓", "Yes", "☑Yes", "X")]
    assert list(glyphs(words)) == [Mark(box, False, 0.7), Mark(box, True, 0.7), Mark(box, True, 0.7)]


def words_of_form() -> tuple[Word, ...]:
    return tuple(word for word in read(pdf(drawn_form)).words if word.text != "X")


@pytest.mark.parametrize("dpi", [110, 150, 220])
def test_boxes_of_a_scan_are_found_though_ticks_stick_out(dpi: int) -> None:
    pixels = picture(pdf(drawn_form), dpi=dpi).astype(float)
    noise = np.random.default_rng(1).normal(0, 6, pixels.shape)
    marks = scanned_marks((pixels * 0.85 + 20 + noise).clip(0, 255).astype(np.uint8), words_of_form())
    assert by_row(marks) == CHECKED
    for row, mark in enumerate(sorted(marks, key=lambda mark: mark.box.y0)):
        assert mark.box.intersection_over_union(square(row)) > 0.6


def test_boxes_of_a_scan_askew() -> None:
    pixels = skewed(picture(pdf(drawn_form), dpi=170), 7)
    elsewhere = Word("Fragile", Box(0.7, 0.9, 0.8, 0.94), 0.9, "ocr")
    marks = scanned_marks(pixels, (elsewhere,), skew=7)
    assert by_row(marks) == CHECKED
    first = min(marks, key=lambda mark: mark.box.y0).box
    height, width = pixels.shape[:2]
    inside = pixels[
        round(first.y0 * height) - 4 : round(first.y1 * height) + 4, round(first.x0 * width) : round(first.x1 * width)
    ]
    assert inside.min() < 100  # the frame's own ink is there


def test_a_scanned_form_on_its_side_is_read_with_its_boxes() -> None:
    page = read(encoded(turned(picture(pdf(drawn_form), dpi=170), 90)))
    assert page.rotation == 270
    assert by_row(page.marks) == CHECKED
    assert "courier" in [word.text for word in page.words]


def test_letters_of_a_scan_are_no_checkboxes() -> None:
    lines = ("DO OODLES 0080 BOB DOD", "Quoted H8 B0 D0 O0 Q0", "EMBED HOOD BBD 806 880")
    content = pdf(lambda page: letter(page, lines, size=18))
    assert scanned_marks(picture(content, dpi=200), read(content).words) == ()
