"""What reader processes and the engine process say to each other.

A reader sends an `Asking` and hears `Begun`, an `Answered` for each answer as it comes, and `Ended`. Meanwhile it may
hear `Wanted` again and again, and sends a `Rendered` for each. Pictures never go with the asks: pages name theirs by a
`Sheet`, and the engine process has them made shortly before they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from model.engine import Answer, Ask, Limits, PageView
from schemas.contract import Contract
from schemas.errors import IntaglioError
from schemas.page import Box
from schemas.record import EngineInfo

if TYPE_CHECKING:
    from PIL.Image import Image


WHATEVER = 0  # the number of the call that a reader has, whatever it is


class Sheet(NamedTuple):
    """What renders a page, by numbers that mean something to its reader only: of its document, and in that."""

    document: int
    number: int


class Shot(NamedTuple):
    """A picture: of what, and as `PageView.image` is called."""

    sheet: Sheet
    long_side: int
    region: Box


@dataclass(frozen=True, slots=True)
class Hello:
    """The engine process's first words. lost: how the one before it ended; empty for the first."""

    info: EngineInfo
    limits: Limits
    lost: str


@dataclass(frozen=True, slots=True)
class Asking:
    """number: of the call; a reader has one at a time. document: the reader's number of it. sheets: of each ask's
    pages. schema: of the document, by which contracts that are models are loaded. alone: it may be what ended an engine
    process; it is not to share a batch.
    """

    number: int
    document: int
    asks: tuple[Ask, ...]
    sheets: tuple[tuple[Sheet | None, ...], ...]
    schema: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Counting:
    """How many tokens does this ask take?"""

    number: int
    ask: Ask
    sheets: tuple[Sheet | None, ...]
    schema: str


@dataclass(frozen=True, slots=True)
class Counted:
    number: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Begun:
    """The engine is at it."""

    number: int


@dataclass(frozen=True, slots=True)
class Answered:
    number: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Ended:
    """No more answers come. error: why, where some are lacking."""

    number: int
    error: IntaglioError | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Please render."""

    shot: Shot


@dataclass(frozen=True, slots=True)
class Rendered:
    """pixels: of the picture in its mode, row by row. error: why there are none."""

    shot: Shot
    mode: str = ""
    size: tuple[int, int] = (0, 0)
    pixels: bytes = b""
    error: IntaglioError | None = None

    @classmethod
    def of(cls, shot: Shot, picture: Image) -> Rendered:
        return cls(shot, picture.mode, picture.size, picture.tobytes())

    def picture(self) -> Image:
        """Raises the reader's own error."""
        from PIL import Image as Images

        if self.error is not None:
            raise self.error
        return Images.frombytes(self.mode, self.size, self.pixels)


def without_pictures(asks: Sequence[Ask]) -> tuple[Ask, ...]:
    """The asks as they can cross: no functions, no model's code, nothing that was worked out on the way."""
    contracts = {id(ask.contract): Contract(ask.contract.name, ask.contract.json_schema) for ask in asks}
    views = {id(view): replace(view, image=None) for ask in asks for view in ask.pages}
    pages = {id(ask.pages): tuple(views[id(view)] for view in ask.pages) for ask in asks}
    return tuple(replace(ask, contract=contracts[id(ask.contract)], pages=pages[id(ask.pages)]) for ask in asks)


def with_pictures(
    asks: Sequence[Ask],
    sheets: Sequence[Sequence[Sheet | None]],
    image: Callable[[Sheet], Callable[[int, Box], Image]],
    whole: Contract | None,
) -> tuple[Ask, ...]:
    """The asks as an engine takes them; those with the same pages have the same tuple of them, as they had before.

    image: what makes the pictures of a sheet. whole: the document's contract, with its model.
    """
    known: dict[int, tuple[PageView, ...]] = {}
    for ask, named in zip(asks, sheets, strict=True):
        if id(ask.pages) not in known:
            pairs = zip(ask.pages, named, strict=True)
            known[id(ask.pages)] = tuple(replace(view, image=image(sheet) if sheet else None) for view, sheet in pairs)
    return tuple(
        replace(ask, pages=known[id(ask.pages)], contract=whole if ask.contract == whole else ask.contract)
        for ask in asks
    )
