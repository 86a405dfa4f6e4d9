"""Where the lines of text are: Differentiable Binarization on one picture.

Source: Liao et al., Real-time Scene Text Detection with Differentiable Binarization, 2020. The thresholds are those
that the PP-OCR models were published with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.models import Models, run

Picture = NDArray[np.uint8]
Quad = NDArray[np.float32]
"""Four corners (4, 2) in pixels: top left, top right, bottom right, bottom left of the line as it is read."""

SHORT_SIDE = 736  # pixels; smaller pictures are enlarged to it, for the network misses small print
LONG_SIDE = 1760  # pixels; time goes with pixels, and larger ones find no more lines
THRESHOLD, BOX_THRESHOLD, UNCLIP = 0.3, 0.5, 1.6
SMALLEST = 3.0  # pixels of the network's map


def find_lines(models: Models, picture: Picture) -> list[Quad]:
    """Quads of the text lines of an RGB picture (h, w, 3), in no order."""
    import cv2

    height, width = picture.shape[:2]
    scale = min(max(1.0, SHORT_SIDE / min(height, width)), LONG_SIDE / max(height, width))
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
