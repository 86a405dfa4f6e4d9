"""Two pages side by side on one sheet: where the one ends and the other begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.page import Box

ASPECTS = (1.15, 1.8)  # width by height of a sheet that holds two pages
MIDDLE = (0.44, 0.56)  # of its width, between which the gutter's middle lies
GUTTER = 0.03  # of its width, at least
MARGINS = 1.2  # times the smaller of the outer margins, that the gutter is at least: between columns there is less
SAME_MARGIN = 0.04  # of the sheet's width: the most by which the left margins of the two pages differ
FEW_LINES = 4  # of print; a page has as many
LEAST_EXTENT = 0.15  # of the sheet's height, from the first of them to the last
EDGE = 0.02  # of the sheet: what lies closer to its edge is dirt, or the edge itself
CROSSED = 0.9  # of the gutter's width, that a rule which goes across it is dark


def gutter(lines: Sequence[Box], picture: NDArray[np.uint8]) -> float | None:
    """Where on the width of an upright sheet its two pages meet, 0..1; None where it is one page.

    lines: of print, as fractions of the sheet; a line has a box of its own in each column. picture: RGB (h, w, 3). What
    tells two pages from two columns: nothing goes across the middle, neither print nor rules; both begin at the same
    margin; and between them is the room of two margins.
    """
    high, wide = picture.shape[:2]
    inner = [line for line in lines if EDGE < line.center[0] < 1 - EDGE and EDGE < line.center[1] < 1 - EDGE]
    if not ASPECTS[0] < wide / high < ASPECTS[1] or len(inner) < 2 * FEW_LINES:
        return None
    left = [line for line in inner if line.center[0] < 0.5]
    right = [line for line in inner if line.center[0] >= 0.5]
    if not _is_page(left) or not _is_page(right):
        return None
    begin, end = max(line.x1 for line in left), min(line.x0 for line in right)
    margins = min(line.x0 for line in left), 1 - max(line.x1 for line in right)
    middle = _middle(begin, end)
    if (
        end - begin < max(GUTTER, MARGINS * min(margins))
        or not MIDDLE[0] <= middle <= MIDDLE[1]
        or abs(end - middle - margins[0]) > SAME_MARGIN
        or _is_crossed(picture, begin, end)
    ):
        return None
    return middle


def _middle(begin: float, end: float) -> float:
    """The sheet's own middle if it lies in the gutter, for pages end with lines of any length; else the gutter's."""
    return 0.5 if begin < 0.5 < end else (begin + end) / 2


def _is_page(lines: Sequence[Box]) -> bool:
    return len(lines) >= FEW_LINES and max(line.y1 for line in lines) - min(line.y0 for line in lines) >= LEAST_EXTENT


def _is_crossed(picture: NDArray[np.uint8], begin: float, end: float) -> bool:
    """Whether a rule goes from one side of the gutter to the other."""
    high, wide = picture.shape[:2]
    trim = round(EDGE * high)
    band = picture[trim : high - trim, round(begin * wide) : max(round(begin * wide) + 1, round(end * wide))].min(
        axis=2
    )
    paper = np.median(band)
    thick = np.minimum(band[:-2], np.minimum(band[1:-1], band[2:]))  # a rule that runs a little askew, too
    return bool(((thick < paper - 40).mean(axis=1) > CROSSED).any())
