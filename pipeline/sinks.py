"""Where records go: one JSON file a document, and one JSONL with all of them. Nothing is ever half written."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from schemas.errors import OutputUnwritable

JSONL = "records.jsonl"
LONGEST_NAME = 180  # characters of one part of a path, suffix apart


def open_folder(folder: Path) -> Path:
    """The output folder, made if need be. Raises OutputUnwritable before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputUnwritable(
            f"the output folder {folder} cannot be written: {error.strerror}.", remedy="Give another with --out."
        ) from error
    return folder


def record_path(folder: Path, name: str) -> Path:
    """Where a document's record goes: `invoices/a.pdf` → `FOLDER/invoices/a.pdf.json`. It never leaves the folder."""
    parts = [_safe(part) for part in re.split(r"[\\/]", name) if part not in ("", ".", "..")]
    return folder.joinpath(*(parts or ["document"])).with_name(f"{parts[-1] if parts else 'document'}.json")


def write_atomically(path: Path, text: str) -> None:
    """Puts the whole text at the path or, whatever happens, leaves what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_jsonl(folder: Path, records: Iterable[str]) -> Path:
    """All records, one a line, in place of an earlier file."""
    path = folder / JSONL
    write_atomically(path, "".join(f"{record}\n" for record in records))
    return path


def remove_partial(folder: Path) -> None:
    """Removes what a killed run left half written."""
    for path in folder.rglob(".*.partial"):
        path.unlink(missing_ok=True)


def _safe(part: str) -> str:
    cleaned = "".join("_" if ord(char) < 32 or char in '<>:"|?*\x7f' else char for char in part).strip(" ")
    return (cleaned.lstrip(".") or "_")[:LONGEST_NAME]
