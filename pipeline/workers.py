"""Worker processes that read documents: a hung, crashed or greedy one costs its document, never the batch.

Each worker has a pipe of its own, so that one that dies in the middle of a message leaves no lock behind. It reads one
document at a time; the next is handed out before the last one's record is kept, so that none waits for the disk.

A light engine is in every worker. A heavy one, of which a machine has few, is in a process of its own
(`pipeline.engine_process`): the workers do all the rest of many documents while it answers about one.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from multiprocessing import connection
from types import TracebackType

from model.engine import EngineSpec
from pipeline.confinement import remove_left_folders
from pipeline.engine_process import EngineLoad, EngineProcess
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits
from pipeline.processes import cores
from pipeline.serving import Assignment, Outcome, engine_of
from pipeline.worker import Worker

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
    what made the records is kept. limits: what else a document may take. schemas: those that a heavy engine may be
    asked about with their models; of others it knows the JSON Schema.

    Use it as a context manager; leaving it ends the workers at once, whatever they are doing. Until then they stay, and
    so does an engine in a process of its own: `read` may be called again and again, and loads nothing anew.
    """

    def __init__(
        self,
        count: int,
        seconds: float,
        engine: EngineSpec,
        *,
        traces: bool = False,
        limits: DocumentLimits = DEFAULT_LIMITS,
        schemas: Collection[str] = (),
    ) -> None:
        self.count = count
        self.seconds = seconds
        self.engine = engine
        self.traces = traces
        self.heavy = is_heavy(engine)
        self.limits = limits
        self.schemas = schemas
        self._engine: EngineProcess | None = None
        self._workers: list[Worker] = []
        self._spare: Worker | None = None  # that starts, and has no document yet
        self._wanted = count  # workers; fewer once no document is left

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
        self._wanted = self.count
        if self.heavy and self._engine is None:
            self._engine = EngineProcess(self.engine, self.seconds, self.schemas)
        busy: list[Worker] = []
        try:
            self._begin(busy, waiting)
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
        finally:
            self._drop(busy)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.kill()
        if self._engine is not None:
            self._engine.end()

    def _begin(self, busy: list[Worker], waiting: Iterator[Assignment]) -> None:
        """Gives a document to each worker that is there, and to those that are started now."""
        for worker in [worker for worker in self._workers if worker is not self._spare]:
            if not self._given(worker, waiting):
                return
            busy.append(worker)
        first = min(self.count, cores()) if self.heavy else self.count
        for assignment in islice(waiting, max(0, first - len(self._workers))):
            busy.append(Worker(self, assignment))
            self._workers.append(busy[-1])

    def _drop(self, busy: Iterable[Worker]) -> None:
        """Ends workers whose documents nobody waits for any more."""
        for worker in busy:
            worker.kill()
            self._workers.remove(worker)

    def _more(self, busy: Sequence[Worker], waiting: Iterator[Assignment]) -> list[Worker]:
        """A worker more where so many wait for the engine that a core has nothing to do. One at a time, for to start
        takes a processor more than to read some documents; and no document waits for that.
        """
        spare, at_work = self._spare, sum(not worker.waits for worker in busy)
        if spare is None and len(self._workers) < self._wanted and at_work < cores():
            self._spare = Worker(self)
            self._workers.append(self._spare)
        if spare is None or not spare.has_started():
            return []
        self._spare = None
        return [spare] if self._given(spare, waiting) else []

    def _given(self, worker: Worker, waiting: Iterator[Assignment]) -> bool:
        """Gives the worker the next document; where none is left, no further worker is wanted."""
        following = next(waiting, None)
        if following is None:
            self._wanted = len(self._workers)
            return False
        worker.give(following)
        return True

    def _processes(self, workers: Iterable[Worker]) -> Iterator[Worker | EngineProcess]:
        yield from workers
        if self._spare is not None:
            yield self._spare
        if self._engine is not None:
            yield self._engine
