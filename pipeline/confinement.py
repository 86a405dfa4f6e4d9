"""A process in which a stranger's document may be opened: what it may take, and what it is kept from.

Limits hold wherever the system has them. That it starts no process, reaches no network and writes nothing outside its
own temporary folder, Linux enforces, also against native code (`pipeline.kernel`); where the kernel does not, Python
does, which holds for everything but native code that an attacker has taken over.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.kernel import refuse_calls, refuse_writes
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits

PREFIX = "intaglio-reader-"
YOUNG = 60.0  # seconds: a folder may be so new that its maker does not hold it yet


@dataclass(frozen=True, slots=True)
class Cell:
    """A confined process. folder: its own, for temporary files. network: whether it may reach the network.

    cpu_seconds: of the processor that one document may take, None for any.
    """

    folder: Path
    limits: DocumentLimits = DEFAULT_LIMITS
    network: bool = False
    cpu_seconds: float | None = None


class PrivateFolder:
    """A new folder for a process's temporary files, into which nobody else may look.

    Its maker holds a lock on it, which the system drops with its maker: so what a killed one left is known by the next
    (`remove_left_folders`).
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._handle = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def remove(self) -> None:
        """With whatever is in it; a second time nothing is done."""
        if self._handle >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._handle)
            self._handle = -1


def empty_folder(folder: Path) -> None:
    """What the process itself can do about its folder, when its parent is gone."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def remove_left_folders() -> None:
    """Removes private folders whose makers were killed together with their readers."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # of another user, or another program was faster
            if time.time() - folder.stat().st_mtime < YOUNG:
                continue
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(handle)


def enter(cell: Cell) -> None:
    """Limits this process for good; to be called before its libraries are loaded, whose threads are then limited too.

    A lower limit that is set already stays.
    """
    os.umask(0o077)
    os.environ["TMPDIR"] = tempfile.tempdir = str(cell.folder)
    limits = cell.limits
    for kind, most in (
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_FSIZE, limits.written),
        (resource.RLIMIT_CORE, 0),  # a picture of the memory would hold the document
    ):
        _limit(kind, most)
    if not refuse_writes(cell.folder):
        sys.addaudithook(_refusing(_writes(str(cell.folder))))


def shut(cell: Cell) -> None:
    """Gives up processes and network for good; to be called before the first document is opened."""
    _mute_libraries()
    if not refuse_calls(network=cell.network):
        sys.addaudithook(_refusing(_leaves(cell.network)))


def _mute_libraries() -> None:
    """What native libraries write to the terminal by themselves is a document's to choose; Python's own goes on."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        kept = os.fdopen(os.dup(number), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        getattr(sys, name).flush()
        setattr(sys, name, kept)
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a number is wanted, and no Path
            os.dup2(nothing.fileno(), number)


def begin_document(cell: Cell) -> None:
    """Starts the clock of the processor for one document: over its time the process ends with SIGXCPU."""
    if cell.cpu_seconds is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + cell.cpu_seconds), for_good=False)


def _limit(kind: int, most: int, *, for_good: bool = True) -> None:
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most if for_good else hard))


Judge = Callable[[str, Sequence[Any]], bool]
"""Whether what an audit event tells is refused."""

_OPENS = "open"
_CHANGES = frozenset(
    "os.remove os.rename os.mkdir os.rmdir os.link os.symlink os.chmod os.chown os.truncate os.setxattr".split()
)
_STARTS = frozenset("subprocess.Popen os.exec os.fork os.forkpty os.posix_spawn os.system os.kill pty.spawn".split())
_REACHES = frozenset("socket.connect socket.bind socket.sendto socket.sendmsg socket.getaddrinfo".split())
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _refusing(refuses: Judge) -> Callable[[str, tuple[Any, ...]], None]:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if refuses(event, arguments):
            raise PermissionError(errno.EPERM, f"{event} is not allowed to a process that reads documents")

    return hook


def _writes(folder: str) -> Judge:
    own = os.path.realpath(folder)

    def outside(path: Any) -> bool:
        if isinstance(path, int):  # open already
            return False
        place = os.path.realpath(os.fsdecode(path))
        return place not in (own, os.devnull) and not place.startswith(own + os.sep)

    def judge(event: str, arguments: Sequence[Any]) -> bool:
        if event == _OPENS:
            path, _, flags = arguments
            return bool((flags or 0) & _WRITING) and path is not None and outside(path)
        return event in _CHANGES and any(outside(path) for path in _paths(arguments))

    return judge


def _paths(arguments: Sequence[Any]) -> Iterator[str | bytes]:
    return (each for each in arguments if isinstance(each, str | bytes))


def _leaves(network: bool) -> Judge:
    refused = _STARTS if network else _STARTS | _REACHES
    return lambda event, arguments: event in refused
