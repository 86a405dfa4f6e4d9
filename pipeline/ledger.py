"""The ledger: what has been done, once for each document, contract and engine, whatever crashes.

SQLite, by default, in the output folder, or PostgreSQL: see `pipeline.database`. Its tables are in
`pipeline.ledger_tables`; which document is in whose hand, in `pipeline.claims`.
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError

from pipeline import claims
from pipeline.claims import LEASE_SECONDS, Key
from pipeline.database import Database
from pipeline.ledger_rows import CHUNK, Claimed, Entry, Saved, Seen, chunks, entries_of, put
from pipeline.ledger_tables import DOCUMENTS, OUTPUTS, SOURCES
from pipeline.migrations import upgrade

__all__ = ["CHUNK", "Claimed", "Entry", "Key", "Ledger", "Saved", "Seen"]


# See `pipeline.ledger_rows`.
_AT = (SOURCES.c.output == bindparam("its_output"), SOURCES.c.place == bindparam("its_place"))
_LINK = update(SOURCES).where(*_AT).values(document=bindparam("number"))
_WRITE = update(SOURCES).where(*_AT).values(written=bindparam("number"))
_OLD = and_(SOURCES.c.document == bindparam("number"), SOURCES.c.written == bindparam("number"))
_OUTDATE = update(SOURCES).where(_OLD).values(written=None)


class Ledger:
    """Open ledger of one output folder. Use it as a context manager; other processes may have it open too.

    url: a database URL. output: tells folders apart that share a ledger. told: is given a line where work has to wait
    for the database. Every method raises OutputUnwritable where the database cannot be written, and LedgerLost where it
    went away and did not come back in time.
    """

    def __init__(self, url: str | URL, output: str = "", told: Callable[[str], None] = lambda text: None) -> None:
        self.output = output
        self._database = Database(url, told)
        upgrade(self._database)

    @property
    def is_server(self) -> bool:
        """Whether other machines may have it open too."""
        return self._database.is_server

    def claim(self, keys: Sequence[Key], owner: str, seconds: float = LEASE_SECONDS) -> set[Key]:
        """Those of the keys that are the owner's now, for so many seconds: no other has them, or its lease is over."""
        return self._database.write(
            lambda connection: {
                key for chunk in chunks(keys) for key in claims.claim(connection, chunk, owner, seconds)
            }
        )

    def renew(self, owner: str, seconds: float = LEASE_SECONDS) -> set[Key]:
        """All that the owner still has, for so many seconds from now. It does not wait for a database that is gone."""
        return self._database.write(lambda connection: claims.renew(connection, owner, seconds), patient=False)

    def release(self, owner: str, keys: Iterable[Key] | None = None) -> None:
        """Gives back the owner's claims on the keys, by default on all."""
        given = None if keys is None else list(keys)
        self._database.write(lambda connection: claims.release(connection, owner, given))

    def entries(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """What is known of the keys; those never done are left out."""
        wanted = set(keys)
        return self._database.read(lambda connection: entries_of(connection, wanted))

    def sources(self) -> list[Seen]:
        """All sources of this output, in the order in which they were first seen."""
        return list(self.numbered().values())

    def numbered(self, numbers: Sequence[int] | None = None) -> dict[int, Seen]:
        """The same, by their ids, which other machines may ask for; by default all."""
        columns = [SOURCES.c[name] for name in ("id", *Seen._fields)]
        query = self._ours(select(*columns)).order_by(SOURCES.c.id)
        queries = [query] if numbers is None else [query.where(SOURCES.c.id.in_(part)) for part in chunks(numbers)]

        def found(connection: Connection) -> dict[int, Seen]:
            return {row[0]: Seen(*row[1:]) for query in queries for row in connection.execute(query)}

        return self._database.read(found)

    def see(self, sources: Sequence[Seen]) -> None:
        """Keeps new sources, and the changed stamp, hash and document of known ones. Their names stay as they are.

        Raises IntegrityError where another process has meanwhile seen one of the places, or taken one of the names.
        """
        known = {seen.place for seen in self.sources()}
        new = [{"output": self.output, **seen._asdict()} for seen in sources if seen.place not in known]
        names = ("stamp", "sha256", "document")
        changed = [
            {"at": seen.place, **{name: getattr(seen, name) for name in names}}
            for seen in sources
            if seen.place in known
        ]
        statement = self._ours(update(SOURCES)).where(SOURCES.c.place == bindparam("at"))

        def keep(connection: Connection) -> None:
            if new:
                connection.execute(insert(SOURCES), new)
            if changed:
                connection.execute(statement.values({name: bindparam(name) for name in names}), changed)

        self._database.write(keep)

    def save(
        self,
        key: Key,
        record: str,
        status: str,
        code: str,
        retryable: bool,
        places: Sequence[str],
        *,
        claimed: Claimed | None = None,
        wrote: Sequence[tuple[str, int | None]] = (),
    ) -> Saved:
        """Puts a record (as JSON) under its key, in place of a failed one, makes it the document of its sources, and
        gives up the claim on it: all at once.

        A record that did not fail stays, and so does a failed one of another attempt than the one that was claimed:
        its lease was lost, and another process has been faster. wrote: see there; kept by the way.
        """
        values = {
            "status": status,
            "code": code,
            "retryable": retryable,
            "updated": time.time(),
            "record": zlib.compress(record.encode()),
        }

        def keep(connection: Connection) -> Saved:
            saved = put(connection, key, values, claimed)
            if places:
                connection.execute(_LINK, [self._at(place, saved.id) for place in places])
            if saved.replaced:  # files that hold what it was before, in whichever folder
                connection.execute(_OUTDATE, {"number": saved.id})
            self._keep_written(connection, wrote)
            if claimed is not None:
                claims.release(connection, claimed.owner, [claimed.key])
            return saved

        try:
            return self._database.write(keep)
        except IntegrityError:  # another process has put it there between our look and our insert
            return self._database.write(keep)

    def wrote(self, files: Sequence[tuple[str, int | None]]) -> None:
        """Keeps which record each source's JSON file holds now; None where it is gone. files: (place, id of it)."""
        if files:
            self._database.write(lambda connection: self._keep_written(connection, files))

    def adopt(self, documents: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Makes records that another process has made the documents of our sources. documents: (id, places)."""

        def keep(connection: Connection) -> None:
            for number, places in documents:
                for chunk in chunks(places):
                    ours = self._ours(update(SOURCES)).where(SOURCES.c.place.in_(chunk))
                    connection.execute(ours.values(document=number))

        if documents:
            self._database.write(keep)

    def retry(self, documents: Iterable[int]) -> int:
        """Has failed documents tried again by the next run, as if for the first time. Returns how many there are."""

        def mark(connection: Connection) -> int:
            marked = 0
            for chunk in chunks(documents):
                failed = update(DOCUMENTS).where(DOCUMENTS.c.id.in_(chunk), DOCUMENTS.c.status == "failed")
                marked += connection.execute(failed.values(retryable=True, attempts=0)).rowcount
            return marked

        documents = list(documents)
        return self._database.write(mark)

    def holders(self) -> dict[int, Seen]:
        """By document id, the source under whose name its record is kept: the one that was seen first."""
        found: dict[int, Seen] = {}
        for seen in self.sources():
            if seen.document is not None:
                found.setdefault(seen.document, seen)
        return found

    def records(self, documents: Iterable[int]) -> Iterator[tuple[int, str]]:
        """(id, record as JSON), in the order asked for, a few in memory at a time."""
        columns = (DOCUMENTS.c.id, DOCUMENTS.c.record)
        for chunk in chunks(documents):
            query = select(*columns).where(DOCUMENTS.c.id.in_(chunk))
            found = self._database.read(lambda connection, query=query: dict(connection.execute(query).all()))  # type: ignore[misc]
            yield from ((number, zlib.decompress(found[number]).decode()) for number in chunk)

    def state(self) -> str:
        """Changes when a record of this output does, or its name: a digest of which there are."""
        query = select(SOURCES.c.name, DOCUMENTS.c.id, DOCUMENTS.c.updated).join(
            DOCUMENTS, DOCUMENTS.c.id == SOURCES.c.document
        )

        def digest(connection: Connection) -> str:
            found = hashlib.sha256()
            for row in connection.execute(self._ours(query).order_by(SOURCES.c.id)):
                found.update(repr(tuple(row)).encode())
            return found.hexdigest()

        return self._database.read(digest)

    def complete(self) -> bool:
        """Whether the JSONL holds all that the ledger does."""
        query = select(OUTPUTS.c.holds).where(OUTPUTS.c.output == self.output, OUTPUTS.c.complete)
        holds = self._database.read(lambda connection: connection.execute(query).scalar())
        return bool(holds) and holds == self.state()

    def completed(self, state: str) -> None:
        """Keeps that the JSONL has been written. state: what `state` was before it was read for it."""

        def keep(connection: Connection) -> None:
            values = {"complete": True, "holds": state}
            if not connection.execute(update(OUTPUTS).where(OUTPUTS.c.output == self.output).values(values)).rowcount:
                connection.execute(insert(OUTPUTS).values(output=self.output, **values))

        self._database.write(keep)

    def begin(self) -> AbstractContextManager[Connection]:
        """A transaction, for the queries of `pipeline.versions`. It does not wait for a database that is gone."""
        return self._database.begin()

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ours(self, statement: Any) -> Any:
        return statement.where(SOURCES.c.output == self.output)

    def _keep_written(self, connection: Connection, files: Sequence[tuple[str, int | None]]) -> None:
        if files:
            connection.execute(_WRITE, [self._at(place, number) for place, number in files])

    def _at(self, place: str, number: int | None) -> dict[str, Any]:
        return {"its_output": self.output, "its_place": place, "number": number}
