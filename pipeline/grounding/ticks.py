"""Where a yes or no is stated: a checkbox beside the field's label, or the word behind it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from model.values.text import squash
from pipeline.grounding.amounts import Run
from pipeline.grounding.beside import LONGEST, Labels
from pipeline.grounding.words import Words
from schemas.field import Field
from schemas.page import Box, Mark, Word, enclosing
from schemas.record import Evidence

TICKED, EMPTY = "\u2611", "\u2610"
_YES = frozenset("yes y ja oui si sim tak ano true x".split())
_NO = frozenset("no n nein non nee nao nie ne false".split())
_NEAR = 1.0  # heights of a mark, from its middle to that of its label
_ASIDE = 12.0  # … from its edge to its label's


class Ticks:
    """The checkboxes of a document and the words beside them."""

    def __init__(self, words: Words, labels: Labels) -> None:
        self.words, self.labels = words, labels
        self._used: set[tuple[int, Box]] = set()

    def of_field(self, value: bool, field: Field) -> tuple[Evidence, ...]:
        """The checkbox with the field's label, else the yes or no behind it; nothing where it says the opposite."""
        keys = self.labels.of(field)
        for page, mark, beside in self._marks:
            if mark.checked == value and any(keys.get(text) for text in _openings(beside)):
                return (_tick(page, mark),)
        return self._said(value, field)

    def of_label(self, value: bool, label: Run) -> tuple[Evidence, ...]:
        """The checkbox nearest to the words of its label, not used before."""
        page = self.words.pages[self.words.page_of[label.first]]
        box = enclosing(self.words.at(number).box for number in range(label.first, label.last))
        options = [
            (distance, mark)
            for mark in page.marks
            if mark.checked == value
            and (page.number, mark.box) not in self._used
            and (distance := _distance(mark.box, box, page.width / page.height)) is not None
        ]
        if not options:
            return ()
        _, mark = min(options)
        self._used.add((page.number, mark.box))
        return (_tick(page.number, mark),)

    def _said(self, value: bool, field: Field) -> tuple[Evidence, ...]:
        wanted = _YES if value else _NO
        for token, key in enumerate(self.words.keys):
            if key in wanted:
                for number in self.words.with_token(token).tolist():
                    if self.labels.weight(Run(number, number + 1, 1.0), field):
                        word = self.words.at(number)
                        page = self.words.pages[self.words.page_of[number]].number
                        return (Evidence(page=page, box=word.box, text=word.text, score=1.0, cell=word.cell),)
        return ()

    @cached_property
    def _marks(self) -> list[tuple[int, Mark, list[Word]]]:
        """(page, mark, words right of it on its line, as many as a label has) of every checkbox."""
        return [(page.number, mark, _right(page.words, mark)) for page in self.words.pages for mark in page.marks]


def _right(words: tuple[Word, ...], mark: Mark) -> list[Word]:
    line = [
        word for word in words if word.box.y0 <= mark.box.center[1] <= word.box.y1 and word.box.center[0] > mark.box.x1
    ]
    return sorted(line, key=lambda word: word.box.x0)[:LONGEST]


def _openings(words: list[Word]) -> Iterator[str]:
    text = ""
    for word in words:
        text += squash(word.text)
        yield text


def _distance(mark: Box, label: Box, shape: float) -> float | None:
    """How far a label is from a checkbox, in the mark's heights; None where it is too far. shape: width by height."""
    height = mark.height or 0.01
    down = abs(mark.center[1] - label.center[1]) / height
    aside = max(label.x0 - mark.x1, mark.x0 - label.x1, 0.0) * shape / height
    return down + aside if down <= _NEAR and aside <= _ASIDE else None


def _tick(page: int, mark: Mark) -> Evidence:
    return Evidence(page=page, box=mark.box, text=TICKED if mark.checked else EMPTY, score=1.0)
