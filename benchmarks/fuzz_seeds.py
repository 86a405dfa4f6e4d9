"""What `benchmarks.fuzz` bends: a few small documents of each kind that is opened, and how they are bent.

A new kind joins with an entry in `SEEDS`, and in `TOKENS` where it has words of its own.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random

import numpy as np
import pymupdf
from PIL import Image, ImageDraw

INTERESTING = (0, 1, 2, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)
MOST_GROWTH = 4096  # bytes that one mutation adds


def _text_pdf() -> bytes:
    pdf = pymupdf.open()
    for number in (1, 2):
        page = pdf.new_page()
        for line, text in enumerate(
            ("Invoice", f"Invoice number: INV-{number}", "Invoice date: 2026-01-02", "Total: 9.50")
        ):
            page.insert_text((72, 72 + 24 * line), text)
        page.draw_rect((300, 300, 312, 312))
    pdf.set_toc([[1, "One", 1], [1, "Two", 2]])
    content: bytes = pdf.tobytes(deflate=False, clean=True)
    return content


def _form_pdf() -> bytes:
    pdf = pymupdf.open()
    page = pdf.new_page()
    for place, (name, kind) in enumerate(
        (("name", pymupdf.PDF_WIDGET_TYPE_TEXT), ("ok", pymupdf.PDF_WIDGET_TYPE_CHECKBOX))
    ):
        widget = pymupdf.Widget()
        widget.field_name, widget.field_type = name, kind
        widget.field_value = "Text" if kind == pymupdf.PDF_WIDGET_TYPE_TEXT else True
        widget.rect = pymupdf.Rect(72, 72 + 40 * place, 200, 92 + 40 * place)
        page.add_widget(widget)
    page.add_text_annot((300, 72), "A note")
    content: bytes = pdf.tobytes(deflate=False)
    return content


def _scan_pdf() -> bytes:
    pdf = pymupdf.open()
    page = pdf.new_page(width=100, height=80)
    page.insert_image(page.rect, stream=_picture("JPEG"))
    content: bytes = pdf.tobytes(deflate=False)
    return content


def _packed_pdf() -> bytes:
    """With object streams and a stream for its xref, all deflated."""
    pdf = pymupdf.open(stream=_text_pdf(), filetype="pdf")
    content: bytes = pdf.tobytes(deflate=True, use_objstms=1)
    return content


def _locked_pdf() -> bytes:
    pdf = pymupdf.open(stream=_text_pdf(), filetype="pdf")
    content: bytes = pdf.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="o", user_pw="")
    return content


def _print(mode: str = "RGB") -> Image.Image:
    """Small, for OCR is slow and is not what is tried; two words are on it."""
    image = Image.new("RGB", (96, 40), "white")
    ImageDraw.Draw(image).text((4, 10), "Total 9.50", fill="black")
    return image.convert(mode)


def _picture(kind: str, mode: str = "RGB", **options: object) -> bytes:
    held = io.BytesIO()
    _print(mode).save(held, kind, **options)
    return held.getvalue()


def _tiff_pages() -> bytes:
    held = io.BytesIO()
    _print("1").save(held, "TIFF", save_all=True, append_images=[_print("L"), _print("RGB"), _print("CMYK")])
    return held.getvalue()


def _deep_png() -> bytes:
    held = io.BytesIO()
    Image.fromarray(np.tile(np.arange(0, 65_536, 1024, dtype=np.uint16), (20, 1))).save(held, "PNG")
    return held.getvalue()


def _turned_jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _picture("JPEG", exif=exif)


SEEDS: Mapping[str, Sequence[Callable[[], bytes]]] = {
    "pdf": (_text_pdf, _form_pdf, _scan_pdf, _packed_pdf, _locked_pdf),
    "png": (lambda: _picture("PNG"), lambda: _picture("PNG", "P"), _deep_png),
    "jpg": (lambda: _picture("JPEG"), lambda: _picture("JPEG", "L", progressive=True), _turned_jpeg),
    "tif": (
        _tiff_pages,
        lambda: _picture("TIFF", compression="tiff_lzw"),
        lambda: _picture("TIFF", compression="jpeg"),
    ),
    "gif": (lambda: _picture("GIF"),),
    "bmp": (lambda: _picture("BMP"), lambda: _picture("BMP", "P")),
    "webp": (lambda: _picture("WEBP"), lambda: _picture("WEBP", lossless=True)),
}
TOKENS: Mapping[str, Sequence[bytes]] = {
    "pdf": b"""
        obj endobj stream endstream xref trailer startxref %%EOF << >> [ ] R /Length /Filter /FlateDecode /LZWDecode
        /ASCII85Decode /DCTDecode /JPXDecode /JBIG2Decode /CCITTFaxDecode /Predictor /Columns /Kids /Count /Parent
        /Pages /Type /Page /MediaBox /CropBox /Rotate /UserUnit /Contents /Resources /XObject /Form /Image /Width
        /Height /SMask /ColorSpace /Indexed /ICCBased /Separation /Pattern /Shading /Font /Type0 /Type3 /CIDFontType2
        /ToUnicode /Encrypt /ObjStm /XRef /Prev /Index /W /Annots /AcroForm /Widget /AP /AS /JavaScript /Launch
        /EmbeddedFiles /Names /Dests BT ET Tj TJ Tf Tm q Q cm Do BI ID EI re f S sh gs 0 -1 99999999999 1e308 null true
        """.split(),
    "png": (b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"eXIf", b"acTL", b"IEND"),
    "jpg": tuple(bytes((0xFF, code)) for code in (0xC0, 0xC2, 0xC4, 0xD8, 0xD9, 0xDA, 0xDB, 0xDD, 0xE1, 0xEE)),
    "tif": tuple(
        struct.pack("<HH", tag, kind) for tag in (256, 257, 258, 259, 273, 278, 279, 322, 330) for kind in (3, 4, 16)
    ),
    "webp": (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF"),
}

_NUMBER, _REFERENCE = re.compile(rb"-?\d+(?:\.\d+)?"), re.compile(rb"\d+ 0 R")
_NAME, _OBJECT = re.compile(rb"/[A-Za-z0-9]+"), re.compile(rb"\d+ 0 obj.*?endobj", re.DOTALL)


@cache
def seeds(kind: str) -> tuple[bytes, ...]:
    return tuple(make() for make in SEEDS[kind])


def mutated(kind: str, random: Random) -> bytes:
    """A seed of a kind with one to eight mutations."""
    content = random.choice(seeds(kind))
    ways = (*WAYS, *(PDF_WAYS * 2 if kind == "pdf" else ()))
    for _ in range(random.choice((1, 1, 2, 3, 5, 8))):
        content = random.choice(ways)(content, kind, random)
    return content


def _flip(content: bytes, kind: str, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 4, 32)) if changed else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _number(content: bytes, kind: str, random: Random) -> bytes:
    """Bytes somewhere become a number that programs stumble over."""
    size, order = random.choice((1, 2, 4)), random.choice(("little", "big"))
    value = (random.choice(INTERESTING) % 256**size).to_bytes(size, order)  # type: ignore[arg-type]
    at = _place(content, random)
    return content[:at] + value + content[at + size :]


def _cut(content: bytes, kind: str, random: Random) -> bytes:
    return content[: _place(content, random)]


def _without(content: bytes, kind: str, random: Random) -> bytes:
    at = _place(content, random)
    return content[:at] + content[at + random.choice((1, 4, 64, 512)) :]


def _again(content: bytes, kind: str, random: Random) -> bytes:
    at = _place(content, random)
    part = content[at : at + random.choice((1, 16, 256))]
    times = random.choice((1, 2, 16))
    return content[:at] + (part * times)[:MOST_GROWTH] + content[at:]


def _spliced(content: bytes, kind: str, random: Random) -> bytes:
    other = random.choice(seeds(kind))
    return content[: _place(content, random)] + other[_place(other, random) :]


def _token(content: bytes, kind: str, random: Random) -> bytes:
    at = _place(content, random)
    token = random.choice(TOKENS.get(kind, (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff")))
    return content[:at] + token + content[at + random.choice((0, len(token))) :]


def _pdf_number(content: bytes, kind: str, random: Random) -> bytes:
    value = str(random.choice((*INTERESTING, -1, -(2**31), 1e30, 0.0001))).encode()
    return _replaced(content, _NUMBER, lambda found: value, random)


def _pdf_reference(content: bytes, kind: str, random: Random) -> bytes:
    """Something refers to some other object, or to itself."""
    found = _REFERENCE.findall(content)
    other = random.choice(found) if found else b"1 0 R"
    return _replaced(content, _REFERENCE, lambda _: other, random)


def _pdf_name(content: bytes, kind: str, random: Random) -> bytes:
    other = random.choice((random.choice(_NAME.findall(content) or [b"/A"]), random.choice(TOKENS["pdf"])))
    return _replaced(content, _NAME, lambda _: other, random)


def _pdf_object(content: bytes, kind: str, random: Random) -> bytes:
    """An object is as another is."""
    found = _OBJECT.findall(content)
    if not found:
        return content
    other = random.choice(found).partition(b" 0 obj")[2]
    return _replaced(content, _OBJECT, lambda old: old.partition(b" 0 obj")[0] + b" 0 obj" + other, random)


def _pdf_nested(content: bytes, kind: str, random: Random) -> bytes:
    depth = random.choice((10, 300, 1000))
    opened, closed = random.choice(((b"[", b"]"), (b"<</A", b">>"), (b"(", b")"), (b"q ", b"Q ")))
    at = _place(content, random)
    return content[:at] + opened * depth + closed * depth + content[at:]


def _replaced(content: bytes, pattern: re.Pattern[bytes], by: Callable[[bytes], bytes], random: Random) -> bytes:
    found = list(pattern.finditer(content))
    if not found:
        return content
    match = random.choice(found)
    return content[: match.start()] + by(match[0]) + content[match.end() :]


def _place(content: bytes, random: Random) -> int:
    """Headers more often than the rest."""
    return random.randrange(min(len(content), random.choice((64, 512, 1 << 30))) + 1) if content else 0


Way = Callable[[bytes, str, Random], bytes]
WAYS: tuple[Way, ...] = (_flip, _flip, _number, _cut, _without, _again, _spliced, _token)
PDF_WAYS: tuple[Way, ...] = (_pdf_number, _pdf_reference, _pdf_name, _pdf_object, _pdf_nested)
