"""What is printed on a page, whatever read it: words and marks with their place.

Coordinates are fractions of the displayed page (its rotation applied), origin top left, so that one convention serves
words, evidence, crops and the review page, at any pixel size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

WordSource = Literal["text", "ocr"]


class Box(NamedTuple):
    """A rectangle on a page, as fractions 0..1 of its displayed width and height. In JSON: `[x0, y0, x1, y1]`."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def part(self, box: Box) -> Box:
        """On the page, what is `box` in fractions of this one."""
        x0, y0 = self.x0 + box.x0 * self.width, self.y0 + box.y0 * self.height
        return Box(x0, y0, self.x0 + box.x1 * self.width, self.y0 + box.y1 * self.height)

    def within(self, region: Box) -> Box:
        """This box in fractions of a region that is not empty: the reverse."""
        x0, y0 = (self.x0 - region.x0) / region.width, (self.y0 - region.y0) / region.height
        return Box(x0, y0, (self.x1 - region.x0) / region.width, (self.y1 - region.y0) / region.height)

    def has_middle_of(self, box: Box) -> bool:
        x, y = box.center
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def intersection_over_union(self, other: Box) -> float:
        """Jaccard index of the two areas; 0.0 where both are empty."""
        overlap_width = min(self.x1, other.x1) - max(self.x0, other.x0)
        overlap_height = min(self.y1, other.y1) - max(self.y0, other.y0)
        overlap = max(0.0, overlap_width) * max(0.0, overlap_height)
        union = self.width * self.height + other.width * other.height - overlap
        return overlap / union if union > 0 else 0.0


WHOLE_PAGE = Box(0.0, 0.0, 1.0, 1.0)


def enclosing(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of them. ValueError when there is none."""
    found = list(boxes)
    return Box(
        min(box.x0 for box in found),
        min(box.y0 for box in found),
        max(box.x1 for box in found),
        max(box.y1 for box in found),
    )


class Word(NamedTuple):
    """One run of characters without a space, as printed. cell: where the file itself has it, as in `Evidence`."""

    text: str
    box: Box
    confidence: float = 1.0
    source: WordSource = "text"
    cell: str | None = None


class Mark(NamedTuple):
    """A checkbox or radio button, drawn, printed as a glyph, or a form widget."""

    box: Box
    checked: bool
    confidence: float = 1.0


Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]
"""Top left, top right, bottom right, bottom left."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a page lies on the sheet, a page of the file, that it was taken from.

    sheet: 1-based. part: 1-based, of `parts` pages that lie on the sheet, in the order in which they are read.
    corners: of the page, as fractions of the sheet as it is displayed and then turned by the page's `rotation`. They
    may lie outside it. The page is what the quadrilateral between them shows, made a rectangle; its words, marks and
    evidence are told in fractions of that (`pipeline.geometry` puts them back on the sheet).
    """

    sheet: int
    part: int = 1
    parts: int = 1
    corners: Corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


BLANK = "blank page"  # the reason of a page on which there is nothing at all


@dataclass(frozen=True, slots=True)
class PageText:
    """What could be read on one page.

    number: 1-based; where a sheet holds two pages, both are counted.
    width, height: of the displayed page, in points (1/72 inch; for an image, pixels).
    words: in reading order (lines top to bottom, left to right inside a line).
    source: `text` for the file's own text layer, `ocr`, or `none` for a page with nothing to read.
    reason: why that source was chosen, in words for the record.
    rotation: degrees clockwise by which the page's content was turned to be upright, 0, 90, 180 or 270.
    skew: degrees clockwise by which the lines of a scan run against its edges; boxes are left as they are displayed.
    failure: what went wrong, when the page could not be read; it then has no words.
    origin: of a page that was cut out of its sheet, or put straight; None for one that is its sheet: the file's page of
    the same number, turned by `rotation`.
    copy_of: number of an earlier page that says the same.
    """

    number: int
    width: float
    height: float
    words: tuple[Word, ...]
    marks: tuple[Mark, ...] = ()
    source: Literal["text", "ocr", "none"] = "text"
    reason: str = ""
    rotation: int = 0
    skew: float = 0.0
    failure: str | None = None
    origin: Origin | None = None
    copy_of: int | None = None

    @property
    def sheet(self) -> int:
        """The file's page that it is on, 1-based."""
        return self.origin.sheet if self.origin else self.number
