"""The pages on a scanned or photographed sheet: cut out, made flat, put straight.

The sheet is read as it lies; what is moved are the lines that were found on it. So nothing is read twice, nothing is
read from a picture that was warped, and a sheet that lies well costs nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.geometry import WHOLE, back, corners_of, flat_size, levelled, mapped, onto
from pipeline.papers import find_paper
from pipeline.render import flattened
from pipeline.spreads import gutter
from schemas.page import Box, Corners, enclosing

if TYPE_CHECKING:
    from pipeline.ocr import OcrLine, OcrSheet

LEVEL = 2.5  # degrees: a page that runs less askew is left as it lies; its lines are followed
KEYSTONE = 1.5  # degrees between opposite edges of a paper, from which it was caught at an angle
MARGIN = 0.01  # of a page: lines whose middle lies further outside are not on it


@dataclass(frozen=True, slots=True)
class Part:
    """A page on its sheet. corners: as `Origin.corners`. size: of the flat page, in pixels. lines: their quads are in
    pixels of it."""

    corners: Corners
    size: tuple[float, float]
    lines: tuple[OcrLine, ...]

    def picture(self, sheet: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The flat page out of the upright sheet's picture."""
        return sheet if self.corners == WHOLE else flattened(sheet, self.corners)


def parts(sheet: OcrSheet) -> list[Part]:
    """The pages on an upright sheet in the order in which they are read; most sheets are one."""
    height, width = sheet.picture.shape[:2]
    whole = _Cutter((width, height))
    page = whole.level(whole.on_paper(Part(WHOLE, (width, height), sheet.lines), sheet.picture))
    return [whole.level(half) for half in whole.halves(page, sheet.picture)]


@dataclass(frozen=True, slots=True)
class _Cutter:
    """sheet: its width and height in pixels."""

    sheet: tuple[float, float]

    def on_paper(self, part: Part, picture: NDArray[np.uint8]) -> Part:
        """The page that a sheet of paper in a photo is, where it lies askew or was caught at an angle."""
        if not part.lines:
            return part
        print_at = np.concatenate([line.quad for line in part.lines]) / part.size
        paper = find_paper(picture, print_at)
        return part if paper is None or not _is_bent(paper, part.size) else self.cut(part, paper)

    def level(self, part: Part) -> Part:
        from pipeline.ocr.reader import skew_of

        skew = skew_of(part.lines)
        return part if abs(skew) < LEVEL else self.cut(part, levelled(skew, part.size))

    def halves(self, part: Part, picture: NDArray[np.uint8]) -> Iterator[Part]:
        middle = gutter([_around(line.quad / part.size) for line in part.lines], part.picture(picture))
        if middle is None:
            yield part
        else:
            yield self.cut(part, corners_of(Box(0.0, 0.0, middle, 1.0)))
            yield self.cut(part, corners_of(Box(middle, 0.0, 1.0, 1.0)))

    def cut(self, part: Part, corners: Corners) -> Part:
        """The page with these corners on another page, with the lines that are on it."""
        on_sheet = _corners(mapped(onto(part.corners), corners))
        size = flat_size(on_sheet, self.sheet)
        inwards = back(onto(corners))
        moved = (
            replace(line, quad=(mapped(inwards, line.quad / part.size) * size).astype(np.float32))
            for line in part.lines
        )
        return Part(on_sheet, size, tuple(line for line in moved if _is_on(line.quad / size)))


def _corners(points: NDArray[np.float64]) -> Corners:
    first, second, third, fourth = ((float(x), float(y)) for x, y in points)
    return first, second, third, fourth


def _around(quad: NDArray[np.floating]) -> Box:
    return enclosing(Box(x, y, x, y) for x, y in quad.tolist())


def _is_on(quad: NDArray[np.floating]) -> bool:
    middle = quad.mean(axis=0)
    return bool((middle > -MARGIN).all() and (middle < 1 + MARGIN).all())


def _is_bent(paper: Sequence[tuple[float, float]], size: tuple[float, float]) -> bool:
    """Whether a paper's edges run askew in the picture, or its opposite edges not side by side."""
    edges = np.roll(np.asarray(paper) * size, -1, axis=0) - np.asarray(paper) * size
    right, down, left, up = (math.degrees(math.atan2(y, x)) for x, y in edges)
    tilts = right, down - 90, left % 360 - 180, up + 90
    return max(map(abs, tilts)) > LEVEL or abs(tilts[0] - tilts[2]) > KEYSTONE or abs(tilts[1] - tilts[3]) > KEYSTONE
