"""Whether confidence means what it says: reliability by bins, its error, and how much can be accepted at a precision.

A *judged* leaf here is a value found that has a confidence and a verdict: right, wrong or invented.

Expected calibration error (Guo et al. 2017, arXiv 1706.04599), over bins of equal width; B has n(B) of n leaves:

    ECE = sum over B of n(B) / n * | right(B) / n(B) - mean confidence(B) |

Coverage at a precision is that of a selective classifier (Geifman & El-Yaniv 2017, arXiv 1705.08500): the largest share
of leaves that one threshold of confidence accepts while at least so many of them are right. Leaves of the same
confidence are accepted together or not at all, for no threshold can tell them apart; so their order never counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

BINS = 10


class Judged(NamedTuple):
    """confidence: 0..1, as the record has it."""

    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Leaves with a confidence in [low, high); the last bin holds 1.0 as well. confidence: their mean."""

    low: float
    high: float
    leaves: int
    right: int
    confidence: float

    @property
    def precision(self) -> float:
        return self.right / self.leaves


@dataclass(frozen=True, slots=True)
class Threshold:
    """What is accepted when all with at least this confidence are."""

    confidence: float
    accepted: int
    right: int


def reliability(judged: Iterable[Judged], bins: int = BINS) -> tuple[Bin, ...]:
    """The bins that hold anything, from the least confidence up."""
    by_bin: dict[int, list[Judged]] = {}
    for leaf in judged:
        by_bin.setdefault(min(int(leaf.confidence * bins), bins - 1), []).append(leaf)
    return tuple(
        Bin(
            low=number / bins,
            high=(number + 1) / bins,
            leaves=len(inside),
            right=sum(leaf.right for leaf in inside),
            confidence=sum(leaf.confidence for leaf in inside) / len(inside),
        )
        for number, inside in sorted(by_bin.items())
    )


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """ECE; None of no leaves."""
    leaves = sum(each.leaves for each in bins)
    if not leaves:
        return None
    return sum(each.leaves * abs(each.precision - each.confidence) for each in bins) / leaves


def threshold_at(judged: Iterable[Judged], precision: Fraction) -> Threshold | None:
    """The threshold that accepts the most at this precision; None where none reaches it."""
    best, accepted, right = None, 0, 0
    ordered = sorted(judged, key=lambda leaf: -leaf.confidence)
    for confidence, same in groupby(ordered, key=lambda leaf: leaf.confidence):
        verdicts = [leaf.right for leaf in same]
        accepted, right = accepted + len(verdicts), right + sum(verdicts)
        if right >= precision * accepted:
            best = Threshold(confidence, accepted, right)
    return best
