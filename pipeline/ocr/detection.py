"""Where the lines of text are: Differentiable Binarization on one picture.

Source: Liao et al., Real-time Scene Text Detection with Differentiable Binarization, 2020. The thresholds are those
that the PP-OCR models were published with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

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
THRESHOLD, BOX_THRESHOLD, UNCLIP = 0.3, 0.5, 1.6
SMALLEST = 3.0  # pixels of the network's map


def find_lines(models: Models, picture: Picture) -> list[Quad]:
    """Quads of the text lines of an RGB picture (h, w, 3), in no order.

    Time goes with pixels, so the picture is looked at twice: small, and then, where there is text, as large as the
    small print needs it.
    """
    area = picture.shape[0] * picture.shape[1] / 1e6
    largest = min(1.0, math.sqrt(MOST / area))
    scale = min(1.0, math.sqrt(GLANCE / area))
    quads = _detect(models, picture, scale)
    if not quads:
        return _detect(models, picture, largest) if largest > scale else []
    height = float(np.percentile([min(size(quad)) for quad in quads], SMALL_LINES))
    if height * scale >= LINE * 0.9:
        return quads
    left, top, right, bottom = _around(quads, height, picture)
    part = picture[top:bottom, left:right]
    largest = min(MAGNIFIED, math.sqrt(MOST * 1e6 / (part.shape[0] * part.shape[1])))
    offset = np.array([left, top], np.float32)
    return [quad + offset for quad in _detect(models, part, min(largest, LINE / height))]


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
