"""Pages as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.document import Document
from schemas.errors import PageFailure

if TYPE_CHECKING:
    from PIL.Image import Image

POINTS_PER_INCH = 72.0


def render_page(document: Document, number: int, long_side: int, rotation: int = 0) -> Image:
    """An RGB picture of a page, `long_side` pixels on its longer side, turned by the page's own rotation.

    rotation: degrees clockwise to turn it further, as `PageText.rotation` says for a scan that lies on its side.
    Raises PageFailure.
    """
    try:
        picture = _pdf_page(document, number, long_side) if document.pdf else _picture(document, number, long_side)
    except Exception as error:  # whatever the libraries raise, the page is what failed
        raise PageFailure(f"it cannot be rendered: {error}.", document=document.uri, page=number) from error
    return picture.rotate(-rotation, expand=True) if rotation else picture


def _pdf_page(document: Document, number: int, long_side: int) -> Image:
    import pymupdf
    from PIL import Image as Images

    page = document.pdf[number - 1]
    scale = long_side / max(page.rect.width, page.rect.height, 1.0)
    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), alpha=False, colorspace=pymupdf.csRGB)
    return Images.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)


def _picture(document: Document, number: int, long_side: int) -> Image:
    picture = document.picture(number)
    scale = long_side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size) if size != picture.size else picture
