"""Replies taken apart into what stands once and the entries of lists, so that parts of a document can be joined.

Lists are lists of objects here. A list of plain values, which has nothing to tell its entries apart by, is one value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from model.engine import Answer, Finding, Scope
from pipeline.grounding.index import Place, WordIndex
from schemas.field import Field
from schemas.pointer import escaped, leaves

WordKey = tuple[int, int]
"""A word of a document: its page, and its place in `PageText.words`."""


class Stated(NamedTuple):
    """Where a leaf of an entry is stated. words: in the order of reading; score: how well they state it, 0..1."""

    words: tuple[WordKey, ...]
    score: float


class Source(NamedTuple):
    """How an engine came to a leaf. cut: a bound of the engine ended it. logprobs: of its tokens, as in `Answer`."""

    finding: Finding | None = None
    cut: bool = False
    logprobs: tuple[float, ...] = ()


def sources_of(answer: Answer) -> dict[str, Source]:
    """By leaf pointer into the answer's JSON."""
    cut, logprobs = set(answer.cut), answer.leaf_logprobs
    return {
        at: Source(answer.findings.get(at), at in cut, tuple(logprobs.get(at, ())))
        for at in answer.findings.keys() | logprobs.keys() | cut
    }


def stated_at(place: Place) -> Stated:
    spans = place.parts or ((place.first, place.last),)
    return Stated(tuple((place.page, word) for first, last in spans for word in range(first, last)), place.score)


def stated_by(finding: Finding, index: WordIndex) -> Stated:
    """Where an engine says that it read a value; it is believed."""
    numbers = index.numbers(finding.page)
    return Stated(tuple((finding.page, numbers[word]) for word in finding.words if word in numbers), 1.0)


@dataclass(eq=False, slots=True)
class Entry:
    """What stands once: an object without its lists of objects, and these.

    value: the object; its lists of objects are left out. lists: entries by the list's pointer from here. sources,
    stated: by leaf pointer from here. scope: of the ask that brought it. part: the number of that ask's reply.
    disputed: leaves for which another part says something else, and what; no evidence settles it.
    """

    value: dict[str, Any]
    lists: dict[str, list[Entry]] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    stated: dict[str, Stated] = field(default_factory=dict)
    scope: Scope | None = None
    part: int = 0
    disputed: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> frozenset[WordKey]:
        """All words that state one of its leaves, those of its own lists left out."""
        return frozenset(word for stated in self.stated.values() for word in stated.words)

    @property
    def is_believed(self) -> bool:
        """Whether the engine itself knows where it stands."""
        return any(source.finding for source in self.sources.values())

    def values(self) -> Iterator[tuple[str, Any]]:
        """Pointer and value of everything of its own that is no object and not null; a list is one value."""
        return _values(self.value, "")

    def leaves(self) -> Iterator[tuple[str, Any]]:
        """Pointer and value of each of its own leaves that is not null."""
        return ((pointer, value) for pointer, value in leaves(self.value) if value is not None)

    def owner(self, pointer: str) -> tuple[Entry, str]:
        """The entry that the leaf at a pointer from here belongs to, and the pointer from there."""
        for at, entries in self.lists.items():
            if pointer.startswith(f"{at}/"):
                number, slash, rest = pointer[len(at) + 1 :].partition("/")
                if number.isdigit() and int(number) < len(entries):
                    return entries[int(number)].owner(slash + rest)
        return self, pointer

    def everywhere(self) -> Iterator[Entry]:
        """Itself and all entries below it."""
        yield self
        for entries in self.lists.values():
            for entry in entries:
                yield from entry.everywhere()


def taken_apart(
    data: Mapping[str, Any], root: Field, sources: Mapping[str, Source], scope: Scope | None = None, part: int = 0
) -> Entry:
    """An object as an entry. root: its field. sources: by pointer into `data`."""
    apart = _Apart(scope, part)
    entry = Entry({}, scope=scope, part=part)
    entry.value = apart.own(data, root, "", entry)
    for pointer, source in sources.items():
        owner, rest = entry.owner(pointer)
        owner.sources[rest] = source
    return entry


def put_together(entry: Entry, root: Field) -> tuple[dict[str, Any], dict[str, Source]]:
    """The reverse: the object, with its fields in the schema's order, and its sources by pointer."""
    sources: dict[str, Source] = {}
    data = _together(entry, root, "", sources)
    return data, sources


class _Apart:
    """Takes replies apart for one part."""

    def __init__(self, scope: Scope | None, part: int) -> None:
        self.scope, self.part = scope, part

    def own(self, data: Mapping[str, Any], node: Field, pointer: str, entry: Entry) -> dict[str, Any]:
        """The object without its lists of objects, which become the entry's."""
        children = {child.name: child for child in node.children}
        value: dict[str, Any] = {}
        for name, inner in data.items():
            child, at = children.get(name), f"{pointer}/{escaped(name)}"
            if child is not None and child.kind == "object" and isinstance(inner, dict):
                value[name] = self.own(inner, child, at, entry)
            elif child is not None and is_list(child) and isinstance(inner, list):
                entry.lists[at] = [self.entry(item, child) for item in inner]
            else:
                value[name] = inner
        return value

    def entry(self, item: Any, child: Field) -> Entry:
        assert child.item is not None
        entry = Entry({}, scope=self.scope, part=self.part)
        # What is no object is kept as it is, under no name: validation says what is wrong with it.
        entry.value = self.own(item, child.item, "", entry) if isinstance(item, dict) else {"": item}
        return entry


def is_list(node: Field) -> bool:
    """Whether it is a list of objects."""
    return node.kind == "array" and node.item is not None and node.item.kind == "object"


def lists_below(node: Field, pointer: str = "") -> Iterator[tuple[str, Field]]:
    """(pointer from the node, field) of each list of objects that is reached through objects alone."""
    for child in node.children:
        at = f"{pointer}/{escaped(child.name)}"
        if is_list(child):
            yield at, child
        elif child.kind == "object":
            yield from lists_below(child, at)


def set_value(data: dict[str, Any], pointer: str, value: Any) -> None:
    """Puts a value at a pointer through objects, which are made where they are missing or null."""
    *groups, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    for name in groups:
        group = data.get(name)
        if not isinstance(group, dict):
            group = data[name] = {}
        data = group
    data[last] = value


def _values(data: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, Any]]:
    for name, inner in data.items():
        at = f"{pointer}/{escaped(name)}"
        if isinstance(inner, dict):
            yield from _values(inner, at)
        elif inner is not None:
            yield at, inner


def _together(entry: Entry, node: Field, pointer: str, sources: dict[str, Source]) -> Any:
    sources.update({pointer + at: source for at, source in entry.sources.items()})
    if entry.value.keys() == {""}:
        return entry.value[""]
    fields = dict(lists_below(node))
    data: dict[str, Any] = _copied(entry.value)
    for at, entries in entry.lists.items():
        item = fields[at].item
        assert item is not None
        rows = [_together(inner, item, f"{pointer}{at}/{number}", sources) for number, inner in enumerate(entries)]
        set_value(data, at, rows)
    return _ordered(data, node)


def _copied(value: Any) -> Any:
    return {name: _copied(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def _ordered(data: Any, node: Field) -> Any:
    if not isinstance(data, dict):
        return data
    places = {child.name: (place, child) for place, child in enumerate(node.children)}
    names: Iterable[str] = sorted(data, key=lambda name: places[name][0] if name in places else len(places))
    return {name: _ordered(data[name], places[name][1]) if name in places else data[name] for name in names}
