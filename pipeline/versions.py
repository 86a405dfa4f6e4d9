"""Versions of records in a ledger: what its engine read, and everything that persons have made of it since.

A record that nobody has changed has no rows here. With the first change version 0 is put in: the engine's own. The
newest version is also the record in `documents`, so that whoever reads that has it without asking for versions. Nothing
is ever overwritten or removed; to take a change back is a further version.
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, func, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError

from pipeline.ledger_tables import DOCUMENTS, OUTPUTS, SOURCES, VERSIONS
from schemas.record import Record


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Replaced(_Model):
    """A value and what stood in its place before; null for none."""

    before: Any = None
    after: Any = None


class Change(_Model):
    """What a version is about. values, deleted: by JSON Pointer of the leaf. confirmed: leaves that were said to be
    right. moved: lists whose entries have other places since. despite: codes of issues that were let pass. back_to: the
    version that an undo took up again.
    """

    kind: Literal["read", "approve", "correct", "undo"]
    values: dict[str, Replaced] = Field(default_factory=dict)
    deleted: dict[str, Any] = Field(default_factory=dict)
    confirmed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    despite: tuple[str, ...] = ()
    back_to: int | None = None
    note: str = ""

    @property
    def pointers(self) -> tuple[str, ...]:
        """All that it touches; whatever lies under one of them is touched as well."""
        return (*self.values, *self.deleted, *self.confirmed, *self.moved)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a document's record. at: seconds since 1970; who: empty for the engine; status: of the record."""

    number: int
    at: float
    who: str
    change: Change
    status: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A document's record as it stands. document: its id; number: of the version; updated: seconds since 1970."""

    document: int
    name: str
    number: int
    updated: float
    record: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """A reading of the same bytes by the same schema that a person has changed, and that is the newest no more."""

    name: str
    document: int
    number: int
    who: str
    status: str


def reading_of(connection: Connection, output: str, name: str) -> Reading | None:
    """The newest reading of the source of this name; None where there is none."""
    row = connection.execute(
        select(DOCUMENTS.c.id, DOCUMENTS.c.updated, DOCUMENTS.c.record)
        .join(SOURCES, SOURCES.c.document == DOCUMENTS.c.id)
        .where(SOURCES.c.output == output, SOURCES.c.name == name)
    ).first()
    if row is None:
        return None
    return Reading(row.id, name, newest(connection, row.id), row.updated, _text(row.record))


def names_like(connection: Connection, output: str) -> list[str]:
    """The names of all sources that have a record."""
    query = select(SOURCES.c.name).where(SOURCES.c.output == output, SOURCES.c.document.is_not(None))
    return [row.name for row in connection.execute(query.order_by(SOURCES.c.name))]


def newest(connection: Connection, document: int) -> int:
    """The number of a document's newest version."""
    if not _is_there(connection):
        return 0
    query = select(func.max(VERSIONS.c.number)).where(VERSIONS.c.document == document)
    return connection.execute(query).scalar() or 0


def versions_of(connection: Connection, document: int) -> list[Version]:
    """From version 0 on; none where nobody has changed the record."""
    if not _is_there(connection):
        return []
    columns = (VERSIONS.c.number, VERSIONS.c.at, VERSIONS.c.who, VERSIONS.c.change, VERSIONS.c.status)
    query = select(*columns).where(VERSIONS.c.document == document).order_by(VERSIONS.c.number)
    return [
        Version(row.number, row.at, row.who, Change.model_validate_json(row.change), row.status)
        for row in connection.execute(query)
    ]


def record_at(connection: Connection, document: int, number: int) -> str | None:
    """A version's record, as JSON; None where there is no such version."""
    if _is_there(connection):
        query = select(VERSIONS.c.record).where(VERSIONS.c.document == document, VERSIONS.c.number == number)
        if (record := connection.execute(query).scalar()) is not None:
            return _text(record)
    if number == newest(connection, document):  # nobody has changed it
        query = select(DOCUMENTS.c.record).where(DOCUMENTS.c.id == document)
        record = connection.execute(query).scalar()
        return None if record is None else _text(record)
    return None


