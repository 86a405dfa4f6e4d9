"""The rows of a list, each tied to the words of its own line or lines.

The values of a row are placed together: near one another, in the columns of the list, in the order of the document. So
equal rows are tied to different lines, and a row that was written twice by mistake shows: its words are another's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.index import Place, WordIndex
from pipeline.placing import Placed, Placer
from schemas.field import Field


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
    items: Sequence[Any], field: Field | None, index: WordIndex, pages: Collection[int] | None = None
) -> list[RowPlaces]:
    """Where each of the items stands, in their order; near linear in their number.

    field: the list's item, None where the schema does not describe it. pages: numbers of the only ones to look at.
    """
    placer = Placer(index, pages)
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
