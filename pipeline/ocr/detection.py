"""Where the lines of text are: Differentiable Binarization on one picture.

Source: Liao et al., Real-time Scene Text Detection with Differentiable Binarization, 2020. The thresholds are those
that the PP-OCR models were published with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.models import Models, run

Picture = NDArray[np.uint8]
Quad = NDArray[np.float32]
"""Four corners (4, 2) in pixels: top left, top right, bottom right, bottom left of the line as it is read."""

GLANCE = 0.35  # megapixels of a first look, that finds how large the text is
MOST = 2.2  # megapixels of a second, closer look: A4 at 150 dpi
LINE = 24.0  # pixels of the network's input that a grown quad is high, from which lines are found in full
MAGNIFIED = 2.0  # times a picture is enlarged at most
SMALL_LINES = 20  # percentile of the lines' heights that stands for the small print
LONGEST = 3.2  # times as long as wide: a picture that is longer is a strip
PIECE, SHARED = 2.0, 0.15  # of a strip's width: how long its pieces are, and what each has of its neighbour
SLACK = 6  # pixels by which the middle of a line differs from one look to the next
INK = 60  # of 255, by which a stroke is darker than what is around it
SMALLEST_LETTER, LARGEST_LETTER, MANY_LETTERS = 5, 14, 80  # pixels; how many letters are more than dirt
LONG_LINE, FEW_LINES = 10, 5  # letters' heights, from which letters side by side are a line; lines that are print
GROWN = 2.6  # times the height of small letters: the grown quad around their line
MISSED = 0.6  # times as high as the small print that was found: print so much smaller may be missed at a glance
THRESHOLD, BOX_THRESHOLD, UNCLIP = 0.3, 0.5, 1.6
SMALLEST = 3.0  # pixels of the network's map


def find_lines(models: Models, picture: Picture) -> list[Quad]:
    """Quads of the text lines of an RGB picture (h, w, 3), in no order.

    A long till roll, or another strip, is looked at in pieces, so that its print stays as large as it is.
    """
    high, wide = picture.shape[:2]
    if max(high, wide) <= LONGEST * min(high, wide) or high * wide <= MOST * 1e6:
        return _lines(models, picture)
    quads: list[Quad] = []
    axis = 0 if wide > high else 1
    for piece in pieces(max(high, wide), min(high, wide)):
        part = picture[piece.begin : piece.end] if axis else picture[:, piece.begin : piece.end]
        offset = np.array([0, piece.begin] if axis else [piece.begin, 0], np.float32)
        for quad in _lines(models, np.ascontiguousarray(part)):
            middle = quad.mean(axis=0) + offset
            if piece.first - SLACK <= middle[axis] < piece.last + SLACK and not _is_known(middle, quads):
                quads.append(quad + offset)
    return quads


class Piece(NamedTuple):
    """Pixels along a strip: from `begin` to `end`; the lines whose middle lies from `first` to `last` are its own."""

    begin: int
    end: int
    first: int
    last: int


def pieces(length: int, across: int) -> Iterator[Piece]:
    """A strip in pieces. Each has a part in common with the next one, in which there is room for a whole line."""
    shared = round(SHARED * across)
    count = max(1, math.ceil(length / (PIECE * across)))
    for place in range(count):
        first, last = round(length * place / count), round(length * (place + 1) / count)
        yield Piece(max(0, first - shared), min(length, last + shared), first, last)


def _is_known(middle: NDArray[np.float32], quads: Sequence[Quad]) -> bool:
    """Whether the line with that middle was found in the piece before."""
    return any((quad.min(axis=0) <= middle).all() and (middle <= quad.max(axis=0)).all() for quad in quads)


def _lines(models: Models, picture: Picture) -> list[Quad]:
    """The same, of a picture that is no strip.

    Time goes with pixels, so it is looked at twice: small, and then, where there is text, as large as the small print
    needs it.
    """
    area = picture.shape[0] * picture.shape[1] / 1e6
    largest = min(1.0, math.sqrt(MOST / area))
    scale = min(1.0, math.sqrt(GLANCE / area))
    quads = _detect(models, picture, scale)
    heights = [min(size(quad)) for quad in quads]
    height = float(np.percentile(heights, SMALL_LINES)) if heights else math.inf
    unseen = unseen_print(picture, quads)
    if unseen and unseen < MISSED * height:
        return _detect(models, picture, min(largest, LINE / unseen))
    if not quads:
        return _detect(models, picture, largest) if largest > scale else []
    if height * scale >= LINE * 0.9:
        return quads
    left, top, right, bottom = _around(quads, height, picture)
    part = picture[top:bottom, left:right]
    largest = min(MAGNIFIED, math.sqrt(MOST * 1e6 / (part.shape[0] * part.shape[1])))
    offset = np.array([left, top], np.float32)
    return [quad + offset for quad in _detect(models, part, min(largest, LINE / height))]


def unseen_print(picture: Picture, quads: Sequence[Quad]) -> float | None:
    """How high a quad would be around the print that a glance has missed beside what it found, in pixels; None where
    it has missed none: print is small spots of ink that stand in lines."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones((9, 9), np.uint8))
    ink = (dark > INK).astype(np.uint8)
    for quad in quads:
        cv2.fillConvexPoly(ink, quad.astype(np.int32), 0)
    _, labels, spots, _ = cv2.connectedComponentsWithStats(ink)
    wide, high = spots[:, cv2.CC_STAT_WIDTH], spots[:, cv2.CC_STAT_HEIGHT]
    is_letter = (high >= SMALLEST_LETTER) & (high <= LARGEST_LETTER) & (wide < 2 * high)
    if is_letter.sum() < MANY_LETTERS:
        return None
    usual = float(np.median(high[is_letter]))
    letters = is_letter[labels].astype(np.uint8)
    joined = cv2.morphologyEx(letters, cv2.MORPH_CLOSE, np.ones((1, 1 + 2 * round(usual)), np.uint8))
    count, _, runs, _ = cv2.connectedComponentsWithStats(joined)
    lines = (runs[1:count, cv2.CC_STAT_WIDTH] > LONG_LINE * usual).sum()
    return GROWN * usual if lines >= FEW_LINES else None


