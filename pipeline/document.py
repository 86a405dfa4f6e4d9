"""Opening a document: what kind it is, how many pages it has, and a clear error for what cannot be opened.

The kind is told by the bytes, never by the name alone (`pipeline.opening.kinds`). A page that is broken does not lose
the others: pages are made when they are read. There are three kinds of pages: those of a PDF, pictures, and those that
are laid out here from a file that has none, such as a spreadsheet (`pipeline.opening`).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from pipeline.addresses import scrubbed, shown
from pipeline.limits import (
    DEFAULT_LIMITS,
    DocumentLimits,
    is_out_of_memory,
    out_of_memory,
    too_many_pages,
)
from pipeline.opening.blocks import Picture
from pipeline.opening.drawing import drawn
from pipeline.opening.kinds import PDF, media_type
from pipeline.opening.pdfs import pdf_notes
from pipeline.opening.pictures import frames, open_picture, picture_page
from pipeline.opening.setting import Book, Laid
from pipeline.opening.within import content_within
from pipeline.remote import open_remote
from schemas.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    MissingDocument,
)
from schemas.page import PageText

if TYPE_CHECKING:
    from PIL.Image import Image

BLOCK = 1 << 20  # bytes read at a time
ANIMATED = ("image/gif", "image/webp", "image/png")


class Document:
    """An open document. Use it as a context manager; pages are numbered from 1.

    sha256: of the bytes, hex. pdf: the open PyMuPDF document, None for one of another kind. notes: what a person should
    know of the file besides its pages. limits: of what is unpacked of it.
    """

    def __init__(
        self, uri: str, content: bytes, passwords: Sequence[str] = (), limits: DocumentLimits = DEFAULT_LIMITS
    ) -> None:
        self.uri = uri
        self.limits = limits
        self.size = len(content)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.media_type = media_type(content, uri)
        self.pdf: Any = None
        self.notes: tuple[str, ...] = ()
        self._picture: Any = None
        self._book: Book | None = None
        self._drawn: tuple[int, Any] = (0, None)
        if self.media_type == PDF:
            self.pdf = _open_pdf(uri, content, passwords, limits)
            self.page_count = int(self.pdf.page_count)
            self.notes = pdf_notes(self.pdf)
        elif self.media_type.startswith("image/"):
            self._picture = open_picture(uri, content, limits, self.media_type)
            self.page_count = frames(self._picture)
            if self.page_count == 1 and getattr(self._picture, "n_frames", 1) > 1 and self.media_type in ANIMATED:
                self._bind_animation()
        else:
            from pipeline.opening.book import open_book  # with what all formats need

            self._bind(open_book(self.media_type, content, uri))
        if self.page_count < 1:
            self.close()
            raise EmptyDocument("it has no pages.", document=uri, remedy="Check how it was made.")
        if self.page_count > limits.pages:
            self.close()
            raise too_many_pages(self.page_count, limits, uri)

    def laid(self, number: int) -> PageText | None:
        """The page with its words, where the file itself says them; None for one that has to be looked at."""
        page = self._book.pages[number - 1] if self._book is not None else None
        if not isinstance(page, Laid):
            return None
        from pipeline.opening.book import page_text

        return page_text(page, number)

    def drawn(self, number: int) -> Any:
        """The PyMuPDF page of a PDF or of a laid out page; None for a picture. It is good until the next one is."""
        if self.pdf is not None:
            return self.pdf[number - 1]
        page = self._book.pages[number - 1] if self._book is not None else None
        if not isinstance(page, Laid):
            return None
        if self._drawn[0] != number:
            self._drawn = (number, drawn(page))
        return self._drawn[1][0]

    def picture(self, number: int) -> Image:
        """A page that is a picture, as it is meant to be seen (EXIF orientation applied, pixels square), RGB.

        Raises what Pillow raises, and DocumentTooLarge for a page with too many pixels.
        """
        if self._book is not None:
            page = self._book.pages[number - 1]
            assert isinstance(page, Picture)
            return picture_page(open_picture(self.uri, page.content, self.limits), 1, self.uri, self.limits)
        return picture_page(self._picture, number, self.uri, self.limits)

    @property
    def repaired(self) -> bool:
        """Whether a PDF was damaged, and could be opened after its parts were looked for: some may be missing."""
        return self.pdf is not None and bool(self.pdf.is_repaired)

    def _bind(self, book: Book) -> None:
        self._book, self.page_count, self.notes = book, len(book.pages), book.notes

    def _bind_animation(self) -> None:
        """Pages for the views that are held still, if there are several; else it is a picture like others."""
        from pipeline.opening.frames import read_animation

        pages = read_animation(self._picture, self.uri)
        if pages:
            self._bind(Book(pages))

    def close(self) -> None:
        for opened in (self.pdf, self._picture, self._drawn[1]):
            if opened is not None:
                opened.close()

    def __enter__(self) -> Document:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_document(
    source: str | Path | bytes,
    *,
    name: str = "",
    passwords: Sequence[str] = (),
    limits: DocumentLimits = DEFAULT_LIMITS,
) -> Document:
    """Opens a path, a URL that fsspec knows, or bytes. Raises a DocumentError that says why not.

    A path may lead into a ZIP file or mail: `mail.eml/invoice.pdf`.
    name: what errors and records call it; by default the path or URL. limits: those of memory and files hold only in a
    confined process (`pipeline.confinement`).
    """
    if isinstance(source, bytes):
        name, content = name or "bytes", source
    else:
        name, content = name or shown(str(source)), _content(source, limits.bytes + 1, passwords)
    if len(content) > limits.bytes:
        raise DocumentTooLarge(f"it is over {limits.bytes >> 20} MiB.", document=name, remedy="Split it.")
    return Document(name, content, passwords, limits)


def _content(source: str | Path, most: int, passwords: Sequence[str]) -> bytes:
    """At most so many bytes."""
    name = shown(str(source))
    try:
        if isinstance(source, Path) or "://" not in source:
            with Path(source).open("rb") as stream:
                return _read(stream, most)
        return _fetched(source, most)
    except (FileNotFoundError, NotADirectoryError) as error:
        content = content_within(str(source), passwords)
        if content is not None:
            return content
        raise MissingDocument(
            "there is no such file.", document=name, remedy="It may have been moved since."
        ) from error
    except OSError as error:
        reason = error.strerror or scrubbed(str(error))
        raise DocumentError(f"it cannot be read: {reason}.", document=name, remedy="Check its permissions.") from error


def _read(stream: IO[bytes], most: int) -> bytes:
    """In blocks: a stream that is asked for so much at once takes the memory for it before it looks what there is."""
    held = io.BytesIO()
    while block := stream.read(min(BLOCK, most - held.tell())):
        held.write(block)
    return held.getvalue()


def _fetched(url: str, most: int) -> bytes:
    try:
        with open_remote(url) as stream:
            content = _read(stream, most)
    except OSError:
        raise
    except Exception as error:  # every file system has errors of its own
        raise DocumentError(
            f"it cannot be fetched: {type(error).__name__}: {scrubbed(str(error))}.",
            document=shown(url),
            remedy="Check the URL; some need a package that fsspec names.",
        ) from error
    return content


def _open_pdf(uri: str, content: bytes, passwords: Sequence[str], limits: DocumentLimits) -> Any:
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    try:
        pdf = pymupdf.open(stream=content, filetype="pdf")
        if pdf.needs_pass and not any(pdf.authenticate(password) for password in passwords):
            tried = "none of the passwords given opens it" if passwords else "it needs a password"
            raise EncryptedDocument(f"{tried}.", document=uri, remedy="Give it with --password.")
        if pdf.page_count < 1:
            raise DamagedDocument(
                "no page of it can be found.", document=uri, remedy="Fetch it again, or repair it (mutool clean, qpdf)."
            )
    except DocumentError:
        raise
    except Exception as error:  # PyMuPDF raises several classes, all for the same reason
        if is_out_of_memory(error):
            raise out_of_memory(limits, uri) from error
        raise DamagedDocument(
            f"it cannot be opened as a PDF: {error}.",
            document=uri,
            remedy="Fetch it again, or repair it (mutool clean, qpdf).",
        ) from error
    return pdf
