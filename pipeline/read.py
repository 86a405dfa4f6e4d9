"""The words of every page: from the file's own text layer where it is sound, else by OCR. Decided page by page."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.document import Document
from pipeline.layer import text_layer
from pipeline.marks import glyphs, page_marks, scanned_marks
from pipeline.render import render_page
from schemas.errors import PageFailure
from schemas.page import PageText, Word

if TYPE_CHECKING:
    from pipeline.ocr import Ocr

SCAN_SIDE = 2200  # pixels of a scanned page's longer side, as it is given to OCR: A4 at about 190 dpi


def read_pages(document: Document, ocr: Ocr | None = None) -> Iterator[PageText]:
    """The pages in order, one at a time. A page that cannot be read has no words and says why in `failure`.

    ocr: to read scans with; by default the process's own, loaded when the first page needs it.
    """
    for number in range(1, document.page_count + 1):
        try:
            yield _read(document, number, ocr)
        except PageFailure as error:
            yield _failed(number, error.message)
        except Exception as error:  # whatever a library raises on a hostile page costs that page only
            yield _failed(number, f"it cannot be read: {type(error).__name__}: {error}.")


@cache
def default_ocr() -> Ocr:
    """The process's OCR, made once."""
    from pipeline.ocr import Ocr

    return Ocr()


def _read(document: Document, number: int, ocr: Ocr | None) -> PageText:
    if document.pdf is None:
        return _by_ocr(document, number, ocr, "a picture", size=None)
    page = document.pdf[number - 1]
    size = (float(page.rect.width), float(page.rect.height))
    layer = text_layer(page)
    if not layer.trusted:
        return _by_ocr(document, number, ocr, layer.reason, size)
    return PageText(
        number,
        *size,
        words=layer.words,
        marks=page_marks(page, layer.words),
        source="text" if layer.words else "none",
        reason=layer.reason,
    )


def _by_ocr(
    document: Document, number: int, ocr: Ocr | None, reason: str, size: tuple[float, float] | None
) -> PageText:
    picture = np.asarray(_scan(document, number, size))
    read = (ocr or default_ocr()).read(picture)
    upright = np.ascontiguousarray(np.rot90(picture, -read.rotation // 90)) if read.rotation else picture
    width, height = size or (float(picture.shape[1]), float(picture.shape[0]))
    if read.rotation in (90, 270):
        width, height = height, width
    words = tuple(sorted(read.words, key=_reading_order(read.skew, width / height)))
    return PageText(
        number,
        width,
        height,
        words=words,
        marks=(*glyphs(words), *scanned_marks(upright, words)),
        source="ocr" if words else "none",
        reason=reason,
        rotation=read.rotation,
        skew=read.skew,
    )


def _scan(document: Document, number: int, size: tuple[float, float] | None) -> Any:
    """The page's picture: at its own size if that is moderate, else scaled to SCAN_SIDE."""
    if size is not None:
        return render_page(document, number, SCAN_SIDE)
    picture = document.picture(number)
    return render_page(document, number, SCAN_SIDE) if max(picture.size) > SCAN_SIDE else picture


def _reading_order(skew: float, aspect: float) -> Any:
    """Lines from top to bottom, their words from left to right; lines that run askew are followed."""
    slope = float(np.tan(np.radians(skew))) * aspect

    def key(word: Word) -> tuple[int, float]:
        x, y = word.box.center
        return round((y - slope * x) * 120), x

    return key


def _failed(number: int, reason: str) -> PageText:
    return PageText(number, 0.0, 0.0, words=(), source="none", failure=reason)
