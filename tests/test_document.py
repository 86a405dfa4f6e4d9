"""Opening: every kind by its content, and a typed error with a remedy for what cannot be opened."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import fsspec
import numpy as np
import pymupdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from pipeline.document import PDF, media_type, open_document
from pipeline.limits import DocumentLimits
from schemas.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    UnsupportedDocument,
)
from tests.prints import letter, pdf

KINDS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "GIF": "image/gif",
}


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def stripes(width: int = 40, height: int = 30) -> Image.Image:
    """Left half black, right half white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_known_by_their_content_not_their_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "mislabelled.pdf"
    path.write_bytes(saved(stripes(), kind))
    with open_document(path) as document:
        assert (document.media_type, document.page_count) == (KINDS[kind], 1)
        page = document.picture(1)
        assert (page.mode, page.size) == ("RGB", (40, 30))
        assert np.asarray(page)[15, 5].max() < 40 < 215 < np.asarray(page)[15, 35].min()


def test_a_pdf_is_known_though_junk_stands_before_it() -> None:
    content = b"\r\n  junk from a mail gateway\r\n" + pdf(letter, letter)
    with open_document(content, name="mail.dat") as document:
        assert (document.media_type, document.page_count, document.uri) == (PDF, 2, "mail.dat")
        assert document.size == len(content)
        assert len(document.sha256) == 64


def test_the_camera_s_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the picture is to be turned clockwise by 90 degrees
    page = open_document(saved(stripes(), "JPEG", exif=exif)).picture(1)
    assert page.size == (30, 40)
    assert np.asarray(page)[5, 15].max() < 60 < 200 < np.asarray(page)[35, 15].min()


def test_every_page_of_a_tiff_is_a_page_and_the_frames_of_an_animation_are_not() -> None:
    pages = [Image.new("RGB", (20 + number, 20), (number * 60,) * 3) for number in range(4)]
    with open_document(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])) as document:
        assert document.page_count == 4
        assert [document.picture(number).width for number in (3, 1, 4)] == [22, 20, 23]
    with open_document(saved(pages[0], "GIF", save_all=True, append_images=pages[1:])) as document:
        assert document.page_count == 1


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (20, 1))),
        Image.fromarray(np.tile(np.linspace(0, 65535, 64).astype(np.int32), (20, 1))),
        Image.fromarray(np.tile(np.linspace(0, 1, 64).astype(np.float32), (20, 1))),
    ],
    ids=["16 bit", "32 bit", "float"],
)
def test_deep_greys_keep_their_shades(image: Image.Image) -> None:
    row = np.asarray(open_document(saved(image, "TIFF")).picture(1))[10, :, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 255
    assert abs(int(row[32]) - 129) <= 3


def test_what_is_transparent_is_paper() -> None:
    clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    assert np.asarray(open_document(saved(clear)).picture(1)).min() == 255
    palette = clear.convert("P")
    palette.info["transparency"] = 0
    assert np.asarray(open_document(saved(palette, transparency=0)).picture(1)).min() == 255


def test_urls_are_opened_through_fsspec() -> None:
    with fsspec.open("memory://inbox/a.pdf", "wb") as stream:
        stream.write(pdf(letter))
    with open_document("memory://inbox/a.pdf") as document:
        assert (document.uri, document.page_count) == ("memory://inbox/a.pdf", 1)


def test_a_url_of_no_known_scheme_says_so() -> None:
    with pytest.raises(DocumentError, match="cannot be fetched") as caught:
        open_document("nosuchscheme://host/a.pdf")
    assert caught.value.document == "nosuchscheme://host/a.pdf"
    assert caught.value.remedy


def test_passwords_are_tried_in_turn() -> None:
    locked = pymupdf.open(stream=pdf(letter)).tobytes(
        encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="harbour", owner_pw="owner"
    )
    for passwords in ((), ("wrong", "also wrong")):
        with pytest.raises(EncryptedDocument, match="--password") as caught:
            open_document(locked, name="locked.pdf", passwords=passwords)
        assert caught.value.document == "locked.pdf"
    with open_document(locked, passwords=("wrong", "harbour")) as document:
        assert "Harbour" in document.pdf[0].get_text()


PNG = saved(stripes(200, 200))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyDocument),
        (b"Dear Sir or Madam", UnsupportedDocument),
        (b"BMW invoices are attached", UnsupportedDocument),
        (b"PK\x03\x04" + bytes(100), DamagedDocument),
        (b"%PDF-1.7\n" + b"no pages at all " * 40, DamagedDocument),
        (PNG[: len(PNG) // 2], DamagedDocument),
        (saved(stripes(300, 300), "JPEG")[:300], DamagedDocument),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", DamagedDocument),
    ],
)
def test_what_cannot_be_opened_says_why_and_what_to_do(content: bytes, error: type[DocumentError]) -> None:
    with pytest.raises(error) as caught:
        open_document(content, name="in/box/0417.pdf")
    assert type(caught.value) is error
    assert str(caught.value).startswith("in/box/0417.pdf: ")
    assert caught.value.remedy


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no such file"):
        open_document(tmp_path / "gone.pdf")
    with pytest.raises(DocumentError, match="cannot be read: Is a directory"):
        open_document(str(tmp_path))


def test_limits_of_bytes_pages_and_pixels(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(pdf(letter, letter, letter))
    with pytest.raises(DocumentTooLarge, match=r"3 pages.*--max-pages") as caught:
        open_document(path, limits=DocumentLimits(pages=2))
    assert caught.value.document == str(path)
    for source in (path, path.read_bytes()):
        with pytest.raises(DocumentTooLarge, match="over"):
            open_document(source, limits=DocumentLimits(bytes=100))


def test_a_decompression_bomb_is_refused_unopened() -> None:
    bomb = bytearray(saved(Image.new("1", (8, 8))))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # width and height of the header
    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    with pytest.raises(DocumentTooLarge, match="pixels"):
        open_document(bytes(bomb))


def test_a_later_page_with_too_many_pixels_is_refused_when_it_is_read() -> None:
    content = saved(Image.new("L", (10, 10)), "TIFF", save_all=True, append_images=[Image.new("L", (200, 200))])
    with open_document(content, name="fax.tiff", limits=DocumentLimits(pixels=1000)) as document:
        assert document.picture(1).size == (10, 10)
        with pytest.raises(DocumentTooLarge, match="200 × 200") as caught:
            document.picture(2)
    assert caught.value.document == "fax.tiff"


MAGICS = (b"%PDF-1.4\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"GIF89a", b"RIFF....WEBP", b"")


@given(st.sampled_from(MAGICS), st.binary(max_size=300))
@example(b"BM", bytes(60))
def test_no_bytes_raise_anything_but_a_document_error(magic: bytes, rest: bytes) -> None:
    content = magic + rest
    try:
        kind = media_type(content)
        with open_document(content) as document:
            assert document.media_type == kind
            assert document.page_count >= 1
    except DocumentError as error:
        assert error.message
