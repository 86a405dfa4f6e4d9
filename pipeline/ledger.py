"""The ledger: what has been done, once for each document, contract and engine, whatever crashes.

SQLAlchemy Core throughout, so that SQLite (the default, in the output folder) and PostgreSQL read the same code.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from schemas.errors import OutputUnwritable
from schemas.record import Record

_METADATA = MetaData()
DOCUMENTS = Table(
    "documents",
    _METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("contract", String(32), primary_key=True),
    Column("engine", String(128), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("retryable", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=1),
    Column("updated", Float, nullable=False),
    Column("record", Text, nullable=False),
)
SOURCES = Table(
    "sources",
    _METADATA,
    Column("uri", String(2048), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)
CHUNK = 500  # keys in one query; SQLite allows 999 parameters in old builds
WAIT_SECONDS = 30


class Key(NamedTuple):
    """What a record is kept under."""

    sha256: str
    contract: str
    engine: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of a key. retryable: it failed in a way that may pass."""

    status: str
    retryable: bool
    attempts: int


class Ledger:
    """Open ledger. Use it as a context manager, in one process at a time; other processes may have it open too."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._engine = create_engine(url)
            if self._engine.dialect.name == "sqlite":
                event.listen(self._engine, "connect", _prepare_sqlite)
            _METADATA.create_all(self._engine)
        except (SQLAlchemyError, ImportError) as error:
            reason = str(error).splitlines()[0]
            raise OutputUnwritable(
                f"the ledger {url} cannot be opened: {reason}.",
                remedy="Give another with --ledger, or make it writable.",
            ) from error

    def entries(self, keys: Sequence[Key]) -> dict[Key, Entry]:
        """What is known of the keys; those never done are left out."""
        found: dict[Key, Entry] = {}
        for row in self._rows(keys, DOCUMENTS.c.status, DOCUMENTS.c.retryable, DOCUMENTS.c.attempts):
            key = Key(row.sha256, row.contract, row.engine)
            found[key] = Entry(row.status, bool(row.retryable), row.attempts)
        return found

    def records(self, keys: Sequence[Key]) -> Iterator[tuple[Key, str]]:
        """(key, record as JSON) of those keys that are done, in no order."""
        for row in self._rows(keys, DOCUMENTS.c.record):
            yield Key(row.sha256, row.contract, row.engine), row.record

    def save(self, key: Key, record: Record, text: str, retryable: bool = False) -> None:
        """Puts a record under its key, in place of an earlier attempt. text: the record as JSON."""
        values = {"status": record.status, "retryable": int(retryable), "updated": time.time(), "record": text}
        with self._engine.begin() as connection:
            changed = connection.execute(
                update(DOCUMENTS).where(*_is(key)).values(**values, attempts=DOCUMENTS.c.attempts + 1)
            )
            if not changed.rowcount:
                connection.execute(insert(DOCUMENTS).values(**key._asdict(), **values, attempts=1))

    def hashes(self) -> dict[str, tuple[int, int, str]]:
        """(size, mtime_ns, sha256) by URI, of files seen before: one that has not changed need not be read again."""
        with self._engine.connect() as connection:
            return {row.uri: (row.size, row.mtime_ns, row.sha256) for row in connection.execute(select(SOURCES))}

    def remember(self, seen: dict[str, tuple[int, int, str]]) -> None:
        """Keeps the hashes of files, by URI."""
        with self._engine.begin() as connection:
            for uri, (size, mtime_ns, sha256) in seen.items():
                values = {"size": size, "mtime_ns": mtime_ns, "sha256": sha256}
                if not connection.execute(update(SOURCES).where(SOURCES.c.uri == uri).values(**values)).rowcount:
                    connection.execute(insert(SOURCES).values(uri=uri, **values))

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, keys: Sequence[Key], *columns: Column[Any]) -> Iterator[Any]:
        wanted = set(keys)
        pairs = {(key.contract, key.engine) for key in wanted}
        with self._engine.connect() as connection:
            for contract, engine in sorted(pairs):
                hashes = sorted(key.sha256 for key in wanted if (key.contract, key.engine) == (contract, engine))
                for start in range(0, len(hashes), CHUNK):
                    yield from _chunk(connection, hashes[start : start + CHUNK], contract, engine, columns)


def _chunk(
    connection: Connection, hashes: list[str], contract: str, engine: str, columns: Sequence[Column[Any]]
) -> Any:
    table = DOCUMENTS.c
    return connection.execute(
        select(table.sha256, table.contract, table.engine, *columns).where(
            table.sha256.in_(hashes), table.contract == contract, table.engine == engine
        )
    )


def _is(key: Key) -> tuple[Any, ...]:
    table = DOCUMENTS.c
    return table.sha256 == key.sha256, table.contract == key.contract, table.engine == key.engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
    cursor.close()
