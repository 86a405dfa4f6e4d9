"""The engine process's desk: calls of many readers in one line, handed to the engine in batches, first come first.

A batch is filled with calls from the front of the line up to `MOST_ASKS`, as many as the engine writes at a time; none
is left out for one behind it, so that no document waits without end. A call that may have ended an engine process
before is a batch by itself.

An engine that has read a long document keeps its pages until it reads another. So what the document's first answers
left open goes before other documents' calls, and the engine waits for it for `HELD` of the time that they took: a
document asks a few times at most.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from model.engine import Ask
from pipeline.engine_messages import WHATEVER, Asking, Counting, Ended, Hello, Rendered, with_pictures
from pipeline.engine_pictures import Pictures, Remote
from pipeline.messages import received
from pipeline.serving import contract_of
from schemas.errors import AnswerError, IntaglioError

MOST_ASKS = 32  # in a batch of several calls
HELD = 0.01


class Line:
    """The connection to one reader. What is said is queued: a reader that does not listen holds nobody up."""

    def __init__(self, number: int, connection: Connection) -> None:
        self.number = number
        self.connection = connection
        self.open = True
        self._said: SimpleQueue[Any] = SimpleQueue()

    def say(self, message: Any) -> None:
        self._said.put(message)

    def send_all(self) -> None:
        """Until the reader is gone."""
        with suppress(OSError):
            while (message := self._said.get()) is not None:
                self.connection.send(message)
        self.connection.close()

    def close(self) -> None:
        self.open = False
        self._said.put(None)


@dataclass(eq=False)
class Call:
    """A reader's asks that are not answered yet, as an engine takes them."""

    line: Line
    number: int
    document: int
    asks: tuple[Ask, ...]
    alone: bool = False

    def is_about(self, other: Call) -> bool:
        """Whether both are about the same document."""
        return self.line is other.line and self.document == other.document


@dataclass(eq=False)
class Count:
    """A reader that wants to know how many tokens an ask takes."""

    line: Line
    number: int
    ask: Ask


class Desk:
    """Takes calls in from any thread, and hands them to the one that has the engine. hello: to every reader. schemas:
    of the run; no reader, which strangers' documents may have taken over, has another one's code loaded.
    """

    def __init__(self, hello: Hello, pictures: Pictures, schemas: Collection[str] = ()) -> None:
        self.hello = hello
        self.schemas = schemas
        self.pictures = pictures
        self.closed = False
        self._calls: deque[Call] = deque()
        self._counts: deque[Count] = deque()
        self._changed = threading.Condition()
        self._lines = 0
        self._held: Call | None = None  # whose document has just been read
        self._held_until = 0.0

    def admit(self, connection: Connection) -> None:
        """Serves a reader from now on, in threads of its own."""
        self._lines += 1
        line = Line(self._lines, connection)
        line.say(self.hello)
        threading.Thread(target=line.send_all, daemon=True).start()
        threading.Thread(target=self._listen, args=(line,), daemon=True).start()

    def next(self) -> list[Call] | Count | None:
        """What the engine is to do next; waits for it. None once the desk is closed."""
        with self._changed:
            self._changed.wait_for(self._is_worth_waiting_for, max(0.0, self._held_until - time.monotonic()))
            self._changed.wait_for(lambda: self.closed or self._calls or self._counts)
            if self.closed:
                return None
            if self._counts:
                return self._counts.popleft()
            return self._batch()

    def hold(self, calls: list[Call], seconds: float) -> None:
        """A batch is over that took so long. Where it was one document's, that document may go on at once."""
        self._held = calls[0] if len(calls) == 1 else None
        self._held_until = time.monotonic() + HELD * seconds if self._held else 0.0

    def again(self, calls: list[Call]) -> None:
        """Puts calls back to the front of the line, each to be a batch by itself."""
        with self._changed:
            for call in reversed(calls):
                call.alone = True
                if call.line.open:
                    self._calls.appendleft(call)

    def end(self, call: Call, error: IntaglioError | None = None) -> None:
        """No more is said to a call. error: why its asks are not answered."""
        self.pictures.drop(call.line.number)
        call.line.say(Ended(call.number, error))

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _is_worth_waiting_for(self) -> bool:
        return self.closed or bool(self._counts) or self._further() is not None

    def _further(self) -> Call | None:
        """The next call about the document that has just been read."""
        held = self._held
        return next((call for call in self._calls if held is not None and call.is_about(held)), None)

    def _batch(self) -> list[Call]:
        if (further := self._further()) is not None:
            self._calls.remove(further)
            self._calls.appendleft(further)
        batch = [self._calls.popleft()]
        room = MOST_ASKS - len(batch[0].asks)
        while not batch[0].alone and self._calls and not self._calls[0].alone and len(self._calls[0].asks) <= room:
            room -= len(self._calls[0].asks)
            batch.append(self._calls.popleft())
        return batch

    def _listen(self, line: Line) -> None:
        try:
            while True:
                self._take(line, received(line.connection))
        except (OSError, EOFError):
            pass  # the reader has ended
        except Exception as error:  # a bug of ours; it costs the document
            reason = f"what its reader says cannot be understood: {type(error).__name__}: {error}."
            line.say(Ended(WHATEVER, AnswerError(reason, remedy="Please report it.")))
        line.close()
        self._withdraw(line)
        self.pictures.forget(line.number)

    def _take(self, line: Line, message: Any) -> None:
        if isinstance(message, Rendered):
            self.pictures.put(line.number, message)
        elif isinstance(message, Counting):
            [ask] = self._asks(line, (message.ask,), (message.sheets,), message.schema)
            with self._changed:
                self._counts.append(Count(line, message.number, ask))
                self._changed.notify_all()
        elif isinstance(message, Asking):
            asks = self._asks(line, message.asks, message.sheets, message.schema)
            self._withdraw(line)
            self.pictures.expect(line.number, asks, line.say)
            with self._changed:
                self._calls.append(Call(line, message.number, message.document, asks, message.alone))
                self._changed.notify_all()

    def _asks(self, line: Line, asks: tuple[Ask, ...], sheets: Any, schema: str) -> tuple[Ask, ...]:
        with self._changed:  # a user's module is not to be imported twice at once
            try:
                whole = contract_of(schema) if schema in self.schemas else None
            except IntaglioError:  # its file has gone since; what a reader sent is enough but for a model's numbers
                whole = None
        return with_pictures(asks, sheets, lambda sheet: Remote(self.pictures, line.number, sheet), whole)

    def _withdraw(self, line: Line) -> None:
        """A reader has one call at a time; an earlier one was given up."""
        with self._changed:
            self._calls = deque(call for call in self._calls if call.line is not line)
            self._counts = deque(count for count in self._counts if count.line is not line)
        self.pictures.drop(line.number)
