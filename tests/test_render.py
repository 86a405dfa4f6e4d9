"""Pages as pictures: the size that was asked for, upright, and a failure that names its page."""

from __future__ import annotations

import numpy as np
import pymupdf
import pytest
from PIL import Image

from pipeline.document import open_document
from pipeline.render import SCAN_PIXELS, render_page, scan_page
from schemas.errors import PageFailure
from schemas.page import Box
from tests.prints import encoded, letter, pdf, picture


def corner_page(page: pymupdf.Page) -> None:
    """Black in the top left corner."""
    page.draw_rect(pymupdf.Rect(0, 0, 60, 60), fill=(0, 0, 0))


def dark_corner(image: Image.Image) -> str:
    pixels = np.asarray(image.convert("L"))
    corners = {"top left": (5, 5), "top right": (5, -5), "bottom left": (-5, 5), "bottom right": (-5, -5)}
    [dark] = [name for name, place in corners.items() if pixels[place] < 60]
    return dark


@pytest.mark.parametrize("long_side", [64, 777, 2000])
def test_the_long_side_is_as_asked(long_side: int) -> None:
    with open_document(pdf(corner_page)) as document:
        image = render_page(document, 1, long_side)
    assert image.mode == "RGB"
    assert max(image.size) == pytest.approx(long_side, abs=1)
    assert image.width / image.height == pytest.approx(420 / 300, rel=0.02)
    assert dark_corner(image) == "top left"


@pytest.mark.parametrize(("rotation", "corner"), [(90, "top right"), (180, "bottom right"), (270, "bottom left")])
def test_the_page_s_rotation_and_a_further_one_are_applied_clockwise(rotation: int, corner: str) -> None:
    def rotated(page: pymupdf.Page) -> None:
        corner_page(page)
        page.set_rotation(rotation)

    with open_document(pdf(rotated)) as document:
        assert dark_corner(render_page(document, 1, 500)) == corner
        assert dark_corner(render_page(document, 1, 500, rotation=360 - rotation)) == "top left"
    with open_document(encoded(picture(pdf(corner_page)))) as document:
        turned = render_page(document, 1, 500, rotation=rotation)
        assert dark_corner(turned) == corner
        assert turned.size == ((500, 357) if rotation == 180 else (357, 500))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("kind", ["pdf", "rotated pdf", "picture"])
def test_a_region_is_one_of_the_page_as_it_is_turned(rotation: int, kind: str) -> None:
    """Every quarter of the picture of the whole page is the picture of that quarter."""

    def page(page: pymupdf.Page) -> None:
        corner_page(page)
        page.draw_rect(pymupdf.Rect(300, 200, 420, 300), fill=(1, 0, 0))
        page.set_rotation(90 if kind == "rotated pdf" else 0)

    content = encoded(picture(pdf(page))) if kind == "picture" else pdf(page)
    with open_document(content) as document:
        whole = render_page(document, 1, 400, rotation=rotation)
        for region in (Box(0, 0, 0.5, 0.5), Box(0.5, 0, 1, 0.5), Box(0, 0.5, 0.5, 1), Box(0.5, 0.5, 1, 1)):
            part = render_page(document, 1, 200, region, rotation=rotation)
            corner = (int(region.x0 * whole.width), int(region.y0 * whole.height))
            wanted = whole.crop((*corner, corner[0] + part.width, corner[1] + part.height))
            assert abs(part.width - whole.width / 2) <= 1
            assert np.abs(np.asarray(part, int) - np.asarray(wanted, int)).mean() < 8


def test_a_region_without_extent_still_has_a_picture() -> None:
    for content in (pdf(corner_page), encoded(picture(pdf(corner_page)))):
        with open_document(content) as document:
            image = render_page(document, 1, 64, Box(0.5, 0.5, 0.5, 0.5))
        assert 63 <= min(image.size) <= max(image.size) <= 66


def test_scans_are_as_large_as_ocr_needs_and_no_larger() -> None:
    sizes = ((595, 842), (72, 72), (14400, 14400), (226, 3000), (3000, 60))
    for width, height in sizes:
        with open_document(pdf(corner_page, width=width, height=height)) as document:
            image, size = scan_page(document, 1)
        assert size == (width, height)
        assert image.width * image.height <= SCAN_PIXELS[1] * 1.01
        dpi = image.width / width * 72
        assert 10 < dpi <= 401
        assert image.width * image.height >= SCAN_PIXELS[0] * 0.99 or dpi == pytest.approx(400, rel=0.02)


def test_a_picture_keeps_its_pixels_unless_they_are_many() -> None:
    for pixels, kept in (((900, 700), True), ((5000, 4000), False)):
        with open_document(encoded(np.zeros((*pixels, 3), np.uint8))) as document:
            image, size = scan_page(document, 1)
        assert size == (pixels[1], pixels[0])
        assert (image.size == (pixels[1], pixels[0])) is kept
        assert image.width * image.height <= SCAN_PIXELS[1] / 2 * 1.01


@pytest.mark.parametrize("number", [3, 99])
def test_a_failure_names_document_and_page(number: int) -> None:
    with open_document(pdf(letter, letter), name="two.pdf") as document:
        for render in (lambda: render_page(document, number, 500), lambda: scan_page(document, number)):
            with pytest.raises(PageFailure) as caught:
                render()
            assert (caught.value.document, caught.value.page) == ("two.pdf", number)
