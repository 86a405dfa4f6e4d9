"""The fields of a record in the shape of its data: objects as groups of fields, lists of objects as tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.records import how
from schemas.pointer import escaped, leaves
from schemas.record import FieldResult, FieldStatus, Record

MOST_FIELDS = 20_000  # that one page lists
MOST_LEVELS = 5  # of headings; what lies deeper is listed under the last, by its pointer from there
MOST_COLUMNS = 12  # of a table; entries with more fields are groups
MOST_ROWS = 100  # of a table; a browser lays out only those in sight, table by table


@dataclass(frozen=True, slots=True)
class Place:
    """A box that states a value. box: its id on the page of HTML; text: the words in it."""

    box: str
    page: int
    text: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """One field as it is shown. status, confidence: None for a value that the record says nothing of. how: it came to
    its status after it was first read, in words.
    """

    id: str
    pointer: str
    value: str
    status: FieldStatus | None
    confidence: float | None
    places: tuple[Place, ...]
    how: str = ""

    @property
    def links(self) -> str:
        return " ".join(place.box for place in self.places)

    @property
    def by_page(self) -> tuple[Place, ...]:
        """The first place on each page."""
        return tuple({place.page: place for place in reversed(self.places)}.values())[::-1]


@dataclass(frozen=True, slots=True)
class Group:
    """The fields of one object, or the values of one list, each with its name. heading: the way to it in the data."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, Leaf], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A list of objects. rows: the entry's number, and its leaf in each column, or None."""

    heading: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Leaf | None, ...]], ...]


LeafAt = Callable[[str], Leaf | None]


@dataclass(frozen=True, slots=True)
class Listed:
    """What a page lists. values: as text, by pointer, in the order of the data; left_out: how many it does not list."""

    values: dict[str, str]
    left_out: int


def listed(record: Record, most: int = MOST_FIELDS) -> Listed:
    """Every leaf of the data, then fields that the data leaves out; of too many, those in review before others."""
    values = {pointer: _text(value) for pointer, value in leaves(record.data) if pointer or value is not None}
    for pointer, field in record.fields.items():
        values[pointer] = field.value if field.value is not None else values.get(pointer, "")
    if len(values) <= most:
        return Listed(values, 0)
    chosen = set(sorted(values, key=lambda pointer: not _in_review(record.fields.get(pointer)))[:most])
    return Listed({pointer: value for pointer, value in values.items() if pointer in chosen}, len(values) - most)


def shown_leaves(record: Record, values: Mapping[str, str], places: Mapping[str, list[Place]]) -> dict[str, Leaf]:
    """A leaf for each value. places: by pointer."""
    return {
        pointer: _leaf(number, pointer, value, record.fields.get(pointer), tuple(places.get(pointer, ())))
        for number, (pointer, value) in enumerate(values.items())
    }


def blocks(data: Any, at: LeafAt, heading: tuple[str, ...] = (), pointer: str = "") -> Iterator[Group | Table]:
    """The data's groups and tables in its order. at: the leaf at a pointer, None for one that is not listed."""
    if not isinstance(data, dict | list) or len(heading) >= MOST_LEVELS:
        yield Group(heading, _present((within, at(pointer + within)) for within, _ in leaves(data)))
        return
    if isinstance(data, list) and (columns := _columns(data)):
        yield from _tables(len(data), columns, at, heading, pointer)
        return
    children = list(_children(data, pointer))
    own = _present((name, at(where)) for name, where, value in children if not isinstance(value, dict | list))
    if own or not children:
        yield Group(heading, own)
    for name, where, value in children:
        if isinstance(value, dict | list):
            yield from blocks(value, at, (*heading, name), where)


def _children(data: dict[str, Any] | list[Any], pointer: str) -> Iterator[tuple[str, str, Any]]:
    """Name, pointer and value; entries of lists are counted from 1, as people do."""
    if isinstance(data, dict):
        yield from ((str(key), f"{pointer}/{escaped(str(key))}", value) for key, value in data.items())
    else:
        yield from ((str(index + 1), f"{pointer}/{index}", value) for index, value in enumerate(data))


def _columns(entries: list[Any]) -> list[str]:
    """Pointers within an entry; none for a list that is no table: of values, of lists, or of objects with many fields
    or lists of their own."""
    if not all(isinstance(entry, dict) and _is_flat(entry) for entry in entries):
        return []
    columns = list(dict.fromkeys(within for entry in entries for within, _ in leaves(entry)))
    return columns if len(columns) <= MOST_COLUMNS else []


def _tables(entries: int, columns: list[str], at: LeafAt, heading: tuple[str, ...], pointer: str) -> Iterator[Table]:
    rows = ((str(index + 1), tuple(at(f"{pointer}/{index}{within}") for within in columns)) for index in range(entries))
    listed = [row for row in rows if any(row[1])]
    for start in range(0, len(listed), MOST_ROWS):
        part = tuple(listed[start : start + MOST_ROWS])
        place = () if len(listed) <= MOST_ROWS else (f"{part[0][0]}–{part[-1][0]}",)
        yield Table((*heading, *place), tuple(map(_name, columns)), part)


def _is_flat(entry: Any, levels: int = 2) -> bool:
    """Whether there are only values in it, in objects inside it too, so many levels down."""
    if not isinstance(entry, dict | list) or not entry:
        return True
    return isinstance(entry, dict) and levels > 0 and all(_is_flat(value, levels - 1) for value in entry.values())


def _present(rows: Iterator[tuple[str, Leaf | None]]) -> tuple[tuple[str, Leaf], ...]:
    return tuple((name, leaf) for name, leaf in rows if leaf is not None)


def _name(pointer: str) -> str:
    """`/a/b~1c` → `a › b/c`."""
    return " › ".join(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _leaf(number: int, pointer: str, value: str, field: FieldResult | None, places: tuple[Place, ...]) -> Leaf:
    return Leaf(
        id=f"f{number}",
        pointer=pointer,
        value=value,
        status=field.status if field else None,
        confidence=field.confidence if field else None,
        places=places,
        how=how(field) if field else "",
    )


def _in_review(field: FieldResult | None) -> bool:
    return field is not None and field.status == "review"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
