"""Reading a record back from its file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from pydantic_core import from_json

from schemas.errors import UsageError
from schemas.record import SCHEMA_VERSION, FieldResult, Record


def read_record(path: Path) -> Record:
    """The record of a file that `ingest` or `extract` wrote, of this version or an older one whose form still fits.

    Raises UsageError: there is no such file, it is no record, or one of a version that cannot be read.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        record = Record.model_validate_json(text)
    except ValidationError as error:
        raise _unreadable(path, text, str(error).splitlines()[0]) from error
    if record.schema_version > SCHEMA_VERSION:
        raise _unreadable(path, text, "it is newer")
    return record


def how(field: FieldResult) -> str:
    """How a value came to its status after it was first read, in words; empty where nothing was done."""
    told = [f"asked again: {', '.join(field.steps)}"] if field.steps else []
    return "; ".join([*told, *([f"{field.settled} by a person"] if field.settled else [])])


def _unreadable(path: Path, text: bytes, reason: str) -> UsageError:
    version = _version(text)
    if version is None or version == SCHEMA_VERSION:
        return UsageError(f"{path} is not a record of Intaglio: {reason}.", remedy="Name a file that ingest wrote.")
    known = f"{path} is a record of version {version}, and this Intaglio reads version {SCHEMA_VERSION}."
    return UsageError(known, remedy="Update Intaglio." if version > SCHEMA_VERSION else "Read its document again.")


def _version(text: bytes) -> int | None:
    """What it says its version is, if it looks like a record at all."""
    try:
        content = from_json(text)
    except ValueError:
        return None
    version = content.get("schema_version") if isinstance(content, dict) and "document" in content else None
    return version if isinstance(version, int) else None
