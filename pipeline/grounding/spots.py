"""Where each value of a row could stand, and how telling that is."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from pipeline.grounding.amounts import Run

_BITS = (1.0, 8.0)  # least and most weight of a value


class Spots(NamedTuple):
    """Runs in the order of the document; firsts: the word at which each begins."""

    firsts: list[int]
    runs: list[Run]

    def between(self, low: int, high: int) -> list[Run]:
        """Those that begin at words low..high."""
        return self.runs[bisect_left(self.firsts, low) : bisect_left(self.firsts, high)]


class Wanted(NamedTuple):
    """A value of a row. weight: how telling it is, in bits: the logarithm of lines for each place that states it.
    is_text: it may stand once above several rows, as a date or a section's name does and an amount does not.
    """

    pointer: str
    spots: Spots
    weight: float
    is_text: bool = True


def spots(runs: Iterable[Run]) -> Spots:
    ordered = sorted(runs)
    return Spots([run.first for run in ordered], ordered)


def telling(places: int, lines: int) -> float:
    """Bits that a value tells of its line: with no place it would be as telling as one that stands once."""
    return min(_BITS[1], max(_BITS[0], math.log2((lines + 1) / max(1, places))))


def overlaps(run: Run, claimed: Collection[int]) -> bool:
    return bool(claimed) and any(word in claimed for word in claims(run))


def claims(run: Run) -> Iterator[int]:
    """The words that a value takes."""
    for first, last in run.spans:
        yield from range(first, last)
