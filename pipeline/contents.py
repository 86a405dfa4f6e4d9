"""What a PDF page draws, in order: from this it is told whether a page is a scan, and which of its text is hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from schemas.page import Box

COVERED = 0.6  # of the page under pictures, from which it may be a scan
LEAST, MOST = 5.0, 24.0  # points: the side of a drawn checkbox
MAX_PATHS = 5000  # of a page; drawings beyond that are art, not a form

Rect = Sequence[float]
"""x0, y0, x1, y1 in points, the page's own rotation not applied."""


class Sheet(NamedTuple):
    """How a page's own coordinates lie on the page as it is displayed. width, height: of the displayed page, in points.

    matrix: a, b, c, d, e, f of PDF, turning by a multiple of 90 degrees.
    """

    width: float
    height: float
    matrix: tuple[float, float, float, float, float, float]

    def box(self, rect: Rect) -> Box:
        """The rectangle as fractions of the displayed page, cut off at its edges."""
        (a, b, c, d, e, f), (x0, y0, x1, y1) = self.matrix, rect
        left, right = sorted(((a * x0 + c * y0 + e) / self.width, (a * x1 + c * y1 + e) / self.width))
        top, bottom = sorted(((b * x0 + d * y0 + f) / self.height, (b * x1 + d * y1 + f) / self.height))
        return Box(max(0.0, left), max(0.0, top), min(1.0, right), min(1.0, bottom))


class Contents(NamedTuple):
    """sheet: the page's measures.
    covered: share of the page under pictures, 0..1.
    buried: share of the text that shows nothing, or that a picture of the page lies over.
    unseen: rectangles of invisible text with no picture under it. boxes: whether a small square is drawn.
    empty: whether nothing is drawn at all.
    """

    sheet: Sheet
    covered: float
    buried: float
    unseen: tuple[Rect, ...]
    boxes: bool
    empty: bool


def page_contents(page: Any) -> Contents:
    """The contents of a PyMuPDF page."""
    area = abs(page.cropbox.width * page.cropbox.height) or 1.0
    covered = 0.0
    pictures: list[Rect] = []
    texts: list[tuple[bool, Rect]] = []
    paths: list[Rect] = []
    for kind, rect in page.get_bboxlog():
        if kind in ("fill-image", "fill-imgmask"):
            before = covered
            covered += abs((rect[2] - rect[0]) * (rect[3] - rect[1])) / area
            pictures.append(rect)
            if before <= COVERED < covered:  # what was written so far lies under the scan
                texts = [(False, text) for _, text in texts]
        elif kind.endswith("text"):
            texts.append((kind != "ignore-text", rect))
        elif kind.endswith("path"):
            paths.append(rect)
    return Contents(
        sheet=Sheet(page.rect.width or 1.0, page.rect.height or 1.0, tuple(page.rotation_matrix)),
        covered=min(1.0, covered),
        buried=sum(not seen for seen, _ in texts) / len(texts) if texts else 0.0,
        unseen=tuple(rect for seen, rect in texts if not seen and not any(_meet(rect, other) for other in pictures)),
        boxes=len(paths) <= MAX_PATHS and any(_squares(paths)),
        empty=not (pictures or texts or paths),
    )


def _squares(paths: Sequence[Rect]) -> Iterator[bool]:
    for x0, y0, x1, y1 in paths:
        yield LEAST <= x1 - x0 <= MOST + 2 and 0.75 * (x1 - x0) < y1 - y0 < 1.33 * (x1 - x0)


def _meet(one: Rect, other: Rect) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
