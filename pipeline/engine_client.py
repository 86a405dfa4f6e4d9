"""The engine as reader processes see it: it is in another process, and this asks there.

Only what the engine needs crosses: asks with the words of their pages, and pictures when they are wanted. Where the
engine's process ends while it is at an ask, the ask is put once more to the one that takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from model.bounds import most_tokens
from model.engine import Answer, Ask, Limits, PageView
from pipeline.engine_messages import (
    WHATEVER,
    Answered,
    Asking,
    Begun,
    Counted,
    Counting,
    Ended,
    Hello,
    Rendered,
    Sheet,
    Shot,
    Wanted,
    without_pictures,
)
from schemas.errors import AnswerError, IntaglioError, PageFailure
from schemas.record import EngineInfo

if TYPE_CHECKING:
    from PIL.Image import Image

    from schemas.page import Box

MOST_TRIES = 2  # of an ask during which the engine's process ends


class Gone(Exception):
    """The engine's process is no longer there."""


class Door:
    """A reader process's way to the engine's.

    line: the connection. renew: waits for another one, where the engine's process has ended. waits: is told True when
    the reader begins to wait for the engine, and False when it works again.
    """

    def __init__(self, line: Connection, renew: Callable[[], Connection], waits: Callable[[bool], None]) -> None:
        self.renew = renew
        self.waits = waits
        self.calls = 0
        self.documents = 0
        self._hello: Hello | None = None
        self._line: Connection | None = line
        self._depth = 0  # of waiting for one thing while waiting for another

    @property
    def hello(self) -> Hello:
        """What the engine process said of itself; waits until there is one."""
        with self.waiting():
            while self._hello is None:
                with suppress(Gone):
                    self._hello = self.hear()
        return self._hello

    def say(self, message: Any) -> None:
        """Raises Gone."""
        _ = self.hello
        self._tried(lambda line: line.send(message))

    def hear(self) -> Any:
        """The next message. Raises Gone."""
        return self._tried(lambda line: line.recv())

    def _tried(self, act: Callable[[Connection], Any]) -> Any:
        """With a line that was found broken before, it is renewed first."""
        if self._line is None:
            self._line = self.renew()
        try:
            return act(self._line)
        except (OSError, EOFError) as error:
            self._line.close()
            self._line = self._hello = None
            raise Gone from error

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While it lasts, time does not count as the document's."""
        self._depth += 1
        if self._depth == 1:
            self.waits(True)
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self.waits(False)


class EngineClient:
    """Implements `model.engine.Engine` for one document. schema: the document's, as `load_contract` takes it."""

    def __init__(self, door: Door, schema: str) -> None:
        self.door, self.schema = door, schema
        door.documents += 1
        self._document = door.documents
        self._images: list[Callable[[int, Box], Image]] = []
        self._numbers: dict[int, int] = {}

    @property
    def info(self) -> EngineInfo:
        return self.door.hello.info

    @property
    def limits(self) -> Limits:
        return self.door.hello.limits

    def load(self) -> None:
        """It is loaded where it is."""

    def count(self, ask: Ask) -> int:
        """Where an ask fits anyway, more than it takes: the engine is busy, and is not asked for what cannot matter."""
        most = self.limits.context_tokens
        if most is None:
            return 0
        bound = most_tokens(ask, self.limits)
        return bound if bound <= most else self._counted(ask)

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        """Raises the engine's error, and AnswerError where its process has ended twice while it was at the asks."""
        left = {ask.id: ask for ask in asks}
        lost = 0
        with self.door.waiting():
            while left:
                begun = False
                try:
                    for message in self._put(tuple(left.values()), alone=lost > 0):
                        if isinstance(message, Answered):
                            del left[message.answer.ask_id]
                            yield message.answer
                        begun = begun or isinstance(message, Begun)
                    return
                except Gone:
                    lost += begun
                    if lost == MOST_TRIES:
                        raise self._lost() from None

    def _put(self, asks: tuple[Ask, ...], *, alone: bool) -> Iterator[Begun | Answered]:
        """What the engine process says of a call, up to its end. Renders what it wants. Raises Gone."""
        self.door.calls += 1
        number = self.door.calls
        sheets = tuple(self._sheets(ask) for ask in asks)
        self.door.say(Asking(number, self._document, without_pictures(asks), sheets, self.schema, alone))
        while True:
            message = self.door.hear()
            if isinstance(message, Wanted):
                self._show(message.shot)
            elif message.number in (number, WHATEVER):  # else of a call that was given up
                if isinstance(message, Ended):
                    if message.error is not None:
                        raise message.error
                    return
                yield message

    def _counted(self, ask: Ask) -> int:
        [bare], sheets = without_pictures([ask]), self._sheets(ask)
        with self.door.waiting():
            for _ in range(MOST_TRIES):
                self.door.calls += 1
                try:
                    self.door.say(Counting(self.door.calls, bare, sheets, self.schema))
                    while True:
                        message = self.door.hear()
                        if getattr(message, "number", None) not in (self.door.calls, WHATEVER):
                            continue
                        if isinstance(message, Counted):
                            return message.tokens
                        if isinstance(message, Ended) and message.error is not None:
                            raise message.error
                except Gone:
                    continue
        raise self._lost()

    def _sheets(self, ask: Ask) -> tuple[Sheet | None, ...]:
        return tuple(self._sheet(view) for view in ask.pages)

    def _sheet(self, view: PageView) -> Sheet | None:
        """The same function has the same number for as long as the document is read."""
        if view.image is None:
            return None
        number = self._numbers.get(id(view.image))
        if number is None:
            number = len(self._images)
            self._images.append(view.image)
            self._numbers[id(view.image)] = number
        return Sheet(self._document, number)

    def _show(self, shot: Shot) -> None:
        """Renders what the engine wants to see; that is the document's own time."""
        if shot.sheet.document != self._document:
            return  # of one that this reader is done with
        self.door.waits(False)
        try:
            picture = self._images[shot.sheet.number](shot.long_side, shot.region)
            rendered = Rendered.of(shot, picture)
        except IntaglioError as error:
            rendered = Rendered(shot, error=error)
        except Exception as error:  # whatever the libraries raise: the engine waits for a word
            rendered = Rendered(shot, error=PageFailure(f"it cannot be rendered: {type(error).__name__}: {error}."))
        finally:
            self.door.waits(True)
        self.door.say(rendered)

    def _lost(self) -> AnswerError:
        how = self.door.hello.lost or "ended"
        return AnswerError(
            f"the engine's process {how} while it answered about this document, {MOST_TRIES} times.",
            remedy="The same command tries it again; if it ends so every time, take the document out.",
        )
