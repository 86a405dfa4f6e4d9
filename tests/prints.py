"""Printed pages for tests, made on the spot with PyMuPDF, and the same pages as scans."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image

LETTER = (
    "Harbour Paper Company",
    "Invoice number: HP-20417",
    "Invoice date: 14 March 2026",
    "Blue envelopes, box of fifty 128.40",
    "Total amount due EUR 1,536.75",
)
Draw = Callable[[pymupdf.Page], None]


def pdf(*pages: Draw, width: float = 420.0, height: float = 300.0) -> bytes:
    """A PDF with a page for each function, which draws on it."""
    document = pymupdf.open()
    for draw in pages:
        draw(document.new_page(width=width, height=height))
    return bytes(document.tobytes())


def letter(page: pymupdf.Page, lines: tuple[str, ...] = LETTER, size: float = 16.0) -> None:
    for row, line in enumerate(lines):
        page.insert_text((36, 60 + 2.2 * size * row), line, fontsize=size)


def picture(content: bytes, dpi: int = 150, number: int = 1) -> NDArray[np.uint8]:
    """A page of a PDF as an RGB picture (h, w, 3)."""
    pixmap = pymupdf.open(stream=content, filetype="pdf")[number - 1].get_pixmap(dpi=dpi)
    return np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3).copy()


def turned(pixels: NDArray[np.uint8], degrees: int) -> NDArray[np.uint8]:
    """The picture turned clockwise by a multiple of 90 degrees."""
    return np.ascontiguousarray(np.rot90(pixels, -degrees // 90))


def skewed(pixels: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """The picture turned clockwise by a few degrees, on a white sheet that holds all of it."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    wide, high = int(width * cosine + height * sine), int(width * sine + height * cosine)
    matrix[:, 2] += (wide - width) / 2, (high - height) / 2
    return cv2.warpAffine(pixels, matrix, (wide, high), flags=cv2.INTER_CUBIC, borderValue=(255, 255, 255))


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def scan(pixels: NDArray[np.uint8], hidden: tuple[str, ...] = (), width: float = 420.0) -> bytes:
    """A PDF whose page is nothing but the picture, over a text layer of invisible words as old scanners make it."""
    height = width * pixels.shape[0] / pixels.shape[1]

    def draw(page: pymupdf.Page) -> None:
        page.insert_image(page.rect, stream=encoded(pixels))
        for row, line in enumerate(hidden):
            page.insert_text((36, 60 + 35 * row), line, fontsize=16, render_mode=3)

    return pdf(draw, width=width, height=height)
