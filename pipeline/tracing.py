"""Noting down what makes a record while it is made: see `pipeline.trace`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from model.engine import Answer, Ask, Finding, Limits, PageView
from model.wording import conversation, schema_text, task, without_task
from pipeline.rounds import Live
from pipeline.slices import Asked
from pipeline.trace import VERSION, Found, Picture, Put, Round, Said, Seen, Trace
from schemas.contract import Contract
from schemas.page import Box, PageText, Word
from schemas.record import Record

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Shutter:
    """Notes the hash of every picture that is rendered of a document's pages. An engine may render from threads."""

    pictures: dict[tuple[int, int, Box], str] = field(default_factory=dict)

    def over(self, views: Iterable[PageView]) -> tuple[PageView, ...]:
        """The views, with this shutter before their pictures."""
        return tuple(
            view if view.image is None else replace(view, image=self._noting(view.text.number, view.image))
            for view in views
        )

    def _noting(self, number: int, image: Callable[[int, Box], Image]) -> Callable[[int, Box], Image]:
        def noted(long_side: int, region: Box) -> Image:
            picture = image(long_side, region)
            if (number, long_side, region) not in self.pictures:
                digest = hashlib.sha256(f"{picture.mode} {picture.width} {picture.height} ".encode())
                digest.update(picture.tobytes())
                self.pictures[number, long_side, region] = digest.hexdigest()
            return picture

        return noted


def trace_of(
    record: Record, views: Sequence[PageView], contract: Contract, live: Live, shutter: Shutter, question: str = ""
) -> Trace:
    """The trace of a record that was made of these views by these rounds."""
    noting = _Noting([view.text for view in views], contract, live.engine.limits)
    rounds = tuple(noting.round(name, asked) for name, asked in live.said.items())
    return Trace(
        version=VERSION,
        sha256=record.document.sha256,
        contract=record.contract,
        engine=record.engine,
        limits=live.engine.limits,
        question=question,
        pages=tuple(noting.pages.values()),
        json_schemas=tuple(json.loads(text) for text in noting.schemas),
        shown=tuple(noting.shown),
        rounds=rounds,
        pictures=tuple(
            Picture(page=page, long_side=long_side, region=region, sha256=sha256)
            for (page, long_side, region), sha256 in sorted(shutter.pictures.items())  # in whichever order they came
        ),
    )


class _Noting:
    """Writes rounds down. What many asks share is written once."""

    def __init__(self, pages: Sequence[PageText], contract: Contract, limits: Limits) -> None:
        self.pages = {page.number: page for page in pages}
        self.takes_text = limits.understands
        self.schemas: dict[str, int] = {}
        self.shown: dict[tuple[Seen, ...], int] = {}
        self._places: dict[int, dict[Word, int]] = {}
        self._prefixes: dict[tuple[int, bool], str] = {}
        self._schema(contract)

    def round(self, name: str, asked: Asked) -> Round:
        return Round(
            name=name,
            put=asked.put,
            asks=tuple(self._put(part.ask) for part in asked.parts),
            answers=tuple(self._said(part.answer) for part in asked.parts),
            spent=tuple(map(self._said, asked.spent)),
            failures=tuple(asked.failures),
        )

    def _put(self, ask: Ask) -> Put:
        seen = tuple(
            Seen(
                number=view.text.number,
                visual_tokens=view.visual_tokens,
                with_words=view.with_words,
                region=view.region,
            )
            for view in ask.pages
        )
        pages = self.shown.setdefault(seen, len(self.shown))
        return Put(
            id=ask.id,
            contract=self._schema(ask.contract),
            pages=pages,
            question=ask.question,
            think=ask.think,
            look=ask.look,
            scope=ask.scope,
            prompt=self._prompt(ask, pages) if self.takes_text else "",
        )

    def _schema(self, contract: Contract) -> int:
        return self.schemas.setdefault(json.dumps(contract.json_schema, default=str), len(self.schemas))

    def _prompt(self, ask: Ask, pages: int) -> str:
        """Of all text that the ask tells. The pages of many asks are the same, and are gone through once."""
        text = schema_text(ask)
        if (pages, ask.look) not in self._prefixes:
            blind = replace(ask, pages=tuple(replace(view, image=None) for view in ask.pages))
            system, user, _ = conversation(blind, text, tools=ask.look)
            self._prefixes[pages, ask.look] = _hash(json.dumps([system, without_task(user, blind, text)]))
        return _hash(self._prefixes[pages, ask.look] + task(ask, text))

    def _said(self, answer: Answer) -> Said:
        return Said(
            ask_id=answer.ask_id,
            json_text=answer.json_text,
            finish=answer.finish,
            findings={at: self._found(finding) for at, finding in answer.findings.items()},
            leaf_logprobs=dict(answer.leaf_logprobs),
            cut=answer.cut,
            thought=answer.thought,
            tool_calls=answer.tool_calls,
            prompt_tokens=answer.prompt_tokens,
            output_tokens=answer.output_tokens,
            mask_seconds=answer.mask_seconds,
        )

    def _found(self, finding: Finding) -> Found:
        places = self._placed(finding.page)
        if all(word in places for word in finding.words):
            at = tuple(places[word] for word in finding.words)
            return Found(page=finding.page, confidence=finding.confidence, places=at)
        return Found(page=finding.page, confidence=finding.confidence, words=finding.words)

    def _placed(self, number: int) -> dict[Word, int]:
        if number not in self._places:
            page = self.pages.get(number)
            self._places[number] = {word: place for place, word in enumerate(page.words)} if page else {}
        return self._places[number]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
