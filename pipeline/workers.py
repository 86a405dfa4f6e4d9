"""Worker processes that read documents: a hung, crashed or greedy one costs its document, never the batch.

Each worker has a pipe of its own, so that one that dies in the middle of a message leaves no lock behind. It reads one
document at a time; the next is handed out before the last one's record is kept, so that none waits for the disk.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing import connection, get_context, resource_tracker
from types import TracebackType

from model.engine import EngineSpec
from pipeline.confinement import Cell, PrivateFolder, remove_left_folders
from pipeline.discover import is_remote
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits
from pipeline.serving import Assignment, Outcome, Read, engine_of, failed, finished, serve
from schemas.errors import DocumentTimeout, EngineUnavailable, IntaglioError, ReaderCrashed

RECYCLE_AFTER = 200  # documents; native libraries leak
END_SECONDS = 10.0  # for a worker with nothing to do to end
START_SECONDS = 300.0  # for a worker to import its libraries and load its engine
LOAD_SECONDS = 3600.0  # the same, of an engine with weights
MOST_STARTS = 3  # of one worker in a row that come to nothing
TICK_SECONDS = 0.2  # how often to look whether to stop, and for documents over their time


class Workers:
    """`count` reader processes for one engine. seconds: the most that one document may take. traces: whether what made
    the records is kept. limits: what else a document may take.

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
        self.heavy = engine_of(engine).limits.processes is not None
        self.limits = limits
        self.start_seconds = LOAD_SECONDS if self.heavy else START_SECONDS
        self.recycle_after = (
            math.inf if self.heavy else RECYCLE_AFTER
        )  # reading its weights again costs more than leaks
        self._workers: list[_Worker] = []

    def read(self, assignments: Iterable[Assignment], stop: threading.Event | None = None) -> Iterator[Outcome]:
        """An outcome for each assignment, as they come; none any more once `stop` is set.

        Raises EngineUnavailable where the engine cannot be loaded, or workers do not even start.
        """
        remove_left_folders()
        waiting = iter(assignments)
        self._workers = [_Worker(self, assignment) for assignment in islice(waiting, self.count)]
        busy = list(self._workers)
        while busy and not (stop is not None and stop.is_set()):
            connection.wait([handle for worker in busy for handle in worker.handles], TICK_SECONDS)
            for worker in list(busy):
                outcome = worker.outcome()
                if outcome is None:
                    continue
                following = next(waiting, None)
                if following is None:
                    busy.remove(worker)
                else:
                    worker.give(following)
                yield outcome

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.end()


class _Worker:
    """One place in the pool: a process with a document, replaced by another process when it ends or is tired."""

    def __init__(self, pool: Workers, assignment: Assignment) -> None:
        self.pool = pool
        self.starts = 0
        self._start(self._needs_network(assignment))
        self.give(assignment)

    @property
    def handles(self) -> tuple[connection.Connection, int]:
        """What to wait on: a message, or the end of the process."""
        return self.pipe, self.process.sentinel

    def give(self, assignment: Assignment) -> None:
        """Hands out a document."""
        network = self._needs_network(assignment)
        worn = self.tired or self.documents >= self.pool.recycle_after
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
        elif isinstance(message, Read):
            self.idle = True
            return finished(self.assignment, message)
        elif isinstance(message, IntaglioError):
            return self._refused(message)
        elif message is _ENDED or not self.process.is_alive():
            return self._ended()
        elif time.monotonic() > self.deadline:
            return self._overdue()
        return None

    def end(self) -> None:
        """Ends the process; one that waits for work and holds a device is left to end by itself."""
        self.pipe.close()
        if self.idle and self.pool.heavy:
            self.process.join(END_SECONDS)
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self.folder.remove()

    def _needs_network(self, assignment: Assignment) -> bool:
        """Whether its reader fetches the document, or asks a server. One for other documents is without."""
        return bool(self.pool.engine.url) or is_remote(assignment.source.path)

    def _start(self, network: bool) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        pool = self.pool
        threads = max(1, cores() // pool.count)
        self.network, self.folder = network, PrivateFolder()
        cell = Cell(self.folder.path, pool.limits, network, cpu_seconds=pool.seconds * threads)
        # What a driver of graphics cards maps counts as data, and is far more than what it uses: such are not confined.
        arguments = (theirs, pool.engine, threads, None if pool.heavy else cell, pool.traces)
        self.process = context.Process(target=serve, args=arguments, daemon=True, name="intaglio-reader")
        # Ctrl-C at a terminal reaches every process of the group; workers inherit this mask, and leave it to us.
        # Python's resource tracker would lift it where it starts with the first of them.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self.starts += 1
        self.ready = False
        self.tired = False
        self.documents = 0

    def _replace(self, network: bool) -> None:
        self.kill()
        self._start(network)

    def _send(self) -> None:
        self.idle = False
        self.deadline = time.monotonic() + (self.pool.seconds if self.ready else self.pool.start_seconds)
        with contextlib.suppress(OSError):  # it has died; its sentinel will say so
            self.pipe.send(self.assignment)

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
            raise EngineUnavailable(
                f"the engine {self.pool.engine.name} did not start in {self.pool.start_seconds:g} seconds."
            )
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


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
