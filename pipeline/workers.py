"""Worker processes that read documents: a hung, crashed or greedy one costs its document, never the batch.

Each worker has a pipe of its own, so that one that dies in the middle of a message leaves no lock behind. It reads one
document at a time; the next is handed out before the last one's record is kept, so that none waits for the disk.

A light engine is in every worker. A heavy one, of which a machine has few, is in a process of its own
(`pipeline.engine_process`): the workers do all the rest of many documents while it answers about one.
"""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from multiprocessing import connection, reduction
from types import TracebackType

from model.engine import EngineSpec
from pipeline.addresses import is_remote
from pipeline.confinement import Cell, PrivateFolder, remove_left_folders
from pipeline.engine_process import EngineLoad, EngineProcess
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits
from pipeline.processes import cores, started
from pipeline.serving import Assignment, Cut, Outcome, Read, Waits, engine_of, failed, finished, serve
from schemas.errors import DocumentTimeout, EngineUnavailable, IntaglioError, ReaderCrashed

RECYCLE_AFTER = 200  # documents; native libraries leak
START_SECONDS = 300.0  # for a worker to import its libraries and load a light engine
MOST_STARTS = 3  # of one worker in a row that come to nothing
TICK_SECONDS = 0.2  # how often to look whether to stop, and for documents over their time
IN_LINE = 8  # workers beyond one a core, whose documents wait for a heavy engine, so that it never waits for one


def how_many(engine: EngineSpec, documents: int, wanted: int | None = None) -> int:
    """Workers for so many documents: what is wanted, else one a core, and for a heavy engine some more."""
    usual = cores() + (IN_LINE if is_heavy(engine) else 0)
    return max(1, min(wanted or usual, documents))


def is_heavy(engine: EngineSpec) -> bool:
    """Whether not every worker can have an engine of its own. Raises EngineUnavailable."""
    return engine_of(engine).limits.processes is not None


class Workers:
    """At most `count` reader processes for one engine. seconds: the most that one document may take. traces: whether
    what made the records is kept. limits: what else a document may take.

    Use it as a context manager; leaving it ends the workers at once, whatever they are doing.
    """

    def __init__(
        self,
        count: int,
        seconds: float,
        engine: EngineSpec,
        *,
        traces: bool = False,
        limits: DocumentLimits = DEFAULT_LIMITS,
    ) -> None:
        self.count = count
        self.seconds = seconds
        self.engine = engine
        self.traces = traces
        self.heavy = is_heavy(engine)
        self.limits = limits
        self._engine: EngineProcess | None = None
        self._workers: list[_Worker] = []
        self._spare: _Worker | None = None  # that starts, and has no document yet

    @property
    def load(self) -> EngineLoad | None:
        """How busy the engine was so far; None for one that is in every worker."""
        return self._engine.load if self._engine else None

    def line(self) -> connection.Connection | None:
        """A new line to the engine, for a worker that has none of its own."""
        return self._engine.connected() if self._engine else None

    def read(self, assignments: Iterable[Assignment], stop: threading.Event | None = None) -> Iterator[Outcome]:
        """An outcome for each assignment, as they come; none any more once `stop` is set.

        Raises EngineUnavailable where the engine cannot be loaded, or workers do not even start.
        """
        remove_left_folders()
        waiting = iter(assignments)
        if self.heavy:
            self._engine = EngineProcess(self.engine, self.seconds)
        first = min(self.count, cores()) if self.heavy else self.count
        self._workers = [_Worker(self, assignment) for assignment in islice(waiting, first)]
        busy = list(self._workers)
        while busy and not (stop is not None and stop.is_set()):
            busy += self._more(busy, waiting)
            connection.wait([handle for each in self._processes(busy) for handle in each.handles], TICK_SECONDS)
            if self._engine is not None:
                self._engine.look()
            for worker in list(busy):
                outcome = worker.outcome()
                if outcome is None:
                    continue
                if not self._given(worker, waiting):
                    busy.remove(worker)
                yield outcome

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.kill()
        if self._engine is not None:
            self._engine.end()

    def _more(self, busy: Sequence[_Worker], waiting: Iterator[Assignment]) -> list[_Worker]:
        """A worker more where so many wait for the engine that a core has nothing to do. One at a time, for to start
        takes a processor more than to read some documents; and no document waits for that.
        """
        spare, at_work = self._spare, sum(not worker.waits for worker in busy)
        if spare is None and len(self._workers) < self.count and at_work < cores():
            self._spare = _Worker(self)
            self._workers.append(self._spare)
        if spare is None or not spare.has_started():
            return []
        self._spare = None
        return [spare] if self._given(spare, waiting) else []

    def _given(self, worker: _Worker, waiting: Iterator[Assignment]) -> bool:
        """Gives the worker the next document; where none is left, no further worker is wanted."""
        following = next(waiting, None)
        if following is None:
            self.count = len(self._workers)
            return False
        worker.give(following)
        return True

    def _processes(self, workers: Iterable[_Worker]) -> Iterator[_Worker | EngineProcess]:
        yield from workers
        if self._spare is not None:
            yield self._spare
        if self._engine is not None:
            yield self._engine


class _Worker:
    """One place in the pool: a process with a document, replaced by another process when it ends or is tired."""

    def __init__(self, pool: Workers, assignment: Assignment | None = None) -> None:
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
                self.ready = self.pipe.recv() is None
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
            message = self.pipe.recv() if self.pipe.poll() else _NOTHING
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
            if self.starts >= MOST_STARTS:
                raise EngineUnavailable(
                    f"reader processes end before they read anything, with {code}.",
                    remedy="In a program of your own, start the batch under `if __name__ == '__main__':`.",
                )
            self._replace(self.network)
            self._send()
            return None
        uri = self.assignment.source.uri
        if code == -signal.SIGXCPU:
            return failed(self.assignment, self._late("of a processor's time"))
        return failed(
            self.assignment,
            ReaderCrashed(f"the process that read it ended with {code}.", document=uri, remedy=_AGAIN),
        )

    def _overdue(self) -> Outcome:
        self.kill()
        if not self.ready:
            raise EngineUnavailable(f"the engine {self.pool.engine.name} did not start in {START_SECONDS:g} seconds.")
        return failed(self.assignment, self._late())

    def _late(self, of: str = "") -> DocumentTimeout:
        return DocumentTimeout(
            f"it took over {self.pool.seconds:g} seconds{of and f' {of}'}.",
            document=self.assignment.source.uri,
            remedy="Allow more with --timeout, or split it.",
        )


_NOTHING = object()
_ENDED = object()
_AGAIN = "The same command tries it again; if it ends so every time, take it out."
