"""The one process that has the engine, where an engine is too heavy to be had by every reader.

It answers asks, and does nothing else: a document that kills or hangs the process that reads it costs no weights. Where
it ends itself, a fresh one takes its place; the readers find it, and ask again what was under way.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from multiprocessing import connection, reduction

from model.engine import Answer, Engine, EngineSpec
from pipeline.engine_desk import Call, Count, Desk
from pipeline.engine_messages import Answered, Begun, Counted, Ended, Hello
from pipeline.engine_pictures import Pictures
from pipeline.processes import started
from pipeline.serving import end_with_parent, engine_of
from schemas.errors import EngineUnavailable, IntaglioError

END_SECONDS = 10.0  # for a process with nothing to do to end
LOAD_SECONDS = 3600.0  # for it to load its engine
MOST_STARTS = 3  # in a row that come to nothing
MOST_LOSSES = 5  # of loaded engines in a row that answer nothing


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """How busy an engine was. batches, asks: answered. busy: seconds at batches, less those in which it waited for
    pictures. span: seconds from the begin of the first batch to the end of the last.
    """

    batches: int = 0
    asks: int = 0
    busy: float = 0.0
    span: float = 0.0

    @property
    def share(self) -> float:
        """Of the span that the engine was busy; 1.0 where it never was asked."""
        return self.busy / self.span if self.span else 1.0


@dataclass(frozen=True, slots=True)
class Batch:
    """The engine process's word of a batch that begins. documents: that it is about."""

    documents: int


@dataclass(frozen=True, slots=True)
class Progress:
    """It is not silent. answered: it has given an answer; else it has looked at a picture."""

    answered: bool


@dataclass(frozen=True, slots=True)
class Over:
    """The batch is over. begun, ended: on the process's own clock."""

    asks: int
    begun: float
    ended: float
    waited: float


class EngineProcess:
    """The process as the one that started it sees it. seconds: that an engine may be silent about one document.
    schemas: those that it may be asked about with their models."""

    def __init__(self, spec: EngineSpec, seconds: float, schemas: Collection[str] = ()) -> None:
        self.schemas = tuple(schemas)
        self.spec, self.seconds = spec, seconds
        self.load = EngineLoad()
        self._starts = self._losses = 0
        self._span_from: float | None = None  # begin of the first batch of the process that is there now
        self._span_before = 0.0  # of those before it
        self._start("")

    @property
    def handles(self) -> tuple[connection.Connection, int]:
        """What to wait on: a message, or the end of the process."""
        return self._pipe, self._process.sentinel

    def connected(self) -> connection.Connection:
        """A reader's connection to the process. Readers open none themselves: they may be kept from it."""
        ours, theirs = connection.Pipe()
        with contextlib.suppress(OSError):  # it has ended; the reader will find that out
            reduction.send_handle(self._pipe, theirs.fileno(), self._process.pid)
        theirs.close()
        return ours

    def look(self) -> None:
        """Takes in what the process says; one that has ended, or is silent for too long, is replaced.

        Raises EngineUnavailable where the engine cannot be loaded, or ends whatever it is asked.
        """
        try:
            while self._pipe.poll():
                self._hear(self._pipe.recv())
        except (EOFError, OSError):
            self._process.join(END_SECONDS)
        if not self._process.is_alive():
            self._replace(f"ended with {self._process.exitcode}")
        elif time.monotonic() > self._deadline:
            if not self._ready:
                raise EngineUnavailable(f"the engine {self.spec.name} did not start in {LOAD_SECONDS:g} seconds.")
            self._replace(f"was silent for {self._patience:g} seconds")

    def end(self) -> None:
        """Ends the process; one that waits for work, and may hold a device, is left to end by itself."""
        self._pipe.close()
        if self._deadline == float("inf"):
            self._process.join(END_SECONDS)
        self._kill()

    def _hear(self, message: object) -> None:
        now = time.monotonic()
        if isinstance(message, IntaglioError):
            raise message
        if message is None:  # it is loaded
            self._ready, self._starts, self._deadline = True, 0, float("inf")
        elif isinstance(message, Batch):
            self._patience = self.seconds * message.documents
            self._deadline = now + self._patience
        elif isinstance(message, Progress):
            self._losses = 0 if message.answered else self._losses
            self._deadline = now + self._patience
        elif isinstance(message, Over):
            self._deadline = float("inf")
            self._note(message)

    def _note(self, over: Over) -> None:
        """Of the span, what passed while an engine was being replaced is not counted."""
        if self._span_from is None:
            self._span_from, self._span_before = over.begun, self.load.span
        self.load = EngineLoad(
            self.load.batches + 1,
            self.load.asks + over.asks,
            self.load.busy + (over.ended - over.begun) - over.waited,
            self._span_before + over.ended - self._span_from,
        )

    def _replace(self, how: str) -> None:
        self._kill()
        self._losses += self._ready
        if self._starts >= MOST_STARTS or self._losses >= MOST_LOSSES:
            raise EngineUnavailable(
                f"the process of the engine {self.spec.name} {how}, again and again, and answers nothing.",
                remedy="In a program of your own, start the batch under `if __name__ == '__main__':`."
                if self._starts >= MOST_STARTS
                else "Look whether the machine has memory enough: intaglio doctor.",
            )
        self._start(how)

    def _start(self, lost: str) -> None:
        self._pipe, theirs = connection.Pipe()
        self._process = started(serve_engine, (theirs, self.spec, lost, self.schemas), "intaglio-engine")
        theirs.close()
        self._starts += 1
        self._ready, self._patience = False, self.seconds
        self._deadline = time.monotonic() + LOAD_SECONDS
        self._span_from = None

    def _kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


