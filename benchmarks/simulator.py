"""A SIMULATION of Gemma 4, for tests and benchmarks of what is around it: no weights, no reading, no GPU.

`Simulator` is an engine that knows the truth of one generated document and replies with it, after failing as language
models are known to fail at long lists. What it shows is whether planning, slicing and joining make up for failures of
that kind; how often the real model fails it cannot show.
"""

from __future__ import annotations

import json
import math
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

from benchmarks.costs import Call, Card, seconds
from benchmarks.failures import Failures, made_up, misread, misread_row
from benchmarks.long_documents import Group, LongDocument, Printed
from benchmarks.statements import section
from model.engine import Answer, Ask, Finish, Limits, PageView, Scope
from schemas.errors import AnswerError
from schemas.field import Field
from schemas.page import PageText
from schemas.record import EngineInfo

GEMMA = Limits(context_tokens=262_144, output_tokens=8192, sees_images=True, understands=True, held_to_schema=True)
JSON_CHARACTERS = 3.2  # of a reply to a token
PAGE_CHARACTERS = 1.47  # of a page's words to a token, measured on invoices: digits are a token each
ROUNDS = 8  # how often a reply in circles says the same before it is stopped


class Line(NamedTuple):
    """One row of the document and its group. number: through the whole document."""

    number: int
    group: Group
    row: Printed


class Simulator:
    """Implements `model.engine.Engine` for one document; see the module. The same ask has the same answer; asked anew
    under another id, every row has another chance.

    limits: as the model's. calls: all that was asked, for `seconds_on`. cpu_seconds: spent on simulating.
    """

    info = EngineInfo(name="simulator", model="simulated", revision="1", fingerprint="simulator-1")

    def __init__(
        self, document: LongDocument, failures: Failures | None = None, seed: int = 0, limits: Limits = GEMMA
    ) -> None:
        self.document, self.seed, self.limits = document, seed, limits
        self.failures = failures or Failures()
        self.asked: list[Ask] = []
        self.calls: list[Call] = []
        self.cpu_seconds = 0.0
        self._lines = [
            Line(number, group, row)
            for number, (group, row) in enumerate((group, row) for group in document.groups for row in group.rows)
        ]
        self._page_tokens = {page.number: page_tokens(page) for page in document.pages}
        self._held: Sequence[Any] = ()

    def load(self) -> None:
        """It has nothing to load."""

    def count(self, ask: Ask) -> int:
        return self.prefix_tokens(ask.pages) + _question_tokens(ask) + (self.limits.output_tokens or 0)

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        """Raises AnswerError for an ask that is more than the context holds."""
        begun, asks = time.process_time(), list(asks)
        answers = [self._answer(ask) for ask in asks]
        self._note(asks, answers)
        self.asked += asks
        self.cpu_seconds += time.process_time() - begun
        return iter(answers)

    def prefix_tokens(self, pages: Sequence[PageView]) -> int:
        """What the pages take: pictures, and words where they are said."""
        pictures = sum(view.visual_tokens for view in pages if view.image)
        return pictures + sum(self._page_tokens[view.text.number] for view in pages if _is_said(view))

    def seconds_on(self, card: Card) -> float:
        """What all that was asked would take the model, see `benchmarks.costs`."""
        return seconds(self.calls, card)

    def _answer(self, ask: Ask) -> Answer:
        taken = self.count(ask)
        if self.limits.context_tokens is not None and taken > self.limits.context_tokens:
            raise AnswerError(f"ask {ask.id} takes {taken:,} tokens.", remedy="Ask about fewer pages.")
        text, finish = _Reply(self, ask).written()
        most = math.inf if self.limits.output_tokens is None else self.limits.output_tokens * JSON_CHARACTERS
        if len(text) > most:
            text, finish = text[: int(most)], "length"
        return Answer(
            ask_id=ask.id,
            json_text=text,
            finish=finish,
            prompt_tokens=self.prefix_tokens(ask.pages) + _question_tokens(ask),
            output_tokens=_tokens(text),
        )

    def _note(self, asks: Sequence[Ask], answers: Sequence[Answer]) -> None:
        """One call for each run of asks about the same pages. The pages of the last one are kept, as in process."""
        by_pages: dict[tuple[Any, ...], list[int]] = {}
        for place, ask in enumerate(asks):
            by_pages.setdefault(_identity(ask.pages), []).append(place)
        for identity, places in by_pages.items():
            self.calls.append(
                Call(
                    prefix=self.prefix_tokens(asks[places[0]].pages),
                    read=identity != self._held,
                    questions=tuple(_question_tokens(asks[place]) for place in places),
                    replies=tuple(answers[place].output_tokens for place in places),
                )
            )
            self._held = identity

    def lines(self, ask: Ask) -> list[Line]:
        """Those that the reply is about, in the document's order, overshot ones included."""
        pages, scope = {view.text.number for view in ask.pages}, ask.scope
        seen = [line for line in self._lines if line.row.page in pages]
        if scope is None:
            return seen
        rng = Random(f"{self.seed}/{ask.id}")
        has_groups = self.document.kind == "groups" and scope.list == self.document.pointer
        whole = has_groups and rng.random() >= self.failures.kept_to_scope
        inside = [place for place, line in enumerate(seen) if _is_inside(line, scope, whole)]
        before, after = (rng.choice((1, 2)) if rng.random() < self.failures.overshot else 0 for _ in range(2))
        if not inside:  # at most what comes next
            first = bisect_left(seen, (scope.last, scope.region.y1), key=_place)
            return seen[first : first + after]
        return seen[max(0, inside[0] - before) : inside[-1] + 1 + after]


