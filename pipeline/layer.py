"""The text layer of a PDF page, and whether it can be trusted."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from schemas.page import Box, Word

LIGATURES = {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
_TABLE = str.maketrans({**LIGATURES, "\u00ad": "", "\u200b": "", "\ufeff": "", "\x00": ""})
GARBAGE_SHARE = 0.05  # of the characters, from which a layer is not believed
COVERED = 0.6  # of the page under pictures, from which it may be a scan
FEW_WORDS = 8  # on a page under pictures: a stamp or a page number, not its text
INVISIBLE = 3  # the PDF text render mode of old OCR layers


class Layer(NamedTuple):
    """words: as the file has them; trusted: whether they are what a reader sees, with the reason why or why not."""

    words: tuple[Word, ...]
    trusted: bool
    reason: str


def text_layer(page: Any) -> Layer:
    """The words of a PyMuPDF page, as fractions of the displayed page, and whether to believe them."""
    words = _words(page)
    pictures = page.get_image_info()
    area = abs(page.rect.width * page.rect.height) or 1.0
    covered = min(1.0, sum(_area(picture["bbox"]) for picture in pictures) / area)
    if not words:
        if pictures or page.get_cdrawings() or page.get_texttrace():  # letters that the file does not name
            return Layer((), False, "no text layer, but pictures or drawings")
        return Layer((), True, "blank page")
    share = garbage(words)
    if share > GARBAGE_SHARE:
        return Layer(words, False, f"{share:.0%} of the text layer's characters have no meaning")
    if covered > COVERED:
        if len(words) < FEW_WORDS:
            return Layer(words, False, "a scan with hardly any text layer")
        if _is_hidden(page):
            return Layer(words, False, "a scan with a hidden text layer of unknown quality")
    return Layer(words, True, "text layer")


def garbage(words: Sequence[Word]) -> float:
    """The share of characters that stand for nothing: replacement, private use, control."""
    total = sum(len(word.text) for word in words)
    bad = sum(
        unicodedata.category(char) in ("Co", "Cc", "Cn") or char == "\ufffd" for word in words for char in word.text
    )
    return bad / total if total else 0.0


def _words(page: Any) -> tuple[Word, ...]:
    width, height = page.rect.width or 1.0, page.rect.height or 1.0
    matrix = page.rotation_matrix if page.rotation else None
    words = []
    for x0, y0, x1, y1, text, *_ in page.get_text("words"):
        text = text.translate(_TABLE) if not text.isascii() else text
        if not text.strip():
            continue
        if matrix is not None:
            x0, y0, x1, y1 = _turned(x0, y0, x1, y1, matrix)
        box = Box(_fraction(x0 / width), _fraction(y0 / height), _fraction(x1 / width), _fraction(y1 / height))
        if box.x1 > box.x0 and box.y1 > box.y0:
            words.append(Word(text, box))
    return tuple(words)


def _turned(x0: float, y0: float, x1: float, y1: float, matrix: Any) -> tuple[float, float, float, float]:
    import pymupdf

    rect = pymupdf.Rect(x0, y0, x1, y1) * matrix
    return rect.x0, rect.y0, rect.x1, rect.y1


def _fraction(value: float) -> float:
    return 0.0 if value < 0 else 1.0 if value > 1 else value


def _area(box: Sequence[float]) -> float:
    return abs((box[2] - box[0]) * (box[3] - box[1]))


def _is_hidden(page: Any) -> bool:
    traces = page.get_texttrace()
    hidden = sum(len(trace["chars"]) for trace in traces if trace["type"] == INVISIBLE)
    return hidden > 0.5 * sum(len(trace["chars"]) for trace in traces)
