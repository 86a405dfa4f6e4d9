"""What a closer look says of the values that it was about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.escalation.doubts import Doubt
from pipeline.escalation.places import Entry, Places, entries_of
from pipeline.ground import Basis, Grounded, grounded
from pipeline.grounding.index import WordIndex
from pipeline.joining.entries import Source, sources_of
from pipeline.slices import Part
from schemas.field import Field
from schemas.formats import leaf_values
from schemas.page import Box
from schemas.pointer import resolve
from schemas.record import Evidence

SAME_PLACE = 3  # equal values that standing in the same place is worth, when entries are told apart


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as one look reads it. score: how well it is printed where it may stand, whichever place that is."""

    value: Any
    grounded: Grounded
    source: Source
    score: float


class Second:
    """One reply to a closer look. It tells by itself what it is about: a replay has it without today's asks."""

    def __init__(self, part: Part, places: Places) -> None:
        self.ask, self.places = part.ask, places
        text = part.ask.pages[0].text
        self.index = WordIndex([text])
        self.is_whole = part.answer.finish == "stop"
        self.data = json.loads(part.answer.json_text) if self.is_whole else {}
        self.sources = sources_of(part.answer) if self.is_whole else {}
        findings = {at: source.finding for at, source in self.sources.items() if source.finding}
        self.grounds = grounded(self.data, [text], findings, part.ask.contract.root)
        self.nodes = {at: node for at, node, _ in leaf_values(part.ask.contract.root, self.data)}
        self._asked = {node.pointer for node in part.ask.contract.fields()}
        self._inside = self._held()
        self._same = dict(self._paired())

    def is_about(self, doubt: Doubt) -> bool:
        """Whether it was asked for this value."""
        if doubt.field.pointer not in self._asked or bool(doubt.row) != (self.ask.scope is not None):
            return False
        return not doubt.row or doubt.row in self._inside

    def printed(self, value: Any, field: Field) -> float:
        """How well the words that were shown state a value, at best."""
        return max((run.score for run in self.index.runs(value, field)), default=0.0)

    def shows(self, evidence: Sequence[Evidence]) -> bool:
        """Whether it was shown all of these words."""
        page, region = self.ask.pages[0].text.number, self.ask.pages[0].region
        return bool(evidence) and all(item.page == page and region.has_middle_of(item.box) for item in evidence)

    def reading(self, doubt: Doubt, first: Any) -> Reading | None:
        """What it says of the value, which may be null; None where it says nothing of it, or was not whole.

        first: what was read at first. Entries of a list of plain values have nothing else to tell them apart by.
        """
        at = self._pointer(doubt, first) if self.is_whole else None
        if at is None or at not in self.nodes:
            return None
        value, found = resolve(self.data, at), self.grounds.get(at, Grounded((), Basis.ABSENT))
        stated = min((item.score for item in found.evidence), default=0.0)
        score = 0.0 if value is None else max(stated, self.printed(value, doubt.field))
        return Reading(value, found, self.sources.get(at, Source()), score)

    def _pointer(self, doubt: Doubt, first: Any) -> str | None:
        """Where in the reply the value is, or would be."""
        at = doubt.pointer
        if doubt.row:
            if doubt.row not in self._same:
                return None
            at = self._same[doubt.row] + at.removeprefix(doubt.row)
        if not doubt.field.pointer.endswith("/*"):
            return at
        plain = at.rpartition("/")[0]
        items = resolve(self.data, plain)
        return f"{plain}/{items.index(first)}" if isinstance(items, list) and first in items else None

    def _paired(self) -> Iterator[tuple[str, str]]:
        """(entry of the document, entry of the reply) that are the same one; lists in lists each for themselves."""
        mine = {row: self.places.entry(row) for row in self._inside}
        theirs = entries_of(self.nodes.items(), self.data, self.grounds)
        for kind in dict.fromkeys(entry.kind for entry in mine.values()):
            yield from _matched(_of_kind(mine, kind), _of_kind(theirs, kind))

    def _held(self) -> tuple[str, ...]:
        """Entries of the document that its scope holds."""
        scope = self.ask.scope
        if scope is None:
            return ()
        entries = self.places.entries(scope.list, scope.first)
        return tuple(row for row, box in entries if scope.region.has_middle_of(box))


def _of_kind(entries: Mapping[str, Entry], kind: str) -> dict[str, Entry]:
    return {row: entry for row, entry in entries.items() if entry.kind == kind}


def _matched(mine: Mapping[str, Entry], theirs: Mapping[str, Entry]) -> Iterator[tuple[str, str]]:
    """Those that are most alike first; where there are as many of both, the others in their order."""
    pairs = [(_likeness(one, other), row, at) for row, one in mine.items() for at, other in theirs.items()]
    mine_left, theirs_left = dict.fromkeys(mine), dict.fromkeys(theirs)
    for likeness, row, at in sorted(pairs, key=lambda pair: -pair[0]):
        if likeness and row in mine_left and at in theirs_left:
            del mine_left[row], theirs_left[at]
            yield row, at
    if len(mine) == len(theirs):
        yield from zip(mine_left, theirs_left, strict=True)


def _likeness(one: Entry, other: Entry) -> int:
    """How many values are equal; standing on the same lines counts for several."""
    equal = sum(int(value is not None and other.values.get(at) == value) for at, value in one.values.items())
    return equal + SAME_PLACE * _on_same_lines(one.box, other.box)


def _on_same_lines(one: Box | None, other: Box | None) -> bool:
    if one is None or other is None:
        return False
    return one.y0 <= other.center[1] <= one.y1 or other.y0 <= one.center[1] <= other.y1
