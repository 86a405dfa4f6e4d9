"""Checkboxes: form widgets, glyphs, squares drawn on a page, and squares in a scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.page import Box, Mark, Word

CHECKED, UNCHECKED = frozenset("☑☒✓✔✗✘🗹🗷"), frozenset("☐□❏❑◻▢")
LEAST, MOST = 5.0, 24.0  # points: the side of a checkbox
MAX_DRAWINGS = 3000  # of a page; drawings beyond that are art, not a form
INKED = 0.06  # share of a scanned box's inside that is dark when something is in it


def page_marks(page: Any, words: Sequence[Word]) -> tuple[Mark, ...]:
    """The checkboxes of a PyMuPDF page."""
    found: list[Mark] = []
    for mark in (*_widgets(page), *glyphs(words), *_drawn(page, words)):
        if not any(_covers(known.box, mark.box.center) or _covers(mark.box, known.box.center) for known in found):
            found.append(mark)  # a widget is drawn as well: the first that tells of it knows best
    return tuple(found)


def glyphs(words: Sequence[Word]) -> Iterator[Mark]:
    """Checkboxes that are printed as a character."""
    for word in words:
        if word.text[0] in CHECKED | UNCHECKED and len(word.text) == 1:
            yield Mark(word.box, word.text[0] in CHECKED)


def _widgets(page: Any) -> Iterator[Mark]:
    if page.first_widget is None:
        return
    import pymupdf

    for widget in page.widgets():
        if widget.field_type in (pymupdf.PDF_WIDGET_TYPE_CHECKBOX, pymupdf.PDF_WIDGET_TYPE_RADIOBUTTON):
            box = _box(page, widget.rect)
            yield Mark(box, widget.field_value not in (False, None, "Off", ""))


def _drawn(page: Any, words: Sequence[Word]) -> Iterator[Mark]:
    drawings = page.get_cdrawings()
    if not drawings or len(drawings) > MAX_DRAWINGS:
        return
    squares = [drawing["rect"] for drawing in drawings if _is_square(drawing)]
    strokes = [drawing["rect"] for drawing in drawings if not _is_square(drawing)]
    letters = [word for word in words if word.text in ("x", "X", "✓", "✔", "✗", "✘", "×", "4", "8")]
    for square in dict.fromkeys(tuple(round(edge, 1) for edge in rect) for rect in squares):
        box = _box(page, square)
        inside = any(_within(stroke, square) for stroke in strokes)
        yield Mark(box, inside or any(_covers(box, word.box.center) for word in letters))


def _is_square(drawing: Any) -> bool:
    x0, y0, x1, y1 = drawing["rect"]
    width, height = x1 - x0, y1 - y0
    if not (LEAST <= width <= MOST and LEAST <= height <= MOST and 0.8 < width / height < 1.25):
        return False
    kinds = [item[0] for item in drawing["items"]]
    closed = kinds == ["re"] or kinds == ["qu"] or (set(kinds) == {"l"} and len(kinds) >= 4)
    filled = drawing.get("fill")
    return closed and (filled is None or min(filled) > 0.85 or drawing.get("color") is not None)


def _within(stroke: Sequence[float], square: Sequence[float]) -> bool:
    """Whether a stroke of some size lies inside a square, with a little room for a tick that sticks out."""
    room = 0.35 * (square[2] - square[0])
    big = max(stroke[2] - stroke[0], stroke[3] - stroke[1]) > 0.3 * (square[2] - square[0])
    return (
        big
        and stroke[0] > square[0] - room
        and stroke[1] > square[1] - room
        and stroke[2] < square[2] + room
        and stroke[3] < square[3] + room
    )


def _covers(box: Box, point: tuple[float, float]) -> bool:
    return box.x0 <= point[0] <= box.x1 and box.y0 <= point[1] <= box.y1


def _box(page: Any, rect: Sequence[float]) -> Box:
    import pymupdf

    turned = pymupdf.Rect(*rect) * page.rotation_matrix
    width, height = page.rect.width or 1.0, page.rect.height or 1.0
    return Box(turned.x0 / width, turned.y0 / height, turned.x1 / width, turned.y1 / height)


def scanned_marks(picture: NDArray[np.uint8], words: Sequence[Word]) -> tuple[Mark, ...]:
    """The checkboxes in an upright RGB picture of a page (h, w, 3): small squares that no word covers."""
    import cv2

    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    height, width = gray.shape
    dark = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 12)
    contours, _ = cv2.findContours(dark, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    least, most = 0.009 * width, 0.035 * width
    found: list[Mark] = []
    for contour in contours:
        x, y, wide, high = cv2.boundingRect(contour)
        if not (least <= wide <= most and 0.8 < wide / high < 1.25) or cv2.contourArea(contour) < 0.7 * wide * high:
            continue
        if len(cv2.approxPolyDP(contour, 0.06 * cv2.arcLength(contour, True), True)) != 4:
            continue
        box = Box(x / width, y / height, (x + wide) / width, (y + high) / height)
        if any(_covers(mark.box, box.center) for mark in found) or _is_letter(box, words):
            continue
        inner = dark[y + high // 4 : y + high - high // 4, x + wide // 4 : x + wide - wide // 4]
        ink = float(np.count_nonzero(inner)) / max(1, inner.size)
        if ink < 0.9:
            found.append(Mark(box, ink > INKED, 0.8))
    return tuple(found)


def _is_letter(box: Box, words: Sequence[Word]) -> bool:
    """Whether the square is a part of a word that was read, as an O or a D is."""
    return any(_covers(word.box, box.center) and len(word.text) > 1 for word in words)
