"""The words of every page: from the file's own text layer where it is sound, else by OCR. Decided page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.contents import Contents, page_contents
from pipeline.copies import Copies
from pipeline.document import Document
from pipeline.geometry import WHOLE, flat_size
from pipeline.layer import Layer, agrees, text_layer
from pipeline.layout import in_reading_order
from pipeline.limits import is_out_of_memory, out_of_memory
from pipeline.marks import page_marks, scanned_marks
from pipeline.render import scan_page
from pipeline.scans import parts
from schemas.errors import PageFailure
from schemas.page import BLANK, Origin, PageText

if TYPE_CHECKING:
    from pipeline.ocr import Ocr

INCOMPLETE = "nothing is on it, but the file is damaged and the page's content may be lost."
LEAST_CONTRAST = 24  # of 255, between the lightest and the darkest of a page that holds anything


def read_pages(document: Document, ocr: Ocr | None = None) -> Iterator[PageText]:
    """The pages in order, one at a time. A page that cannot be read has no words and says why in `failure`.

    A sheet with two pages side by side gives both, so that there may be more pages than the file has.

    ocr: to read scans with; by default the process's own, loaded when the first page needs it.
    """
    number, copies = 0, Copies()
    for sheet in range(1, document.page_count + 1):
        for page in _pages_of(document, sheet, ocr):
            number += 1
            numbered = page if number == sheet else replace(page, number=number, origin=page.origin or Origin(sheet))
            yield replace(numbered, copy_of=copies.original(numbered))


def _pages_of(document: Document, sheet: int, ocr: Ocr | None) -> list[PageText]:
    try:
        pages = _read(document, sheet, ocr)
        return [_of_damaged_file(page) for page in pages] if document.repaired else pages
    except PageFailure as error:
        return [_failed(sheet, error.message)]
    except Exception as error:  # whatever a library raises on a hostile page costs that page only
        if is_out_of_memory(error):
            error = out_of_memory(document.limits, "")
        return [_failed(sheet, f"it cannot be read: {type(error).__name__}: {error}.")]


@cache
def default_ocr() -> Ocr:
    """The process's OCR, made once."""
    from pipeline.ocr import Ocr

    return Ocr()


def _read(document: Document, number: int, ocr: Ocr | None) -> list[PageText]:
    """The pages on a sheet of the document, all numbered as the sheet is."""
    laid = document.laid(number)
    if laid is not None:
        return [laid]
    page = document.drawn(number)
    if page is None:
        return _by_ocr(document, number, ocr, "a picture")
    contents = page_contents(page)
    layer = text_layer(page, contents)
    if layer.verdict != "sound":
        seen = _by_ocr(document, number, ocr, layer.reason)
        if layer.verdict == "unfit" or not agrees(layer.words, [word for page in seen for word in page.words]):
            return seen
        layer = layer._replace(reason="text layer, which OCR confirms")
    return [_by_layer(page, number, contents, layer)]


def _by_layer(page: Any, number: int, contents: Contents, layer: Layer) -> PageText:
    words = in_reading_order(layer.words)
    width, height, _ = contents.sheet
    if layer.rotation in (90, 270):
        width, height = height, width
    return PageText(
        number,
        width,
        height,
        words=words,
        marks=page_marks(page, contents, words, layer.rotation),
        source="text" if words else "none",
        reason=layer.reason,
        rotation=layer.rotation,
    )


def _by_ocr(document: Document, number: int, ocr: Ocr | None, reason: str) -> list[PageText]:
    """The pages on a sheet: one as a rule."""
    from pipeline.ocr.reader import skew_of, words_of

    picture, (width, height) = scan_page(document, number)
    pixels = np.asarray(picture)
    if _is_uniform(pixels):
        return [PageText(number, width, height, words=(), source="none", reason=BLANK)]
    sheet = (ocr or default_ocr()).sheet(pixels)
    if sheet.rotation in (90, 270):
        width, height = height, width
    found = parts(sheet)
    pages = []
    for place, part in enumerate(found, start=1):
        origin = None if part.corners == WHOLE else Origin(number, place, len(found), part.corners)
        skew = skew_of(part.lines)
        wide, high = flat_size(part.corners, (width, height))
        words = in_reading_order(words_of(part.lines, *part.size), skew, wide / high)
        pages.append(
            PageText(
                number,
                wide,
                high,
                words=words,
                marks=scanned_marks(part.picture(sheet.picture), words, skew),
                source="ocr" if words else "none",
                reason=_told(reason, origin),
                rotation=sheet.rotation,
                skew=skew,
                origin=origin,
            )
        )
    return pages


def _told(reason: str, origin: Origin | None) -> str:
    """The reason, with what was done to the page."""
    if origin is None:
        return reason
    done = "put straight" if origin.parts == 1 else f"part {origin.part} of {origin.parts} of sheet {origin.sheet}"
    return f"{reason}; {done}"


def _is_uniform(pixels: NDArray[np.uint8]) -> bool:
    return int(pixels.max()) - int(pixels.min()) < LEAST_CONTRAST


def _of_damaged_file(page: PageText) -> PageText:
    """The page, saying that it may not be whole; a page with nothing on it is not believed to be blank."""
    if page.words:
        return replace(page, reason=f"{page.reason}; the file is damaged and was repaired")
    return replace(page, failure=INCOMPLETE)


def _failed(number: int, reason: str) -> PageText:
    return PageText(number, 0.0, 0.0, words=(), source="none", failure=reason)
