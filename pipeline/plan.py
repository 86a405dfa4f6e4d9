"""How an engine that sees is shown the pages: what each picture may cost, and whether its words are said beside it.

A page gets the least of the engine's visual budgets at which its small print can be read: the tenth of its words that
is lowest must still be `LEGIBLE` pixels high. A page whose text layer is sound is also said in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from model.engine import VISUAL_TOKENS, Ask, Engine, Limits, PageView, Scope
from pipeline.document import Document
from pipeline.render import render_page
from schemas.errors import IntaglioError
from schemas.page import BLANK, PageText


@dataclass(frozen=True, slots=True)
class PagePlan:
    """What one page costs, and what is expected on it.

    visual_tokens: what its picture may cost, 0 where the engine sees none. dpi: of that picture. with_words: its words
    are said beside the picture. tokens: of picture, words and heading together. rows: lines that look like a list's.
    """

    number: int
    visual_tokens: int
    dpi: int
    with_words: bool
    tokens: int
    rows: int


@dataclass(frozen=True, slots=True)
class Slice:
    """One ask. fields: pointers of the fields that it fills. tokens: that its reply is expected to take.

    scope: of a list's slice; None where its fields are wanted from the whole window.
    """

    fields: tuple[str, ...]
    tokens: int
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Pages that are read at once. first, last: by number. tokens: of the prefix that its slices share."""

    first: int
    last: int
    tokens: int
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a document is asked about. Several windows only where not even the smallest pictures fit at once."""

    pages: tuple[PagePlan, ...]
    windows: tuple[Window, ...]


LEGIBLE = 13.0  # pixels from a line's top to its bottom, about 9 for a capital
TOKEN_SIDE = 48  # pixels of a page's side that one visual token stands for
UNREAD = 1120  # visual tokens of a page that shows something, but of which hardly a word was read
FEW = 5  # words


def views(document: Document, pages: Sequence[PageText], limits: Limits) -> tuple[PageView, ...]:
    """The pages as an engine sees them. Pictures are made when they are asked for: the document has to stay open."""
    return tuple(
        PageView(
            page,
            image=partial(render_page, document, page.number, rotation=page.rotation) if limits.sees_images else None,
            visual_tokens=visual_tokens(page),
            with_words=page.source == "text",
        )
        for page in pages
    )


def check_context(ask: Ask, engine: Engine, error: type[IntaglioError], document: str = "") -> None:
    """Raises the error where the ask's pages and its longest reply are more than the engine can hold: how much more."""
    most = engine.limits.context_tokens
    taken = engine.count(ask) if most is not None else 0
    if most is not None and taken > most:
        pages = len(ask.pages)
        raise error(
            f"{pages} page{'' if pages == 1 else 's'} and the answer take {taken:,} tokens, {taken - most:,} more than "
            f"the {most:,} that {engine.info.name} can hold.",
            document=document,
            remedy=f"Split what is asked for: some {pages * most // taken} pages fit at a time.",
        )


def visual_tokens(page: PageText) -> int:
    """One of `VISUAL_TOKENS`; a blank page costs the least."""
    if page.reason == BLANK:
        return VISUAL_TOKENS[0]
    heights = sorted(word.box.height for word in page.words)
    if len(heights) < FEW:
        return UNREAD
    small = heights[len(heights) // 10]
    return next((budget for budget in VISUAL_TOKENS if small * picture_height(page, budget) >= LEGIBLE), UNREAD)


def picture_height(page: PageText, budget: int) -> float:
    """Pixels: Gemma 4 makes every picture as large as its budget allows, at its own aspect ratio."""
    return TOKEN_SIDE * math.sqrt(budget * page.height / page.width)
