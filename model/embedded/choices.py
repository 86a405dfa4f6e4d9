"""Booleans from checkboxes and yes/no words, and enums by the words of their choices."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.embedded.candidates import Reading
from model.embedded.lines import Line, Span
from model.embedded.roles import role_of
from model.embedded.scalars import Choice
from model.embedded.texts import labelled_text, trimmed
from model.values.text import squash
from schemas.field import Field
from schemas.page import Mark

_YES = frozenset("yes y ja oui si sí sim tak true x ✓ ✔".split())
_NO = frozenset("no n nein non nee não nie false".split())


def choose_marked(reading: Reading, leaves: Sequence[Field]) -> dict[str, Choice]:
    """Values for the boolean and enum leaves."""
    chosen: dict[str, Choice] = {}
    for leaf in leaves:
        role = role_of(leaf)
        choice = None
        if role == "boolean":
            choice = _from_mark(reading, leaf) or _from_words(reading, leaf)
        elif role == "choice":
            choice = _enum(reading, leaf)
        if choice is not None:
            chosen[leaf.pointer] = choice
    return chosen


def marked_texts(reading: Reading) -> list[tuple[Span, Mark]]:
    """Every checkbox with the text that stands right of it, or left of it where nothing does; in reading order."""
    found = []
    for page in reading.pages:
        for mark in page.marks:
            text = _beside(reading, page.number, mark)
            if text is not None:
                found.append((text, mark))
    return found


def _beside(reading: Reading, page: int, mark: Mark) -> Span | None:
    width, height = reading.page_sizes[page]
    middle = mark.box.center[1] * height
    for line in reading.by_page[page]:
        if not line.y0 <= middle <= line.y1:
            continue
        left, right = mark.box.x0 * width, mark.box.x1 * width
        others = sorted(m.box.x0 * width for m in _marks_on(reading, page, line) if m.box.x0 * width > right)
        limit = others[0] if others else width
        after = _words_between(line, right - 1, limit)
        if after is not None and after.x0 - right < 4 * line.size:
            return after
        before = [segment for segment in line.segments if segment.x1 <= left + 1]
        return trimmed(before[-1]) if before else after
    return None


def _marks_on(reading: Reading, page: int, line: Line) -> list[Mark]:
    _, height = reading.page_sizes[page]
    marks = next(p.marks for p in reading.pages if p.number == page)
    return [mark for mark in marks if line.y0 <= mark.box.center[1] * height <= line.y1]


def _words_between(line: Line, left: float, right: float) -> Span | None:
    """The first segment, cut at the limits, that begins between two x positions."""
    inside = [index for index, edge in enumerate(line.edges) if edge[0] >= left and edge[1] <= right + 1]
    if not inside:
        return None
    segment = line.segment_at(line.starts[inside[0]])
    last = max(index for index in inside if line.starts[index] < segment.end)
    return trimmed(Span(line, line.starts[inside[0]], line.starts[last] + len(line.words[last].text)))


def _from_mark(reading: Reading, leaf: Field) -> Choice | None:
    """The checkbox whose text holds the leaf's label; of a yes/no pair behind the label, the ticked one."""
    for text, mark in marked_texts(reading):
        own = [hit for hit in reading.hits_on(text.line) if leaf.pointer in hit.pointers]
        if not own:
            continue
        word = squash(text.text)
        if word in _YES | _NO:
            if mark.checked and own[0].span.end <= text.start:
                return Choice(leaf.pointer, word in _YES, (text,), 0.9)
            continue
        if any(text.start <= hit.span.start < text.end for hit in own):
            return Choice(leaf.pointer, mark.checked, (text,), 0.9 * mark.confidence)
    return None


def _from_words(reading: Reading, leaf: Field) -> Choice | None:
    said = labelled_text(reading, leaf)
    if said is None:
        return None
    first = re.split(r"[\s,.;]", str(said.value).casefold())[0]
    if first in _YES or first in _NO:
        return Choice(leaf.pointer, first in _YES, said.spans, said.score)
    return None


def _enum(reading: Reading, leaf: Field) -> Choice | None:
    by_text = {squash(str(choice)): choice for choice in leaf.choices}
    for text, mark in marked_texts(reading):
        if mark.checked and squash(text.text) in by_text:
            return Choice(leaf.pointer, by_text[squash(text.text)], (text,), 0.9)
    said = labelled_text(reading, leaf)
    if said is not None:
        value = squash(str(said.value))
        for text_of, choice in sorted(by_text.items(), key=lambda pair: -len(pair[0])):
            if text_of and value.startswith(text_of):
                return Choice(leaf.pointer, choice, said.spans, said.score)
    found = [
        (choice, segment)
        for line in reading.lines
        for segment in line.segments
        for text_of, choice in by_text.items()
        if len(text_of) > 2 and squash(segment.text) == text_of
    ]
    if len({str(choice) for choice, _ in found}) == 1:
        return Choice(leaf.pointer, found[0][0], (found[0][1],), 0.5)
    return None
