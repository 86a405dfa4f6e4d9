"""One worker of a pool: a process that reads documents, and what becomes of it and of the document that it has."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from multiprocessing import connection, reduction
from typing import Protocol

from model.engine import EngineSpec
from pipeline.addresses import is_remote
from pipeline.confinement import Cell, PrivateFolder
from pipeline.limits import DocumentLimits
from pipeline.messages import Garbled, received
from pipeline.processes import cores, started
from pipeline.serving import Assignment, Cut, Outcome, Read, Waits, failed, finished, serve
from schemas.errors import DocumentTimeout, EngineUnavailable, IntaglioError, ReaderCrashed

RECYCLE_AFTER = 200  # documents; native libraries leak
START_SECONDS = 300.0  # for a worker to import its libraries and load a light engine
MOST_STARTS = 3  # of one worker in a row that come to nothing


class Pool(Protocol):
    """What a worker has to know of its pool; see `pipeline.workers.Workers`."""

    count: int
    seconds: float
    engine: EngineSpec
    traces: bool
    limits: DocumentLimits

    def line(self) -> connection.Connection | None: ...


class Worker:
    """One place in the pool: a process with a document, replaced by another process when it ends or is tired."""

    def __init__(self, pool: Pool, assignment: Assignment | None = None) -> None:
        self.pool = pool
        self.starts = self.documents = 0
        self.ready = self.tired = False
        self._start(self._needs_network(assignment))
        if assignment is not None:
            self.give(assignment)

    @property
    def waits(self) -> bool:
        """Whether it waits for the engine."""
        return self.deadline == math.inf

    @property
    def handles(self) -> tuple[connection.Connection, int]:
        """What to wait on: a message, or the end of the process."""
        return self.pipe, self.process.sentinel

    def has_started(self) -> bool:
        """Whether a document may be given to it, without one; if its process has ended instead, it gets another."""
        with contextlib.suppress(EOFError, OSError):
            if not self.ready and self.pipe.poll():
                self.ready = received(self.pipe) is None
        return self.ready or not self.process.is_alive()

    def give(self, assignment: Assignment) -> None:
        """Hands out a document."""
        network = self._needs_network(assignment)
        worn = self.tired or self.documents >= RECYCLE_AFTER
        if worn or network != self.network or not self.process.is_alive():
            self._replace(network)
        self.assignment = assignment
        self.documents += 1
        self._send()

    def outcome(self) -> Outcome | None:
        """What has become of its document, once something has."""
        try:
            message = received(self.pipe) if self.pipe.poll() else _NOTHING
        except Garbled:
            self.process.kill()
            message = _ENDED
        except (EOFError, OSError):
            message = _ENDED
        if message is None:  # it has started
            self.ready = True
            self.starts = 0
            self.deadline = time.monotonic() + self.pool.seconds
        elif isinstance(message, Waits):
            self._pause(message.waiting)
        elif isinstance(message, Cut):
            self._renew_line()
        elif isinstance(message, Read):
            return finished(self.assignment, message)
        elif isinstance(message, IntaglioError):
            return self._refused(message)
        elif message is _ENDED or not self.process.is_alive():
            return self._ended()
        elif time.monotonic() > self.deadline:
            return self._overdue()
        return None

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self.folder.remove()

    def _needs_network(self, assignment: Assignment | None) -> bool:
        """Whether its reader fetches the document, or asks a server. One for other documents is without."""
        return bool(self.pool.engine.url) or (assignment is not None and is_remote(assignment.source.path))

    def _start(self, network: bool) -> None:
        self.pipe, theirs = connection.Pipe()
        pool = self.pool
        threads = max(1, cores() // pool.count)
        self.network, self.folder = network, PrivateFolder()
        cell = Cell(self.folder.path, pool.limits, network, cpu_seconds=pool.seconds * threads)
        line = pool.line()
        self.process = started(serve, (theirs, pool.engine, threads, cell, pool.traces, line), "intaglio-reader")
        if line is not None:
            line.close()
        theirs.close()
        self.starts += 1
        self.ready = False
        self.tired = False
        self.documents = 0

    def _replace(self, network: bool) -> None:
        self.kill()
        self._start(network)

    def _send(self) -> None:
        self.deadline = time.monotonic() + (self.pool.seconds if self.ready else START_SECONDS)
        with contextlib.suppress(OSError):  # it has died; its sentinel will say so
            self.pipe.send(self.assignment)

    def _pause(self, waiting: bool) -> None:
        """Time stands still for a document that waits for the engine."""
        now = time.monotonic()
        if waiting:
            self.left, self.deadline = self.deadline - now, math.inf
        else:
            self.deadline = now + self.left

    def _renew_line(self) -> None:
        line = self.pool.line()
        if line is not None:
            with contextlib.suppress(OSError):  # the worker has died; its sentinel will say so
                reduction.send_handle(self.pipe, line.fileno(), self.process.pid)
            line.close()

    def _refused(self, error: IntaglioError) -> Outcome:
        if not self.ready:
            raise error
        self.tired = True  # it may be out of memory, or worse
        return failed(self.assignment, error)

    def _ended(self) -> Outcome | None:
        self.process.join()
        code = self.process.exitcode
        if not self.ready:
            self._start_again(
                f"reader processes end before they read anything, with {code}.",
                "In a program of your own, start the batch under `if __name__ == '__main__':`.",
            )
            return None
        uri = self.assignment.source.uri
        if code == -signal.SIGXCPU:
            return failed(self.assignment, self._late("of a processor's time"))
        return failed(
            self.assignment,
            ReaderCrashed(f"the process that read it ended with {code}.", document=uri, remedy=_AGAIN),
        )

    def _overdue(self) -> Outcome | None:
        if not self.ready:
            self._start_again(
                f"the engine {self.pool.engine.name} did not start in {START_SECONDS:g} seconds.",
                "Look whether other programs leave the machine no time, or use fewer --workers.",
            )
            return None
        self.kill()
        return failed(self.assignment, self._late())

    def _start_again(self, trouble: str, remedy: str) -> None:
        """Its document goes to a fresh process, but not for ever: no document is to blame."""
        if self.starts >= MOST_STARTS:
            self.kill()
            raise EngineUnavailable(trouble, remedy=remedy)
        self._replace(self.network)
        self._send()

    def _late(self, of: str = "") -> DocumentTimeout:
        return DocumentTimeout(
            f"it took over {self.pool.seconds:g} seconds{of and f' {of}'}.",
            document=self.assignment.source.uri,
            remedy="Allow more with --timeout, or split it.",
        )


_NOTHING = object()
_ENDED = object()
_AGAIN = "The same command tries it again; if it ends so every time, take it out."
