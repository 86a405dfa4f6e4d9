"""The runs at work in an output folder: each holds a file of its own, and all take turns where only one may be at it.

A run's file is locked while the run lives; the operating system drops the lock with its process, so that a killed run
is known for dead at once by the others on its machine. Its documents need then not wait for their leases to end. Of
runs on other machines only their leases tell.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

from pipeline.sinks import OWN_FOLDER
from schemas.errors import LedgerLost, OutputUnwritable

RUNS = "runs"  # in the own folder: a file for each run at work
TURN = "lock"  # in the own folder: held by the run that plans or finishes
LOOK_SECONDS = 0.2  # between looks whether it is our turn


@contextmanager
def at_work(folder: Path) -> Iterator[str]:
    """Makes the output folder if need be, and shows all others that a run is at work in it while the context lasts.

    Gives the name of the run, under which it claims documents. Its file stays where the ledger was lost or could not be
    written, for then nobody was told that its claims are free. Raises OutputUnwritable before any work is done.
    """
    owner = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        runs = folder / OWN_FOLDER / RUNS
        runs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        file = _locked(runs, owner)
    except OSError as error:
        raise OutputUnwritable(
            f"the output folder {folder} cannot be written: {error.strerror}.", remedy="Give another with --out."
        ) from error
    with file:
        try:
            yield owner
        except (LedgerLost, OutputUnwritable):
            raise
        except BaseException:
            forget(folder, owner)
            raise
        else:
            forget(folder, owner)


@contextmanager
def in_turn(folder: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """What only one run at a time may do in an output folder: plan, which gives names, and finish, which writes the
    JSONL. waiting: is called where another is at it."""
    with (folder / OWN_FOLDER / TURN).open("w") as lock:
        while not _hold(lock, fcntl.LOCK_EX):
            waiting()
            time.sleep(LOOK_SECONDS)
        yield


def runs_at_work(folder: Path) -> list[str]:
    """The runs at work in this output folder, as far as this machine can tell."""
    return [name for name, alive in _runs(folder) if alive]


def is_held(folder: Path) -> bool:
    """Whether a run is at work in this output folder."""
    return bool(runs_at_work(folder))


def dead_runs(folder: Path) -> list[str]:
    """Runs of this machine that ended without saying so, as those do that are killed."""
    return [name for name, alive in _runs(folder) if not alive and name.startswith(f"{_machine()}-")]


def forget(folder: Path, owner: str) -> None:
    """Takes away what a dead run has left to show that it is at work."""
    (folder / OWN_FOLDER / RUNS / owner).unlink(missing_ok=True)


def _runs(folder: Path) -> Iterator[tuple[str, bool]]:
    """(name, whether it lives) of each run that has a file."""
    for path in sorted((folder / OWN_FOLDER / RUNS).glob("*")):
        if path.name.startswith("."):
            continue
        try:
            with path.open() as file:
                yield path.name, not _hold(file, fcntl.LOCK_SH)
        except OSError:  # it has just ended, or is not ours to look at
            continue


def _locked(runs: Path, owner: str) -> IO[str]:
    """The run's file, locked before it has the name by which others find it."""
    hidden = runs / f".{owner}"
    file = hidden.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        hidden.rename(runs / owner)
    except BaseException:
        file.close()
        hidden.unlink(missing_ok=True)
        raise
    return file


def _hold(file: IO[str], kind: int) -> bool:
    """Whether the lock is ours, which it is until the file is closed."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@cache
def _machine() -> str:
    """Of all machines that may share a folder and a ledger, this one, since it was started."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        boot = "unknown"
    name = "".join(char if char.isalnum() else "_" for char in socket.gethostname())[:40]
    return f"{name}-{boot}"
