"""Checkboxes: form widgets, glyphs, squares drawn on a page, and squares in a scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.contents import LEAST, MOST, Contents, Rect
from pipeline.layer import buttons
from pipeline.layout import turned
from schemas.page import Box, Mark, Word

CHECKED, UNCHECKED = frozenset("☑☒✓✔✗✘🗹🗷"), frozenset("☐□❏❑◻▢")
SQUARISH = frozenset("0OQDB8")
CROSSES = frozenset("x X ✓ ✔ ✗ ✘ ×".split())
MAX_SQUARES = 400  # of a page; more of them are a pattern, not a form
PALE = 0.75  # of 1: what a box may be filled with, at least, in each colour
SCANNED = (0.6, 1.1)  # of the words' height: the side of a scanned checkbox, up to twice as much
WORDLESS = 0.012  # of a page's height, that stands for its words' height where it has none
LEAST_PIXELS = 9  # of its side
APART = 0.25  # of its side: the distance of a checkbox from its label
SURE = 0.9  # from which a character that was read alone is believed to be one
STRAIGHT = 0.8  # of a side, at least, that is a straight stroke
INKED = 0.06  # share of a scanned box's inside that is dark when something is in it


def page_marks(page: Any, contents: Contents, words: Sequence[Word], rotation: int = 0) -> tuple[Mark, ...]:
    """The checkboxes of a PyMuPDF page, on the page turned by `rotation` degrees clockwise, as its words are."""
    crosses = [word.box.center for word in words if word.text in CROSSES]
    found: list[Mark] = []

    def add(box: Box, checked: bool) -> None:
        if not any(_covers(known.box, box.center) or _covers(box, known.box.center) for known in found):
            found.append(Mark(box, checked))  # a widget is drawn as well: the first that tells of it knows best

    for rect, checked in _widgets(page):
        add(turned(contents.sheet.box(rect), rotation), checked)
    for mark in glyphs(words):
        add(mark.box, mark.checked)
    for rect, checked in _squares(page) if contents.boxes else ():
        box = turned(contents.sheet.box(rect), rotation)
        add(box, checked or any(_covers(box, center) for center in crosses))
    return tuple(found)


def glyphs(words: Sequence[Word]) -> Iterator[Mark]:
    """Checkboxes that are printed as a character."""
    for word in words:
        if len(word.text) == 1 and word.text in CHECKED | UNCHECKED:
            yield Mark(word.box, word.text in CHECKED, word.confidence)


def _widgets(page: Any) -> Iterator[tuple[Rect, bool]]:
    if page.first_widget is not None:
        for widget in buttons(page):
            kind, shown = page.parent.xref_get_key(widget.xref, "AS")  # the appearance that is displayed
            state = shown.lstrip("/") if kind == "name" else widget.field_value
            yield tuple(widget.rect), state not in (False, None, "Off", "")


def _squares(page: Any) -> Iterator[tuple[Rect, bool]]:
    """Drawn squares that stand alone, and whether anything is drawn in them."""
    squares: dict[Rect, None] = {}
    strokes: list[Rect] = []
    for drawing in page.get_cdrawings():
        rect = drawing["rect"]
        if _is_square(drawing):
            squares[tuple(round(edge, 1) for edge in rect)] = None
        elif rect[2] - rect[0] < 2 * MOST and rect[3] - rect[1] < 2 * MOST:
            strokes.append(rect)
    if len(squares) > MAX_SQUARES:
        return
    for square in squares:
        if any(_touch(square, other) for other in squares):
            continue  # cells of a table, or of a field with a cell for each letter
        yield square, any(_within(stroke, square) for stroke in strokes)


def _is_square(drawing: Any) -> bool:
    x0, y0, x1, y1 = drawing["rect"]
    width, height = x1 - x0, y1 - y0
    if not (LEAST <= width <= MOST and LEAST <= height <= MOST and 0.8 < width / height < 1.25):
        return False
    kinds = [item[0] for item in drawing["items"]]
    closed = kinds == ["re"] or kinds == ["qu"] or (set(kinds) == {"l"} and len(kinds) >= 4)
    filled = drawing.get("fill")
    return closed and (filled is None or min(filled) > PALE)


def _touch(one: Rect, other: Rect) -> bool:
    """Whether two squares stand side by side or one on the other, with no gap."""
    return (
        max(one[0], other[0]) - min(one[2], other[2]) < 1.0
        and max(one[1], other[1]) - min(one[3], other[3]) < 1.0
        and (abs(one[0] - other[0]) > 2.0 or abs(one[1] - other[1]) > 2.0)
    )


def _within(stroke: Rect, square: Rect) -> bool:
    """Whether a stroke of some size is drawn into a square. It may stick out, as ticks do."""
    side = square[2] - square[0]
    size = max(stroke[2] - stroke[0], stroke[3] - stroke[1])
    shared = [min(stroke[2 + axis], square[2 + axis]) - max(stroke[axis], square[axis]) for axis in (0, 1)]
    middle = [(stroke[axis] + stroke[2 + axis]) / 2 for axis in (0, 1)]
    return (
        0.3 * side < size < 2.2 * side
        and min(shared) >= 0.0
        and max(shared) > 0.3 * side
        and all(square[axis] - 0.1 * side < middle[axis] < square[2 + axis] + 0.1 * side for axis in (0, 1))
    )


def _covers(box: Box, point: tuple[float, float]) -> bool:
    return box.x0 <= point[0] <= box.x1 and box.y0 <= point[1] <= box.y1


def scanned_marks(picture: NDArray[np.uint8], words: Sequence[Word], skew: float = 0.0) -> tuple[Mark, ...]:
    """The checkboxes in an upright RGB picture of a page (h, w, 3): small frames that are no part of a word.

    skew: degrees clockwise by which the page's lines run askew. Ticks may stick out of their box: a frame is known by
    its four straight sides alone.
    """
    import cv2

    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    height, width = gray.shape
    back = cv2.getRotationMatrix2D((width / 2, height / 2), -skew, 1.0)
    if skew:
        level = cv2.getRotationMatrix2D((width / 2, height / 2), skew, 1.0)
        gray = cv2.warpAffine(gray, level, (width, height), borderMode=cv2.BORDER_REPLICATE)
    dark = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 12)
    found: list[Mark] = []
    usual = median(word.box.height for word in words) if words else WORDLESS
    for x, y, side in _frames(dark, usual * height):
        across, down = back @ [x, y, 1.0]
        left, top = float(across) - side / 2, float(down) - side / 2
        box = Box(left / width, top / height, (left + side) / width, (top + side) / height)
        if any(_covers(mark.box, box.center) for mark in found) or _is_letter(box, _clear(dark, x, y, side), words):
            continue
        inner = dark[y - side // 4 : y + side // 4, x - side // 4 : x + side // 4]
        found.append(Mark(box, float((inner > 0).mean()) > INKED, 0.8))
    found += [mark for mark in glyphs(words) if not any(_covers(known.box, mark.box.center) for known in found)]
    return tuple(found)


def _frames(dark: NDArray[np.uint8], usual: float) -> Iterator[tuple[int, int, int]]:
    """Centre x, y and side, in pixels, of squares with four straight sides that are about as high as words usually
    are; first the larger ones."""
    import cv2

    for share in reversed(SCANNED):
        least = max(LEAST_PIXELS, round(share * usual))
        most = 2 * least
        sides = np.zeros_like(dark)
        for shape in ((1, 0), (0, 1)):  # strokes down, strokes to the right
            short, long = (
                cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1 + shape[0] * n, 1 + shape[1] * n), np.uint8))
                for n in (round(0.7 * least), most)
            )
            sides |= short & ~long
        count, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(sides, np.ones((3, 3), np.uint8)))
        for x, y, wide, high, _ in stats[1:count].tolist():
            if least <= min(wide, high) and max(wide, high) <= 1.5 * most:
                frame = _frame(sides[y : y + high, x : x + wide])
                if frame and least <= frame.side <= most:
                    yield x + frame.x, y + frame.y, frame.side


class _Frame(NamedTuple):
    x: int
    y: int
    side: int


def _frame(sides: NDArray[np.uint8]) -> _Frame | None:
    """Centre and side of the square that straight strokes make; None where they make none."""
    inked = sides > 0
    down, across = (np.flatnonzero(inked.mean(axis=axis) > 0.5) for axis in (0, 1))
    if len(down) < 2 or len(across) < 2:
        return None
    left, right, top, bottom = down[0], down[-1] + 1, across[0], across[-1] + 1
    square = inked[top:bottom, left:right]
    edge = max(3, len(square) // 6)
    along = (square[:edge].any(0), square[-edge:].any(0), square[:, :edge].any(1), square[:, -edge:].any(1))
    if not 0.8 < (right - left) / (bottom - top) < 1.25 or min(stroke.mean() for stroke in along) < STRAIGHT:
        return None
    return _Frame(int(left + right) // 2, int(top + bottom) // 2, int(right - left + bottom - top) // 2)


def _clear(dark: NDArray[np.uint8], x: int, y: int, side: int) -> tuple[bool, bool]:
    """Whether what is left of the square, and right of it, keeps more distance than letters of a word do.

    Only the lower half is looked at, for ticks stick out upwards.
    """
    half, room = side // 2, round(APART * side)
    lower, left, right = dark[y : y + half], x - half - 2, x + half + 2
    return not lower[:, max(0, left - room) : max(0, left)].any(), not lower[:, right : right + room].any()


def _is_letter(box: Box, clear: tuple[bool, bool], words: Sequence[Word]) -> bool:
    """Whether the square belongs to a word that was read, as an O or a D does.

    At a word's start or end, and apart from its letters, it may still be a box that OCR took into the word.
    """
    room = 0.3 * box.width
    for word in words:
        if not _covers(word.box, box.center):
            continue
        if len(word.text) == 1:
            return word.text in SQUARISH and word.confidence > SURE
        starts, ends = box.x0 - word.box.x0 < room, word.box.x1 - box.x1 < room
        return not (starts and clear[1]) and not (ends and clear[0])
    return False
