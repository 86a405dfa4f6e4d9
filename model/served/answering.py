"""Asks to answers over one connection: as many at once as the server is to have, documents in order.

The first ask of a document goes ahead alone. Once its reply begins, the server has read the pages, and the document's
other asks find them in its cache. Meanwhile other documents' asks keep it busy.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Any

from model.bounds import THOUGHT_TOKENS
from model.engine import Answer, Ask, EngineSpec, PageView
from model.grammar.generation import generation_schema
from model.grammar.loops import MOST_ROWS
from model.served.abilities import Abilities
from model.served.connection import Connection
from model.served.faults import Passing, Refused, explained
from model.served.reply import Judged, Reading, judged
from model.served.request import CHAT, NOTHING, Draft, Pages, in_words, pages_of, rest_of
from schemas.errors import AnswerError

MOST_PAGES = 256 << 20  # bytes of pages that wait to be sent; more only where one document has more
LEAST_READ = 16  # characters for which a server must have read at least one token

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Document:
    """Asks on the same pages. pages: as bytes, from its first ask on. begun: that one was sent; read: it is answered.

    running: asks under way.
    """

    views: tuple[PageView, ...]
    waiting: deque[Draft]
    pages: Pages = NOTHING
    begun: bool = False
    read: bool = False
    running: int = 0

    @property
    def over(self) -> bool:
        return not self.waiting and not self.running


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """An ask under way. future: its reading, or the fault."""

    document: Document
    draft: Draft
    future: Future[Reading]


@dataclass
class Answering:
    """Answers asks, one call of `answer` at a time. abilities: found out before; what turns out to be otherwise is
    taken back here. refused: names of schemas that the server does not take, and what it said. lost: it can no longer
    be reached. kept: the pages of the last document, as bytes.
    """

    connection: Connection
    spec: EngineSpec
    model: str
    offered: tuple[str, ...]
    abilities: Abilities
    refused: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    kept: tuple[tuple[PageView, ...], Pages] = ((), NOTHING)

    def answer(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Raises AnswerError for the first ask that cannot be answered, once the others are."""
        self.lost = False
        documents = self._documents(asks)
        running: set[Sent] = set()
        events: SimpleQueue[Document | Sent] = SimpleQueue()
        failures: list[AnswerError] = []
        try:
            while True:
                while len(running) < self.spec.concurrency and (document := _next(documents)):
                    running.add(self._send(document, events))
                if not running:
                    break
                event = events.get()
                if isinstance(event, Document):
                    event.read = True
                    continue
                running.discard(event)
                outcome = self._outcome(event)
                documents = [] if self.lost else [document for document in documents if not document.over]
                if isinstance(outcome, AnswerError):
                    failures.append(outcome)
                elif outcome is not None:
                    yield outcome
        finally:
            for sent in running:
                sent.future.cancel()
        if failures:
            raise failures[0]

    def _documents(self, asks: Sequence[Ask]) -> list[Document]:
        """Asks that begin alike together, in the order of the first of each."""
        found: dict[tuple[bool, tuple[int, ...]], Document] = {}
        for ask in asks:
            draft = self._draft(ask)
            key = draft.thinks, tuple(map(id, ask.pages))
            found.setdefault(key, Document(ask.pages, deque())).waiting.append(draft)
        return list(found.values())

    def _draft(self, ask: Ask) -> Draft:
        thinks = self.spec.thinking == "on" or (self.spec.thinking == "asked" and ask.think)
        held = "schema" in self.abilities.takes and ask.contract.name not in self.refused
        seen = ask if "images" in self.abilities.takes else in_words(ask)
        return Draft(seen, generation_schema(ask.contract), thinks, held)

    def _send(self, document: Document, events: SimpleQueue[Document | Sent]) -> Sent:
        draft = document.waiting.popleft()
        if not document.begun:
            document.pages = self._pages(document.views, draft)
            document.begun = True
        document.running += 1
        rest = rest_of(draft, self.model, self.spec.output_tokens, self.abilities.takes)
        future = self.connection.submit(self._reading(document, draft, rest, events))
        sent = Sent(document, draft, future)
        future.add_done_callback(lambda _: events.put(sent))
        return sent

    def _pages(self, views: tuple[PageView, ...], draft: Draft) -> Pages:
        """Those of the last document are kept: what a reply leaves open is asked for again in parts."""
        kept, pages = self.kept
        if not kept or len(kept) != len(views) or any(one is not other for one, other in zip(kept, views, strict=True)):
            pages = pages_of(draft.ask)
            self.kept = views, pages
        return pages

    async def _reading(
        self, document: Document, draft: Draft, rest: bytes, events: SimpleQueue[Document | Sent]
    ) -> Reading:
        lines = sum(len({round(word.box.y0, 3) for word in view.text.words}) for view in draft.ask.pages)
        most = self.spec.output_tokens + (THOUGHT_TOKENS if draft.thinks else 0)

        async def once() -> Reading:
            reading = Reading(most, max(MOST_ROWS, lines))

            def feed(event: Mapping[str, Any]) -> bool:
                if not document.read:
                    events.put(document)
                return reading.feed(event)

            await self.connection.stream(CHAT, [document.pages.content, rest], feed)
            if not reading.finish:
                raise Passing("the reply broke off", received=True)
            return reading

        return await self.connection.patiently(once)

    def _outcome(self, sent: Sent) -> Answer | AnswerError | None:
        """The answer, why there is none, or None where the ask goes out again without a grammar."""
        document, draft = sent.document, sent.draft
        document.running -= 1
        document.read = True  # or it cannot be; the next one tries
        try:
            reading = sent.future.result()
        except Refused as fault:
            if draft.held and fault.status in (400, 422):
                self._again(document, draft, refusal=str(fault))
                return None
            return self._error(fault)
        except Passing as fault:
            self.lost = fault.lost
            return self._error(fault)
        if 0 < reading.prompt_tokens < document.pages.characters // LEAST_READ:
            return self._cut(reading.prompt_tokens, document.pages.characters)
        if draft.refusal:
            self._note_refusal(draft)
        logged = "logprobs" in self.abilities.takes
        result = judged(draft, reading, keep_thoughts=self.spec.keep_thoughts, logged=logged)
        self._note(result)
        if draft.held and result.answer.finish in ("loop", "invalid"):
            self._again(document, draft, output_tokens=result.answer.output_tokens)
            return None
        return result.answer

    def _again(self, document: Document, draft: Draft, **changes: Any) -> None:
        document.waiting.appendleft(replace(draft, held=False, **changes))

    def _error(self, fault: Passing | Refused) -> AnswerError:
        return explained(AnswerError, fault, self.connection.address, self.model, self.offered)

    def _cut(self, tokens: int, characters: int) -> AnswerError:
        return AnswerError(
            f"the server at {self.connection.address} read only {tokens:,} tokens of pages with {characters:,} "
            "characters: it cuts what is too long for it, and does not say so.",
            remedy="Give it a longer context.",
        )

    def _note(self, result: Judged) -> None:
        if result.strays and self.abilities.holds:
            self.abilities = replace(self.abilities, holds=False)
            self._warn("does not hold replies to the schema that it is given")
        if result.unlogged:
            self.abilities = self.abilities.without("logprobs")
            self._warn("gives log-probabilities that are not of its replies; they are left out")

    def _note_refusal(self, draft: Draft) -> None:
        name = draft.ask.contract.name
        if name not in self.refused:
            self.refused[name] = draft.refusal
            self._warn(f"does not take the schema of {name}; its replies are read without ({draft.refusal})")

    def _warn(self, what: str) -> None:
        _log.warning("the server at %s %s.", self.connection.address, what)


def _next(documents: Sequence[Document]) -> Document | None:
    """The document whose ask goes next: siblings of an earlier one before the first of a later one."""
    held = sum(len(document.pages.content) for document in documents if not document.over)
    for document in documents:
        if document.waiting and document.read:
            return document
        if document.waiting and not document.begun:
            return document if held < MOST_PAGES else None
    return None
