"""Two tellings of one entry, or of what stands once in a document, made one: settled by evidence, or disputed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pipeline.joining.entries import Entry, set_value

_Known = TypeVar("_Known")


LITERAL = 0.95  # the least score of words that say no less than the value: not one letter is another


def merge(one: Entry, other: Entry, *, only_stated: bool = False) -> None:
    """Adds to the first what only the second says, and what the second says with evidence where the first has none.

    Where they say different things, and the pages state both or neither better, the first stands and is disputed. A
    list of plain values is one value; the lists of objects are taken together, for joining to tell their entries apart.
    only_stated: of what only the second says, nothing is taken that has no evidence.
    """
    known = dict(one.values())
    for pointer, value in other.values():
        mine, before, now = known.get(pointer), _evidence(one, pointer), _evidence(other, pointer)
        if mine in (None, []):
            if now or not only_stated:
                _take(one, other, pointer, value)
        elif mine == value or (now > before and before < LITERAL):
            if now > before:
                _take(one, other, pointer, value)
        elif now == before or now >= LITERAL:
            one.disputed.setdefault(pointer, value)
    _fill(one.value, other.value)
    for at, entries in other.lists.items():
        one.lists[at] = [*one.lists.get(at, ()), *entries]


def add_part(root: Entry, part: Entry) -> None:
    """Adds what a reply says to what is known of the document.

    The lists of plain values of several windows are taken together, each value that both say once, for windows overlap;
    slices of such a list do not, and all is kept. What a reply about one list says of another was not asked for.
    """
    known = dict(root.values())
    for pointer, value in part.values():
        if not isinstance(value, list):
            continue
        if part.scope is not None and part.scope.list != pointer:
            _forget(part, pointer)
        elif isinstance(mine := known.get(pointer), list):
            _extend(root, part, pointer, mine, value)
            _forget(part, pointer)
    merge(root, part)


def agree(one: Entry, other: Entry) -> bool:
    """Whether they say nothing different of the same leaf."""
    said = dict(one.values())
    return all(said.get(pointer, value) == value for pointer, value in other.values())


def continued(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, those made one that a border between slices had parted: alike in all but lists of their own."""
    whole: list[Entry] = []
    for entry in entries:
        above = whole[-1] if whole else None
        if above and entry.lists and above.lists and above.part != entry.part and agree(above, entry):
            above.part = entry.part  # the part that it reaches to: a third slice may go on with it
            merge(above, entry)
        else:
            whole.append(entry)
    return whole


def _forget(entry: Entry, pointer: str) -> None:
    set_value(entry.value, pointer, None)
    _replace(entry.sources, {}, pointer)
    _replace(entry.stated, {}, pointer)


def _evidence(entry: Entry, pointer: str) -> float:
    return max((stated.score for at, stated in entry.stated.items() if _is_at(at, pointer)), default=0.0)


def _fill(mine: dict[str, Any], theirs: Mapping[str, Any]) -> None:
    """What is null in both has to be in the data too."""
    for name, value in theirs.items():
        known = mine.setdefault(name, value)
        if isinstance(known, dict) and isinstance(value, dict):
            _fill(known, value)


def _take(one: Entry, other: Entry, pointer: str, value: Any) -> None:
    set_value(one.value, pointer, value)
    one.disputed.pop(pointer, None)
    _replace(one.sources, other.sources, pointer)
    _replace(one.stated, other.stated, pointer)


def _replace(mine: dict[str, _Known], theirs: Mapping[str, _Known], pointer: str) -> None:
    for at in [at for at in mine if _is_at(at, pointer)]:
        del mine[at]
    mine.update({at: known for at, known in theirs.items() if _is_at(at, pointer)})


def _extend(one: Entry, other: Entry, pointer: str, mine: list[Any], value: list[Any]) -> None:
    before = list(mine)
    for number, item in enumerate(value):
        if other.scope is None and item in before:
            continue
        source, target = f"{pointer}/{number}", f"{pointer}/{len(mine)}"
        if source in other.sources:
            one.sources[target] = other.sources[source]
        if source in other.stated:
            one.stated[target] = other.stated[source]
        mine.append(item)


def _is_at(pointer: str, wanted: str) -> bool:
    return pointer == wanted or pointer.startswith(f"{wanted}/")
