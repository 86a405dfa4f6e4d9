"""Pages as pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.document import Document
from pipeline.layout import turned
from pipeline.limits import is_out_of_memory, out_of_memory, too_many_pixels
from schemas.errors import DocumentTooLarge, PageFailure
from schemas.page import WHOLE_PAGE, Box

if TYPE_CHECKING:
    from PIL.Image import Image

POINTS_PER_INCH = 72.0
SCAN_DPI, MOST_DPI = 190.0, 400.0
BYTES = 4  # of a pixel in colour
SCAN_PIXELS = (3.4e6, 8.0e6)  # of the picture that OCR is given: A4 and A2 at SCAN_DPI


class Scan(NamedTuple):
    """A page's picture as OCR wants it, and the page's own size: in points, or in pixels if the file is a picture."""

    picture: Image
    size: tuple[float, float]


def render_page(
    document: Document, number: int, long_side: int, region: Box = WHOLE_PAGE, *, rotation: int = 0
) -> Image:
    """An RGB picture of a page or a region of it, `long_side` pixels on its longer side, turned as the page says.

    rotation: degrees clockwise to turn it further, as `PageText.rotation` says for a scan that lies on its side; the
    region is one of the page so turned. Raises PageFailure.
    """
    region = turned(region, -rotation % 360)
    try:
        page = document.drawn(number)
        if page is None:
            picture = document.picture(number)
            picture = picture if region == WHOLE_PAGE else picture.crop(_pixels(region, picture.size))
            picture = _resized(picture, long_side / max(picture.size))
        else:
            _check_pictures(page, document)
            clip = _part(page.rect, region)
            picture = _rendered(page, long_side / max(clip.width, clip.height, 1.0), clip)
    except Exception as error:  # whatever the libraries raise, the page is what failed
        raise _failure(error, document, number) from error
    return picture.rotate(-rotation, expand=True) if rotation else picture


def scan_page(document: Document, number: int) -> Scan:
    """The page's picture, in RGB, as large as OCR needs it and no larger. Raises PageFailure."""
    least, most = SCAN_PIXELS
    try:
        page = document.drawn(number)
        if page is None:
            picture = document.picture(number)
            size = (float(picture.width), float(picture.height))
            return Scan(_resized(picture, min(1.0, math.sqrt(most / 2 / (size[0] * size[1])))), size)
        _check_pictures(page, document)
        area = max(1.0, page.rect.width * page.rect.height)
        wanted = min(most, max(least, area * (SCAN_DPI / POINTS_PER_INCH) ** 2))
        scale = min(MOST_DPI / POINTS_PER_INCH, math.sqrt(wanted / area))
        return Scan(_rendered(page, scale), (float(page.rect.width), float(page.rect.height)))
    except Exception as error:  # as above
        raise _failure(error, document, number) from error


def _failure(error: Exception, document: Document, number: int) -> PageFailure:
    if is_out_of_memory(error):
        error = out_of_memory(document.limits, "")
    elif isinstance(error, DocumentTooLarge):
        error.document = ""  # which the failure names
    return PageFailure(f"it cannot be rendered: {str(error).rstrip('.')}.", document=document.uri, page=number)


def _check_pictures(page: Any, document: Document) -> None:
    """Raises DocumentTooLarge where a picture that the page shows takes more memory than a coloured one may."""
    for shown in page.get_image_info():
        width, height = shown["width"], shown["height"]
        if width * height * max(1, shown["colorspace"]) * max(1, shown["bpc"]) / 8 > BYTES * document.limits.pixels:
            raise too_many_pixels(f"a picture on it has {width} × {height} pixels", document.limits, "")


def _rendered(page: Any, scale: float, clip: Any = None) -> Image:
    import pymupdf
    from PIL import Image as Images

    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), clip=clip, alpha=False, colorspace=pymupdf.csRGB)
    return Images.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)


def _part(sheet: Any, region: Box) -> Any:
    """The region in points of a page's sheet, at least one each way."""
    import pymupdf

    left, top = sheet.x0 + region.x0 * sheet.width, sheet.y0 + region.y0 * sheet.height
    width, height = max(1.0, region.width * sheet.width), max(1.0, region.height * sheet.height)
    return pymupdf.Rect(left, top, left + width, top + height)


def _pixels(region: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The region in whole pixels, at least one each way."""
    width, height = size
    left, top = min(int(region.x0 * width), width - 1), min(int(region.y0 * height), height - 1)
    return left, top, max(left + 1, math.ceil(region.x1 * width)), max(top + 1, math.ceil(region.y1 * height))


def _resized(picture: Image, scale: float) -> Image:
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, reducing_gap=2.0) if size != picture.size else picture
