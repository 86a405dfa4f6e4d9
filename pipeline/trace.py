"""What made a record: the words of its pages, what the engine was asked and shown, and what it said, word for word.

From a trace the record can be made again without the document and without the engine. It holds no picture, only the
hash of each one that was rendered, and no address of a server.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from model.engine import Answer, Ask, Finding, Finish, Limits, PageView, Scope
from pipeline.escalation.crops import closer
from pipeline.slices import Asked, Part
from schemas.contract import Contract
from schemas.page import WHOLE_PAGE, Box, PageText, Word
from schemas.record import ContractInfo, EngineInfo, Issue

VERSION = 1


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Picture(_Model):
    """A region of a page as it was rendered. sha256: of its mode, its size in pixels and its pixels."""

    page: int
    long_side: int
    region: Box
    sha256: str


class Found(_Model):
    """A finding. places: of its words on the page; words: the words themselves where the page has no such ones."""

    page: int
    confidence: float
    places: tuple[int, ...] = ()
    words: tuple[Word, ...] = ()


class Said(_Model):
    """An answer, as `model.engine.Answer` has it."""

    ask_id: str
    json_text: str
    finish: Finish = "stop"
    findings: dict[str, Found] = Field(default_factory=dict)
    leaf_logprobs: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    cut: tuple[str, ...] = ()
    thought: str = ""
    tool_calls: tuple[str, ...] = ()
    prompt_tokens: int = 0
    output_tokens: int = 0
    mask_seconds: float = 0.0


class Put(_Model):
    """An ask. contract, pages: places in the trace's lists of them. prompt: hash of the text that the engine was
    told, as `model.wording` puts it, where it takes text.
    """

    id: str
    contract: int = Field(ge=0)
    pages: int = Field(ge=0)
    question: str = ""
    think: bool = False
    look: bool = False
    scope: Scope | None = None
    prompt: str = ""


class Seen(_Model):
    """A page as an ask had it, by its number. region: what of it."""

    number: int
    visual_tokens: int
    with_words: bool
    region: Box = WHOLE_PAGE


class Round(_Model):
    """What came of one round of asking; see `pipeline.slices.Asked`. asks and answers go together."""

    name: str
    put: int = Field(ge=0)
    asks: tuple[Put, ...]
    answers: tuple[Said, ...]
    spent: tuple[Said, ...] = ()
    failures: tuple[Issue, ...] = ()


class Trace(_Model):
    """See the module. sha256: of the document. settings: of the engine, less where its server is; nothing is drawn by
    chance, so that there is no seed. json_schemas: of the whole contract, then of what the asks wanted. shown: the sets
    of pages that the asks had.
    """

    version: int
    sha256: str
    contract: ContractInfo
    engine: EngineInfo
    settings: dict[str, Any] = Field(default_factory=dict)
    limits: Limits
    question: str = ""
    pages: tuple[PageText, ...]
    json_schemas: tuple[dict[str, Any], ...] = Field(min_length=1)
    shown: tuple[tuple[Seen, ...], ...]
    rounds: tuple[Round, ...]
    pictures: tuple[Picture, ...] = ()

    def said(self, contract: Contract) -> dict[str, Asked]:
        """What came of each round, by its name. contract: the whole one. Raises SchemaUnsupported."""
        return _Telling(self, contract).rounds()


class _Telling:
    """Reads the rounds of a sound trace back."""

    def __init__(self, trace: Trace, contract: Contract) -> None:
        self.trace = trace
        self.pages = {page.number: page for page in trace.pages}
        others = (Contract.from_json_schema(schema, contract.name) for schema in trace.json_schemas[1:])
        self.contracts = [contract, *others]

    def rounds(self) -> dict[str, Asked]:
        return {round.name: self._asked(round) for round in self.trace.rounds}

    @cached_property
    def shown(self) -> list[tuple[PageView, ...]]:
        return [
            tuple(
                closer(PageView(self.pages[seen.number], with_words=seen.with_words), seen.region, seen.visual_tokens)
                for seen in pages
            )
            for pages in self.trace.shown
        ]

    def _asked(self, round: Round) -> Asked:
        return Asked(
            [Part(self._ask(put), self._answer(said)) for put, said in zip(round.asks, round.answers, strict=True)],
            [self._answer(said) for said in round.spent],
            round.put,
            list(round.failures),
        )

    def _ask(self, put: Put) -> Ask:
        return Ask(
            put.id, self.contracts[put.contract], self.shown[put.pages], put.question, put.think, put.look, put.scope
        )

    def _answer(self, said: Said) -> Answer:
        return Answer(
            ask_id=said.ask_id,
            json_text=said.json_text,
            finish=said.finish,
            findings={at: self._finding(found) for at, found in said.findings.items()},
            leaf_logprobs=said.leaf_logprobs,
            cut=said.cut,
            thought=said.thought,
            tool_calls=said.tool_calls,
            prompt_tokens=said.prompt_tokens,
            output_tokens=said.output_tokens,
            mask_seconds=said.mask_seconds,
        )

    def _finding(self, found: Found) -> Finding:
        words = found.words or tuple(self.pages[found.page].words[place] for place in found.places)
        return Finding(found.page, words, found.confidence)


def without_address(settings: Mapping[str, Any]) -> dict[str, Any]:
    """An engine's settings less where its server is, which may hold a key."""
    return {name: value for name, value in settings.items() if name != "url"}
