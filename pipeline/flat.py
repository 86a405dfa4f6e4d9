"""Records as rows of a table: one for each document, or one for each entry of one of its lists.

Columns of the data are named by their JSON Pointer, `*` for the place in a list, so that no two are ever alike and each
leads back to the record's `fields`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic_core import from_json

from pipeline.ledger_view import Kept
from schemas.errors import UsageError
from schemas.field import Field
from schemas.pointer import resolve

Kind = Literal["text", "integer", "number", "boolean", "date", "time", "json"]
_KINDS: dict[str, Kind] = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}


@dataclass(frozen=True, slots=True)
class Column:
    """json: a list, or a value whose form the schema leaves open, as JSON text. date: `2026-01-31`. time: a datetime
    in UTC.
    """

    name: str
    kind: Kind


ABOUT = (
    Column("document", "text"),
    Column("uri", "text"),
    Column("sha256", "text"),
    Column("status", "text"),
    Column("code", "text"),
    Column("updated", "time"),
    Column("review", "json"),
)
ENTRY = Column("entry", "integer")


@dataclass(frozen=True, slots=True)
class Table:
    """What rows hold, in this order: `ABOUT`, the place of the entry where they are entries, and the data's columns.

    values: of the document; entries: of each entry of the list at `rows`, a JSON Pointer, empty where rows are
    documents.
    """

    values: tuple[Column, ...]
    rows: str = ""
    entries: tuple[Column, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        return (*ABOUT, *((ENTRY,) if self.rows else ()), *self.values, *self.entries)

    def flatten(self, kept: Kept) -> Iterator[list[Any]]:
        """The rows of a document: one, or one for each entry. A value is as JSON has it, in `json` columns as text."""
        record = from_json(kept.record)
        review = [pointer for pointer, field in record["fields"].items() if field["status"] == "review"]
        document = record["document"]
        known = [kept.name, document["uri"], document["sha256"], kept.status, kept.code or None, _time(kept.updated)]
        values = [_value(column, record["data"], column.name) for column in self.values]
        if not self.rows:
            yield [*known, _json(review), *values]
            return
        entries = resolve(record["data"], self.rows)
        shared = {column.name for column in self.values}
        above = [pointer for pointer in review if pointer in shared]
        own = _by_entry(review, self.rows)
        template = f"{self.rows}/*"
        for place, entry in enumerate(entries if isinstance(entries, list) else ()):
            doubted = [*above, *own.get(str(place), ())]
            cells = [_value(column, entry, column.name.removeprefix(template)) for column in self.entries]
            yield [*known, _json(doubted), place, *values, *cells]


def table_of(root: Field, rows: str = "") -> Table:
    """The table of a contract. rows: the list whose entries are the rows; then the document's other lists are left out.

    Raises UsageError where there is no such list.
    """
    columns = tuple(_columns(root))
    if not rows:
        return Table(columns)
    lists = {field.pointer: field for field in _lists(root)}
    if rows not in lists:
        known = f"Its lists are {', '.join(lists)}." if lists else "It has no lists."
        raise UsageError(f"the schema has no list {rows}.", remedy=known)
    item = lists[rows].item
    assert item is not None
    entries = tuple(_columns(item)) if item.kind == "object" else (Column(item.pointer, _kind(item)),)
    return Table(tuple(column for column in columns if column.name not in lists), rows, entries)


def _columns(node: Field) -> Iterator[Column]:
    for child in node.children:
        if child.kind == "object":
            yield from _columns(child)
        else:
            yield Column(child.pointer, _kind(child))


def _kind(field: Field) -> Kind:
    if field.kind == "string" and field.format == "date":
        return "date"
    return _KINDS.get(field.kind, "json")


def _lists(node: Field) -> Iterator[Field]:
    """The lists that are reached through objects alone."""
    for child in node.children:
        if child.kind == "object":
            yield from _lists(child)
        elif child.kind == "array" and child.item is not None:
            yield child


def _value(column: Column, data: Any, pointer: str) -> Any:
    value = resolve(data, pointer)
    return _json(value) if column.kind == "json" and value is not None else value


def _by_entry(pointers: list[str], rows: str) -> dict[str, list[str]]:
    """Pointers below a list, by the step that names their entry."""
    found: dict[str, list[str]] = {}
    for pointer in pointers:
        if pointer.startswith(f"{rows}/"):
            found.setdefault(pointer.removeprefix(f"{rows}/").partition("/")[0], []).append(pointer)
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
