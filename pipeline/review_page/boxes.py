"""The evidence of a record as boxes on its pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.review_page.fields import Place
from schemas.page import Box
from schemas.record import Evidence, FieldResult, FieldStatus

MOST_CHARACTERS = 200  # of the words in a box


@dataclass(frozen=True, slots=True)
class Outline:
    """A box to draw. pointers: of the fields that it states; status: `accepted` where they all are.

    text: the words in it.
    """

    id: str
    page: int
    box: Box
    pointers: tuple[str, ...]
    status: FieldStatus
    text: str


def outlines(fields: Mapping[str, FieldResult]) -> tuple[Outline, ...]:
    """The boxes of these fields, page by page in reading order; one that several fields have is drawn once."""
    shared: dict[tuple[int, Box], dict[str, Evidence]] = {}
    for pointer, field in fields.items():
        for evidence in field.evidence:
            shared.setdefault((evidence.page, on_page(evidence.box)), {})[pointer] = evidence
    ordered = sorted(shared, key=lambda key: (key[0], round(key[1].y0, 2), key[1].x0, -key[1].x1))
    return tuple(
        Outline(
            id=f"b{number}",
            page=key[0],
            box=key[1],
            pointers=tuple(shared[key]),
            status="accepted" if all(fields[pointer].status == "accepted" for pointer in shared[key]) else "review",
            text=next(iter(shared[key].values())).text[:MOST_CHARACTERS],
        )
        for number, key in enumerate(ordered)
    )


def places_of(drawn: Iterable[Outline]) -> dict[str, list[Place]]:
    """Where each field is stated, by pointer."""
    places: dict[str, list[Place]] = {}
    for outline in drawn:
        for pointer in outline.pointers:
            places.setdefault(pointer, []).append(Place(outline.id, outline.page, outline.text))
    return places


def on_page(box: Box) -> Box:
    """The part of a box that lies on its page, to a ten-thousandth; a record may hold any numbers."""
    x0, x1 = sorted((_fraction(box.x0), _fraction(box.x1)))
    y0, y1 = sorted((_fraction(box.y0), _fraction(box.y1)))
    return Box(x0, y0, x1, y1)


def _fraction(number: float) -> float:
    return 0.0 if math.isnan(number) else round(min(1.0, max(0.0, number)), 4)
