"""Where records go: one JSON file a document, and one JSONL with all of them. Nothing is ever half written."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from schemas.errors import OutputUnwritable

JSONL = "records.jsonl"
OWN_FOLDER = ".intaglio"  # in the output folder: the ledger, traces, and what shows which runs are at work
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)\s*(?:\.|$)", re.IGNORECASE)  # names that Windows keeps to itself
LONGEST_PART = 200  # bytes of one part of a path; file systems allow 255, and a temporary name is longer than its file


def file_name(name: str) -> str:
    """A source's name as a relative path that is safe in any folder: `../a b/c?.pdf` → `a b/c_.pdf`."""
    parts = [_safe(part) for part in re.split(r"[\\/]", name) if part not in ("", ".", "..")]
    return "/".join(parts) or "document"


def record_path(folder: Path, name: str) -> Path:
    """Where a record goes: `invoices/a.pdf` → `FOLDER/invoices/a.pdf.json`. name: as `file_name` gives it."""
    return folder / f"{name}.json"


def write_atomically(path: Path, text: str, root: Path | None = None) -> None:
    """Puts the whole text at the path or, whatever happens, leaves what was there. Raises OutputUnwritable.

    root: a folder that the path may not leave, as by a link in it.
    """
    write_bytes(path, [f"{text}\n".encode()], root)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Puts all lines, each with a line end, at the path, or leaves what was there. Raises OutputUnwritable."""
    write_bytes(path, (f"{line}\n".encode() for line in lines))


def write_bytes(path: Path, parts: Iterable[bytes], root: Path | None = None) -> None:
    """Puts all parts, one behind the other, at the path, or leaves what was there. Raises OutputUnwritable.

    root: as above. The temporary name is the same at every try, so that what a killed run leaves is replaced when the
    next run writes the file. Writers of the same file take turns, and the last one's is there in the end. A link at
    either name is replaced, never followed.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        if root is not None and not path.parent.resolve().is_relative_to(root.resolve()):
            raise OutputUnwritable(
                f"{path} leads out of {root}: a folder on the way is a link.",
                remedy="Remove the link, or give another folder with --out.",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(temporary) as stream:
            try:
                stream.writelines(parts)
                stream.flush()
                os.fsync(stream.fileno())
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise OutputUnwritable(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Make room or set its permissions, and give the same command: it goes on where it stopped.",
        ) from error


@contextmanager
def _held(temporary: Path) -> Iterator[BinaryIO]:
    """The file, empty, and nobody else's until it is closed: whoever waited for it finds that it has moved on, and
    begins a new one."""
    while True:
        if temporary.is_symlink():
            temporary.unlink(missing_ok=True)
        with open(temporary, "wb", opener=_untouched) as stream:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(stream, fcntl.LOCK_EX)
            if not _is_at(temporary, stream):
                continue
            stream.truncate()
            yield stream
            return


def _untouched(path: str, flags: int) -> int:
    """As it is, made if need be; never what a link leads to."""
    return os.open(path, flags & ~os.O_TRUNC | os.O_NOFOLLOW, 0o666)


def _is_at(path: Path, stream: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False


def _safe(part: str) -> str:
    cleaned = "".join(char if char.isprintable() and char not in '<>:"|?*' else "_" for char in part).strip()
    if cleaned.startswith("."):
        cleaned = f"_{cleaned[1:]}"
    if cleaned.endswith("."):
        cleaned = f"{cleaned[:-1]}_"
    if _DEVICE.match(cleaned):
        cleaned = f"_{cleaned}"
    encoded = (cleaned or "_").encode("utf-8", "replace")
    if len(encoded) <= LONGEST_PART:
        return encoded.decode()
    suffix = Path(cleaned).suffix[:16]
    return encoded[: LONGEST_PART - len(suffix.encode())].decode("utf-8", "ignore") + suffix
