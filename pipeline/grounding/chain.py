"""Where all rows of a list stand at once, in the order of the list.

First the rows that can stand in few places only, together; then, between them, the others; then those out of order,
wherever words are left; then in the same way those whose best words are another's. A row for which none are left shares
the words of another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from pipeline.grounding.bands import EQUAL, POOR, Band, apart, bands, chained, dealt
from pipeline.grounding.columns import Column
from pipeline.grounding.spots import Wanted, claims, overlaps
from pipeline.grounding.words import Words

SURE = 16  # stretches: rows with more of them wait until the others are placed
WORTH_MOVING = 0.95  # share of another stretch's weight below which a row leaves its place in the order for it
Kind = tuple[tuple[str, int], ...]


class Guide(NamedTuple):
    """A row to be placed. kind: equal for rows of equal values. best: its heaviest stretch. among: rows of its kind."""

    wanted: Sequence[Wanted]
    kind: Kind
    best: Band | None
    among: int

    def fits(self, band: Band, share: float) -> bool:
        """Whether a stretch has a share of the best one's weight; for one of equal rows, as much of its own as that."""
        if self.best is None:
            return False
        if self.among > 1:
            return band.weight >= EQUAL * self.best.weight and band.own >= EQUAL * self.best.own
        return band.weight >= share * self.best.weight


class Chain:
    """The rows among the words low..high, the last not included."""

    def __init__(self, words: Words, rows: Sequence[Sequence[Wanted]], low: int, high: int) -> None:
        self.words, self.low, self.high = words, low, high
        kinds = [tuple((wanted.pointer, id(wanted.spots)) for wanted in row) for row in rows]
        among = Counter(kinds)
        self._bands: dict[Kind, list[Band]] = {}
        for kind, row in zip(kinds, rows, strict=True):
            if kind not in self._bands:
                self._bands[kind] = bands(row, words, low, high, {})
        best = {kind: max(found, key=lambda band: band.weight, default=None) for kind, found in self._bands.items()}
        self.rows = [Guide(row, kind, best[kind], among[kind]) for row, kind in zip(rows, kinds, strict=True)]
        self.options = _dealt(self.rows, self._bands, EQUAL)

    def placed(self) -> tuple[list[Band | None], set[int]]:
        """The stretch of each row, None for one that stands nowhere; and which rows share the words of another."""
        return self._filled(chained([found if len(found) <= SURE else [] for found in self.options]), {})

    def placed_again(
        self, before: Sequence[Band | None], shared: Collection[int], learnt: Mapping[str, Column]
    ) -> tuple[list[Band | None], set[int]]:
        """The same by the columns that the first time taught, for all rows that had a choice."""
        kept = [
            band if band is not None and len(options) == 1 and place not in shared else None
            for place, (band, options) in enumerate(zip(before, self.options, strict=True))
        ]
        return self._filled(kept, learnt)

    def is_well_placed(self, row: int, band: Band) -> bool:
        return self.rows[row].fits(band, EQUAL)

    def _filled(self, chain: list[Band | None], learnt: Mapping[str, Column]) -> tuple[list[Band | None], set[int]]:
        """Well placed rows come first, in order and then out of it; what they leave is for the others."""
        chosen: list[Band | None] = [None] * len(chain)
        for share in (EQUAL, POOR):
            self._fill(chain, chosen, learnt, share)
            self._place_anywhere(chosen, learnt, share)
        self._move(chosen, learnt)
        shared = {place for place, band in enumerate(chosen) if band is None}
        for place in shared:
            chosen[place] = _heaviest(self._bands[self.rows[place].kind], self._before(chosen, place))
        return chosen, {place for place in shared if chosen[place] is not None}

    def _fill(
        self, chain: list[Band | None], chosen: list[Band | None], learnt: Mapping[str, Column], share: float
    ) -> None:
        """Places rows in order between those that are; `chain` holds only these."""
        claimed = _claimed(chosen)
        for first, last in _gaps(chain):
            open_rows = [place for place in range(first, last) if chosen[place] is None]
            before = chain[first - 1] if first else None
            after = chain[last] if last < len(chain) else None
            low, high = before.hi + 1 if before else self.low, after.lo if after else self.high
            rows = [self.rows[place] for place in open_rows]
            kinds = {row.kind: row for row in rows}
            found = {kind: bands(row.wanted, self.words, low, high, learnt, claimed) for kind, row in kinds.items()}
            for place, band in zip(open_rows, chained(_dealt(rows, found, share)), strict=True):
                chain[place] = band
        for place, band in enumerate(chain):
            chosen[place] = chosen[place] or band

    def _place_anywhere(self, chosen: list[Band | None], learnt: Mapping[str, Column], share: float) -> None:
        """Places rows out of order where words are left."""
        claimed = _claimed(chosen)
        hopeless: set[Kind] = set()  # nothing is left for one of equal rows: nor for the others
        for place, row in enumerate(self.rows):
            if chosen[place] is None and row.kind not in hopeless:
                free = self._best(row, self._before(chosen, place), learnt, claimed)
                if free is not None and row.fits(free, share):
                    chosen[place] = free
                    claimed |= _claimed([free])
                else:
                    hopeless.add(row.kind)

    def _move(self, chosen: list[Band | None], learnt: Mapping[str, Column]) -> None:
        """Puts rows that order has pressed into poorer words than their best on words that state them better."""
        claimed = _claimed(chosen)
        for place, row in enumerate(self.rows):
            band = chosen[place]
            if band is not None and row.best is not None and band.weight < WORTH_MOVING * row.best.weight:
                free = self._best(row, self._before(chosen, place), learnt, claimed - _claimed([band]))
                if free is not None and band.weight < WORTH_MOVING * free.weight:
                    chosen[place] = free
                    claimed = _claimed(chosen)

    def _before(self, chosen: Sequence[Band | None], place: int) -> int:
        """The word at which the row before begins."""
        before = chosen[place - 1] if place else None
        return before.lo if before else self.low

    def _best(self, row: Guide, at: int, learnt: Mapping[str, Column], claimed: Collection[int]) -> Band | None:
        """The heaviest on words that are not claimed, and of equals the one nearest after a word."""
        whole = [band for band in self._bands[row.kind] if row.fits(band, EQUAL) and not _uses(band, claimed)]
        return _heaviest(whole or bands(row.wanted, self.words, self.low, self.high, learnt, claimed), at)


