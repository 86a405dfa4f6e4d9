"""From what came back of one document to its data: parts joined, each entry once, in the order of the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.engine import Finding
from pipeline.grounding.index import WordIndex
from pipeline.joining.entries import (
    Entry,
    Source,
    lists_below,
    put_together,
    sources_of,
    stated_at,
    stated_by,
    taken_apart,
)
from pipeline.joining.join import Joiner
from pipeline.joining.merge import add_part
from pipeline.slices import Part
from schemas.contract import Contract
from schemas.errors import AnswerCutOff
from schemas.field import Field
from schemas.record import Issue

_HOW = {
    "length": "it reached the most tokens that are allowed",
    "loop": "it went in circles",
    "invalid": "it holds no whole JSON",
    "refused": "the engine refused",
}


@dataclass(frozen=True, slots=True)
class Assembled:
    """What all parts say together. sources: by JSON Pointer into `data`. issues: what was left out or is disputed, and
    what no part answered.
    """

    data: Any
    sources: dict[str, Source]
    issues: list[Issue]

    @property
    def findings(self) -> dict[str, Finding]:
        """By JSON Pointer into `data`."""
        return {at: source.finding for at, source in self.sources.items() if source.finding}


class Assembly:
    """One document's data while its parts come in. root: what is known so far, as an entry."""

    def __init__(self, contract: Contract, index: WordIndex) -> None:
        self.contract, self.index = contract, index
        self.root = Entry({})
        self._joiner = Joiner(index)
        self._parts = 0
        self._unanswered: list[Issue] = []

    def add(self, parts: Sequence[Part]) -> None:
        """Joins the whole ones of the parts to what is known; each that is not whole becomes an issue."""
        for part in parts:
            self._parts += 1
            if part.answer.finish != "stop":
                self._unanswered.append(_not_answered(part))
                continue
            data, sources = json.loads(part.answer.json_text), sources_of(part.answer)
            told = taken_apart(data, self.contract.root, sources, part.ask.scope, self._parts)
            _state(told, part, self.index)
            add_part(self.root, told)
        for pointer, node in lists_below(self.contract.root):
            if self.root.lists.get(pointer):
                self.root.lists[pointer] = self._joiner.joined(pointer, node, self.root.lists[pointer])

    def told(self) -> Assembled:
        data, sources = put_together(self.root, self.contract.root)
        return Assembled(
            without_empty(data, self.contract.root),
            sources,
            [*self._joiner.issues, *_disputes(self.root, ""), *self._unanswered, *cut_off(sources)],
        )


def check_answered(parts: Sequence[Part]) -> None:
    """Raises AnswerCutOff where no part is whole."""
    if all(part.answer.finish != "stop" for part in parts):
        raise AnswerCutOff(_not_whole(parts[0]), remedy="Ask for fewer fields or split the document.")


def cut_off(sources: Mapping[str, Source]) -> Iterator[Issue]:
    """One for each value that a bound of the engine ended: nothing may be missing in silence."""
    for pointer in sorted(at for at, source in sources.items() if source.cut):
        yield Issue(
            code="cut-off",
            message=f"{pointer} is as long as the engine lets it be: some of it may be missing.",
            severity="error",
            pointers=(pointer,),
        )


def whole_data(part: Part, contract: Contract) -> Any:
    """The data of a reply that has to be whole. Raises AnswerCutOff."""
    if part.answer.finish != "stop":
        raise AnswerCutOff(_not_whole(part), remedy="Ask for less at a time.")
    return without_empty(json.loads(part.answer.json_text), contract.root)


def _state(told: Entry, part: Part, index: WordIndex) -> None:
    """Says which of a part's own values its pages state, for where parts disagree."""
    pages = {view.text.number for view in part.ask.pages}
    for pointer, value in told.leaves():
        source = told.sources.get(pointer)
        if source and source.finding:
            told.stated[pointer] = stated_by(source.finding, index)
        elif (place := next(index.places(value, pages), None)) is not None:
            told.stated[pointer] = stated_at(place)


def _disputes(entry: Entry, pointer: str) -> Iterator[Issue]:
    for at, other in entry.disputed.items():
        yield Issue(
            code="disputed",
            message=f"{pointer}{at}: another part of the document says {other!r}, and nothing settles which is right.",
            severity="error",
            pointers=(pointer + at,),
        )
    for at, entries in entry.lists.items():
        for number, inner in enumerate(entries):
            yield from _disputes(inner, f"{pointer}{at}/{number}")


def _not_answered(part: Part) -> Issue:
    """What no asking made whole is missing, and has to be said to be."""
    scope = part.ask.scope
    fields = (scope.list,) if scope else tuple(child.pointer for child in part.ask.contract.root.children)
    return Issue(
        code="not-answered",
        message=f"{', '.join(fields)}: {_not_whole(part)}",
        severity="error",
        pointers=fields,
        page=scope.first if scope and scope.first == scope.last else None,
    )


def _not_whole(part: Part) -> str:
    return f"the engine's reply to ask {part.ask.id} is not whole: {_HOW[part.answer.finish]}."


def without_empty(value: Any, node: Field) -> Any:
    """Leaves out optional properties that are null where the schema allows no null, so that absence stays valid."""
    if isinstance(value, dict) and node.kind == "object":
        kept = {}
        by_name = {child.name: child for child in node.children}
        for name, inner in value.items():
            child = by_name.get(name)
            if child is None:
                kept[name] = inner
                continue
            inner = without_empty(inner, child)
            hollow = inner is None or (child.kind == "object" and not child.required and inner == {})
            if hollow and not child.nullable and not child.required:
                continue
            kept[name] = inner
        return kept
    if isinstance(value, list) and node.item is not None:
        return [without_empty(inner, node.item) for inner in value]
    return value
