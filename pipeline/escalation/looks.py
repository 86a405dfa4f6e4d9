"""From doubts to asks: what stands near together is looked at together, the required and the least sure first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from model.engine import VISUAL_TOKENS, Ask, Engine, PageView, Scope
from pipeline.escalation.crops import band, closer, line_height
from pipeline.escalation.doubts import Doubt
from pipeline.escalation.places import Places, Spot
from schemas.contract import Contract
from schemas.narrow import narrowed
from schemas.page import WHOLE_PAGE, Box, enclosing

TALLEST = 0.3  # of the page's height: what is looked at together
NEAR = 0.1  # of the page's height: how far apart it may stand
MOST_ROWS = 20  # entries of a list in one look
HEAD_TOKENS = 280  # for the picture of the columns' heads
MARGIN = 0.3  # line heights by which a scope reaches beyond its lines


@dataclass(frozen=True, slots=True)
class Look:
    """What one ask is to be about. list: pointer of the outermost list that the doubts are in; empty outside of lists.
    box: around where they stand.
    """

    page: int
    list: str
    box: Box
    doubts: tuple[Doubt, ...]

    @property
    def urgency(self) -> tuple[bool, bool, float]:
        return min(doubt.urgency for doubt in self.doubts)


def looks(placed: Iterable[tuple[Doubt, Spot]]) -> list[Look]:
    """The most urgent first."""
    groups: dict[tuple[int, str], list[tuple[Doubt, Spot]]] = {}
    for doubt, spot in placed:
        groups.setdefault((spot.page, doubt.wanted if doubt.row else ""), []).append((doubt, spot))
    found = [
        Look(page, name, enclosing(spot.box for _, spot in near), tuple(doubt for doubt, _ in near))
        for (page, name), group in groups.items()
        for near in _near(sorted(group, key=lambda each: each[1].box.y0))
    ]
    return sorted(found, key=lambda look: look.urgency)


@dataclass(frozen=True, slots=True)
class Asker:
    """Makes the asks of one step about a document. step: its name; thinks: whether it asks to think and to look up."""

    step: str
    contract: Contract
    engine: Engine
    views: Mapping[int, PageView]
    places: Places
    thinks: bool = False

    def asks(self, chosen: Sequence[Look]) -> Iterator[Ask]:
        """One for each look; none for what does not fit the engine even with the smallest pictures."""
        for number, look in enumerate(chosen, 1):
            name = look.list[1:] or "fields"
            ask = self._ask(f"{self.step} {number} {name} p{look.page}", look)
            if (fitting := self._fitting(ask)) is not None:
                yield fitting

    def _ask(self, id: str, look: Look) -> Ask:
        view = self.views[look.page]
        if not look.list:
            contract = narrowed(self.contract, sorted({doubt.wanted for doubt in look.doubts}))
            pages: tuple[PageView, ...] = (closer(view, band(view.text, look.box)),)
            return Ask(id, contract, pages, think=self.thinks, look=self.thinks)
        margin = MARGIN * line_height(view.text)
        region = Box(0.0, max(0.0, look.box.y0 - margin), 1.0, min(1.0, look.box.y1 + margin))
        rows = sum(region.has_middle_of(box) for _, box in self.places.entries(look.list, look.page))
        scope = Scope(look.list, look.page, look.page, region, rows)
        contract = narrowed(self.contract, [look.list])
        return Ask(id, contract, self._with_head(view, look), think=self.thinks, look=self.thinks, scope=scope)

    def _with_head(self, view: PageView, look: Look) -> tuple[PageView, ...]:
        """The rows first, for they are what is asked about; the heads of their columns apart where they stand apart."""
        rows, head = band(view.text, look.box), self.places.head(look.list, look.page)
        if head.y1 >= rows.y0:
            return (closer(view, enclosing((rows, head))),)
        return closer(view, rows), closer(view, head, HEAD_TOKENS)

    def _fitting(self, ask: Ask) -> Ask | None:
        """The ask with the largest pictures that fit, the whole page's highest budget at most."""
        most = self.engine.limits.context_tokens
        for budget in reversed(VISUAL_TOKENS):
            pages = tuple(replace(view, visual_tokens=min(view.visual_tokens, budget)) for view in ask.pages)
            smaller = replace(ask, pages=pages)
            if most is None or self.engine.count(smaller) <= most:
                return smaller
        return None


def _near(placed: Sequence[tuple[Doubt, Spot]]) -> Iterator[list[tuple[Doubt, Spot]]]:
    """Runs, from top to bottom, that one look can take in. A whole page is a look of its own."""
    run: list[tuple[Doubt, Spot]] = []
    for each in placed:
        if run and not _together(run, each):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _together(run: Sequence[tuple[Doubt, Spot]], each: tuple[Doubt, Spot]) -> bool:
    box, around = each[1].box, enclosing(spot.box for _, spot in run)
    if WHOLE_PAGE in (box, around):
        return box == around
    rows = {doubt.row for doubt, _ in (*run, each)}
    return (
        len(rows) <= MOST_ROWS
        and box.y0 - around.y1 <= NEAR
        and max(box.y1, around.y1) - min(box.y0, around.y0) <= TALLEST
    )