def _uses(band: Band, claimed: Collection[int]) -> bool:
    return any(band.lo <= run.first <= band.hi and overlaps(run, claimed) for run in band.runs if run)


def _heaviest(options: Sequence[Band], at: int) -> Band | None:
    return max(options, key=lambda band: (round(band.weight, 6), band.lo >= at, -abs(band.lo - at)), default=None)


def _dealt(rows: Sequence[Guide], found: Mapping[Kind, list[Band]], share: float) -> list[list[Band]]:
    """The stretches of each row with a share of its best one's weight; equal rows share them out in order."""
    among = Counter(row.kind for row in rows)
    groups: dict[Kind, list[list[Band]]] = {}
    turns: Counter[Kind] = Counter()
    shares = []
    for row in rows:
        if row.kind not in groups:
            groups[row.kind] = apart(band for band in found[row.kind] if row.fits(band, share))
        shares.append(dealt(groups[row.kind], among[row.kind], turns[row.kind]))
        turns[row.kind] += 1
    return shares


def _claimed(bands: Iterable[Band | None]) -> set[int]:
    return {word for band in bands if band for run in band.runs if run for word in claims(run)}


def _gaps(chosen: Sequence[Band | None]) -> list[tuple[int, int]]:
    """(first, one past the last) of the runs of rows that have no stretch yet."""
    gaps = []
    for missing, places in groupby(range(len(chosen)), key=lambda place: chosen[place] is None):
        inside = list(places)
        if missing:
            gaps.append((inside[0], inside[-1] + 1))
    return gaps