def _around(quads: Sequence[Quad], margin: float, picture: Picture) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of the picture that holds all quads, and two margins."""
    corners = np.concatenate(quads)
    high, wide = picture.shape[:2]
    left, top = np.maximum(corners.min(axis=0) - 2 * margin, 0)
    right, bottom = np.minimum(corners.max(axis=0) + 2 * margin, [wide, high])
    return int(left), int(top), math.ceil(right), math.ceil(bottom)


def _detect(models: Models, picture: Picture, scale: float) -> list[Quad]:
    """One run of the network over the picture at a scale."""
    import cv2

    height, width = picture.shape[:2]
    high, wide = (max(32, round(side * scale / 32) * 32) for side in (height, width))
    resized = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    probability = run(models.detection, _normalized(resized)[None])[0, 0]
    mask = cv2.dilate((probability > THRESHOLD).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    grow = np.array([width / wide, height / high], np.float32)
    quads = (_quad(contour, probability) for contour in contours)
    return [quad * grow for quad in quads if quad is not None]


def _normalized(picture: Picture) -> NDArray[np.float32]:
    """(3, h, w) in -1..1."""
    return ((picture.astype(np.float32) / 255.0 - 0.5) / 0.5).transpose(2, 0, 1)


def _quad(contour: Any, probability: NDArray[np.float32]) -> Quad | None:
    import cv2

    center, (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < SMALLEST:
        return None
    left, top, wide, high = cv2.boundingRect(contour)
    corners = cv2.boxPoints((center, (width, height), angle))
    inside = np.zeros((high, wide), np.uint8)
    cv2.fillPoly(inside, [(corners - [left, top]).astype(np.int32)], 1)
    if cv2.mean(probability[top : top + high, left : left + wide], inside)[0] < BOX_THRESHOLD:
        return None
    margin = width * height * UNCLIP / (2 * (width + height))
    grown = cv2.boxPoints((center, (width + 2 * margin, height + 2 * margin), angle))
    return ordered(grown)


def ordered(corners: NDArray[np.float32]) -> Quad:
    """Corners (4, 2) of a rectangle, one after the other around it, as a quad whose top edge runs most to the right."""
    edges = np.roll(corners, -1, axis=0) - corners
    if edges[0, 0] * edges[1, 1] < edges[0, 1] * edges[1, 0]:
        return ordered(corners[::-1])
    rightward = edges[:, 0] / np.maximum(np.hypot(edges[:, 0], edges[:, 1]), 1e-6)
    return np.roll(corners, -int(rightward.argmax()), axis=0).astype(np.float32)


def size(quad: Quad) -> tuple[float, float]:
    """Width and height of a quad, in pixels."""
    top, right = quad[1] - quad[0], quad[2] - quad[1]
    return float(np.hypot(*top)), float(np.hypot(*right))


def cut_out(picture: Picture, quad: Quad) -> Picture:
    """The line in the quad, straightened."""
    import cv2

    width, height = (max(1, round(side)) for side in size(quad))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad, target)
    line: Picture = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return line