class _Parent:
    """Who started the engine process; engines may look at pictures from threads."""

    def __init__(self, pipe: connection.Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def tell(self, message: object) -> None:
        with self._lock:
            self._pipe.send(message)

    def looked(self) -> None:
        self.tell(Progress(answered=False))

    def readers(self) -> Iterator[connection.Connection]:
        """Connections to readers as they come, until the engine is not needed any more."""
        with contextlib.suppress(OSError, EOFError):
            while True:
                yield connection.Connection(reduction.recv_handle(self._pipe))


def serve_engine(pipe: connection.Connection, spec: EngineSpec, lost: str, schemas: Collection[str]) -> None:
    """The engine process's whole life. lost: how the one before it ended. schemas: as of `Desk`.

    Over the pipe come connections to readers, and go None once the engine is loaded, or the error that kept it from
    that, then what it does.
    """
    end_with_parent()
    parent = _Parent(pipe)
    try:
        engine = engine_of(spec)
        desk = Desk(Hello(engine.info, engine.limits, lost), Pictures(taken=parent.looked), schemas)
        threading.Thread(target=_receive, args=(parent, desk), daemon=True).start()
        engine.load()
    except IntaglioError as error:
        parent.tell(error)
        return
    parent.tell(None)
    with contextlib.suppress(BrokenPipeError):  # the parent is done with us
        while (work := desk.next()) is not None:
            if isinstance(work, Count):
                _count(engine, work)
            else:
                _work(engine, desk, work, parent)


def _work(engine: Engine, desk: Desk, calls: list[Call], parent: _Parent) -> None:
    """Answers a batch. Where it fails as a whole, each of its calls is a batch by itself; one that is fails."""
    parent.tell(Batch(len(calls)))
    asks = sum(len(call.asks) for call in calls)
    for call in calls:
        call.line.say(Begun(call.number))
    begun, waited = time.monotonic(), desk.pictures.waited
    try:
        for call, answer in _answers(engine, calls):
            call.line.say(Answered(call.number, answer))
            parent.tell(Progress(answered=True))
            call.asks = tuple(ask for ask in call.asks if ask.id != answer.ask_id)
            if not call.asks:
                desk.end(call)
        for call in calls:
            if call.asks:  # its reader will miss the answers that did not come
                desk.end(call)
    except IntaglioError as error:
        if len(calls) == 1:
            desk.end(calls[0], error)
        else:
            desk.again([call for call in calls if call.asks])
    ended = time.monotonic()
    desk.hold(calls, ended - begun)
    parent.tell(Over(asks, begun, ended, desk.pictures.waited - waited))


def _answers(engine: Engine, calls: list[Call]) -> Iterator[tuple[Call, Answer]]:
    """Of all calls together. Their documents name asks alike, so that the engine is told other names."""
    if len(calls) == 1:
        yield from ((calls[0], answer) for answer in engine.answer(calls[0].asks))
        return
    names = {f"{place} {ask.id}": (call, ask.id) for place, call in enumerate(calls) for ask in call.asks}
    asks = [replace(ask, id=f"{place} {ask.id}") for place, call in enumerate(calls) for ask in call.asks]
    for answer in engine.answer(asks):
        call, name = names[answer.ask_id]
        yield call, replace(answer, ask_id=name)


def _count(engine: Engine, count: Count) -> None:
    try:
        count.line.say(Counted(count.number, engine.count(count.ask)))
    except IntaglioError as error:
        count.line.say(Ended(count.number, error))


def _receive(parent: _Parent, desk: Desk) -> None:
    """Lets readers in as they come. Once the engine is not needed any more, it ends after the batch that it is at."""
    for line in parent.readers():
        desk.admit(line)
    desk.close()
