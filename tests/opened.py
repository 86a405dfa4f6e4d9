"""What a test sees of a document: its words as lines, the cells that they stand in, what is said of it."""

from __future__ import annotations

from pipeline.document import open_document
from pipeline.read import read_pages
from schemas.page import PageText


def pages(content: bytes, name: str = "") -> list[PageText]:
    with open_document(content, name=name) as document:
        return list(read_pages(document))


def notes(content: bytes, name: str = "") -> tuple[str, ...]:
    with open_document(content, name=name) as document:
        return document.notes


def lines(content: bytes, name: str = "") -> list[str]:
    """The words of each line of all pages, with one space between them."""
    found: list[str] = []
    for page in pages(content, name):
        last: float | None = None
        for word in page.words:
            if last is not None and abs(word.box.y0 - last) < 1e-6:
                found[-1] += f" {word.text}"
            else:
                found.append(word.text)
            last = word.box.y0
    return found


def cells(content: bytes, name: str = "") -> dict[str, str]:
    """The text of each cell, words joined by spaces."""
    found: dict[str, str] = {}
    for page in pages(content, name):
        for word in page.words:
            if word.cell:
                found[word.cell] = f"{found[word.cell]} {word.text}" if word.cell in found else word.text
    return found
