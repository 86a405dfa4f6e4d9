"""Where records go: one JSON file a document, and one JSONL with all of them. Nothing is ever half written."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from schemas.errors import OutputUnwritable

JSONL = "records.jsonl"
OWN_FOLDER = ".intaglio"  # in the output folder: the ledger, and the lock of the run at work
LOCK = "lock"
FILES = "files"  # the lock of whoever writes what a ledger says into the folder's files
LOOK_SECONDS = 0.2  # far longer than looking at the lock takes
LONGEST_PART = 200  # bytes of one part of a path; file systems allow 255, and a temporary name is longer than its file


@contextmanager
def output_folder(folder: Path) -> Iterator[Path]:
    """The output folder, made if need be, held for one run. Raises OutputUnwritable before any work is done.

    Two runs into one folder would do the same documents twice. The operating system drops the lock with its process,
    so that a killed run leaves none.
    """
    try:
        (folder / OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        lock = (folder / OWN_FOLDER / LOCK).open("w")
    except OSError as error:
        raise OutputUnwritable(
            f"the output folder {folder} cannot be written: {error.strerror}.", remedy="Give another with --out."
        ) from error
    with lock:
        try:
            _hold(lock)
        except OSError as error:
            raise OutputUnwritable(
                f"another run is writing to {folder}.", remedy="Wait for it, or give another folder with --out."
            ) from error
        yield folder


@contextmanager
def files_held(folder: Path) -> Iterator[None]:
    """Waits for whoever writes what the ledger says into the folder's files, and keeps others waiting: a run that ends
    and a person who corrects a record may meet there. Not to be nested. Raises OutputUnwritable.
    """
    try:
        (folder / OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        lock = (folder / OWN_FOLDER / FILES).open("w")
    except OSError as error:
        raise OutputUnwritable(
            f"the folder {folder} cannot be written: {error.strerror}.", remedy="Set its permissions."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_held(folder: Path) -> bool:
    """Whether a run is at work in this output folder."""
    try:
        with (folder / OWN_FOLDER / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is no lock, or none of ours to look at
        return False
    return False


def _hold(lock: IO[str]) -> None:
    """Tries twice: `is_held` of another process has the lock for an instant."""
    for pause in (LOOK_SECONDS, 0.0):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not pause:
                raise
            time.sleep(pause)


def file_name(name: str) -> str:
    """A source's name as a relative path that is safe in any folder: `../a b/c?.pdf` → `a b/c_.pdf`."""
    parts = [_safe(part) for part in re.split(r"[\\/]", name) if part not in ("", ".", "..")]
    return "/".join(parts) or "document"


def record_path(folder: Path, name: str) -> Path:
    """Where a record goes: `invoices/a.pdf` → `FOLDER/invoices/a.pdf.json`. name: as `file_name` gives it."""
    return folder / f"{name}.json"


def write_atomically(path: Path, text: str) -> None:
    """Puts the whole text at the path or, whatever happens, leaves what was there. Raises OutputUnwritable."""
    write_lines(path, [text])


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Puts all lines, each with a line end, at the path, or leaves what was there. Raises OutputUnwritable."""
    write_bytes(path, (f"{line}\n".encode() for line in lines))


def write_bytes(path: Path, parts: Iterable[bytes]) -> None:
    """Puts all parts, one behind the other, at the path, or leaves what was there. Raises OutputUnwritable.

    The temporary name is the same at every try, so that what a killed run leaves is replaced when the next run does
    the document again.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as stream:
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


def _safe(part: str) -> str:
    cleaned = "".join(char if char.isprintable() and char not in '<>:"|?*' else "_" for char in part).strip()
    if cleaned.startswith("."):
        cleaned = f"_{cleaned[1:]}"
    encoded = (cleaned or "_").encode("utf-8", "replace")
    if len(encoded) <= LONGEST_PART:
        return encoded.decode()
    suffix = Path(cleaned).suffix[:16]
    return encoded[: LONGEST_PART - len(suffix.encode())].decode("utf-8", "ignore") + suffix
