"""A file of any kind that has no pages of its own, as pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pipeline.marks import glyphs
from pipeline.opening.archive import DOCX, ODP, ODS, ODT, PPTX, XLSX, ZIP
from pipeline.opening.blocks import MOST_PICTURES, Content, Picture
from pipeline.opening.delimited import read_delimited
from pipeline.opening.docx import read_docx
from pipeline.opening.elements import read_xml
from pipeline.opening.mail import read_mail
from pipeline.opening.odf import read_odf
from pipeline.opening.ole import MSG
from pipeline.opening.outlook import read_msg
from pipeline.opening.plain import read_markdown, read_text
from pipeline.opening.pptx import read_pptx
from pipeline.opening.setting import Book, Laid, laid_out
from pipeline.opening.texts import CSV, HTML, MAIL, MARKDOWN, PLAIN, TSV, XML
from pipeline.opening.web import read_html
from pipeline.opening.xlsx import read_xlsx
from schemas.errors import DamagedDocument, DocumentError, EmptyDocument
from schemas.page import PageText

Reader = Callable[[bytes, str], Content]


def open_book(kind: str, content: bytes, uri: str) -> Book:
    """kind: a media type that is neither PDF nor a picture. Raises DocumentError."""
    if kind == ZIP:
        from pipeline.opening.members import unopened

        raise unopened(content, uri)
    if kind.startswith("video/"):
        from pipeline.opening.frames import read_film

        return Book(read_film(content, uri, kind))
    try:
        return bound(_READERS[kind](content, uri), uri)
    except (DocumentError, MemoryError):
        raise
    except Exception as error:  # whatever a parser or our reading of it meets in a hostile file
        raise DamagedDocument(
            f"it cannot be read as {kind}: {type(error).__name__}: {error}.",
            document=uri,
            remedy="Open and save it in the program that it is from.",
        ) from error


def bound(content: Content, uri: str) -> Book:
    """Blocks as pages. Raises EmptyDocument where nothing is on them."""
    pages: list[Laid | Picture] = []
    pictures = 0
    for section in content.sections:
        for page in laid_out(section):
            pictures += isinstance(page, Picture)
            if isinstance(page, Laid) or pictures <= MOST_PICTURES:
                pages.append(page)
    if not pages:
        raise EmptyDocument("nothing is in it.", document=uri, remedy="Check how it was made.")
    told = (f"{pictures - MOST_PICTURES} of its pictures are not read.",) if pictures > MOST_PICTURES else ()
    return Book(tuple(pages), (*content.notes, *told))


def page_text(laid: Laid, number: int) -> PageText:
    return PageText(
        number,
        laid.width,
        laid.height,
        words=laid.words,
        marks=tuple(glyphs(laid.words)),
        source="text",
        reason=laid.reason,
    )


_READERS: Mapping[str, Reader] = {
    DOCX: read_docx,
    PPTX: read_pptx,
    XLSX: read_xlsx,
    **{kind: partial(read_odf, kind=kind) for kind in (ODT, ODS, ODP)},
    CSV: read_delimited,
    TSV: read_delimited,
    HTML: read_html,
    XML: read_xml,
    MARKDOWN: read_markdown,
    PLAIN: read_text,
    MAIL: read_mail,
    MSG: read_msg,
}
