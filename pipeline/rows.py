"""Which line of which page each entry of a list is: all its leaves are looked for together, not one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.engine import Scope
from pipeline.index import Place, WordIndex

BELOW = 3.0  # line heights below its first line in which an entry's other leaves are looked for
FREQUENT = 3000  # places from which a value tells nothing of where an entry stands
STEPS = 400  # of a page's height, by which lines are told apart

_Line = tuple[int, int]
_WordKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RowPlaces:
    """Where an entry stands. places: by leaf pointer. shared: another entry stands on the very same words."""

    places: dict[str, Place] = field(default_factory=dict)
    shared: bool = False


def ground_rows(
    rows: Sequence[Mapping[str, Any]],
    index: WordIndex,
    pages: Collection[int] | None = None,
    scope: Scope | None = None,
) -> list[RowPlaces]:
    """The places of each entry, in their order. rows: leaf values by pointer; scope: where they should begin."""
    taken: Counter[_WordKey] = Counter()
    known: dict[Any, list[Place]] = {}
    found = []
    for row in rows:
        places = {}
        for pointer, value in row.items():
            key = (type(value), value)
            if key not in known:
                known[key] = list(index.places(value, pages))
            places[pointer] = known[key]
        found.append(_best(places, index, taken, scope))
        taken.update(key for place in found[-1].places.values() for key in _words(place))
    return found


def _best(
    places: Mapping[str, Sequence[Place]], index: WordIndex, taken: Counter[_WordKey], scope: Scope | None
) -> RowPlaces:
    """The first of the lines that no other entry has taken, that lie in the scope, and that state the most."""
    best, most = RowPlaces(), (False, False, 0.0)
    for together, level in _candidates(places, index):
        words = [key for place in together.values() for key in _words(place)]
        first = min((index.words(place)[0] for place in together.values()), key=lambda word: word.box.center[::-1])
        page = next(iter(together.values())).page
        free = sum(1 for key in words if not taken[key]) > len(words) / 2
        told = sum(1 / len(places[pointer]) for pointer in together)
        rank = (free, scope is None or scope.holds(page, first.box), len(together) + level + told)
        if rank > most:
            best, most = RowPlaces(together, shared=not free), rank
    return best


def _candidates(places: Mapping[str, Sequence[Place]], index: WordIndex) -> Iterator[tuple[dict[str, Place], int]]:
    """For each line that states a leaf: what it and the few lines below state, and how many leaves it states itself."""
    lines: dict[_Line, dict[str, Place]] = defaultdict(dict)
    heights: dict[_Line, float] = {}
    for pointer, some in places.items():
        for place in some if len(some) <= FREQUENT else ():
            box = index.words(place)[0].box
            line = (place.page, round(box.center[1] * STEPS))
            heights[line] = box.height
            lines[line].setdefault(pointer, place)
    for (page, top), level in sorted(lines.items()):
        together = dict(level)
        for step in range(1, 1 + round(BELOW * heights[page, top] * STEPS)):
            for pointer, place in lines.get((page, top + step), {}).items():
                together.setdefault(pointer, place)
        yield together, len(level)


def _words(place: Place) -> Iterator[_WordKey]:
    return ((place.page, word) for word in range(place.first, place.last))
