"""Which of several places states a value outside of lists: the one with its label, near the rest of its object."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from pipeline.grounding.amounts import Run
from pipeline.grounding.beside import Labels
from pipeline.grounding.index import WordIndex
from pipeline.grounding.spots import overlaps
from schemas.field import Field

AMBIGUOUS = 0.9  # share of its score that a place keeps that nothing tells from others
MOST = 300  # places of one value that are weighed
NEAR_LINES = 3.0  # from another value of the object at which nearness counts half
_LABEL, _NEAR, _CLAIMED = 1.0, 0.6, 0.5  # what a label, nearness, and not being another value's weigh
_SAME_EVERYWHERE = frozenset(("currency", "country"))  # formats of values that say the same wherever they stand
_TELLS = 0.3  # least weight of label and nearness that tells places apart


class Leaf(NamedTuple):
    """A value to be placed. field: None where the schema does not describe it."""

    pointer: str
    field: Field | None
    value: Any

    @property
    def parent(self) -> str:
        return self.pointer.rpartition("/")[0]


def chosen(leaves: Sequence[Leaf], index: WordIndex, labels: Labels, claimed: Collection[int]) -> dict[str, Run]:
    """A place for each value that has one, by pointer. claimed: words that state rows of lists."""
    options = {leaf.pointer: index.runs(leaf.value, leaf.field)[:MOST] for leaf in leaves}
    weights = {
        leaf.pointer: [
            labels.weight(run, leaf.field) if leaf.field is not None and len(options[leaf.pointer]) > 1 else 0.0
            for run in options[leaf.pointer]
        ]
        for leaf in leaves
    }
    placed: dict[str, Run] = {}
    taken: set[int] = set(claimed)
    # Those with one place, or a label, go first: the others then stand near them.
    for leaf in sorted(leaves, key=lambda leaf: _doubt(options[leaf.pointer], weights[leaf.pointer])):
        runs = options[leaf.pointer]
        if runs:
            run = _best(leaf, runs, weights[leaf.pointer], placed, taken, index)
            placed[leaf.pointer] = run
            taken.update(range(run.first, run.last))
    return placed


def _doubt(runs: Sequence[Run], weights: Sequence[float]) -> float:
    return 0.0 if len(runs) == 1 else 1.0 - max(weights, default=0.0)


def _best(
    leaf: Leaf,
    runs: Sequence[Run],
    weights: Sequence[float],
    placed: dict[str, Run],
    taken: Collection[int],
    index: WordIndex,
) -> Run:
    siblings = [run for pointer, run in placed.items() if pointer.startswith(leaf.parent + "/")]
    rated = [
        (run.score + _LABEL * weight + _NEAR * near - _CLAIMED * overlaps(run, taken), weight + near, run)
        for run, weight in zip(runs, weights, strict=True)
        for near in [_nearness(run, siblings, index)]
    ]
    _, told, run = max(rated, key=lambda rate: (rate[0], -rate[2].first))
    sure = len(runs) == 1 or told >= _TELLS or (leaf.field is not None and leaf.field.format in _SAME_EVERYWHERE)
    return run if sure else run._replace(score=run.score * AMBIGUOUS)


def _nearness(run: Run, siblings: Collection[Run], index: WordIndex) -> float:
    """1.0 in the line of another value of the object, half at NEAR_LINES, 0.0 on another page."""
    words = index.document
    same = (other for other in siblings if words.page_of[other.first] == words.page_of[run.first])
    return max((1 / (1 + abs(words.drop(run.first, other.first)) / NEAR_LINES) for other in same), default=0.0)
