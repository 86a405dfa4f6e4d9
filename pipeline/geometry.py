"""Where a page lies on the sheet that was scanned or photographed, and back: projective maps between quadrilaterals.

Both are told in fractions of their own width and height, so that a map holds at any pixel size.
Source: Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989, section 2.2.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.page import Box, Corners, Origin, Point, enclosing

Map = NDArray[np.float64]
"""(3, 3), of homogeneous columns x, y, 1."""

FAR = 1e3  # times the size of a sheet
WHOLE: Corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def onto(corners: Sequence[Point]) -> Map:
    """The map from a page, in its fractions, onto the quadrilateral with these corners: top left, top right, bottom
    right, bottom left. ValueError where they lie on one line, or so far off that no page of theirs can be shown."""
    if not all(abs(side) < FAR for corner in corners for side in corner):
        raise ValueError("the corners of a page lie far off its sheet")
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    sum_x, sum_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    across, down = np.array([x1 - x2, y1 - y2]), np.array([x3 - x2, y3 - y2])
    area = across[0] * down[1] - across[1] * down[0]
    if abs(area) < 1e-12:
        raise ValueError("the corners of a page lie on one line")
    g = (sum_x * down[1] - sum_y * down[0]) / area
    h = (across[0] * sum_y - across[1] * sum_x) / area
    return np.array(
        [[x1 - x0 + g * x1, x3 - x0 + h * x3, x0], [y1 - y0 + g * y1, y3 - y0 + h * y3, y0], [g, h, 1.0]], np.float64
    )


def back(matrix: Map) -> Map:
    """The map that undoes another."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def mapped(matrix: Map, points: ArrayLike) -> NDArray[np.float64]:
    """Points (n, 2) through a map."""
    places = np.asarray(points, np.float64)
    moved = np.column_stack([places, np.ones(len(places))]) @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:])


def corners_of(box: Box) -> Corners:
    return (box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)


def quad_on_sheet(box: Box, origin: Origin | None) -> Corners:
    """The corners of a box of a page, on its sheet turned upright."""
    if origin is None or origin.corners == WHOLE:
        return corners_of(box)
    top_left, top_right, bottom_right, bottom_left = mapped(onto(origin.corners), corners_of(box)).tolist()
    return tuple(top_left), tuple(top_right), tuple(bottom_right), tuple(bottom_left)


def box_on_sheet(box: Box, origin: Origin | None) -> Box:
    """The upright rectangle around a box of a page, on its sheet turned upright."""
    return enclosing(Box(x, y, x, y) for x, y in quad_on_sheet(box, origin))


def flat_size(corners: Sequence[Point], size: tuple[float, float]) -> tuple[float, float]:
    """Width and height of the page with these corners, in the unit of its sheet's size: the longer of its opposite
    edges, so that nothing of it is made smaller."""
    top_left, top_right, bottom_right, bottom_left = np.asarray(corners, np.float64) * size
    width = max(math.dist(top_left, top_right), math.dist(bottom_left, bottom_right))
    height = max(math.dist(top_left, bottom_left), math.dist(top_right, bottom_right))
    return width, height


def levelled(degrees: float, size: tuple[float, float]) -> Corners:
    """The corners of the level page that holds a whole sheet of that size, whose lines run askew by so many degrees."""
    width, height = size
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    half_wide, half_high = (width * cosine + height * abs(sine)) / 2, (width * abs(sine) + height * cosine) / 2
    ends = ((-half_wide, -half_high), (half_wide, -half_high), (half_wide, half_high), (-half_wide, half_high))
    first, second, third, fourth = (
        (0.5 + (x * cosine - y * sine) / width, 0.5 + (x * sine + y * cosine) / height) for x, y in ends
    )
    return first, second, third, fourth
