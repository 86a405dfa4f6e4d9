"""Documents that were made to hurt, by name. Each is made here, when it is asked for; none is kept as a file.

python -m tests.hostile FOLDER        writes them all
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pymupdf
from PIL import Image

MIB = 1 << 20


def pdf_of(objects: Mapping[int, bytes], *, xref: bool = True, trailer: bytes = b"/Root 1 0 R") -> bytes:
    """A PDF of these objects, as they stand. xref: whether with the table that says where each begins."""
    body, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), {}
    for number, content in objects.items():
        places[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    if not xref:
        return bytes(body) + b"trailer\n<<%s>>\n%%%%EOF\n" % trailer
    begin, size = len(body), max(objects) + 1
    body += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        body += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
    return bytes(body) + b"trailer\n<</Size %d %s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, begin)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d %s>>\nstream\n%s\nendstream" % (len(content), entries, content)


def page_of(
    content: bytes,
    resources: bytes = b"/Font<</F 5 0 R>>",
    more: Mapping[int, bytes] | None = None,
    box: bytes = b"0 0 595 842",
    entries: bytes = b"",
    catalog: bytes = b"",
) -> bytes:
    """A PDF of one page. content: the object of its content stream."""
    return pdf_of(
        {
            1: b"<</Type/Catalog/Pages 2 0 R %s>>" % catalog,
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Resources<<%s>>/Contents 4 0 R %s>>"
            % (box, resources, entries),
            4: content,
            5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            **(more or {}),
        }
    )


TEXT = b"BT /F 12 Tf 72 700 Td (Invoice number: INV-1) Tj 0 -20 Td (Total: 12.50 EUR) Tj ET"


@cache
def invoice() -> bytes:
    """An ordinary one, to be damaged."""
    pdf = pymupdf.open()
    page = pdf.new_page()
    for line, text in enumerate(("Invoice", "Invoice number: INV-1", "Invoice date: 2026-01-02", "Total: 12.50 EUR")):
        page.insert_text((72, 72 + 24 * line), text)
    content: bytes = pdf.tobytes(deflate=True)
    pdf.close()
    return content


def flipped(content: bytes, step: int = 97) -> bytes:
    """Every so many bytes, one bit is another."""
    changed = bytearray(content)
    for place in range(40, len(changed), step):
        changed[place] ^= 1 << (place % 8)
    return bytes(changed)


def zeros(size: int, times: int = 1) -> bytes:
    """So many zeros, deflated again and again."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()
    for _ in range(times - 1):
        packed = zlib.compress(packed, 9)
    return packed


