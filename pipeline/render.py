"""Pages as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.document import Document
from pipeline.geometry import WHOLE, flat_size, quad_on_sheet
from pipeline.layout import turned
from pipeline.limits import is_out_of_memory, out_of_memory, too_many_pixels
from schemas.errors import DocumentTooLarge, PageFailure
from schemas.page import WHOLE_PAGE, Box, Corners, Origin, Point

if TYPE_CHECKING:
    from PIL.Image import Image

POINTS_PER_INCH = 72.0
SCAN_DPI, MOST_DPI = 190.0, 400.0
BYTES = 4  # of a pixel in colour
LEAST_PART = 1e-3  # of a sheet's side: the least of it that is rendered
STRIP, STRIP_PIXELS = 760, 24e6  # pixels that a strip is wide at least, and has in all at most
SCAN_PIXELS = (3.4e6, 8.0e6)  # of the picture that OCR is given: A4 and A2 at SCAN_DPI


class Scan(NamedTuple):
    """A page's picture as OCR wants it, and the page's own size: in points, or in pixels if the file is a picture."""

    picture: Image
    size: tuple[float, float]


def render_page(
    document: Document,
    number: int,
    long_side: int,
    region: Box = WHOLE_PAGE,
    *,
    rotation: int = 0,
    origin: Origin | None = None,
) -> Image:
    """An RGB picture of a page or a region of it, `long_side` pixels on its longer side, turned as the page says.

    rotation: degrees clockwise to turn it further, as `PageText.rotation` says for a scan that lies on its side; the
    region is one of the page so turned. origin: as `PageText.origin` says for a page that was cut out of its sheet or
    put straight; so is its picture, and `number` counts for nothing. Raises PageFailure.
    """
    if origin is not None and origin.corners == WHOLE:
        number = origin.sheet
    elif origin is not None:
        return _cut_out(document, origin, long_side, region, rotation)
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


def flattened(
    picture: NDArray[np.uint8], corners: Sequence[Point], size: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """What lies between the corners (fractions of the RGB picture) as a rectangle; white where the picture ends.

    size: width and height in pixels; by default so that nothing gets smaller.
    """
    import cv2

    high, wide = picture.shape[:2]
    width, height = size or (max(1, round(side)) for side in flat_size(corners, (wide, high)))
    whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    # Pixels are where their middles are: half of one is taken off both sides.
    matrix = cv2.getPerspectiveTransform(whole - 0.5, (np.array(corners) * (wide, high) - 0.5).astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    flat = cv2.warpPerspective(picture, matrix, (width, height), flags=flags, borderValue=(255, 255, 255))
    return np.asarray(flat, np.uint8)


def _cut_out(document: Document, origin: Origin, long_side: int, region: Box, rotation: int) -> Image:
    """A region of a page that is a part of its sheet: the sheet around it is rendered, and then made flat."""
    from PIL import Image as Images

    try:
        quad = quad_on_sheet(region, origin)
        around = _clipped(quad)
        sheet_size = _sheet_size(document, origin.sheet, rotation)
        wide, high = flat_size(quad, sheet_size)
        longest = max(around.width * sheet_size[0], around.height * sheet_size[1])
        scale = min(long_side / max(wide, high), 4 * long_side / longest)  # the latter for corners that cross
        inside: Corners = tuple(((x - around.x0) / around.width, (y - around.y0) / around.height) for x, y in quad)  # type: ignore[assignment]
        size = max(1, round(wide * scale)), max(1, round(high * scale))
    except Exception as error:  # corners that are no page's, of a record that somebody wrote
        raise PageFailure(f"it cannot be cut out: {error}.", document=document.uri, page=origin.sheet) from error
    sheet = render_page(document, origin.sheet, max(1, round(longest * scale)), around, rotation=rotation)
    return Images.fromarray(flattened(np.asarray(sheet), inside, size))


def _clipped(quad: Sequence[Point]) -> Box:
    """The part of a sheet around a quadrilateral, at least a little."""
    xs, ys = (sorted(min(max(value, 0.0), 1.0) for value in values) for values in zip(*quad, strict=True))
    left, top = min(xs[0], 1.0 - LEAST_PART), min(ys[0], 1.0 - LEAST_PART)
    return Box(left, top, max(xs[-1], left + LEAST_PART), max(ys[-1], top + LEAST_PART))


def _sheet_size(document: Document, number: int, rotation: int) -> tuple[float, float]:
    """Width and height of a sheet turned upright, in points or pixels."""
    page = document.drawn(number)
    if page is None:
        width, height = document.picture(number).size
    else:
        rect = page.rect
        width, height = max(1.0, rect.width), max(1.0, rect.height)
    return (height, width) if rotation in (90, 270) else (width, height)


def scan_page(document: Document, number: int) -> Scan:
    """The page's picture, in RGB, as large as OCR needs it and no larger. Raises PageFailure."""
    least, most = SCAN_PIXELS
    try:
        page = document.drawn(number)
        if page is None:
            picture = document.picture(number)
            size = (float(picture.width), float(picture.height))
            return Scan(_resized(picture, min(1.0, _enough(size, math.sqrt(most / 2 / (size[0] * size[1]))))), size)
        _check_pictures(page, document)
        area = max(1.0, page.rect.width * page.rect.height)
        wanted = min(most, max(least, area * (SCAN_DPI / POINTS_PER_INCH) ** 2))
        size = float(page.rect.width), float(page.rect.height)
        scale = min(MOST_DPI / POINTS_PER_INCH, _enough(size, math.sqrt(wanted / area)))
        return Scan(_rendered(page, scale), size)
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


def _enough(size: tuple[float, float], scale: float) -> float:
    """The scale, or one at which a strip is wide enough to be read, however much longer than wide it is."""
    width, height = max(1.0, min(size)), max(size)
    return max(scale, min(STRIP / width, math.sqrt(STRIP_PIXELS / (width * height))))


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
