"""ZIP files, which office files are too: their parts, within limits, and what kind of file they make up.

A part never gives more bytes than the archive's list says (Python's zipfile sees to that), so that a bomb is known by
the list alone, before anything is unpacked.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from functools import cached_property
from typing import BinaryIO

from schemas.errors import DamagedDocument, DocumentError, DocumentTooLarge, EncryptedDocument, UnsupportedDocument

MOST_PARTS = 20_000
MOST_UNPACKED = 1 << 30  # bytes
FREE_UNPACKED = 64 << 20  # bytes, that any archive may unpack to
MOST_RATIO = 200  # unpacked to packed, beyond that; text packs to a twentieth, a bomb to a thousandth

ZIP = "application/zip"
_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX, PPTX, XLSX = (
    f"{_OFFICE}.{name}" for name in ("wordprocessingml.document", "presentationml.presentation", "spreadsheetml.sheet")
)
ODT, ODS, ODP = (f"application/vnd.oasis.opendocument.{name}" for name in ("text", "spreadsheet", "presentation"))
_MAINS = (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX))
_TYPES = "[Content_Types].xml"
_DAMAGED = "Fetch it again; the copy may be cut off."


class Archive:
    """An open ZIP file. Raises DamagedDocument, and DocumentTooLarge for one that is built to fill a disk."""

    def __init__(self, content: bytes | BinaryIO, uri: str) -> None:
        self.uri = uri
        stream = io.BytesIO(content) if isinstance(content, bytes) else content
        packed = stream.seek(0, io.SEEK_END)
        try:
            self._zip = zipfile.ZipFile(stream)
        except Exception as error:  # of a hostile list, zipfile raises many kinds
            raise DamagedDocument(
                f"it cannot be opened as a ZIP file: {error}.", document=uri, remedy=_DAMAGED
            ) from error
        parts = self._zip.infolist()
        if len(parts) > MOST_PARTS:
            raise self._too_large(f"it has {len(parts):,} parts")
        unpacked = sum(part.file_size for part in parts)
        if unpacked > MOST_UNPACKED or unpacked > max(FREE_UNPACKED, MOST_RATIO * packed):
            raise self._too_large(f"its {packed:,} bytes unpack to {unpacked:,}")

    @cached_property
    def names(self) -> dict[str, zipfile.ZipInfo]:
        """Its files by name; of several that have the same, the last, which other programs take."""
        return {part.filename: part for part in self._zip.infolist() if not part.is_dir()}

    def read(self, name: str, passwords: Sequence[str] = ()) -> bytes:
        """A part's bytes. Raises KeyError where there is none, EncryptedDocument and DamagedDocument."""
        part = self.names[name]
        locked = bool(part.flag_bits & 1)
        for password in passwords if locked else ("",):
            try:
                return self._zip.read(part, password.encode() or None)
            except RuntimeError:  # a wrong password
                continue
            except NotImplementedError as error:
                what = "encrypted" if locked else "packed"
                kind = EncryptedDocument if locked else UnsupportedDocument
                remedy = "Unpack it yourself, and give what is in it."
                raise kind(f"it is {what} in a way that is not read.", document=self.uri, remedy=remedy) from error
            except Exception as error:
                if locked:  # a wrong password that looked right
                    continue
                raise DamagedDocument(
                    f"its part {name!r} cannot be unpacked: {error}.", document=self.uri, remedy=_DAMAGED
                ) from error
        tried = "none of the passwords given opens it" if passwords else "it needs a password"
        raise EncryptedDocument(f"{tried}.", document=self.uri, remedy="Give it with --password, or unpack it.")

    def find(self, name: str) -> bytes | None:
        """A part's bytes, None where there is none."""
        return self.read(name) if name in self.names else None

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a part; empty where it cannot be unpacked."""
        try:
            with self._zip.open(self.names[name]) as part:
                return part.read(size)
        except Exception:  # reading it will say what is wrong
            return b""

    def _too_large(self, what: str) -> DocumentError:
        return DocumentTooLarge(
            f"{what}.", document=self.uri, remedy="If it is not meant to do harm, unpack it and give what is in it."
        )


def kind_of_zip(archive: Archive) -> str:
    """An office file by the parts that it must have, else a ZIP archive. Raises UnsupportedDocument."""
    uri = archive.uri
    if "mimetype" in archive.names and archive.names["mimetype"].file_size < 100:
        kind = archive.read("mimetype").decode("ascii", "replace").strip().removesuffix("-template")
        if kind in (ODT, ODS, ODP):
            return kind
        if kind.startswith("application/"):
            raise UnsupportedDocument(f"it is {kind}.", document=uri, remedy="Save it as PDF.")
    if _TYPES not in archive.names:
        return ZIP
    kinds = [kind for folder, kind in _MAINS if any(name.startswith(folder) for name in archive.names)]
    if "xl/workbook.bin" in archive.names or len(kinds) != 1:
        raise UnsupportedDocument(
            "it is an office file of a kind that is not read.", document=uri, remedy="Save it as DOCX, XLSX or PDF."
        )
    return kinds[0]
