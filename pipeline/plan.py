"""How a document is asked about: what each picture may cost, which pages are read at once, and what is asked of them.

A page gets the least of the engine's visual budgets at which its small print can be read: the tenth of its words that
is lowest must still be `LEGIBLE` pixels high. Where not all pages fit, those whose print stays largest get less; where
that does not help, the document is read in windows that overlap. What is asked for is cut so that every reply stays
under half of the longest: a model that writes for long skips rows, goes in circles or is cut off.

Everything is estimated from the words. Nothing is rendered, and no model has to be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from model.engine import Ask, Engine, Limits, PageView
from pipeline.apart import Apart
from pipeline.document import Document
from pipeline.planning.budget import PageCost, page_cost, picture_height, wanted
from pipeline.planning.cut import Slice, slices
from pipeline.planning.lists import lists_of, schema_tokens, singles
from pipeline.planning.rows import Texture, expected
from pipeline.planning.sheet import Sheet, sheet, small_print
from pipeline.planning.tabular import Block, Finder
from pipeline.planning.tokens import text_tokens
from pipeline.planning.windows import fitted, owners
from pipeline.render import render_page
from schemas.contract import Contract
from schemas.errors import IntaglioError
from schemas.narrow import narrowed
from schemas.page import PageText

FIXED = 220  # tokens of rules and turns, which are the same in every prompt
TASK = 80  # of the wording around question and schema
SCOPE = 220  # of what a slice of a list is told, with the two lines that it may quote
HEADING = 16  # of a page's number and the blank lines around
FENCE = 24  # of the line over a page's words and the fence around them
POINTS = 72  # in an inch


@dataclass(frozen=True, slots=True)
class PagePlan:
    """What one page costs, and what is expected on it.

    visual_tokens: what its picture may cost, 0 where the engine sees none. dpi: of that picture, on paper of the size
    that the page states; of a picture file, which states pixels, as if 72 of them were an inch. with_words: its words
    are said beside the picture. tokens: of picture, words and heading together. rows: lines that look like a list's.
    """

    number: int
    visual_tokens: int
    dpi: int
    with_words: bool
    tokens: int
    rows: int


@dataclass(frozen=True, slots=True)
class Window:
    """Pages that are read at once. first, last: by number. tokens: of the prefix that its slices share."""

    first: int
    last: int
    tokens: int
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Lines of one page that look like the entries of a list. list: its pointer. rows: how many."""

    list: str
    page: int
    rows: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a document is asked about. Several windows only where not even the smallest pictures fit at once.

    tables: what was found of lists on the pages, of those whose tables say which list they are.
    """

    pages: tuple[PagePlan, ...]
    windows: tuple[Window, ...]
    tables: tuple[Table, ...] = ()

    @property
    def prefill_tokens(self) -> int:
        """That have to be read: each window's pages once, and what each slice asks."""
        return sum(window.tokens + sum(part.task for part in window.slices) for window in self.windows)

    @property
    def output_tokens(self) -> int:
        """That all replies together are expected to take."""
        return sum(part.tokens for window in self.windows for part in window.slices)


def make_plan(pages: Sequence[PageText], contract: Contract, limits: Limits, question: str = "") -> Plan:
    """The plan for a document whose pages are read; the same for the same pages, contract and limits.

    Raises DocumentTooLarge for a page that does not fit the engine's context by itself, naming it.
    """
    finder, costs, textures = Finder(), list[PageCost](), list[Texture]()
    for page in pages:
        looked_at = sheet(page)
        finder.take(page, looked_at)
        costs.append(_cost(page, looked_at, limits))
        textures.append(Texture.of(looked_at))
    blocks, wording = finder.blocks, TASK + text_tokens(question)
    ranges, budgets = fitted(costs, blocks, limits, FIXED + wording + SCOPE + schema_tokens(contract.json_schema))
    rows = _rows(blocks)
    planned = tuple(_page_plan(*each, budgets, rows) for each in zip(pages, costs, strict=True))
    half = None if limits.output_tokens is None else max(1, limits.output_tokens // 2)
    alone, lists = singles(contract, half), expected(blocks, lists_of(contract), textures)
    windows = []
    for read, own in zip(ranges, owners(ranges), strict=True):
        inside = planned[read[0] : read[1] + 1]
        asked_here = planned[own[0]].number, planned[own[1]].number
        parts = slices(alone, lists, (inside[0].number, inside[-1].number), asked_here, half)
        prefix = FIXED + sum(page.tokens for page in inside)
        windows.append(Window(inside[0].number, inside[-1].number, prefix, _with_tasks(parts, contract, wording)))
    tables = (
        Table(each.list.pointer, page, count)
        for each in lists
        for page in each.by_page
        if (count := each.rows(page, page))
    )
    return Plan(planned, tuple(windows), tuple(tables))


def views(document: Document | Apart, pages: Sequence[PageText], limits: Limits) -> tuple[PageView, ...]:
    """The pages as an engine sees them. Pictures are made when they are asked for: the document has to stay open."""
    render = document.render if isinstance(document, Apart) else partial(render_page, document)
    return tuple(
        PageView(
            page,
            image=partial(render, page.number, rotation=page.rotation, origin=page.origin)
            if limits.sees_images
            else None,
            visual_tokens=visual_tokens(page),
            with_words=with_words(page, limits),
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
    """One of `VISUAL_TOKENS`: the least at which the page's small print can be read."""
    return wanted(page.width, page.height, small_print(page), page.reason)


def with_words(page: PageText, limits: Limits) -> bool:
    """Whether the page's words are said: those of OCR only to an engine that does not see the page itself."""
    return page.source == "text" or (not limits.sees_images and bool(page.words))


def _cost(page: PageText, looked_at: Sheet, limits: Limits) -> PageCost:
    said = with_words(page, limits)
    tokens = HEADING + (FENCE + looked_at.tokens if said and page.words else 0)
    if not limits.sees_images:
        return PageCost(page.number, tokens, (0,), (0.0,), (0,))
    small = looked_at.small
    return page_cost(page.number, page.width, page.height, small, page.reason, tokens, with_words=said)


def _rows(blocks: Sequence[Block]) -> dict[int, int]:
    found: dict[int, int] = {}
    for block in blocks:
        for row in block.rows:
            found[row.page] = found.get(row.page, 0) + row.entries
    return found


def _page_plan(page: PageText, cost: PageCost, budgets: Mapping[int, int], rows: Mapping[int, int]) -> PagePlan:
    """budgets: by page number, the place of its budget in `PageCost.budgets`."""
    place = budgets[page.number]
    budget = cost.budgets[place]
    pixels = picture_height(page.width, page.height, budget) if budget and page.height else 0.0
    return PagePlan(
        number=page.number,
        visual_tokens=budget,
        dpi=round(pixels * POINTS / page.height) if pixels else 0,
        with_words=cost.said > HEADING,
        tokens=cost.said + cost.pictures[place],
        rows=rows.get(page.number, 0),
    )


def _with_tasks(parts: Sequence[Slice], contract: Contract, wording: int) -> tuple[Slice, ...]:
    """The slices with what their question and schema take; those of one list have the same schema."""
    whole = len(parts) == 1
    schemas = {
        part.fields: schema_tokens((contract if whole else narrowed(contract, part.fields)).json_schema)
        for part in {part.fields: part for part in parts}.values()
    }
    return tuple(replace(part, task=wording + (SCOPE if part.scope else 0) + schemas[part.fields]) for part in parts)
