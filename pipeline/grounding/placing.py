"""Placing the rows of a list on the words of a document, and the rows inside them on theirs.

The rows are placed in a chain; those so found teach the columns, by which doubtful rows are placed again and each value
is settled.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from pipeline.grounding.amounts import Run
from pipeline.grounding.bands import REACH, Band
from pipeline.grounding.chain import Chain
from pipeline.grounding.columns import Column, Stretch, columns, settled
from pipeline.grounding.index import WordIndex
from pipeline.grounding.printed import UNPRINTED
from pipeline.grounding.spots import Spots, Wanted, claims, overlaps, spots, telling
from pipeline.grounding.words import SAME_LINE
from schemas.field import Field
from schemas.pointer import escaped

HEADING = 0.8  # score of a value that stands once above several rows


@dataclass(slots=True)
class Placed:
    """A row: the values wanted, the run of each, the words that are its own, and the rows inside it by pointer."""

    wanted: list[Wanted]
    runs: list[Run | None]
    stretch: Stretch | None = None
    shared: bool = False
    inner: dict[str, Placed] = field(default_factory=dict)

    def values(self) -> Iterator[tuple[Wanted, Run | None]]:
        yield from zip(self.wanted, self.runs, strict=True)
        for row in self.inner.values():
            yield from row.values()


class Placer:
    """within: numbers of the only words to look at."""

    def __init__(self, index: WordIndex, within: Collection[int] | None = None) -> None:
        self.index, self.words, self._allowed = index, index.document, within
        self._spots: dict[int, Spots] = {}

    def rows(self, items: Sequence[Any], node: Field | None, low: int, high: int) -> list[Placed]:
        """The items among the words low..high, the last not included."""
        wanted = [self._wanted(own_leaves(item, node), low, high) for item in items]
        shown = [
            row or self._wanted(_first_rows(item, node), low, high) for row, item in zip(wanted, items, strict=True)
        ]
        placed = self._placed(wanted, Chain(self.words, shown, low, high), low, high)
        inside = self._inside([row.stretch for row in placed], low, high)
        for row, item, stretch in zip(placed, items, inside, strict=True):
            for pointer, inner, values in inner_lists(item, node):
                for number, found in enumerate(self.rows(values, inner, *stretch)):
                    row.inner[f"{pointer}/{number}"] = found
        return placed

    def _placed(self, wanted: Sequence[list[Wanted]], chain: Chain, low: int, high: int) -> list[Placed]:
        chosen, shared = chain.placed()
        stretches = self._stretches(chosen, low, high)
        sure = [
            stretch if band is not None and chain.is_well_placed(place, band) else None
            for place, (band, stretch) in enumerate(zip(chosen, stretches, strict=True))
        ]
        learnt = columns(wanted, sure, self.words)
        if learnt and any(len(options) != 1 for options in chain.options):
            chosen, shared = chain.placed_again(chosen, shared, learnt)
            stretches = self._stretches(chosen, low, high)
        return self._settle(wanted, chosen, stretches, shared, learnt)

    def _wanted(self, values: Iterable[tuple[str, Field | None, Any]], low: int, high: int) -> list[Wanted]:
        found = (self._value(pointer, node, value, low, high) for pointer, node, value in values)
        return [wanted for wanted in found if wanted is not None]

    def _value(self, pointer: str, node: Field | None, value: Any, low: int, high: int) -> Wanted | None:
        if value is None or isinstance(value, bool) or (node is not None and node.format in UNPRINTED):
            return None
        runs = self.index.runs(value, node)
        if id(runs) not in self._spots:
            on = self._allowed
            self._spots[id(runs)] = spots(run for run in runs if on is None or run.first in on)
        found = self._spots[id(runs)]
        count = bisect_left(found.firsts, high) - bisect_left(found.firsts, low)
        return Wanted(pointer, found, telling(count, self.words.lines), isinstance(value, str))

    def _stretches(self, chosen: Sequence[Band | None], low: int, high: int) -> list[Stretch | None]:
        """From each row's line to the next row's, no further down than rows of this list are apart, on its page."""
        order = sorted({band.lo: band for band in chosen if band}.values())
        pitch = [
            self.words.drop(one.lo, other.lo)
            for one, other in pairwise(order)
            if self.words.page_of[one.lo] == self.words.page_of[other.lo]
        ]
        reach = max(REACH, 1.5 * median(pitch)) if pitch else 2 * REACH
        found: dict[int, Stretch] = {}
        before = low
        for place, band in enumerate(order):
            limit = order[place + 1].lo if place + 1 < len(order) else high
            found[band.lo] = Stretch(self._line_start(band.lo, before), self._end(band, limit, reach), band.lo)
            before = max(before, band.hi + 1)
        return [found[band.lo] if band else None for band in chosen]

    def _line_start(self, word: int, least: int) -> int:
        start = max(least, self.words.page_edges(word)[0])
        while word > start and self.words.near(word - 1, word, SAME_LINE):
            word -= 1
        return word

    def _end(self, band: Band, limit: int, reach: float) -> int:
        end = min(limit, self.words.page_edges(band.lo)[1])
        last = min(band.hi + 1, max(end, band.lo + 1))
        while last < end and self.words.drop(band.lo, last) <= reach:
            last += 1
        return max(last, band.hi + 1 if limit > band.hi else last)

    def _settle(
        self,
        wanted: Sequence[list[Wanted]],
        chosen: Sequence[Band | None],
        stretches: Sequence[Stretch | None],
        shared: Collection[int],
        learnt: Mapping[str, Column],
    ) -> list[Placed]:
        """Each value among the words of its row and no other's; rows that share come last and see them all."""
        own = [set(_own(band)) for band in chosen]
        claimed = {word for place, words in enumerate(own) if place not in shared for word in words}
        above: dict[tuple[str, int], Run] = {}
        placed = [Placed(row, [None] * len(row)) for row in wanted]
        for place in sorted(range(len(wanted)), key=lambda place: place in shared):
            row, band, stretch = wanted[place], chosen[place], stretches[place]
            if band is None or stretch is None:
                continue
            others = frozenset() if place in shared else claimed
            claimed -= own[place]
            guesses = band.runs if row else ()  # a row without values of its own was placed by those inside it
            runs = settled(row, guesses, stretch, learnt, self.words, others)
            for at, value in enumerate(row):
                key = (value.pointer, id(value.spots))
                run = runs[at]
                if run is None:
                    runs[at] = self._heading(value, stretch, above.get(key), claimed)
                elif value.is_text and place not in shared:
                    above[key] = run
            claimed |= own[place]
            claimed.update(word for run in runs if run is not None for word in claims(run))
            placed[place] = Placed(row, runs, stretch, place in shared)
        return placed

    def _heading(self, value: Wanted, stretch: Stretch, above: Run | None, claimed: Collection[int]) -> Run | None:
        """Where a value stands once for several rows: in the first of them, or in a line above them on the page."""
        if above is not None and above.first < stretch.low:
            return above._replace(score=HEADING * above.score)
        if not value.is_text:
            return None
        start, _ = self.words.page_edges(stretch.top)
        for run in reversed(value.spots.between(start, stretch.low)):
            if not overlaps(run, claimed):
                return run._replace(score=HEADING * run.score)
        return None

    def _inside(self, stretches: Sequence[Stretch | None], low: int, high: int) -> Iterator[tuple[int, int]]:
        """The words in which a row's own lists stand: from where it begins to where the next one does."""
        lows = sorted(stretch.low for stretch in stretches if stretch)
        for stretch in stretches:
            if stretch is None:
                yield low, high
            else:
                after = bisect_left(lows, stretch.low + 1)
                yield stretch.low, lows[after] if after < len(lows) else high


