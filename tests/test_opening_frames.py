"""Films, animations and pictures of telephones as pages."""

import io
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from pipeline.document import open_document
from pipeline.opening.frames import Frame, views
from pipeline.read import read_pages
from schemas.errors import DamagedDocument, EmptyDocument, UnsupportedDocument


def sheet(text: str, blur: float = 0.0, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A sheet of paper with large print, whose lines stand where the text's length puts them."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 40 * len(text) % 300, size[0], 40 * len(text) % 300 + 130), fill=(90, 90, 200))
    draw.text((40, 330), text, "black", ImageFont.load_default(64))
    return image.filter(ImageFilter.GaussianBlur(blur)) if blur else image


def held(text: str, blurs: tuple[float, ...]) -> list[Frame]:
    return [Frame(sheet(text, blur), 0.2) for blur in blurs]


def test_of_each_view_that_is_held_the_sharpest_frame_is_a_page() -> None:
    moving = [Frame(Image.new("RGB", (640, 480), (shade, shade, 0)), 0.2) for shade in (30, 120, 200)]
    frames = [*held("ONE", (3, 0, 2)), *moving, *held("SECOND", (2, 2, 0, 1))]
    first, second = views(frames)
    assert np.array_equal(first, sheet("ONE")) and np.array_equal(second, sheet("SECOND"))


def test_a_view_that_comes_back_at_once_is_one_page_and_a_glimpse_is_none() -> None:
    glimpse = [Frame(sheet("GLIMPSE OF IT"), 0.1)]
    found = list(views([*held("ONE", (1, 1, 1)), *glimpse, *held("ONE", (0, 1, 1))]))
    assert len(found) == 1 and np.array_equal(found[0], sheet("ONE"))


def test_where_nothing_is_held_the_sharpest_frame_is_the_only_page() -> None:
    frames = [Frame(sheet(text, blur), 0.1) for text, blur in (("A", 3.0), ("SECOND", 0.0), ("THE THIRD", 2.0))]
    (found,) = views(frames)
    assert np.array_equal(found, sheet("SECOND"))


def animation(kind: str, milliseconds: int) -> bytes:
    stream = io.BytesIO()
    first, *rest = (sheet(text) for text in ("INVOICE 41", "TOTAL"))
    first.save(stream, kind, save_all=True, append_images=rest, duration=milliseconds, lossless=True)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_that_stops_at_pages_is_a_document_of_them(kind: str) -> None:
    with open_document(animation(kind, 800)) as document:
        assert [" ".join(word.text for word in page.words) for page in read_pages(document)] == ["INVOICE 41", "TOTAL"]
    with open_document(animation(kind, 100)) as document:
        assert document.page_count == 1


def film(frames: list[Image.Image], kind: str, codec: str, rate: int = 10) -> bytes:
    av = pytest.importorskip("av")
    stream = io.BytesIO()
    with av.open(stream, "w", format=kind) as out:
        track = out.add_stream(codec, rate=rate)
        track.width, track.height, track.pix_fmt = *frames[0].size, "yuv420p"
        for image in frames:
            for packet in track.encode(av.VideoFrame.from_image(image)):
                out.mux(packet)
        for packet in track.encode():
            out.mux(packet)
    return stream.getvalue()


@pytest.mark.parametrize(("kind", "codec", "told"), [
    ("mp4", "mpeg4", "video/mp4"), ("avi", "mpeg4", "video/avi"), ("matroska", "mpeg4", "video/webm"),
])  # fmt: skip
def test_a_film_of_sheets_is_a_document_of_them(kind: str, codec: str, told: str) -> None:
    frames = [sheet("INVOICE 41", blur) for blur in (2, 2, 0, 0, 1, 2)] + [sheet("TOTAL") for _ in range(8)]
    content = film(frames, kind, codec)
    with open_document(content, name="desk.mov") as document:
        assert (document.media_type, document.page_count) == (told, 2)
        if kind == "mp4":
            texts = [" ".join(word.text for word in page.words) for page in read_pages(document)]
            assert texts == ["INVOICE 41", "TOTAL"]
    with pytest.raises((DamagedDocument, EmptyDocument)):
        open_document(content[:200])


def test_without_the_package_for_films_or_heic_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for content, extra in ((b"\0\0\0\x18ftypisom" + bytes(64), "video"), (b"\0\0\0\x18ftypheic" + bytes(64), "heic")):
        with pytest.raises(UnsupportedDocument, match="not installed") as caught:
            open_document(content)
        assert f"intaglio[{extra}]" in caught.value.remedy


def test_pictures_of_telephones_are_read() -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    for kind, told in (("HEIF", "image/heic"), ("AVIF", "image/avif")):
        stream = io.BytesIO()
        sheet("TOTAL 41.50").save(stream, kind, quality=90)
        with open_document(stream.getvalue(), name="photo.jpg") as document:
            assert document.media_type == told
            (page,) = read_pages(document)
        assert [word.text for word in page.words] == ["TOTAL", "41.50"]
        with pytest.raises(DamagedDocument):
            open_document(stream.getvalue()[:300])
