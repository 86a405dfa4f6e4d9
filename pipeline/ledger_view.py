"""The ledger as it is read by those who only look: what it holds of one output folder, and never a change to it.

It speaks of the documents that the folder has now, one for each distinct content: those whose records `records.jsonl`
holds. Records of an earlier schema or engine stay in the ledger and are passed over.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, Select, create_engine, func, inspect, or_, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from pipeline.claims import Held, held
from pipeline.database import POSTGRESQL, SQLITE, WAIT_SECONDS, address, open_engine, reason
from pipeline.ledger import CHUNK
from pipeline.ledger_tables import CLAIMS, DOCUMENTS, SOURCES
from pipeline.migrations import VERSION, too_new, version_of
from schemas.errors import LedgerUnreadable

MOST_NAMED = 5  # folders that an error lists
_REMEDY = "Give the folder that `intaglio ingest` wrote to with --out, and its --ledger if it had one."


class Group(NamedTuple):
    """How many documents are alike. contract, engine: as the ledger has them; updated: when the last one was written.

    sample: the id of one of their records.
    """

    status: str
    code: str
    contract: str
    engine: str
    documents: int
    updated: float
    sample: int


class Kept(NamedTuple):
    """A document and its record (as JSON). name: of its output; updated: seconds since 1970; others as in `Entry`."""

    name: str
    status: str
    code: str
    retryable: bool
    attempts: int
    updated: float
    record: str


class Failure(NamedTuple):
    """A failed document, without its record. Its parts are as in `Kept` and `Entry`."""

    id: int
    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Documents that were seen, and have no record of these bytes yet. names: the first of them."""

    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which documents are meant; an empty setting means all. since: seconds since 1970. contract: its fingerprint."""

    statuses: tuple[str, ...] = ()
    since: float | None = None
    contract: str = ""


EVERYTHING = Wanted()


class LedgerView:
    """What a ledger holds of one output folder. Made by `open_view`, whose errors it shares.

    file: that the ledger is in; None where it is on a server.
    """

    def __init__(self, connection: Connection, output: str, file: Path | None) -> None:
        self.file = file
        self._connection = connection
        self._output = output

    def groups(self) -> list[Group]:
        """How many documents there are of each kind."""
        keys: list[Any] = [DOCUMENTS.c[name] for name in ("status", "code", "contract", "engine")]
        told: list[Any] = [func.count(), func.max(DOCUMENTS.c.updated), func.min(DOCUMENTS.c.id)]
        holders = self._holders()
        query = select(*keys, *told).join(holders, holders.c.document == DOCUMENTS.c.id)
        return [Group(*row) for row in self._connection.execute(query.group_by(*keys).order_by(*keys))]

    def record(self, number: int) -> str:
        """One record, as JSON."""
        query = select(DOCUMENTS.c.record).where(DOCUMENTS.c.id == number)
        return _text(self._connection.execute(query).scalar_one())

    def waiting(self, most: int) -> Waiting:
        """What is left of the folder's documents as the last run saw them. most: names that are given.

        Documents that have a record already, and are to be read anew for another schema or engine, do not show.
        """
        lacking = or_(DOCUMENTS.c.id.is_(None), DOCUMENTS.c.sha256 != SOURCES.c.sha256)
        joined = SOURCES.outerjoin(DOCUMENTS, SOURCES.c.document == DOCUMENTS.c.id)
        name = func.min(SOURCES.c.name).label("name")
        left = select(name).select_from(joined).where(SOURCES.c.output == self._output, lacking)
        names = left.group_by(SOURCES.c.sha256).subquery()
        count = self._connection.execute(select(func.count()).select_from(names)).scalar_one()
        first = self._connection.execute(select(names.c.name).order_by(names.c.name).limit(most))
        return Waiting(count, tuple(row.name for row in first))

    def failures(self) -> list[Failure]:
        """All that failed, in the order of their names."""
        rows = self._connection.execute(self._found(Wanted(("failed",))))
        return [Failure(row.id, row.name, row.code) for row in rows]

    def runs(self) -> list[Held]:
        """Who has documents of the folder in hand, on whichever machine; nobody in a ledger of version 1."""
        return held(self._connection, self._output) if inspect(self._connection).has_table(CLAIMS.name) else []

    def documents(self, wanted: Wanted = EVERYTHING, most: int | None = None) -> Iterator[Kept]:
        """Documents in the order of their names, a few in memory at a time."""
        rows = self._connection.execute(self._found(wanted).limit(most), execution_options={"yield_per": CHUNK})
        while chunk := list(islice(rows, CHUNK)):
            query = select(DOCUMENTS.c.id, DOCUMENTS.c.record).where(DOCUMENTS.c.id.in_([row.id for row in chunk]))
            records = {row.id: row.record for row in self._connection.execute(query)}
            for row in chunk:
                facts = row._asdict()
                yield Kept(record=_text(records[facts.pop("id")]), **facts)

    def _found(self, wanted: Wanted) -> Select[Any]:
        columns = [DOCUMENTS.c[name] for name in ("status", "code", "retryable", "attempts", "updated")]
        holders = self._holders()
        query = (
            select(DOCUMENTS.c.id, SOURCES.c.name, *columns)
            .join(holders, holders.c.document == DOCUMENTS.c.id)
            .join(SOURCES, SOURCES.c.id == holders.c.first)
            .order_by(SOURCES.c.name)
        )
        if wanted.statuses:
            query = query.where(DOCUMENTS.c.status.in_(wanted.statuses))
        if wanted.since is not None:
            query = query.where(DOCUMENTS.c.updated >= wanted.since)
        return query.where(DOCUMENTS.c.contract == wanted.contract) if wanted.contract else query

    def _holders(self) -> Any:
        """By document, the source under whose name its record is kept: the one that was seen first."""
        first = func.min(SOURCES.c.id).label("first")
        ours = (SOURCES.c.output == self._output, SOURCES.c.document.is_not(None))
        return select(SOURCES.c.document, first).where(*ours).group_by(SOURCES.c.document).subquery()


@contextmanager
def open_view(url: str | URL, output: str = "") -> Iterator[LedgerView]:
    """A ledger, to be looked at. url, output: as `Ledger` takes them.

    Raises LedgerUnreadable: there is none, it is something else, it knows nothing of the output, a record in it is
    damaged or of another version, or its database goes away.
    """
    try:
        place = address(url)
        file = Path(place.database or "").absolute() if place.get_backend_name() == SQLITE else None
        engine = _server(place) if file is None else _file(file)
    except ImportError as error:
        remedy = "Install that package; for PostgreSQL, intaglio[postgres]."
        raise LedgerUnreadable(f"the ledger cannot be opened: {error}.", remedy=remedy) from error
    except SQLAlchemyError as error:
        raise _unreadable(error) from error
    try:
        _check_tables(engine)
        with engine.connect() as connection:
            _check_output(connection, output)
            yield LedgerView(connection, output, file)
    except SQLAlchemyError as error:
        raise _unreadable(error) from error
    except (zlib.error, ValidationError) as error:  # damaged, or of a form that this Intaglio does not know
        what = str(error).splitlines()[0]
        raise LedgerUnreadable(
            f"a record in the ledger cannot be read: {what}.", remedy="Update Intaglio, or read its documents again."
        ) from error
    finally:
        engine.dispose()


def _file(path: Path) -> Engine:
    if not path.is_file():
        raise LedgerUnreadable(f"there is no ledger {path}.", remedy=_REMEDY)
    return create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)


def _server(url: URL) -> Engine:
    readonly = {"postgresql_readonly": True} if url.get_backend_name() == POSTGRESQL else {}
    return open_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ", execution_options=readonly)


def _connect(path: Path) -> sqlite3.Connection:
    """Without the right to write. Where not even the files beside a database in WAL mode can be made, nobody has it
    open, and it is read as it lies.
    """
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise
        return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    return connection


def _check_tables(engine: Engine) -> None:
    """An older ledger can be read as it is: what was added since is not looked at, or may be missing."""
    looking = inspect(engine)
    for table in (DOCUMENTS, SOURCES):
        there = {column["name"] for column in looking.get_columns(table.name)} if looking.has_table(table.name) else ()
        lacking = [column.name for column in table.c if column.name not in there]
        if lacking:
            what = f"its table {table.name} lacks {lacking[0]}" if there else f"it has no table {table.name}"
            raise LedgerUnreadable(f"this database is no ledger of this Intaglio: {what}.", remedy=_REMEDY)
    with engine.connect() as connection:
        version = version_of(connection)
    if version > VERSION:
        raise LedgerUnreadable(f"{too_new(version)}.", remedy="Update Intaglio.")


def _check_output(connection: Connection, output: str) -> None:
    """In a ledger that several folders share, ours has to be one of them."""
    if not output or connection.execute(select(SOURCES.c.id).where(SOURCES.c.output == output).limit(1)).first():
        return
    query = select(SOURCES.c.output).distinct().order_by(SOURCES.c.output).limit(MOST_NAMED)
    known: Sequence[str] = [row.output or "one that has it inside" for row in connection.execute(query)]
    said = f"It has those of {', '.join(known)}." if known else "It is empty."
    raise LedgerUnreadable(f"the ledger has no documents of {output}.", remedy=said)


def _unreadable(error: SQLAlchemyError) -> LedgerUnreadable:
    return LedgerUnreadable(f"the ledger cannot be read: {reason(error)}.", remedy=_REMEDY)


def _text(record: bytes) -> str:
    return zlib.decompress(record).decode()