def _own(band: Band | None) -> Iterator[int]:
    """The words of a stretch, less texts on other lines, which may serve other rows too."""
    for run in band.runs if band else ():
        if run is not None and band is not None and band.lo <= run.first <= band.hi:
            yield from claims(run)


def own_leaves(item: Any, node: Field | None, pointer: str = "") -> Iterator[tuple[str, Field | None, Any]]:
    """(pointer, field, value) of an item's values, those of its lists left out."""
    if isinstance(item, dict):
        for name, value in item.items():
            yield from own_leaves(value, _child(node, name), f"{pointer}/{escaped(str(name))}")
    elif not isinstance(item, list):
        yield pointer, node, item


def inner_lists(item: Any, node: Field | None, pointer: str = "") -> Iterator[tuple[str, Field | None, list[Any]]]:
    """(pointer, field of its items, items) of the lists inside an item, not those inside these."""
    if isinstance(item, dict):
        for name, value in item.items():
            yield from inner_lists(value, _child(node, name), f"{pointer}/{escaped(str(name))}")
    elif isinstance(item, list):
        yield pointer, node.item if node is not None else None, item


def _first_rows(item: Any, node: Field | None) -> Iterator[tuple[str, Field | None, Any]]:
    """The values of the first row of each of an item's lists, which show where an item without values of its own is."""
    for pointer, inner, values in inner_lists(item, node):
        for first in values[:1]:
            yield from own_leaves(first, inner, f"{pointer}/0")


def _child(node: Field | None, name: Any) -> Field | None:
    return next((child for child in node.children if child.name == str(name)), None) if node is not None else None
