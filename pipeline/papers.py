"""The sheet of paper in a photo: its four corners, told from its edges against what it lies on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.page import Corners

LONG_SIDE = 640  # pixels of the picture that edges are looked for in
SHORTEST = 0.12  # of its long side: a stroke that may be a part of an edge
TILT = 30.0  # degrees between an edge and the way the lines of text run, or the way across
MOST_EDGES = 7  # for each side, the best supported
STEP = 4  # pixels between the places at which an edge is felt for
REACH = 5  # pixels on either side of it that are compared
CONTRAST = 9.0  # of 255, by which paper is lighter than what it lies on
SUPPORTED, WELL_SUPPORTED = 0.45, 0.72  # of an edge's length, for each edge and for all four
AT_BORDER = 0.6  # support of an edge that the picture's own border stands for
LEAST_AREA = 0.12  # of the picture
OUTSIDE = 0.02  # of the text's corners, at most, that may lie outside: dirt, or print on what the paper lies on

INWARDS = ((0, 1), (-1, 0), (0, -1), (1, 0))  # of the upper, right, lower and left edge

_Points = NDArray[np.float64]


class Edge(NamedTuple):
    """A straight line with all text on its inner side. normal: unit vector inwards; distance: along it, in pixels.

    felt: running sum of the places along the line where it is an edge; begin: of the first place, along the line.
    border: whether it is the picture's own.
    """

    normal: _Points
    distance: float
    felt: _Points
    begin: float
    border: bool

    @property
    def along(self) -> _Points:
        return np.array([-self.normal[1], self.normal[0]])

    def support(self, one: _Points, other: _Points) -> float:
        """The share of the stretch between two points of it that is an edge."""
        if self.border:
            return AT_BORDER
        first, last = sorted(float(self.along @ point) for point in (one, other))
        places = np.clip([(first - self.begin) / STEP, (last - self.begin) / STEP], 0, len(self.felt) - 1).astype(int)
        length = max(1.0, (last - first) / STEP)
        return float(self.felt[places[1]] - self.felt[places[0]]) / length


def find_paper(picture: NDArray[np.uint8], text: _Points) -> Corners | None:
    """Top left, top right, bottom right, bottom left of the paper, as fractions of an upright RGB picture (h, w, 3).

    text: corners (n, 2) of what is printed on it, as fractions too. None where no paper stands out, as in a scan.
    """
    import cv2

    high, wide = picture.shape[:2]
    scale = min(1.0, LONG_SIDE / max(high, wide))
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    grey = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    grey = cv2.GaussianBlur(cv2.medianBlur(grey, 5), (5, 5), 0)
    inside = text * size
    sides = [_best(edges) for edges in _edges(grey, inside)]
    if not all(sides) or all(all(edge.border for edge in edges) for edges in sides):
        return None
    best, corners = 0.0, None
    for chosen in product(*sides):
        quad = _quad(chosen)
        if quad is None or not _fits(quad, size):
            continue
        supports = [edge.support(quad[at], quad[(at + 1) % 4]) for at, edge in enumerate(chosen)]
        if min(supports) >= SUPPORTED and sum(edge.border for edge in chosen) <= 2:
            lengths = [math.dist(quad[at], quad[(at + 1) % 4]) for at in range(4)]
            score = float(np.average(supports, weights=lengths))
            if score > best:
                best, corners = score, quad
    if corners is None or best < WELL_SUPPORTED:
        return None
    first, second, third, fourth = ((float(x), float(y)) for x, y in corners / size)
    return first, second, third, fourth


def _best(edges: Sequence[Edge]) -> list[Edge]:
    return sorted(edges, key=lambda edge: -(edge.felt[-1] if len(edge.felt) else 0.0))[:MOST_EDGES]


def _edges(grey: NDArray[np.uint8], text: _Points) -> tuple[list[Edge], list[Edge], list[Edge], list[Edge]]:
    """Those that may be the paper's upper, right, lower and left one; the picture's own borders are among them."""
    import cv2

    high, wide = grey.shape
    middle = (text.min(axis=0) + text.max(axis=0)) / 2
    sides: tuple[list[Edge], ...] = ([], [], [], [])
    for edges, inwards, border in zip(sides, INWARDS, (0, -wide, -high, 0), strict=True):
        edges.append(Edge(np.array(inwards, np.float64), float(border), np.zeros(0), 0.0, border=True))
    found = cv2.Canny(grey, 12, 36)
    strokes = cv2.HoughLinesP(found, 1, np.pi / 360, 40, minLineLength=SHORTEST * max(high, wide), maxLineGap=12)
    light = grey.astype(np.float32)
    known: list[tuple[float, float]] = []
    for x0, y0, x1, y1 in _longest_first(strokes):
        start, end = np.array([x0, y0]), np.array([x1, y1])
        run = (end - start) / max(1e-9, math.dist(start, end))
        normal = np.array([-run[1], run[0]])
        if normal @ (middle - start) < 0:
            normal = -normal
        distance = float(normal @ (start + end)) / 2
        angle = math.atan2(normal[1], normal[0])
        if any(abs(angle - other) < 0.02 and abs(distance - where) < 4 for other, where in known):
            continue
        if (text @ normal < distance - 3).mean() > OUTSIDE:
            continue
        known.append((angle, distance))
        side = _side(normal)
        if side is not None:
            sides[side].append(Edge(normal, distance, *_felt(light, normal, distance), border=False))
    top, right, bottom, left = sides
    return top, right, bottom, left


def _longest_first(strokes: NDArray[np.int32] | None) -> Iterator[tuple[float, float, float, float]]:
    if strokes is not None:
        flat = strokes.reshape(-1, 4).astype(np.float64)
        for stroke in flat[np.argsort(-np.hypot(flat[:, 2] - flat[:, 0], flat[:, 3] - flat[:, 1]))][:120]:
            x0, y0, x1, y1 = stroke.tolist()
            yield x0, y0, x1, y1


def _side(normal: _Points) -> int | None:
    """0..3 for upper, right, lower, left, by where inwards is."""
    for side, inwards in enumerate(INWARDS):
        if float(normal @ inwards) > math.cos(math.radians(TILT)):
            return side
    return None


def _felt(light: NDArray[np.float32], normal: _Points, distance: float) -> tuple[_Points, float]:
    """`Edge.felt` and `Edge.begin`: where it is lighter on the inner side, by more than paper differs from itself."""
    high, wide = light.shape
    along = np.array([-normal[1], normal[0]])
    ends = [float(along @ corner) for corner in ((0, 0), (wide, 0), (0, high), (wide, high))]
    places = np.arange(min(ends), max(ends) + STEP, STEP)
    points = normal * distance + places[:, None] * along
    inner, outer = (_taken(light, points + normal * offset) for offset in (REACH, -REACH))
    steps = np.where(np.isnan(inner) | np.isnan(outer), 0.0, inner - outer > CONTRAST)
    return np.concatenate([[0.0], np.cumsum(steps)]), float(places[0])


def _taken(light: NDArray[np.float32], points: _Points) -> _Points:
    """The light at the points (n, 2), NaN outside the picture."""
    high, wide = light.shape
    x, y = points.round().astype(int).T
    inside = (x >= 0) & (x < wide) & (y >= 0) & (y < high)
    values = np.full(len(points), np.nan)
    values[inside] = light[y[inside], x[inside]]
    return values


def _quad(edges: Sequence[Edge]) -> _Points | None:
    """Top left, top right, bottom right, bottom left, where the edges meet."""
    top, right, bottom, left = edges
    corners = []
    for one, other in ((left, top), (top, right), (right, bottom), (bottom, left)):
        normals = np.stack([one.normal, other.normal])
        if abs(np.linalg.det(normals)) < 0.5:
            return None
        corners.append(np.linalg.solve(normals, [one.distance, other.distance]))
    return np.array(corners)


def _fits(quad: _Points, size: tuple[int, int]) -> bool:
    """Whether it is convex, goes round clockwise, is large enough, and lies in the picture but for a few pixels."""
    edges = np.roll(quad, -1, axis=0) - quad
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    x, y = quad.T
    area = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    roomy = 0.02 * np.array(size)
    return bool(
        (turns > 0).all()
        and area > LEAST_AREA * size[0] * size[1]
        and (quad > -roomy).all()
        and (quad < np.array(size) + roomy).all()
    )
