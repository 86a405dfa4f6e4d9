"""The seam between the pipeline and whatever answers its questions.

An engine is given `Ask`s (a contract, and the pages to fill it from) and gives back one `Answer` for each, in any
order. It knows no files and no Prefect, and has no base class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from schemas.contract import Contract
from schemas.page import WHOLE_PAGE, Box, PageText, Word
from schemas.record import EngineInfo

if TYPE_CHECKING:
    from PIL.Image import Image

Finish = Literal["stop", "length", "loop", "invalid", "refused"]
Quantisation = Literal["nf4", "int8", "none"]
Thinking = Literal["off", "on", "asked"]

VISUAL_TOKENS = (70, 140, 280, 560, 1120)  # what Gemma 4 may spend on one picture


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Which engine, and how it is set up; hashable, and crosses process boundaries.

    model: a model's name or its local folder; empty for the engine's own default. revision: of a model that is named.
    thinking: before every answer, never, or where an ask wants it. keep_thoughts: whether answers tell the thoughts.
    output_tokens: the most of one reply. url: of a server. concurrency: how many asks it has from each process at once.
    """

    name: str = "embedded"
    model: str = ""
    revision: str = ""
    quantisation: Quantisation = "nf4"
    thinking: Thinking = "asked"
    keep_thoughts: bool = False
    output_tokens: int = 8192
    url: str = field(default="", repr=False)
    concurrency: int = 16


EMBEDDED = EngineSpec()


@dataclass(frozen=True, slots=True)
class PageView:
    """One page as an engine sees it: its words, and its picture when asked for.

    image: called with the long side in pixels and a region of the page, gives that region upright, in RGB; None where
    only words are at hand. visual_tokens: one of `VISUAL_TOKENS`, what the picture may cost. with_words: whether the
    words are to be said beside the picture. document: what the page's document is called, where an ask has pages of
    several; page numbers are then counted through all of them, so that a number still means one page. region: what of
    the page is shown, in picture and words; all coordinates stay those of the whole page (see
    `pipeline.escalation.crops.closer`).
    """

    text: PageText
    image: Callable[[int, Box], Image] | None = None
    visual_tokens: int = 280
    with_words: bool = True
    document: str = ""
    region: Box = WHOLE_PAGE


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the entries of a list must begin to be asked for: a slice of it, the rest of which other asks bring.

    list: JSON Pointer of the list in the contract. first, last: pages, by number, both included. region: of the one
    page, where `first` is `last`; an entry begins where the middle of its first word lies. rows: about how many entries
    that is, None where nobody knows. An entry that goes on behind its scope is given whole; of an entry that begins
    before it and holds lists of its own, the parts in the scope are given, with its other fields again.
    """

    list: str
    first: int
    last: int
    region: Box = WHOLE_PAGE
    rows: int | None = None

    def holds(self, page: int, box: Box) -> bool:
        """Whether an entry that begins with this word begins in the scope."""
        x, y = box.center
        left, top, right, bottom = self.region
        return self.first <= page <= self.last and left <= x <= right and top <= y <= bottom


@dataclass(frozen=True, slots=True)
class Ask:
    """Fill `contract` from `pages`. `id` is unique within one document and names the slice in issues.

    scope: for an ask about one list only, the slice of it that is wanted; the pages are whole all the same.
    question: what is to be answered or done, for contracts that leave it open. think: whether to think first, where the
    engine is set to think when asked. look: whether the engine may look up and zoom into the pages before it answers.
    """

    id: str
    contract: Contract
    pages: tuple[PageView, ...]
    question: str = ""
    think: bool = False
    look: bool = False
    scope: Scope | None = None


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
    leaf_logprobs: by JSON Pointer, the natural logarithm of the probability of each token of the value; empty for
    engines without tokens. cut: pointers of values that a bound of the engine ended, and not the model.
    tool_calls: what the engine looked up on the way, as text. mask_seconds: spent on finding which tokens the grammar
    allows; divided by the output tokens, what it costs a token.
    """

    ask_id: str
    json_text: str
    finish: Finish = "stop"
    findings: Mapping[str, Finding] = field(default_factory=dict)
    leaf_logprobs: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    thought: str = ""
    tool_calls: tuple[str, ...] = ()
    prompt_tokens: int = 0
    output_tokens: int = 0
    mask_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What fits into one ask, and what an engine can. None is unbounded.

    sees_images: it looks at the pages' pictures. understands: it grasps what a text says, and can answer questions
    about it, sum it up and translate it. held_to_schema: a grammar holds its replies to the contract's schema.
    processes: how many of the engine may run on one machine at a time; None for as many as there are cores.
    """

    context_tokens: int | None = None
    output_tokens: int | None = None
    sees_images: bool = False
    understands: bool = False
    held_to_schema: bool = False
    processes: int | None = None


class Engine(Protocol):
    """Answers asks. Instances are used from one thread at a time.

    Making one is cheap, so that its `info` can be compared with a ledger; `load` does what takes long.
    """

    @property
    def info(self) -> EngineInfo: ...

    @property
    def limits(self) -> Limits: ...

    def load(self) -> None:
        """Makes ready to answer; done once, by `answer` at the latest. Raises EngineUnavailable."""
        ...

    def count(self, ask: Ask) -> int:
        """Tokens of context that the ask takes, its longest allowed reply included; 0 for engines without tokens."""
        ...

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        """One answer for each ask, in any order. Raises AnswerError where a whole batch cannot be answered."""
        ...
