"""Opening a document: what kind it is, how many pages it has, and a clear error for what cannot be opened.

The kind is told by the first bytes, never by the name. A page that is broken does not lose the others: pages are made
when they are read.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pipeline.pixels import with_square_pixels
from schemas.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    UnsupportedDocument,
)

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 1 << 30
MAX_PAGES = 10_000
MAX_PIXELS = 200_000_000  # of one picture, before it is unpacked

PDF = "application/pdf"
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"GIF8", "image/gif"),
)


class Document:
    """An open document. Use it as a context manager; pages are numbered from 1.

    sha256: of the bytes, hex. pdf: the open PyMuPDF document, None for a picture.
    """

    def __init__(self, uri: str, content: bytes, passwords: Sequence[str] = ()) -> None:
        self.uri = uri
        self.size = len(content)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.media_type = media_type(content, uri)
        self.pdf: Any = None
        self._picture: Any = None
        if self.media_type == PDF:
            self.pdf = _open_pdf(uri, content, passwords)
            self.page_count = int(self.pdf.page_count)
        else:
            self._picture = _open_picture(uri, content)
            self.page_count = _frames(self._picture)
        if self.page_count < 1:
            self.close()
            raise EmptyDocument("it has no pages.", document=uri, remedy="Check how it was made.")
        if self.page_count > MAX_PAGES:
            pages = self.page_count
            self.close()
            raise DocumentTooLarge(
                f"it has {pages} pages.", document=uri, remedy=f"Split it: at most {MAX_PAGES} are read."
            )

    def picture(self, number: int) -> Image:
        """The page of a picture file, as it is meant to be seen (EXIF orientation applied, pixels square), RGB.

        Raises what Pillow raises, and DocumentTooLarge for a page with too many pixels.
        """
        from PIL import ImageOps

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that nobody reads
            self._picture.seek(number - 1)
            _check_pixels(self._picture, self.uri)
            return _on_paper(ImageOps.exif_transpose(with_square_pixels(self._picture)))

    @property
    def repaired(self) -> bool:
        """Whether a PDF was damaged, and could be opened after its parts were looked for: some may be missing."""
        return self.pdf is not None and bool(self.pdf.is_repaired)

    def close(self) -> None:
        for opened in (self.pdf, self._picture):
            if opened is not None:
                opened.close()

    def __enter__(self) -> Document:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_document(source: str | Path | bytes, *, name: str = "", passwords: Sequence[str] = ()) -> Document:
    """Opens a path, a URL that fsspec knows, or bytes. Raises a DocumentError that says why not.

    name: what errors and records call it; by default the path or URL.
    """
    if isinstance(source, bytes):
        name, content = name or "bytes", source
    else:
        name, content = name or str(source), _content(source)
    if len(content) > MAX_BYTES:
        raise DocumentTooLarge(f"it is over {MAX_BYTES >> 20} MiB.", document=name, remedy="Split it.")
    return Document(name, content, passwords)


def media_type(content: bytes, uri: str = "") -> str:
    """By the first bytes. Raises EmptyDocument, DamagedDocument or UnsupportedDocument."""
    if not content:
        raise EmptyDocument("it has no bytes.", document=uri, remedy="Fetch it again; the copy may have been cut off.")
    if b"%PDF-" in content[:1024]:
        return PDF
    for magic, kind in _IMAGES:
        if content.startswith(magic):
            return kind
    if content.startswith(b"BM") and content[6:10] == bytes(4):  # reserved in a bitmap, letters in a text
        return "image/bmp"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    raise UnsupportedDocument(
        "it is neither a PDF nor a picture.", document=uri, remedy="Give PDF, PNG, JPEG, WebP, TIFF, BMP or GIF."
    )


def _content(source: str | Path) -> bytes:
    """At most one byte more than are allowed."""
    try:
        if isinstance(source, Path) or "://" not in source:
            with Path(source).open("rb") as stream:
                return stream.read(MAX_BYTES + 1)
        return _fetched(source)
    except FileNotFoundError as error:
        raise DocumentError(
            "there is no such file.", document=str(source), remedy="It may have been moved since."
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise DocumentError(
            f"it cannot be read: {reason}.", document=str(source), remedy="Check its permissions."
        ) from error


def _fetched(url: str) -> bytes:
    import fsspec

    try:
        with fsspec.open(url, "rb") as stream:
            content: bytes = stream.read(MAX_BYTES + 1)
    except OSError:
        raise
    except Exception as error:  # every file system has errors of its own
        raise DocumentError(
            f"it cannot be fetched: {type(error).__name__}: {error}.",
            document=url,
            remedy="Check the URL; some need a package that fsspec names.",
        ) from error
    return content


def _open_pdf(uri: str, content: bytes, passwords: Sequence[str]) -> Any:
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
        raise DamagedDocument(
            f"it cannot be opened as a PDF: {error}.",
            document=uri,
            remedy="Fetch it again, or repair it (mutool clean, qpdf).",
        ) from error
    return pdf


def _open_picture(uri: str, content: bytes) -> Any:
    """The open picture; that of a single page is unpacked already, so that a damaged one is found now."""
    from PIL import Image as Images

    Images.MAX_IMAGE_PIXELS = MAX_PIXELS
    too_large = DocumentTooLarge(
        "its picture has too many pixels.", document=uri, remedy=f"Scale it down: at most {MAX_PIXELS} are read."
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that nobody reads
            warnings.simplefilter("error", Images.DecompressionBombWarning)
            picture = Images.open(io.BytesIO(content))
            _check_pixels(picture, uri)
            if _frames(picture) == 1:
                picture.load()
    except (Images.DecompressionBombError, Images.DecompressionBombWarning) as error:
        raise too_large from error
    except DocumentError:
        raise
    except Exception as error:  # Pillow's formats raise whatever their parsers meet
        raise DamagedDocument(
            f"its picture cannot be read: {error}.", document=uri, remedy="Fetch it again; the copy may be cut off."
        ) from error
    return picture


def _frames(picture: Any) -> int:
    """The pages of a picture file: TIFF has them; the frames of other formats are animations."""
    return int(picture.n_frames) if picture.format == "TIFF" else 1


def _check_pixels(picture: Image, uri: str) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise DocumentTooLarge(
            f"its picture has {picture.width} × {picture.height} pixels.",
            document=uri,
            remedy=f"Scale it down: at most {MAX_PIXELS} are read.",
        )


def _on_paper(frame: Image) -> Image:
    """RGB: what is transparent is white; of more than 8 bits a channel, the lightest is white."""
    from PIL import Image as Images

    if frame.mode in ("RGBA", "LA", "PA") or "transparency" in frame.info:
        frame = frame.convert("RGBA")
        return Images.alpha_composite(Images.new("RGBA", frame.size, "white"), frame).convert("RGB")
    if frame.mode.startswith(("I", "F")):
        import numpy as np

        light = np.asarray(frame, np.float32)
        frame = Images.fromarray((light * (255.0 / max(float(light.max()), 1e-9))).clip(0, 255).astype(np.uint8))
    return frame.convert("RGB")