def add_version(connection: Connection, reading: Reading, record: Record, who: str, change: Change) -> bool:
    """Puts in the version that follows a reading; False, and nothing done, where somebody else already did.

    All outputs that have the document learn that their files are out of date. `connection`: a transaction, of no use
    any more after False.
    """
    try:
        if reading.number == 0:
            told = record_row(reading.document, 0, reading.updated, "", Change(kind="read"), reading.record)
            connection.execute(insert(VERSIONS), told)
        number, now, text = reading.number + 1, time.time(), record.model_dump_json()
        connection.execute(insert(VERSIONS), record_row(reading.document, number, now, who, change, text))
    except IntegrityError:
        return False
    head = {"status": record.status, "code": "", "retryable": False, "updated": now, "record": _packed(text)}
    connection.execute(update(DOCUMENTS).where(DOCUMENTS.c.id == reading.document).values(head))
    holding = select(SOURCES.c.output).where(SOURCES.c.document == reading.document)
    connection.execute(update(SOURCES).where(SOURCES.c.written == reading.document).values(written=None))
    connection.execute(update(OUTPUTS).where(OUTPUTS.c.output.in_(holding)).values(complete=False))
    return True


def record_row(document: int, number: int, at: float, who: str, change: Change, record: str) -> dict[str, Any]:
    """A row of the table."""
    return {
        "document": document,
        "number": number,
        "at": at,
        "who": who,
        "change": change.model_dump_json(exclude_defaults=True),
        "status": Record.model_validate_json(record).status,
        "record": _packed(record),
    }


def earlier_readings(connection: Connection, output: str) -> list[Earlier]:
    """Of this output, in the order of their names."""
    if not _is_there(connection):
        return []
    now = DOCUMENTS.alias("now")
    last = select(VERSIONS.c.document, func.max(VERSIONS.c.number).label("number")).group_by(VERSIONS.c.document)
    changed = last.where(VERSIONS.c.number > 0).subquery()
    query = (
        select(SOURCES.c.name, VERSIONS.c.document, VERSIONS.c.number, VERSIONS.c.who, VERSIONS.c.status)
        .select_from(changed)
        .join(VERSIONS, (VERSIONS.c.document == changed.c.document) & (VERSIONS.c.number == changed.c.number))
        .join(DOCUMENTS, DOCUMENTS.c.id == changed.c.document)
        .join(SOURCES, (SOURCES.c.sha256 == DOCUMENTS.c.sha256) & (SOURCES.c.document != DOCUMENTS.c.id))
        .join(now, (now.c.id == SOURCES.c.document) & (now.c.contract == DOCUMENTS.c.contract))
        .where(SOURCES.c.output == output)
        .order_by(SOURCES.c.name, VERSIONS.c.document)
    )
    return [Earlier(*row) for row in connection.execute(query)]


class Changed(NamedTuple):
    """A source whose bytes have a reading that persons have changed. document: id of that one, the one that was changed
    last; newest: id of the newest reading.
    """

    name: str
    place: str
    document: int
    newest: int


def changed_readings(connection: Connection, output: str) -> list[Changed]:
    """In the order of the names. Readings by another schema than the newest one's are left out."""
    if not _is_there(connection):
        return []
    now = DOCUMENTS.alias("now")
    last = select(VERSIONS.c.document, func.max(VERSIONS.c.at).label("at")).where(VERSIONS.c.number > 0)
    changed = last.group_by(VERSIONS.c.document).subquery()
    query = (
        select(SOURCES.c.name, SOURCES.c.place, DOCUMENTS.c.id, now.c.id)
        .select_from(changed)
        .join(DOCUMENTS, DOCUMENTS.c.id == changed.c.document)
        .join(SOURCES, SOURCES.c.sha256 == DOCUMENTS.c.sha256)
        .join(now, (now.c.id == SOURCES.c.document) & (now.c.contract == DOCUMENTS.c.contract))
        .where(SOURCES.c.output == output)
        .order_by(changed.c.at)
    )
    found = {row[0]: Changed(*row) for row in connection.execute(query)}
    return [found[name] for name in sorted(found)]


def _is_there(connection: Connection) -> bool:
    """A ledger that an earlier Intaglio made, and that is only looked at, may have no such table."""
    return inspect(connection).has_table(VERSIONS.name)


def _packed(record: str) -> bytes:
    return zlib.compress(record.encode())


def _text(record: bytes) -> str:
    return zlib.decompress(record).decode()
