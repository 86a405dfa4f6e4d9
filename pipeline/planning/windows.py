"""Which pages are read at once: all of them where that fits at all, else windows that overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from model.engine import Limits
from pipeline.planning.budget import PageCost, budgets_within
from pipeline.planning.tabular import Block
from schemas.errors import DocumentTooLarge


def fitted(
    pages: Sequence[PageCost], blocks: Sequence[Block], limits: Limits, beside: int
) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """Windows as ranges of places in `pages`, and by number the place of each page's budget in `PageCost.budgets`.

    beside: tokens of all that is in a prompt beside the pages. Raises DocumentTooLarge for a page that does not fit.
    """
    whole = [(0, len(pages) - 1)]
    if limits.context_tokens is None or not pages:
        return whole if pages else [], {page.number: 0 for page in pages}
    room = limits.context_tokens - beside - (limits.output_tokens or 0)
    chosen = budgets_within(pages, room)
    if chosen is not None:
        return whole, chosen
    ranges = windows(pages, room, _crossings(blocks))
    if ranges is None:
        raise _too_large(pages, room, limits.context_tokens)
    budgets = {page.number: 0 for page in pages}
    for first, last in ranges:
        for number, place in (budgets_within(pages[first : last + 1], room) or {}).items():
            budgets[number] = max(budgets[number], place)
    return ranges, budgets


def _too_large(pages: Sequence[PageCost], room: int, context: int) -> DocumentTooLarge:
    if room <= 0:
        return DocumentTooLarge(
            f"the schema and the longest reply leave nothing of the {context:,} tokens that the engine can hold.",
            remedy="Ask for fewer fields, or allow shorter replies (--output-tokens).",
        )
    page = next(page for page in pages if page.least > room)
    return DocumentTooLarge(
        f"it takes {page.least:,} tokens by itself; beside schema and longest reply there is room for {room:,}.",
        page=page.number,
        remedy="Allow shorter replies (--output-tokens), ask for fewer fields, or use an engine with a larger context.",
    )


def _crossings(blocks: Sequence[Block]) -> dict[int, bool]:
    """By number, the pages on which a block goes on from the page before."""
    found: dict[int, bool] = {}
    for block in blocks:
        for before, row in pairwise(block.rows):
            if row.page != before.page:
                found[row.page] = True
    return found


def windows(pages: Sequence[PageCost], room: int, crossing: Mapping[int, bool]) -> list[tuple[int, int]] | None:
    """Ranges of places in `pages`, both ends included, each as long as fits at the least budgets, overlapping by a
    page, or two where rows run over the border; None where a page does not fit alone.

    crossing: by number, whether a table goes on from the page before.
    """
    if any(page.least > room for page in pages):
        return None
    found: list[tuple[int, int]] = []
    first = 0
    while True:
        last, taken = first, pages[first].least
        while last + 1 < len(pages) and taken + pages[last + 1].least <= room:
            last += 1
            taken += pages[last].least
        found.append((first, last))
        if last + 1 == len(pages):
            return found
        overlap = 2 if crossing.get(pages[last + 1].number) or crossing.get(pages[last].number) else 1
        while sum(page.least for page in pages[last + 1 - overlap : last + 2]) > room or last + 1 - overlap <= first:
            overlap -= 1
        first = last + 1 - overlap


def owners(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """For each window the pages whose rows are asked there: each where it lies furthest from an end of the window
    behind which the document goes on; of two such the later, since rows go on downwards. Both ends included."""
    found = []
    start = 0
    for (_, last), (first, _) in pairwise(ranges):
        shared = last - first + 1
        end = first + shared // 2 - 1
        found.append((start, end))
        start = end + 1
    return [*found, (start, ranges[-1][1])]
