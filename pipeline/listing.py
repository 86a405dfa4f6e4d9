"""What is inside of ZIP files and mails, found out in a process of its own: what hangs or crashes it costs one file.

Unpacking and parsing what strangers send is not done in the process that plans a job. A file that cannot be looked into
is a document by itself; reading it says what is wrong. Of a mail, which can be read without what is attached, that is a
document too (`within.ATTACHED`): nothing is left out without a word.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context
from typing import TYPE_CHECKING

from pipeline.addresses import is_remote
from pipeline.confinement import Cell, PrivateFolder
from pipeline.messages import received
from schemas.errors import EngineUnavailable

if TYPE_CHECKING:
    from pipeline.opening.members import Found

SECONDS = 120.0  # for one file
START_SECONDS = 300.0  # for the process to start, on however busy a machine


@dataclass(frozen=True, slots=True)
class Inside:
    """documents: in a file, at any depth. is_document: whether the file is one by itself. is_known: whether these are
    all; else it could not be looked into."""

    documents: tuple[Found, ...]
    is_document: bool
    is_known: bool = True


UNKNOWN = Inside((), is_document=True, is_known=False)


def listed_inside(paths: Sequence[str], seconds: float = SECONDS) -> list[Inside]:
    """For each path or URL, in their order. seconds: that one may take. Raises EngineUnavailable where no process
    can be started."""
    found: list[Inside] = []
    while len(found) < len(paths):
        found += _listed(paths[len(found) :], seconds)
        if len(found) < len(paths):  # the process hung or ended at this one; another goes on behind it
            found.append(UNKNOWN)
    return found


def _listed(paths: Sequence[str], seconds: float) -> list[Inside]:
    """Of the first paths, as far as one process gets."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    folder = PrivateFolder()
    cell = Cell(folder.path, network=any(map(is_remote, paths)))
    process = context.Process(target=_work, args=(theirs, tuple(paths), cell), daemon=True, name="intaglio-listing")
    process.start()
    theirs.close()
    found: list[Inside] = []
    try:
        _await_start(ours)
        with contextlib.suppress(EOFError, OSError):
            while len(found) < len(paths) and ours.poll(seconds):
                found.append(received(ours))
    finally:
        process.kill()
        process.join()
        ours.close()
        folder.remove()
    return found


def _await_start(pipe: connection.Connection) -> None:
    """Raises EngineUnavailable where the process does not come so far: what is inside would be lost in silence."""
    try:
        started = pipe.poll(START_SECONDS) and received(pipe) is None
    except (EOFError, OSError):
        started = False
    if not started:
        raise EngineUnavailable(
            "the process that looks into archives and mails ends before it begins.",
            remedy="In a program of your own, start the batch under `if __name__ == '__main__':`.",
        )


def _work(pipe: connection.Connection, paths: Sequence[str], cell: Cell) -> None:
    """The process's whole life: over the pipe goes None for its start, then what is inside of each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    from pipeline.serving import confined

    with confined(cell):
        from pipeline.opening import members  # noqa: F401 - loaded now, while it may be
    with contextlib.suppress(BrokenPipeError):
        pipe.send(None)
        for path in paths:
            pipe.send(_inside(path))


def _inside(path: str) -> Inside:
    from pipeline.opening.kinds import ZIPS
    from pipeline.opening.members import listed
    from pipeline.opening.within import opened

    try:
        with opened(path) as stream:
            documents = tuple(listed(stream, path))
            stream.seek(0)
            zipped = stream.read(4) in ZIPS
    except Exception:  # of ours, of any file system's own kind, or of a parser: reading it will say what is wrong
        return UNKNOWN
    return Inside(documents, is_document=not (zipped and documents))