def png(width: int, height: int, kind: int = 2, data: bytes = b"") -> bytes:
    """A PNG that says it has such a size. kind: of its colours, 0 grey, 2 RGB."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data or zeros(MIB)) + chunk(b"IEND", b"")


def tiff(width: int, height: int) -> bytes:
    """A TIFF of one strip of one byte that says it has such a size."""
    tags = ((256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 1))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


def tiff_in_circles() -> bytes:
    """Its second page is its first."""
    held = io.BytesIO()
    Image.new("L", (8, 8), 255).save(held, "TIFF")
    content = bytearray(held.getvalue())
    (directory,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, directory)
    struct.pack_into("<I", content, directory + 2 + 12 * count, directory)
    return bytes(content)


def gif(width: int, height: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return head + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00;"


def picture_page(width: int, height: int, entries: bytes, data: bytes) -> bytes:
    """A page that shows one picture of a PDF of such a size."""
    said = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8 %s" % (width, height, entries)
    return page_of(stream(b"595 0 0 842 0 0 cm /I Do"), b"/XObject<</I 6 0 R>>", {6: stream(data, said)})


def _cyclic_pages() -> bytes:
    return pdf_of(
        {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            2: b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 9>>",
            3: b"<</Type/Pages/Parent 3 0 R/Kids[2 0 R 3 0 R]/Count 9>>",
        }
    )


def _many_pages(count: int) -> bytes:
    pages = range(10, 10 + count)
    kids = b" ".join(b"%d 0 R" % number for number in pages)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>"
    tree = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)}
    return pdf_of({**tree, **dict.fromkeys(pages, page)})


def _many_objects(count: int) -> bytes:
    filler = dict.fromkeys(range(10, 10 + count), b"<</A[1 2 3]/B(x)>>")
    return page_of(stream(TEXT), more=filler)


def _forms_in_circles() -> bytes:
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R/Y 7 0 R>>>>"
    forms = {number: stream(b"/X Do /Y Do /X Do /Y Do", entries) for number in (6, 7)}
    return page_of(stream(b"/X Do /Y Do"), b"/XObject<</X 6 0 R/Y 7 0 R>>", forms)


def _forms_of_forms(levels: int) -> bytes:
    """Each form shows the next ten times: 10 to the power of the levels in all."""
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 999 999]/Resources<</XObject<</X %d 0 R>>/Font<</F 5 0 R>>>>"
    forms = {6 + level: stream(b"/X Do " * 10, entries % (7 + level)) for level in range(levels)}
    forms[6 + levels] = stream(TEXT, b"/Type/XObject/Subtype/Form/BBox[0 0 999 999]/Resources<</Font<</F 5 0 R>>>>")
    return page_of(stream(b"/X Do"), b"/XObject<</X 6 0 R>>", forms)


def _actions() -> bytes:
    """JavaScript when it is opened, a program that is launched, a page that fetches from the network."""
    catalog = (
        b"/OpenAction<</S/JavaScript/JS(app.alert\\(1\\); this.submitForm\\('http://127.0.0.1:9/'\\))>>"
        b"/AA<</WC<</S/Launch/F(/bin/sh)/Win<</F(cmd.exe)/P(/c calc)>>>>>>"
    )
    link = b"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 99 99]/A<</S/URI/URI(http://127.0.0.1:9/)>>>>]"
    return page_of(stream(TEXT), entries=link, catalog=catalog)


def _fetches() -> bytes:
    """Content and a picture that are said to lie in other files: this machine's, and a server's."""
    outside = {
        6: b"<</Type/XObject/Subtype/Image/Width 9/Height 9/BitsPerComponent 8/ColorSpace/DeviceGray"
        b"/F<</FS/URL/F(http://127.0.0.1:9/a)>>/Length 0>>\nstream\n\nendstream",
        7: b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Ref<</F(/etc/passwd)/Page 0>>/Length 0>>\nstream\n\nendstream",
    }
    return page_of(stream(b"/I Do /J Do " + TEXT), b"/XObject<</I 6 0 R/J 7 0 R>>/Font<</F 5 0 R>>", outside)


def _embedded() -> bytes:
    pdf = pymupdf.open(stream=invoice(), filetype="pdf")
    pdf.embfile_add("../../../evil.sh", b"#!/bin/sh\n", filename="../../../evil.sh")
    pdf.embfile_add("a.pdf", invoice())
    content: bytes = pdf.tobytes()
    pdf.close()
    return content


DEEP = 200_000
HOSTILE: Mapping[str, Callable[[], bytes]] = {
    "empty.pdf": lambda: b"",
    "one-byte.pdf": lambda: b"%",
    "only-a-header.pdf": lambda: b"%PDF-1.7\n",
    "truncated.pdf": lambda: invoice()[: len(invoice()) // 2],
    "flipped.pdf": lambda: flipped(invoice()),
    "wrong-extension.png": invoice,
    "a-picture.pdf": lambda: png(20, 20, 0, zlib.compress(bytes(21 * 20))),
    "cyclic-pages.pdf": _cyclic_pages,
    "page-that-is-its-parent.pdf": lambda: pdf_of(
        {1: b"<</Type/Catalog/Pages 1 0 R/Kids[1 0 R]/Count 1/MediaBox[0 0 9 9]>>"}
    ),
    "no-xref.pdf": lambda: pdf_of(
        {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[]/Count 0>>"}, xref=False
    ),
    "xref-in-circles.pdf": lambda: page_of(stream(TEXT)).replace(b"/Root", b"/Prev 9/Root"),
    "wrong-xref.pdf": lambda: page_of(stream(TEXT)).replace(b"0000000015", b"4294967295"),
    "length-that-lies.pdf": lambda: page_of(stream(TEXT).replace(b"/Length ", b"/Length 99999999")),
    "count-that-lies.pdf": lambda: page_of(stream(TEXT)).replace(b"/Count 1", b"/Count 2000000000"),
    "many-pages.pdf": lambda: _many_pages(10_001),
    "million-objects.pdf": lambda: _many_objects(1_000_000),
    "deep-arrays.pdf": lambda: page_of(stream(TEXT), entries=b"/X" + b"[" * DEEP + b"]" * DEEP),
    "deep-dictionaries.pdf": lambda: page_of(stream(TEXT), entries=b"/X" + b"<</A" * DEEP + b" 1" + b">>" * DEEP),
    "deep-states.pdf": lambda: page_of(stream(b"q " * DEEP + TEXT)),
    "forms-in-circles.pdf": _forms_in_circles,
    "forms-of-forms.pdf": lambda: _forms_of_forms(9),
    "flate-bomb.pdf": lambda: page_of(stream(zeros(256 * MIB), b"/Filter/FlateDecode")),
    "nested-flate-bomb.pdf": lambda: page_of(
        stream(zeros(256 * MIB, 3), b"/Filter[/FlateDecode/FlateDecode/FlateDecode]")
    ),
    "thousand-filters.pdf": lambda: page_of(stream(TEXT, b"/Filter[" + b"/ASCIIHexDecode" * 1000 + b"]")),
    "picture-bomb.pdf": lambda: picture_page(
        60_000, 60_000, b"/ColorSpace/DeviceRGB/Filter/FlateDecode", zeros(64 * MIB)
    ),
    "picture-of-no-size.pdf": lambda: picture_page(0, -5, b"/ColorSpace/DeviceRGB", b""),
    "huge-page.pdf": lambda: page_of(stream(TEXT), box=b"0 0 999999999 999999999"),
    "page-of-no-size.pdf": lambda: page_of(stream(TEXT), box=b"0 0 0 0"),
    "page-inside-out.pdf": lambda: page_of(stream(TEXT), box=b"595 842 0 0"),
    "page-of-no-numbers.pdf": lambda: page_of(stream(TEXT), box=b"nan inf -inf 1e99"),
    "strip.pdf": lambda: page_of(stream(TEXT), box=b"0 0 100000 1"),
    "actions.pdf": _actions,
    "fetches.pdf": _fetches,
    "embedded.pdf": _embedded,
    "png-bomb.png": lambda: png(60_000, 60_000),
    "png-of-no-size.png": lambda: png(0, 0),
    "png-cut-off.png": lambda: png(2000, 2000)[:200],
    "png-at-the-limit.png": lambda: png(13_000, 13_000),
    "tiff-bomb.tif": lambda: tiff(4_000_000, 4_000_000),
    "tiff-at-the-limit.tif": lambda: tiff(14_000, 14_000),
    "tiff-in-circles.tif": tiff_in_circles,
    "gif-bomb.gif": lambda: gif(65_535, 65_535),
    "bmp-bomb.bmp": lambda: (
        b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHH", 40, 99_999, 99_999, 1, 24) + bytes(46)
    ),
    "webp-cut-off.webp": lambda: b"RIFF\xff\xff\xff\x7fWEBPVP8 \xff\xff\xff\x7f" + bytes(40),
}

# What a stranger may call a document; a file system takes them, programs are surprised.
NAMES = (
    "a\\..\\..\\..\\evil.pdf",
    "\u202efdp.exe.pdf",
    "con.pdf",
    "nul.txt.pdf",
    "a\nb\x1b[31m.pdf",
    "x" * 250 + ".pdf",
    "UPPER.pdf",
    "upper.pdf",
    "$(touch evil).pdf",
    "-rf.pdf",
    "a?<>|\"*:.pdf",
    "trailing. .pdf",
)  # fmt: skip


def write(folder: Path, names: tuple[str, ...] = tuple(HOSTILE)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(HOSTILE[name]())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
