"""The seam between the pipeline and whatever answers its questions.

An engine is given `Ask`s (a contract, and the pages to fill it from) and gives back one `Answer` for each, in any
order. It knows no files and no Prefect. Three members beside its description, and no base class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from schemas.contract import Contract
from schemas.page import PageText, Word
from schemas.record import EngineInfo

if TYPE_CHECKING:
    from PIL.Image import Image

Finish = Literal["stop", "length", "loop", "refused"]


@dataclass(frozen=True, slots=True)
class PageView:
    """One page as an engine sees it: its words, and its picture when asked for.

    image: called with the long side in pixels, gives the upright RGB page; None where only words are at hand.
    """

    text: PageText
    image: Callable[[int], Image] | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Fill `contract` from `pages`. `id` is unique within one document and names the slice in issues."""

    id: str
    contract: Contract
    pages: tuple[PageView, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Why an engine gives a value: the words that state it and how sure it is, 0..1."""

    page: int
    words: tuple[Word, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine replies to one ask.

    json_text: the JSON, whole only if `finish` is `stop`.
    findings: by JSON Pointer into that JSON, for engines that know where a value stands.
    token_logprobs: natural log, one for each generated token; empty for engines without tokens.
    """

    ask_id: str
    json_text: str
    finish: Finish = "stop"
    findings: Mapping[str, Finding] = field(default_factory=dict)
    token_logprobs: tuple[float, ...] = ()
    thought: str = ""
    prompt_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What fits into one ask. None is unbounded."""

    context_tokens: int | None = None
    output_tokens: int | None = None
    sees_images: bool = False


class Engine(Protocol):
    """Answers asks. Instances are used from one thread at a time."""

    @property
    def info(self) -> EngineInfo: ...

    @property
    def limits(self) -> Limits: ...

    def count(self, ask: Ask) -> int:
        """Tokens of context that the ask takes, its longest allowed reply included; 0 for engines without tokens."""
        ...

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        """One answer for each ask, in any order. Raises AnswerError where a whole batch cannot be answered."""
        ...
