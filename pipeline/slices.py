"""Asking for less at a time: what does not come back whole is asked for again in parts.

An ask is parted by its fields, down to single ones; a list then by the pages on which its entries begin, and the
entries of one page by the lines that they begin on. All parts are about the same pages, which an engine that keeps them
reads once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from model.engine import Answer, Ask, Engine, Scope
from schemas.contract import Contract
from schemas.errors import AnswerError
from schemas.field import Field
from schemas.narrow import narrowed
from schemas.page import WHOLE_PAGE, Box, PageText
from schemas.record import Issue

MOST_PARTED = 32  # asks of a document that are parted, beyond one for each that was planned: failing has to end


@dataclass(frozen=True, slots=True)
class Part:
    """An ask and what came back."""

    ask: Ask
    answer: Answer


@dataclass(frozen=True, slots=True)
class Asked:
    """parts: together they answer what was asked, in its order; one that is still not whole says so. spent: replies
    that were given up. put: how many asks it began with. failures: of rounds that the engine did not answer.
    """

    parts: list[Part] = field(default_factory=list)
    spent: list[Answer] = field(default_factory=list)
    put: int = 0
    failures: list[Issue] = field(default_factory=list)

    @property
    def answers(self) -> list[Answer]:
        """All that were paid for."""
        return [part.answer for part in self.parts] + self.spent

    def add(self, further: Asked) -> None:
        """Takes in what came of a later round, put for what this one left open."""
        self.parts.extend(further.parts)
        self.spent.extend(further.spent)
        self.failures.extend(further.failures)


def ask_all(engine: Engine, asks: Sequence[Ask], most: int | None = None) -> Asked:
    """Puts the asks to the engine, and in parts again those whose reply is cut off, goes in circles or is no JSON.

    A reply of a language model that does not fit its contract is asked for in parts too, once: what it then says is
    what it reads, and for validation to judge.
    most: asks that may be parted, by default `MOST_PARTED` and one for each. Raises AnswerError where the engine gives
    no answer.
    """
    asked, waiting = Asked(put=len(asks)), list(asks)
    left = MOST_PARTED + len(asks) if most is None else most
    second: set[str] = set()
    order: dict[str, tuple[int, ...]] = {ask.id: (place,) for place, ask in enumerate(asks)}
    while waiting:
        given = {answer.ask_id: answer for answer in engine.answer(waiting)}
        smaller: list[Ask] = []
        for ask in waiting:
            answer = given.get(ask.id)
            if answer is None:
                raise AnswerError(f"the engine gave no answer to ask {ask.id}.", remedy="Ask again.")
            answer = judged(answer)
            unfit = engine.limits.understands and ask.id not in second and not _fits(answer, ask.contract)
            parts = parted(ask) if left and (unfit or answer.finish not in ("stop", "refused")) else ()
            if parts:
                left -= 1
                smaller += parts
                order |= {part.id: (*order[ask.id], place) for place, part in enumerate(parts)}
                second.update(part.id for part in parts if unfit and answer.finish == "stop")
                asked.spent.append(answer)
            else:
                asked.parts.append(Part(ask, answer))
        waiting = smaller
    asked.parts.sort(key=lambda part: order[part.ask.id])
    return asked


def judged(answer: Answer) -> Answer:
    """The answer, as `invalid` where it says that it is whole and is no JSON object."""
    if answer.finish != "stop":
        return answer
    try:
        whole = isinstance(json.loads(answer.json_text), dict)
    except ValueError:
        whole = False
    return answer if whole else replace(answer, finish="invalid")


def parted(ask: Ask) -> tuple[Ask, ...]:
    """Two asks for half of it each, in order; none where it cannot be parted."""
    if ask.scope is None:
        fields = list(_askable(ask.contract.root))
        if len(fields) > 1:
            middle = len(fields) // 2
            halves = ([child.pointer for child in part] for part in (fields[:middle], fields[middle:]))
            return tuple(
                replace(ask, id=f"{ask.id}.{place}", contract=narrowed(ask.contract, half))
                for place, half in enumerate(halves, 1)
            )
        if not fields or fields[0].kind != "array":
            return ()
        numbers = [view.text.number for view in ask.pages]
        scope = Scope(fields[0].pointer, min(numbers), max(numbers))
    else:
        scope = ask.scope
    pages = [view.text for view in ask.pages]
    return tuple(
        replace(ask, id=f"{ask.id}.{place}", scope=half) for place, half in enumerate(scope_halves(scope, pages), 1)
    )


def scope_halves(scope: Scope, pages: Sequence[PageText]) -> tuple[Scope, ...]:
    """Two scopes with about as many lines each that together are this one; none where it is of one line only."""
    if scope.first < scope.last:
        lines = {page.number: len(_tops(page, WHOLE_PAGE)) for page in pages}
        border = _middle([lines.get(number, 0) for number in range(scope.first, scope.last + 1)]) + scope.first
        parts = replace(scope, last=border - 1), replace(scope, first=border)
        total = sum(lines.get(number, 0) for number in range(scope.first, scope.last + 1))
        before = sum(lines.get(number, 0) for number in range(scope.first, border))
    else:
        page = next(page for page in pages if page.number == scope.first)
        tops = _tops(page, scope.region)
        if len(tops) < 2:
            return ()
        total, before = len(tops), len(tops) // 2
        cut = (tops[before - 1] + tops[before]) / 2
        left, top, right, bottom = scope.region
        parts = (
            replace(scope, region=Box(left, top, right, cut)),
            replace(scope, region=Box(left, cut, right, bottom)),
        )
    if scope.rows is None:
        return parts
    first = round(scope.rows * before / total) if total else scope.rows // 2
    return replace(parts[0], rows=first), replace(parts[1], rows=scope.rows - first)


def _askable(root: Field) -> Iterator[Field]:
    """The fields that can be asked for by themselves; those of a single group, where there is no other field."""
    group = root
    while len(group.children) == 1 and group.children[0].kind == "object":
        group = group.children[0]
    yield from group.children


def _tops(page: PageText, region: Box) -> list[float]:
    """The middle of each line that has a word in the region, from top to bottom, as fractions of the page."""
    tops: list[float] = []
    words = [word for word in page.words if Scope("", 1, 1, region).holds(1, word.box)]
    for word in sorted(words, key=lambda word: word.box.center[1]):
        middle = word.box.center[1]
        if not tops or middle - tops[-1] > word.box.height / 2:
            tops.append(middle)
    return tops


def _middle(weights: Sequence[int]) -> int:
    """How many of the first ones, but not none and not all, come nearest to half of the weight."""
    half, sums = sum(weights) / 2, [sum(weights[:count]) for count in range(1, len(weights))]
    return 1 + min(range(len(sums)), key=lambda place: (abs(sums[place] - half), abs(place + 1 - len(weights) / 2)))


def _fits(answer: Answer, contract: Contract) -> bool:
    if answer.finish != "stop":
        return True  # it is judged by that
    return not any(issue.code == "invalid" for issue in contract.validate(json.loads(answer.json_text)))