class _Reply:
    """What the simulator writes to one ask."""

    def __init__(self, simulator: Simulator, ask: Ask) -> None:
        self.failures, self.document, self.ask = simulator.failures, simulator.document, ask
        self.seed = f"{simulator.seed}/{ask.id}"
        self.pages = frozenset(view.text.number for view in ask.pages)
        self.lines = simulator.lines(ask)

    def written(self) -> tuple[str, Finish]:
        """The JSON; where a list goes in circles, it ends in the middle."""
        text = []
        for child in self.ask.contract.root.children:
            if child.pointer != self.document.pointer:
                text.append(f"{json.dumps(child.name)}:{_json(self._scalar(child.name))}")
                continue
            rows, in_circles = self._rows()
            text.append(f"{json.dumps(child.name)}:{_json(projected(self._entries(rows), child))}")
            if in_circles:
                return "{" + ",".join(text).rstrip("]}"), "loop"
        return "{" + ",".join(text) + "}", "stop"

    def _scalar(self, name: str) -> Any:
        printed = self.document.scalars.get(name)
        if printed is None or printed.page not in self.pages:
            return None
        rng = self._chance(name)
        return misread(printed.value, rng) if rng.random() < self.failures.misread else printed.value

    def _entries(self, rows: Iterable[tuple[Group, Printed]]) -> list[dict[str, Any]]:
        """The list that the rows make. What a heading says is not known where it stands on none of the pages."""
        entries: list[dict[str, Any]] = []
        latest: Group | None = None
        for group, row in rows:
            head = group.head.value if self.pages.intersection(row.headings) else {"number": None, "name": None}
            if self.document.kind == "rows":
                entries.append(section(head) | row.value)
                continue
            if group is not latest:
                entries.append({**head, "rows": []})
            latest = group
            entries[-1]["rows"].append(row.value)
        return entries

    def _rows(self) -> tuple[list[tuple[Group, Printed]], bool]:
        """Rows as they are written, each with its group, and whether the last one is written over and over."""
        rows: list[tuple[Group, Printed]] = []
        page = 0
        for line in self.lines:
            rng = self._chance(line.number)
            drops, loops, invents, misreads, stops = (rng.random() for _ in range(5))
            if page not in (0, line.row.page) and stops < self.failures.stopped:
                break
            page = line.row.page
            if drops < self.failures.drops(len(rows)):
                continue
            row = line.row
            if misreads < self.failures.misread:
                row = replace(row, value=misread_row(row.value, rng))
            rows.append((line.group, row))
            if loops < self.failures.loops(len(rows)):
                return rows + rows[-1:] * ROUNDS, True
            if invents < self.failures.invented:
                rows.append((line.group, replace(row, value=made_up(row.value, rng))))
        return rows, False

    def _chance(self, what: object) -> Random:
        return Random(f"{self.seed}/{what}")


def _is_inside(line: Line, scope: Scope, whole: bool) -> bool:
    """whole: a row is in the scope too where its group begins in it."""
    head = line.group.head
    return scope.holds(line.row.page, line.row.box) or (whole and scope.holds(head.page, head.box))


def _place(line: Line) -> tuple[int, float]:
    return line.row.page, line.row.box.center[1]


def page_tokens(page: PageText) -> int:
    """What the words of a page take."""
    return math.ceil(sum(len(word.text) + 1 for word in page.words) / PAGE_CHARACTERS)


def _is_said(view: PageView) -> bool:
    return view.with_words or view.image is None


def _question_tokens(ask: Ask) -> int:
    """The schema, the scope and what is said about them, behind the pages."""
    return _tokens(json.dumps(ask.contract.json_schema)) + 100


def _tokens(text: str) -> int:
    return math.ceil(len(text) / JSON_CHARACTERS)


def _identity(pages: Sequence[PageView]) -> tuple[Any, ...]:
    """Equal for pages that give the same prefix."""
    return tuple(
        (view.document, view.text.number, view.region, view.visual_tokens if view.image else 0, view.with_words)
        for view in pages
    )


def projected(value: Any, node: Field) -> Any:
    """The value with the fields that are asked for, in the contract's order; null for what is not known."""
    if isinstance(value, Mapping):
        return {child.name: projected(value.get(child.name), child) for child in node.children}
    if isinstance(value, list) and node.item is not None:
        return [projected(inner, node.item) for inner in value]
    return value


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
