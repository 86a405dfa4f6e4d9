"""Where a row of a list may stand: the stretches of words that state most of its values near one another.

The order of a list is that of its document, so the stretches of all rows are chosen together: the chain of stretches,
one after another and none over another, that states the most.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from pipeline.grounding.amounts import Run
from pipeline.grounding.columns import Column, aside
from pipeline.grounding.spots import Spots, Wanted, overlaps
from pipeline.grounding.words import SAME_LINE, Words

REACH = 3.0  # line heights from one value of a row to another, at most
MOST_BANDS = 64  # of one row that are weighed
SEEDED_BY = 2  # how many of a row's values, the rarest, say where to look
POOR = 0.5  # share of the best stretch's weight below which another is not considered
EQUAL = 0.9  # … for a row that is in the list more than once: the words of a row less alike are not its own
PER_LINE = 0.3  # share of a text's weight that is lost a line away from where it should be
STRAYED = 0.12  # share of a row's weight that is lost with each line that one of its numbers is away
PER_WORD = 0.02  # lines that a word's distance counts for
AGAINST_ORDER = 0.05  # share of a value's weight that is lost on the other side of another than its field is


class Band(NamedTuple):
    """A stretch of words that may be a row: words lo..hi, both included, what it states, and where each value is.

    Texts on other lines than the seed, from which it was found, may serve several rows: they are not among lo..hi, nor
    in `own`, the part of the weight that is the row's own.
    """

    lo: int
    hi: int
    weight: float
    runs: tuple[Run | None, ...]
    seed: int
    own: float


def bands(
    row: Sequence[Wanted],
    words: Words,
    low: int,
    high: int,
    learnt: Mapping[str, Column],
    claimed: Collection[int] = frozenset(),
) -> list[Band]:
    """The stretches among words low..high that may be a row, in the order of the document.

    learnt: the columns of the list, as far as they are known. claimed: words that are not to be used.
    """
    found: dict[tuple[Run | None, ...], Band] = {}
    search = _Search(row, words, low, high, learnt, claimed)
    seeding = sorted((wanted for wanted in row if wanted.spots.runs), key=lambda wanted: len(wanted.spots.runs))
    for wanted in seeding[:SEEDED_BY]:
        for seed in wanted.spots.between(low, high):
            if not overlaps(seed, claimed):
                for reach in (SAME_LINE, REACH):
                    band = search.around(seed, wanted, reach)
                    found.setdefault(band.runs, band)
    return sorted(found.values(), key=_place)


def _place(band: Band) -> tuple[int, int, float, list[int]]:
    """Equal values of a row stand in the order of its fields, where nothing else tells."""
    return band.lo, band.hi, -band.weight, [run.first if run else -1 for run in band.runs]


@dataclass(frozen=True, slots=True)
class _Search:
    row: Sequence[Wanted]
    words: Words
    low: int
    high: int
    learnt: Mapping[str, Column]
    claimed: Collection[int]

    def around(self, seed: Run, seeding: Wanted, reach: float) -> Band:
        """The row's values nearest to one of them, and what they weigh together."""
        runs: list[Run | None] = []
        taken = {seed[:2]}
        weight = shared = strayed = 0.0
        own = [seed]
        before = True
        for wanted in self.row:
            if wanted is seeding:
                before = False
            run = seed if wanted is seeding else self._nearest(wanted, seed, taken, reach, before)
            runs.append(run)
            if run is None:
                continue
            taken.add(run[:2])
            lines = self._off_line(run, wanted, seed, seeding)
            lost = self._aside(run, wanted, seed, before) + PER_LINE * lines * wanted.is_text
            gain = wanted.weight * run.score * max(0.0, 1 - lost)
            weight += gain
            if not wanted.is_text or self.words.near(seed.first, run.first, SAME_LINE):
                own.append(run)
            else:
                shared += gain
            if not wanted.is_text:
                strayed = max(strayed, lines)
        kept = 1 - STRAYED * strayed
        low, high = min(run.first for run in own), max(run.last for run in own) - 1
        return Band(low, high, kept * weight, tuple(runs), seed.first, kept * (weight - shared))

    def _nearest(
        self, wanted: Wanted, seed: Run, taken: Collection[tuple[int, int]], reach: float, before: bool
    ) -> Run | None:
        best: tuple[float, Run] | None = None
        for run in self._near(wanted.spots, seed, reach):
            if run[:2] in taken or overlaps(run, self.claimed):
                continue
            if not wanted.is_text and not self.low <= run.first < self.high:
                continue
            away = abs(self.words.drop(seed.first, run.first)) + min(1.0, PER_WORD * abs(run.first - seed.first))
            cost = away + self._aside(run, wanted, seed, before) - run.score
            if best is None or cost < best[0]:
                best = cost, run
        return best[1] if best else None

    def _near(self, places: Spots, seed: Run, reach: float) -> Iterator[Run]:
        """The runs on the seed's page whose lines are within reach of its line."""
        words, at = self.words, seed.first
        middle = bisect_left(places.firsts, at)
        for order in (range(middle, len(places.runs)), range(middle - 1, -1, -1)):
            for place in order:
                if not words.near(at, places.firsts[place], reach):
                    break
                yield places.runs[place]

    def _aside(self, run: Run, wanted: Wanted, seed: Run, before: bool) -> float:
        """The share of a value's weight that is lost aside of its column, or of the order of the fields."""
        column = self.learnt.get(wanted.pointer)
        if column is not None:
            return aside(run, column, self.words)
        return AGAINST_ORDER * (run is not seed and before != (run.first < seed.first))

    def _off_line(self, run: Run, wanted: Wanted, seed: Run, seeding: Wanted) -> float:
        """Lines, up to REACH, between a value and where it stands in other rows."""
        column, seeds = self.learnt.get(wanted.pointer), self.learnt.get(seeding.pointer)
        usual = column.line - seeds.line if column and seeds else 0.0
        return min(REACH, abs(self.words.drop(seed.first, run.first) - usual))


