"""From a plan to the asks that an engine is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from model.engine import Ask, Engine, PageView, Scope
from pipeline.plan import Plan, Window, check_context, make_plan
from pipeline.planning.cut import Slice
from schemas.contract import Contract
from schemas.errors import DocumentTooLarge
from schemas.narrow import narrowed
from schemas.page import WHOLE_PAGE

TRIES = 3  # plans, each for less than the one before, until the engine's own count says that it fits


def asks_of(plan: Plan, contract: Contract, views: Sequence[PageView], question: str = "") -> list[Ask]:
    """The plan's asks, window by window; those of one window have the same pages, which are read once."""
    found: list[Ask] = []
    for window in plan.windows:
        pages = tuple(view for view in budgeted(plan, views) if window.first <= view.text.number <= window.last)
        whole = len(window.slices) == 1
        for part, name in zip(window.slices, ask_ids(plan, window), strict=True):
            found.append(
                Ask(
                    id=name,
                    contract=contract if whole else narrowed(contract, part.fields),
                    pages=pages,
                    question=question,
                    scope=part.scope,
                )
            )
    return found


def budgeted(plan: Plan, views: Sequence[PageView]) -> tuple[PageView, ...]:
    """The pages with pictures that cost what the plan gives them."""
    tokens = {page.number: page.visual_tokens for page in plan.pages}
    return tuple(replace(view, visual_tokens=tokens[view.text.number] or view.visual_tokens) for view in views)


def ask_ids(plan: Plan, window: Window) -> list[str]:
    """What the asks of a window are called: by what they ask for, and by the window where there are several."""
    where = f"window {window.first}-{window.last}: " if len(plan.windows) > 1 else ""
    return [where + _name(part, window, number) for number, part in enumerate(window.slices)]


def fitted(
    views: Sequence[PageView], contract: Contract, engine: Engine, question: str = "", document: str = ""
) -> tuple[Plan, list[Ask]]:
    """The plan and its asks, checked against the engine's own count: where that is more than the engine can hold, it
    is planned again for less. Loads the engine.

    Raises DocumentTooLarge where not even a page at a time fits.
    """
    pages, limits = [view.text for view in views], engine.limits
    for left in reversed(range(TRIES)):
        try:
            plan = make_plan(pages, contract, limits, question)
        except DocumentTooLarge as error:
            error.document = error.document or document
            raise
        asks = asks_of(plan, contract, views, question)
        most = engine.limits.context_tokens
        if most is None or limits.context_tokens is None or not asks:
            return plan, asks
        largest, estimate = _largest(plan, asks, engine.limits.output_tokens or 0)
        taken = engine.count(largest)
        if taken <= most:
            return plan, asks
        if not left:
            check_context(largest, engine, DocumentTooLarge, document)
        limits = replace(limits, context_tokens=int(limits.context_tokens * min(most / taken, estimate / taken)))
    raise AssertionError("check_context raises")


def _largest(plan: Plan, asks: Sequence[Ask], reply: int) -> tuple[Ask, int]:
    """The ask that is expected to take the most of the context, and how much."""
    sizes = [window.tokens + part.task + reply for window in plan.windows for part in window.slices]
    place = max(range(len(sizes)), key=sizes.__getitem__)
    return asks[place], sizes[place]


def _name(part: Slice, window: Window, number: int) -> str:
    """`document` for everything at once, `fields`, `fields 2`, `lines p3-5`, `lines p3, 0.00-0.48`."""
    if len(window.slices) == 1:
        return "document"
    if part.scope is None:
        return "fields" if number == 0 else f"fields {number + 1}"
    return f"{part.scope.list.strip('/')} {place_of(part.scope)}"


def place_of(scope: Scope) -> str:
    """`p3-5`; of a part of a page, from where to where it goes down it: `p3, 0.000-0.482`."""
    pages = f"p{scope.first}" if scope.first == scope.last else f"p{scope.first}-{scope.last}"
    if scope.region == WHOLE_PAGE:
        return pages
    return f"{pages}, {scope.region.y0:.3f}-{scope.region.y1:.3f}"
