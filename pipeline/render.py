"""Pages as pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.document import Document
from schemas.errors import PageFailure

if TYPE_CHECKING:
    from PIL.Image import Image

POINTS_PER_INCH = 72.0
SCAN_DPI, MOST_DPI = 190.0, 400.0
SCAN_PIXELS = (3.4e6, 8.0e6)  # of the picture that OCR is given: A4 and A2 at SCAN_DPI


class Scan(NamedTuple):
    """A page's picture as OCR wants it, and the page's own size: in points, or in pixels if the file is a picture."""

    picture: Image
    size: tuple[float, float]


def render_page(document: Document, number: int, long_side: int, rotation: int = 0) -> Image:
    """An RGB picture of a page, `long_side` pixels on its longer side, turned by the page's own rotation.

    rotation: degrees clockwise to turn it further, as `PageText.rotation` says for a scan that lies on its side.
    Raises PageFailure.
    """
    try:
        if document.pdf is None:
            picture = document.picture(number)
            picture = _resized(picture, long_side / max(picture.size))
        else:
            page = document.pdf[number - 1]
            picture = _rendered(page, long_side / max(page.rect.width, page.rect.height, 1.0))
    except Exception as error:  # whatever the libraries raise, the page is what failed
        raise PageFailure(f"it cannot be rendered: {error}.", document=document.uri, page=number) from error
    return picture.rotate(-rotation, expand=True) if rotation else picture


def scan_page(document: Document, number: int) -> Scan:
    """The page's picture, in RGB, as large as OCR needs it and no larger. Raises PageFailure."""
    least, most = SCAN_PIXELS
    try:
        if document.pdf is None:
            picture = document.picture(number)
            size = (float(picture.width), float(picture.height))
            return Scan(_resized(picture, min(1.0, math.sqrt(most / 2 / (size[0] * size[1])))), size)
        page = document.pdf[number - 1]
        area = max(1.0, page.rect.width * page.rect.height)
        wanted = min(most, max(least, area * (SCAN_DPI / POINTS_PER_INCH) ** 2))
        scale = min(MOST_DPI / POINTS_PER_INCH, math.sqrt(wanted / area))
        return Scan(_rendered(page, scale), (float(page.rect.width), float(page.rect.height)))
    except Exception as error:  # as above
        raise PageFailure(f"it cannot be rendered: {error}.", document=document.uri, page=number) from error


def _rendered(page: Any, scale: float) -> Image:
    import pymupdf
    from PIL import Image as Images

    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), alpha=False, colorspace=pymupdf.csRGB)
    return Images.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)


def _resized(picture: Image, scale: float) -> Image:
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, reducing_gap=2.0) if size != picture.size else picture