class _Link(NamedTuple):
    """The last row of a chain; weight: of the whole chain. before: the chain that it goes on."""

    weight: float
    row: int
    band: Band
    before: _Link | None


def chained(candidates: Sequence[Sequence[Band]]) -> list[Band | None]:
    """For each row at most one of its stretches, in order and none over another, so that they weigh the most.

    Weighted chain of intervals: the frontier holds, by last word, the heaviest chain that ends there. O(n log n).
    """
    ends: list[int] = []
    chains: list[_Link] = []
    for row, options in enumerate(candidates):
        grown = []
        for band in options:
            before = chains[at - 1] if (at := bisect_left(ends, band.lo)) else None
            grown.append(_Link(band.weight + (before.weight if before else 0.0), row, band, before))
        for link in grown:
            _extend(ends, chains, link)
    chosen: list[Band | None] = [None] * len(candidates)
    last = chains[-1] if chains else None
    while last is not None:
        chosen[last.row] = last.band
        last = last.before
    return chosen


def _extend(ends: list[int], chains: list[_Link], link: _Link) -> None:
    """Puts a chain into the frontier, unless one that ends no later weighs as much, and drops those that it beats."""
    end = link.band.hi
    place = bisect_right(ends, end)
    if place and chains[place - 1].weight >= link.weight:
        return
    first = last = bisect_left(ends, end)
    while last < len(ends) and chains[last].weight <= link.weight:
        last += 1
    ends[first:last] = [end]
    chains[first:last] = [link]


def apart(options: Iterable[Band]) -> list[list[Band]]:
    """Stretches by the seed that they were found from, of those over one another only the heaviest's, in order."""
    seeds: dict[int, list[Band]] = {}
    for band in options:
        seeds.setdefault(band.seed, []).append(band)
    kept: list[tuple[int, int, list[Band]]] = []
    heaviest = [(max(group, key=lambda band: band.weight), group) for group in seeds.values()]
    for band, group in sorted(heaviest, key=lambda pair: (-pair[0].weight, _place(pair[0]))):
        place = bisect_left(kept, band.lo, key=itemgetter(0))
        if (place == len(kept) or kept[place][0] > band.hi) and (place == 0 or kept[place - 1][1] < band.lo):
            kept.insert(place, (band.lo, band.hi, group))
    return [group for _, _, group in kept]


def dealt(groups: Sequence[list[Band]], among: int, turn: int) -> list[Band]:
    """The stretches left to one of several equal rows: those before it take one each, and those after it as well."""
    spare = len(groups) - among
    if spare >= 0:
        chosen = groups[turn : turn + min(spare + 1, MOST_BANDS)]
    else:
        chosen = groups[max(0, turn + spare) : turn + 1][-MOST_BANDS:]
    return [band for group in chosen for band in group]
