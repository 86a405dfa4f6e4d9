"""Where a value stands, and whether two answers to that agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.geometry import box_on_sheet
from schemas.page import Box, Origin, enclosing
from schemas.record import FieldResult

WORD_OVERLAP = 0.5


class Place(NamedTuple):
    page: int
    box: Box


def truth_places(evidence: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, tuple[Place, ...]]:
    """By pointer, from the truth file's `{"/total": [{"page": 1, "box": [x0, y0, x1, y1]}]}`."""
    return {
        pointer: tuple(Place(int(place["page"]), Box(*place["box"])) for place in places)
        for pointer, places in evidence.items()
    }


def found_places(
    fields: Mapping[str, FieldResult], origins: Mapping[int, Origin] | None = None
) -> dict[str, tuple[Place, ...]]:
    """By pointer, on the sheets of the document, which truth is told on. origins: by page, of those that were cut out
    of their sheet or put straight."""
    origins = origins or {}

    def place(page: int, box: Box) -> Place:
        origin = origins.get(page)
        return Place(origin.sheet, box_on_sheet(box, origin)) if origin else Place(page, box)

    return {
        pointer: tuple(place(item.page, item.box) for item in result.evidence) for pointer, result in fields.items()
    }


def same_page(truth: Iterable[Place], found: Iterable[Place]) -> bool:
    return bool({place.page for place in truth} & {place.page for place in found})


def same_place(truth: Sequence[Place], found: Sequence[Place]) -> bool:
    """Whether a box of each, on the same page, overlap by an intersection over union of at least WORD_OVERLAP.

    A value on several lines may be cited by a box for each line or by one box around them, so the box around all of a
    page's boxes counts on both sides.
    """
    return any(
        one.page == other.page and one.box.intersection_over_union(other.box) >= WORD_OVERLAP
        for one in _with_enclosing(truth)
        for other in _with_enclosing(found)
    )


def _with_enclosing(places: Sequence[Place]) -> list[Place]:
    if len(places) < 2:
        return list(places)
    pages = {place.page for place in places}
    around = [Place(page, enclosing(place.box for place in places if place.page == page)) for page in pages]
    return [*places, *around]
