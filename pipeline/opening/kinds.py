"""What a file is, told by its bytes. The name decides only between kinds of text that can look the same.

A text whose name says that it is none, as an error page that was saved under the name of a PDF, is refused.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.opening.archive import Archive, kind_of_zip
from pipeline.opening.encodings import looks_like_text
from pipeline.opening.ole import kind_of_ole
from pipeline.opening.texts import CSV, HTML, MARKDOWN, PLAIN, TSV, XML, kind_of_text
from schemas.errors import EmptyDocument, UnsupportedDocument

PDF = "application/pdf"
TEXTS = frozenset((CSV, HTML, MARKDOWN, PLAIN, TSV, XML))
HEIC, AVIF = "image/heic", "image/avif"
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"GIF8", "image/gif"),
    (b"\x1aE\xdf\xa3", "video/webm"),  # Matroska too
)
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), HEIC),
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    b"qt  ": "video/quicktime",
}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIPS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
CONTAINERS = frozenset(".zip .eml .msg".split())
"""Files in which there may be documents."""
TEXT_SUFFIXES = frozenset(".csv .eml .htm .html .log .markdown .md .mht .tab .text .tsv .txt .xhtml .xml .asc".split())
SUFFIXES = frozenset(
    ".pdf .png .jpg .jpeg .webp .tif .tiff .bmp .gif .heic .heif .avif .docx .docm .pptx .pptm .xlsx .xlsm .csv .tsv "
    ".odt .ods .odp .html .htm .xml .md .txt .eml .msg .zip .mp4 .mov .webm .mkv .avi .doc .xls .ppt .rtf".split()
)
"""What is taken of a folder. The last four are not read, and not left out without a word either."""
_KNOWN = "PDF, pictures, DOCX, PPTX, XLSX, ODT, ODS, CSV, HTML, XML, Markdown, text, EML, MSG, ZIP and films are"
_REFUSED = (
    (b"{\\rtf", "an RTF text", "Save it as DOCX or PDF."),
    (b"%!PS", "PostScript", "Convert it to PDF (ps2pdf)."),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it first."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it, or pack it as ZIP."),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it, or pack it as ZIP."),
)


def media_type(content: bytes, uri: str = "") -> str:
    """By the bytes. Raises EmptyDocument, EncryptedDocument, DamagedDocument or UnsupportedDocument."""
    if not content:
        raise EmptyDocument("it has no bytes.", document=uri, remedy="Fetch it again; the copy may have been cut off.")
    if content.startswith(ZIPS):
        return kind_of_zip(Archive(content, uri))
    if content.startswith(OLE):
        return kind_of_ole(content, uri)
    kind = _by_first_bytes(content)
    if kind:
        return kind
    for start, what, remedy in _REFUSED:
        if content.startswith(start):
            raise UnsupportedDocument(f"it is {what}, which is not read.", document=uri, remedy=remedy)
    if looks_like_text(content):
        return _text(content, uri)
    raise UnsupportedDocument("it is no kind of document that is known.", document=uri, remedy=f"{_KNOWN} read.")


def _by_first_bytes(content: bytes) -> str:
    if b"%PDF-" in content[:1024]:
        return PDF
    for magic, kind in _STARTS:
        if content.startswith(magic):
            return kind
    if content.startswith(b"BM") and content[6:10] == bytes(4):  # reserved in a bitmap, letters in a text
        return "image/bmp"
    if content[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"AVI ": "video/avi"}.get(content[8:12], "")
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "video/mp4")
    return ""


def _text(content: bytes, uri: str) -> str:
    suffix = _suffix(uri)
    if suffix in SUFFIXES - TEXT_SUFFIXES:
        raise UnsupportedDocument(
            f"its name says {suffix[1:].upper()}, and it is neither that nor a picture, but text.",
            document=uri,
            remedy="It may be an error message that was saved in its place: fetch it again, or name it .txt.",
        )
    return kind_of_text(content, suffix, uri)


def _suffix(uri: str) -> str:
    path = re.sub(r"[?#].*$", "", uri) if "://" in uri else uri
    return PurePosixPath(path).suffix.casefold()
