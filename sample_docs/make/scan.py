"""Paper made into pictures as scanners and telephones make them: crooked, noisy, shaded, faded, turned.

The truth of a picture is told on the upright page: a turn by 90, 180 or 270 degrees is undone, a small skew is not.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sample_docs.make.paper import Mark, Paper
from sample_docs.make.sample import Sample, pdf_bytes, truth

Grey = NDArray[np.float32]
"""Height x width, 0 black to 255 white."""


@dataclass(frozen=True)
class Look:
    """How a page was caught.

    seed: of the noise; another for each document. dpi: pixels an inch. skew: degrees anticlockwise.
    turn: degrees clockwise by which the finished picture lies, a multiple of 90.
    blur: sigma in pixels. noise: standard deviation in grey levels. shade: share of the light lost at the far corner.
    ink: how black the print is, 0..1. worn: share of the ink lost to a worn thermal head, in streaks and patches.
    margin: points of background around the page; desk: grey level of that background.
    """

    seed: int
    dpi: int = 150
    skew: float = 0.0
    turn: int = 0
    blur: float = 0.0
    noise: float = 0.0
    shade: float = 0.0
    ink: float = 1.0
    worn: float = 0.0
    margin: float = 0.0
    desk: float = 255.0

    @property
    def scale(self) -> float:
        return self.dpi / 72

    def size(self, paper: Paper) -> tuple[int, int]:
        """Width and height in pixels of the upright picture of one page."""
        return (
            round((paper.width + 2 * self.margin) * self.scale),
            round((paper.height + 2 * self.margin) * self.scale),
        )


def pictures(paper: Paper, look: Look) -> Iterator[Image.Image]:
    """One grey picture for each page, turned as it lies."""
    size = look.size(paper)
    for number, page in enumerate(paper.finished()):
        chance = np.random.default_rng([look.seed, number])
        picture = _aged(_on_desk(_sheet(page, chance, look), size, look), chance, look)
        yield picture.rotate(-look.turn, expand=True)


def moved(marks: Iterable[Mark], paper: Paper, look: Look) -> Iterator[Mark]:
    """The marks in pixels of the upright picture: margins added, each box drawn around the skewed one."""
    width, height = look.size(paper)
    angle = math.radians(look.skew)
    for pointer, page, (x0, y0, x1, y1) in marks:
        corners = []
        for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)):
            dx = (x + look.margin) * look.scale - width / 2
            dy = (y + look.margin) * look.scale - height / 2
            corners.append(
                (
                    width / 2 + dx * math.cos(angle) + dy * math.sin(angle),
                    height / 2 - dx * math.sin(angle) + dy * math.cos(angle),
                )
            )
        xs, ys = zip(*corners, strict=True)
        yield Mark(pointer, page, (min(xs), min(ys), max(xs), max(ys)))


def photo(schema: str, data: Any, paper: Paper, look: Look, form: str = "JPEG") -> Sample:
    """A picture file of a paper of one page. form: JPEG, PNG (grey, 16 levels) or WEBP."""
    told = truth(schema, data, moved(paper.marks, paper, look), look.size(paper))
    (picture,) = pictures(paper, look)
    return Sample(_encoded(picture, form), told)


def scanned_tiff(schema: str, data: Any, paper: Paper, look: Look) -> Sample:
    """All pages in one TIFF of black and white, packed as faxes are (CCITT group 4)."""
    told = truth(schema, data, moved(paper.marks, paper, look), look.size(paper))
    first, *others = [picture.point(lambda level: 255 * (level > 150), mode="1") for picture in pictures(paper, look)]
    stream = io.BytesIO()
    first.save(stream, "TIFF", save_all=True, append_images=others, compression="group4", dpi=(look.dpi, look.dpi))
    return Sample(stream.getvalue(), told)


def scanned_pdf(schema: str, data: Any, paper: Paper, look: Look) -> Sample:
    """A PDF of pictures, without a text layer."""
    told = truth(schema, data, moved(paper.marks, paper, look), look.size(paper))
    return Sample(pdf_bytes(pdf_of_pictures(paper, look)), told)


def garbled_pdf(schema: str, data: Any, paper: Paper, look: Look) -> Sample:
    """A PDF of pictures with an unseen text layer whose letters are the wrong ones, as after a lost ToUnicode map."""
    told = truth(schema, data, moved(paper.marks, paper, look), look.size(paper))
    document = pdf_of_pictures(paper, look)
    for page, original in zip(document, paper.finished(), strict=True):
        for x0, _, _, y1, word, *_ in original.get_text("words"):
            page.insert_text((x0, y1 - 2), "".join(map(_wrong, word)), fontsize=8, render_mode=3)
    return Sample(pdf_bytes(document), told)


def _wrong(letter: str) -> str:
    """The letter 29 places before: what the glyph numbers of a common subset font look like when read as letters."""
    return chr(33 + (ord(letter) - 33 - 29) % 94)


def caught_again(document: pymupdf.Document, look: Look) -> pymupdf.Document:
    """A finished document as a PDF of worse pictures of its pages, lying as they lay."""
    copy = pymupdf.open()
    for number, original in enumerate(document):
        chance = np.random.default_rng([look.seed, number])
        sheet = _sheet(original, chance, look)
        picture = _aged(_on_desk(sheet, sheet.size, look), chance, look)
        page = copy.new_page(width=picture.width / look.scale, height=picture.height / look.scale)
        page.insert_image(page.rect, stream=_encoded(picture, "JPEG"))
    return copy


def pdf_of_pictures(paper: Paper, look: Look) -> pymupdf.Document:
    document = pymupdf.open()
    for picture in pictures(paper, look):
        page = document.new_page(width=picture.width / look.scale, height=picture.height / look.scale)
        page.insert_image(page.rect, stream=_encoded(picture, "JPEG"))
    return document


def turned(schema: str, data: Any, paper: Paper) -> Sample:
    """A PDF whose pages are stored sideways and shown upright by their /Rotate entry; the text layer stays."""
    told = truth(schema, data, paper.marks, (paper.width, paper.height))
    document, upright = pymupdf.open(), paper.finished()
    for number in range(upright.page_count):
        page = document.new_page(width=paper.height, height=paper.width)
        page.show_pdf_page(page.rect, upright, number, rotate=90)
        page.set_rotation(90)
    return Sample(pdf_bytes(document), told)


def _sheet(page: pymupdf.Page, chance: np.random.Generator, look: Look) -> Image.Image:
    """The page in grey, with the ink that is left on it."""
    pixels = page.get_pixmap(dpi=look.dpi, colorspace=pymupdf.csGRAY)
    grey = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width).astype(np.float32)
    left = look.ink * _wear(grey.shape, chance, look.worn)
    return Image.fromarray((255 - (255 - grey) * left).astype(np.uint8))


def _on_desk(sheet: Image.Image, size: tuple[int, int], look: Look) -> Image.Image:
    """The sheet on its background, skewed about the middle."""
    desk = Image.new("L", size, round(look.desk))
    desk.paste(sheet, (round(look.margin * look.scale),) * 2)
    return desk.rotate(look.skew, Image.Resampling.BICUBIC, fillcolor=round(look.desk))


def _aged(picture: Image.Image, chance: np.random.Generator, look: Look) -> Image.Image:
    if look.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(look.blur))
    grey: Grey = np.asarray(picture, dtype=np.float32)
    if look.shade:
        rows, columns = np.mgrid[0 : grey.shape[0], 0 : grey.shape[1]]
        far = (rows / grey.shape[0] + columns / grey.shape[1]) / 2
        grey = grey * (1 - look.shade * far.astype(np.float32) ** 1.5)
    if look.noise:
        grey = grey - 4 + chance.normal(0, look.noise, grey.shape).astype(np.float32)
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def _wear(shape: tuple[int, ...], chance: np.random.Generator, worn: float) -> Grey:
    """How much ink is left at each pixel: patches where the paper was rubbed, and thin streaks along its run."""
    height, width = shape
    rough = Image.fromarray(chance.integers(0, 255, (height // 40 + 2, width // 40 + 2), dtype=np.uint8))
    patches = np.asarray(rough.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    streaks = np.ones(width, dtype=np.float32)
    if worn:
        streaks[chance.choice(width, width // 90, replace=False)] = 1 - min(1.0, 1.6 * worn)
    return ((1 - worn * patches) * streaks[None, :]).astype(np.float32)


def _encoded(picture: Image.Image, form: str) -> bytes:
    stream = io.BytesIO()
    if form == "PNG":
        picture.point(lambda level: level // 16 * 17).quantize(16).save(stream, "PNG", optimize=True)
    else:
        picture.save(stream, form, quality=62)
    return stream.getvalue()
