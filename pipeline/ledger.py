"""The ledger: what has been done, once for each document, contract and engine, whatever crashes.

SQLite, by default, in the output folder, or PostgreSQL. Its tables are in `pipeline.ledger_tables`.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, bindparam, create_engine, event, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from pipeline.ledger_tables import DOCUMENTS, OUTPUTS, SOURCES, make_tables
from schemas.errors import OutputUnwritable

CHUNK = 200  # keys or records in one query: SQLite allows 999 parameters in old builds, and records are large
WAIT_SECONDS = 30
_Item = TypeVar("_Item")


class Key(NamedTuple):
    """What a record is kept under: hash of the bytes, fingerprints of contract and engine."""

    sha256: str
    contract: str
    engine: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of a document. code: of its first issue where it failed; retryable: that may pass."""

    id: int
    status: str
    code: str
    retryable: bool
    attempts: int


class Seen(NamedTuple):
    """A source as it is kept. stamp: changes when the file does, empty where that cannot be told; name: of its output.

    document: the id of its newest record; written: the id of the record that its JSON file holds.
    """

    place: str
    name: str
    stamp: str
    sha256: str
    document: int | None = None
    written: int | None = None


class Ledger:
    """Open ledger of one output folder. Use it as a context manager; other processes may have it open too.

    url: a database URL. output: tells folders apart that share a ledger.
    """

    def __init__(self, url: str, output: str = "") -> None:
        self.output = output
        try:
            self._engine = create_engine(url)
            if self._engine.dialect.name == "sqlite":
                event.listen(self._engine, "connect", _prepare_sqlite)
            make_tables(self._engine)
        except ImportError as error:
            remedy = "Install that package; for PostgreSQL, intaglio[postgres]."
            raise OutputUnwritable(f"the ledger cannot be opened: {error}.", remedy=remedy) from error
        except SQLAlchemyError as error:
            reason = str(error).splitlines()[0]
            raise OutputUnwritable(
                f"the ledger cannot be opened: {reason}.", remedy="Give another with --ledger, or make it writable."
            ) from error

    def entries(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """What is known of the keys; those never done are left out."""
        wanted = set(keys)
        columns = [column for column in DOCUMENTS.c if column.name not in ("updated", "record")]
        found: dict[Key, Entry] = {}
        with self._engine.connect() as connection:
            for contract, engine in sorted({(key.contract, key.engine) for key in wanted}):
                hashes = sorted(key.sha256 for key in wanted if (key.contract, key.engine) == (contract, engine))
                same = (DOCUMENTS.c.contract == contract, DOCUMENTS.c.engine == engine)
                for chunk in _chunks(hashes):
                    for row in connection.execute(select(*columns).where(DOCUMENTS.c.sha256.in_(chunk), *same)):
                        entry = Entry(row.id, row.status, row.code, row.retryable, row.attempts)
                        found[Key(row.sha256, contract, engine)] = entry
        return found

    def sources(self) -> list[Seen]:
        """All sources of this output, in the order in which they were first seen."""
        columns = [SOURCES.c[name] for name in Seen._fields]
        with self._engine.connect() as connection:
            return [Seen(*row) for row in connection.execute(self._ours(select(*columns)).order_by(SOURCES.c.id))]

    def see(self, sources: Sequence[Seen]) -> None:
        """Keeps new sources, and the changed stamp, hash and document of known ones. Their names stay as they are."""
        known = {seen.place for seen in self.sources()}
        new = [{"output": self.output, **seen._asdict()} for seen in sources if seen.place not in known]
        changed = [
            {"at": seen.place, "stamp": seen.stamp, "sha256": seen.sha256, "document": seen.document}
            for seen in sources
            if seen.place in known
        ]
        statement = self._ours(update(SOURCES)).where(SOURCES.c.place == bindparam("at"))
        with self._engine.begin() as connection:
            if new:
                connection.execute(insert(SOURCES), new)
            if changed:
                names = ("stamp", "sha256", "document")
                connection.execute(statement.values({name: bindparam(name) for name in names}), changed)
            if sources:
                self._mark(connection, complete=False)

    def save(self, key: Key, record: str, status: str, code: str, retryable: bool, places: Sequence[str]) -> None:
        """Puts a record (as JSON) under its key, in place of a failed one, and makes it the document of its sources.

        The first of the places is the one whose JSON file holds it already. A record that did not fail stays when
        another process has been faster.
        """
        values = {
            "status": status,
            "code": code,
            "retryable": retryable,
            "updated": time.time(),
            "record": zlib.compress(record.encode()),
        }
        try:
            self._save(key, values, places)
        except IntegrityError:  # another process has put it there between our look and our insert
            self._save(key, values, places)

    def _save(self, key: Key, values: dict[str, Any], places: Sequence[str]) -> None:
        ours = (
            DOCUMENTS.c.sha256 == key.sha256,
            DOCUMENTS.c.contract == key.contract,
            DOCUMENTS.c.engine == key.engine,
        )
        with self._engine.begin() as connection:
            row = connection.execute(select(DOCUMENTS.c.id, DOCUMENTS.c.status).where(*ours)).first()
            if row is None:
                done = connection.execute(insert(DOCUMENTS).values(**key._asdict(), **values, attempts=1))
                number = int(done.inserted_primary_key[0])  # type: ignore[index]
            else:
                number = int(row.id)
                if row.status == "failed":
                    attempts = DOCUMENTS.c.attempts + 1
                    connection.execute(update(DOCUMENTS).where(*ours).values(**values, attempts=attempts))
            for chunk in _chunks(places):
                connection.execute(
                    self._ours(update(SOURCES)).where(SOURCES.c.place.in_(chunk)).values(document=number)
                )
            holding = SOURCES.c.place == places[0]
            stale = self._ours(update(SOURCES)).where(SOURCES.c.document == number, ~holding)
            connection.execute(stale.values(written=None))
            connection.execute(self._ours(update(SOURCES)).where(holding).values(written=number))
            self._mark(connection, complete=False)

    def wrote(self, place: str, document: int | None) -> None:
        """Keeps that a source's JSON file now holds this record, or is gone."""
        with self._engine.begin() as connection:
            connection.execute(self._ours(update(SOURCES)).where(SOURCES.c.place == place).values(written=document))

    def holders(self) -> dict[int, Seen]:
        """By document id, the source under whose name its record is kept: the one that was seen first."""
        found: dict[int, Seen] = {}
        for seen in self.sources():
            if seen.document is not None:
                found.setdefault(seen.document, seen)
        return found

    def records(self, documents: Iterable[int]) -> Iterator[tuple[int, str]]:
        """(id, record as JSON), in the order asked for, a few in memory at a time."""
        with self._engine.connect() as connection:
            for chunk in _chunks(documents):
                rows = connection.execute(select(DOCUMENTS.c.id, DOCUMENTS.c.record).where(DOCUMENTS.c.id.in_(chunk)))
                found = {row.id: row.record for row in rows}
                yield from ((number, zlib.decompress(found[number]).decode()) for number in chunk)

    def complete(self) -> bool:
        """Whether the JSONL holds all that the ledger does."""
        with self._engine.connect() as connection:
            row = connection.execute(select(OUTPUTS.c.complete).where(OUTPUTS.c.output == self.output)).first()
        return row is not None and bool(row.complete)

    def completed(self) -> None:
        """Keeps that the JSONL has been written."""
        with self._engine.begin() as connection:
            self._mark(connection, complete=True)

    def begin(self) -> AbstractContextManager[Connection]:
        """A transaction, for the queries of `pipeline.versions`."""
        return self._engine.begin()

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ours(self, statement: Any) -> Any:
        return statement.where(SOURCES.c.output == self.output)

    def _mark(self, connection: Connection, complete: bool) -> None:
        ours = OUTPUTS.c.output == self.output
        if not connection.execute(update(OUTPUTS).where(ours).values(complete=complete)).rowcount:
            connection.execute(insert(OUTPUTS).values(output=self.output, complete=complete))


def _chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
