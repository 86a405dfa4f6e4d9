"""From what is expected of each list to asks: every reply under half of the output limit, with few asks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from model.engine import Scope
from pipeline.planning.lists import Single
from pipeline.planning.rows import Entries, Expected
from schemas.page import Box

BRACES = 2.0  # tokens around all of a reply


@dataclass(frozen=True, slots=True)
class Slice:
    """One ask. fields: pointers of the fields that it fills. tokens: that its reply is expected to take.

    task: tokens of its schema and wording, which come after the pages. scope: of a list's slice; None where its fields
    are wanted from the whole window.
    """

    fields: tuple[str, ...]
    tokens: int
    scope: Scope | None = None
    task: int = 0


@dataclass
class _Bin:
    """Fields that share an ask."""

    fields: list[str] = field(default_factory=list)
    tokens: float = BRACES

    @classmethod
    def of(cls, singles: Sequence[Single], lists: Sequence[Expected], read: tuple[int, int]) -> _Bin:
        """Everything."""
        everything = cls()
        for single in singles:
            everything.put(single.pointer, single.tokens)
        for each in lists:
            everything.put(each.list.pointer, _whole(each, read))
        return everything

    def put(self, pointer: str, tokens: float) -> None:
        self.fields.append(pointer)
        self.tokens += tokens

    def asked(self, singles: Sequence[Single], lists: Sequence[Expected]) -> Slice:
        """The ask for them, single fields first, each in the contract's order."""
        order = [*(single.pointer for single in singles), *(each.list.pointer for each in lists)]
        return Slice(tuple(pointer for pointer in order if pointer in self.fields), math.ceil(self.tokens))


def slices(
    singles: Sequence[Single], lists: Sequence[Expected], read: tuple[int, int], own: tuple[int, int], most: int | None
) -> list[Slice]:
    """The asks of one window: single fields first, together with lists so short that they fit beside them.

    read, own: first and last page of the window, and of those whose entries are to be asked for here. most: tokens that
    a reply is to stay under; None for one ask for everything.
    """
    if most is None:
        return [_Bin.of(singles, lists, read).asked(singles, lists)]
    bins = _bins(singles, lists, read, most)
    by_itself = {each.list.pointer for each in lists} if singles or len(lists) > 1 or own != read else set[str]()
    shared = [each for each in bins if len(each.fields) > 1 or each.fields[0] not in by_itself]
    within = {pointer for each in shared for pointer in each.fields}
    parts = [part for each in lists if each.list.pointer not in within for part in _parts(each, own, most)]
    return [each.asked(singles, lists) for each in shared] + parts


def _bins(singles: Sequence[Single], lists: Sequence[Expected], read: tuple[int, int], most: int) -> list[_Bin]:
    """Single fields in their order, then lists from the shortest on, each where there is room. Lists that are too long
    for a reply are left out."""
    bins = [_Bin()]
    for single in singles:
        if bins[-1].fields and bins[-1].tokens + single.tokens > most:
            bins.append(_Bin())
        bins[-1].put(single.pointer, single.tokens)
    for tokens, pointer in sorted((_whole(each, read), each.list.pointer) for each in lists):
        if BRACES + tokens <= most:
            room = next((each for each in bins if not each.fields or each.tokens + tokens <= most), None)
            if room is None:
                room = _Bin()
                bins.append(room)
            room.put(pointer, tokens)
    return [each for each in bins if each.fields]


def _whole(each: Expected, read: tuple[int, int]) -> float:
    """Tokens of all its entries in a window."""
    return each.list.empty + each.tokens(*read)


def _parts(each: Expected, own: tuple[int, int], most: int) -> Iterator[Slice]:
    """Slices of a list, about equally long, at page borders; a page that is too much by itself is cut between lines."""
    room = max(1.0, most - BRACES - each.list.empty)
    total = each.tokens(*own)
    target = total / max(1, math.ceil(total / room))
    start, taken, rest = own[0], 0.0, total
    for page in range(own[0], own[1] + 1):
        here = each.tokens(page, page)
        if page > start and _is_full(taken, here, rest, target, room):
            yield _slice(each, start, page - 1, taken)
            start, taken = page, 0.0
        rest -= here
        if here > room:
            yield from _regions(each, page, room)
            start, taken = page + 1, 0.0
        else:
            taken += here
    if start <= own[1]:
        yield _slice(each, start, own[1], taken)


def _is_full(taken: float, more: float, rest: float, target: float, room: float) -> bool:
    """Whether a slice ends before what comes next. rest: what is still to come, that included."""
    return taken + more > room or (taken + more / 2 > target and rest > target / 2)


def _slice(each: Expected, first: int, last: int, tokens: float) -> Slice:
    scope = Scope(each.list.pointer, first, last, rows=each.rows(first, last))
    return Slice((each.list.pointer,), math.ceil(BRACES + each.list.empty + tokens), scope)


def _regions(each: Expected, page: int, room: float) -> Iterator[Slice]:
    """Slices of one page, from its top to its bottom; a single entry is never cut."""
    entries = each.by_page[page]
    total = each.tokens(page, page)
    target = total / math.ceil(total / room)
    top, begun, taken, rest = 0.0, 0, 0.0, total
    for place, entry in enumerate(entries):
        if place > begun and entry.above > top and _is_full(taken, entry.tokens, rest, target, room):
            yield _region(each, page, (top, entry.above), entries[begun:place])
            top, begun, taken = entry.above, place, 0.0
        taken, rest = taken + entry.tokens, rest - entry.tokens
    yield _region(each, page, (top, 1.0), entries[begun:])


def _region(each: Expected, page: int, span: tuple[float, float], entries: Sequence[Entries]) -> Slice:
    rows = None if each.rows(page, page) is None else round(sum(entry.rows for entry in entries))
    scope = Scope(each.list.pointer, page, page, Box(0.0, span[0], 1.0, span[1]), rows)
    return Slice(
        (each.list.pointer,), math.ceil(BRACES + each.list.empty + sum(entry.tokens for entry in entries)), scope
    )
