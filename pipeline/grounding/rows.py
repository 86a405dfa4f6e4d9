"""The rows of a list, each tied to the words of its own line or lines.

The values of a row are placed together: near one another, in the columns of the list, in the order of the document. So
equal rows are tied to different lines, and a row that was written twice by mistake shows: its words are another's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.engine import Scope
from pipeline.grounding.index import Place, WordIndex
from pipeline.grounding.placing import Placed, Placer
from pipeline.grounding.words import Words
from schemas.field import Field
from schemas.page import WHOLE_PAGE

GOES_ON = 4.0  # line heights below a region in which an entry that begins there may go on
GOES_OVER = 40  # words of the next page, the same


@dataclass(frozen=True, slots=True)
class RowPlaces:
    """Where one item of a list stands.

    places: by JSON Pointer relative to the item (`/amount`, `/lines/0/price`, `` for an item that is a value itself),
    for every value that could be printed; None where it is not placed. page, top: number of the page and upper edge of
    the row's first word, None where nothing is placed. score: 0..1, the share of its values that are placed, by score
    and weighted by how telling they are. shared: its words are those of another row, and there are no others.
    """

    places: Mapping[str, Place | None]
    page: int | None = None
    top: float | None = None
    score: float = 0.0
    shared: bool = False


def ground_rows(
    items: Sequence[Any], field: Field | None, index: WordIndex, scope: Scope | None = None
) -> list[RowPlaces]:
    """Where each of the items stands, in their order; near linear in their number.

    field: the list's item, None where the schema does not describe it. scope: where they begin, if that is known.
    """
    placer = Placer(index, None if scope is None else _within_reach(scope, index.document))
    return [_result(row, index) for row in placer.rows(items, field, 0, len(index.document))]


def _result(row: Placed, index: WordIndex) -> RowPlaces:
    placed = dict(_places(row, index, ""))
    weights = [(wanted.weight, run.score if run else 0.0) for wanted, run in row.values()]
    whole = sum(weight for weight, _ in weights)
    score = sum(weight * given for weight, given in weights) / whole if whole else 0.0
    firsts = [run.first for _, run in row.values() if run is not None]
    if not firsts:
        return RowPlaces(placed)
    first = min(firsts if row.stretch is None else [at for at in firsts if at >= row.stretch.low] or firsts)
    page = index.document.pages[index.document.page_of[first]].number
    return RowPlaces(placed, page, index.document.at(first).box.y0, score, row.shared)


def _places(row: Placed, index: WordIndex, pointer: str) -> Iterator[tuple[str, Place | None]]:
    for wanted, run in zip(row.wanted, row.runs, strict=True):
        yield pointer + wanted.pointer, None if run is None else index.place(run)
    for below, inner in row.inner.items():
        yield from _places(inner, index, pointer + below)


def _within_reach(scope: Scope, words: Words) -> set[int]:
    """The words of entries that begin in a scope: those in it, and as far behind it as an entry goes on."""
    held: set[int] = set()
    left, _, right, bottom = scope.region
    for at, page in enumerate(words.pages):
        start, end = words.offsets[at], words.offsets[at + 1]
        if scope.first <= page.number <= scope.last:
            held.update(start + place for place, word in enumerate(page.words) if scope.holds(page.number, word.box))
            most = bottom + GOES_ON * words.height[at]
            held.update(
                word
                for word in range(start, end)
                if bottom < words.middle[word] <= most and left <= (words.x0[word] + words.x1[word]) / 2 <= right
            )
        elif page.number == scope.last + 1 and scope.region == WHOLE_PAGE:
            held.update(range(start, min(start + GOES_OVER, end)))
    return held
