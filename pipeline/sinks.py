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
LOOK_SECONDS = 0.2  # far longer than looking at the lock takes
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)\s*(?:\.|$)", re.IGNORECASE)  # names that Windows keeps to itself
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
        lock = _opened(folder / OWN_FOLDER / LOCK, 0)
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


def _hold(lock: IO[bytes]) -> None:
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
    next run does the document again. A link at either name is replaced, never followed.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        if root is not None and not path.parent.resolve().is_relative_to(root.resolve()):
            raise OutputUnwritable(
                f"{path} leads out of {root}: a folder on the way is a link.",
                remedy="Remove the link, or give another folder with --out.",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.unlink(missing_ok=True)
            with _opened(temporary, os.O_EXCL) as stream:
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


def _opened(path: Path, flags: int) -> IO[bytes]:
    """A file to write, made if need be; never what a link leads to."""
    flags |= os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o666), "wb")


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
