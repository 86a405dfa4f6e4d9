"""What each page's picture may cost, so that all fit: the pages whose print stays largest are made smaller first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.engine import VISUAL_TOKENS
from model.pictures import SIDE, fitted
from schemas.page import BLANK

LEGIBLE = 13.0  # pixels from a line's top to its bottom, about 9 for a capital
LEAST_LEGIBLE = LEGIBLE / 2  # of a page that only its picture shows, where not all fit otherwise
UNREAD = 1120  # visual tokens of a page that shows something, but of which hardly a word was read


@dataclass(frozen=True, slots=True)
class PageCost:
    """What a page may cost. said: tokens of its heading and words. budgets: from what its print wants down to the
    least that is of use, one of `VISUAL_TOKENS` each, or 0 alone where there is no picture. prints: height in pixels of
    its small print at each budget. pictures: tokens at each."""

    number: int
    said: int
    budgets: tuple[int, ...]
    prints: tuple[float, ...]
    pictures: tuple[int, ...]

    @property
    def least(self) -> int:
        return self.said + self.pictures[-1]


def page_cost(
    number: int, width: float, height: float, small: float | None, reason: str, said: int, *, with_words: bool
) -> PageCost:
    """small: height of the page's small print as a fraction of the page; None where nobody knows."""
    most = wanted(width, height, small, reason)
    print_at = {budget: _print(width, height, small, budget) for budget in VISUAL_TOKENS if budget <= most}
    legible = [budget for budget, pixels in print_at.items() if pixels >= LEAST_LEGIBLE]
    least = VISUAL_TOKENS[0] if with_words or reason == BLANK else min(legible, default=most)
    budgets = [budget for budget in reversed(VISUAL_TOKENS) if least <= budget <= most]
    return PageCost(
        number,
        said,
        tuple(budgets),
        tuple(print_at[budget] for budget in budgets),
        tuple(picture_tokens(width, height, budget) for budget in budgets),
    )


def wanted(width: float, height: float, small: float | None, reason: str) -> int:
    """The least of `VISUAL_TOKENS` at which the small print can be read; a blank page costs the least."""
    if reason == BLANK:
        return VISUAL_TOKENS[0]
    if small is None:
        return UNREAD
    return next((budget for budget in VISUAL_TOKENS if _print(width, height, small, budget) >= LEGIBLE), UNREAD)


def picture_height(width: float, height: float, budget: int) -> float:
    """Pixels: Gemma 4 makes every picture as large as its budget allows, at its own aspect ratio."""
    return SIDE * math.sqrt(budget * max(1.0, height) / max(1.0, width))


def picture_tokens(width: float, height: float, budget: int) -> int:
    """What a picture takes of its budget, its begin and end included."""
    wide, tall = fitted(max(1.0, width), max(1.0, height), budget)
    return 2 + (wide // SIDE) * (tall // SIDE)


def budgets_within(pages: Sequence[PageCost], room: int) -> dict[int, int] | None:
    """For each page by number the place of its budget in `PageCost.budgets`, so that all take at most `room` tokens;
    None where they do not at the least. The next page to be made smaller is the one whose small print stays highest."""
    taken = sum(page.said + page.pictures[0] for page in pages)
    chosen = {page.number: 0 for page in pages}
    steps = [_step(page, 1) for page in pages if len(page.budgets) > 1]
    heapq.heapify(steps)
    by_number = {page.number: page for page in pages}
    while taken > room and steps:
        _, number, place = heapq.heappop(steps)
        page = by_number[-number]
        taken -= page.pictures[place - 1] - page.pictures[place]
        chosen[page.number] = place
        if place + 1 < len(page.budgets):
            heapq.heappush(steps, _step(page, place + 1))
    return chosen if taken <= room else None


def _step(page: PageCost, place: int) -> tuple[float, int, int]:
    """Of two alike the later page goes first: what a document is about stands at its beginning."""
    return -page.prints[place], -page.number, place


def _print(width: float, height: float, small: float | None, budget: int) -> float:
    """Height of the small print in pixels; where nobody knows it, as if it could just be read at the highest budget."""
    if small is None:
        return LEGIBLE * math.sqrt(budget / UNREAD)
    return small * picture_height(width, height, budget)
