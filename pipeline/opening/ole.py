"""Files of Microsoft's older container: mails of Outlook, locked office files, and office files from before 2007."""

from __future__ import annotations

import io
from typing import Any

from schemas.errors import DamagedDocument, EncryptedDocument, UnsupportedDocument

MSG = "application/vnd.ms-outlook"
_LEGACY = {
    "worddocument": ("a Word file of before 2007", "Save it as DOCX or PDF; LibreOffice does so for whole folders"),
    "workbook": ("an Excel file of before 2007", "Save it as XLSX; LibreOffice does so for whole folders"),
    "book": ("an Excel file of before 2007", "Save it as XLSX; LibreOffice does so for whole folders"),
    "powerpoint document": ("a PowerPoint file of before 2007", "Save it as PPTX or PDF"),
}


def open_ole(content: bytes, uri: str) -> Any:
    """An olefile.OleFileIO whose names can be listed. Raises DamagedDocument."""
    import olefile

    try:
        ole = olefile.OleFileIO(io.BytesIO(content))
        ole.listdir(streams=True, storages=True)  # which goes in circles where the names do
        return ole
    except Exception as error:  # whatever its parser meets
        raise DamagedDocument(
            f"it cannot be opened as an OLE file: {error}.", document=uri, remedy="Fetch it again, or save it anew."
        ) from error


def kind_of_ole(content: bytes, uri: str) -> str:
    """MSG, or an error that says what it is."""
    with open_ole(content, uri) as ole:
        names = {path[0].casefold() for path in ole.listdir()}
    if "encryptedpackage" in names:
        raise EncryptedDocument(
            "it is an office file with a password, which Intaglio does not open.",
            document=uri,
            remedy="Save it without the password.",
        )
    if "__properties_version1.0" in names:
        return MSG
    for stream, (what, remedy) in _LEGACY.items():
        if stream in names:
            raise UnsupportedDocument(
                f"it is {what}, which is not read.",
                document=uri,
                remedy=f"{remedy} (`soffice --headless --convert-to …`)." if "LibreOffice" in remedy else f"{remedy}.",
            )
    raise UnsupportedDocument("it is an OLE file of a kind that is not read.", document=uri, remedy="Save it as PDF.")
