"""What stands in a ledger, row by row, and how single rows get there. `pipeline.ledger` makes transactions of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, insert, select, update

from pipeline.claims import Key
from pipeline.ledger_tables import DOCUMENTS

CHUNK = 200  # keys or records in one query: SQLite allows 999 parameters in old builds, and records are large
_Item = TypeVar("_Item")


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


class Claimed(NamedTuple):
    """What a worker has in hand. attempts: at the document when it was claimed, None where it had no record."""

    key: Key
    owner: str
    attempts: int | None


class Saved(NamedTuple):
    """id: of the record that the ledger has. ours: it is the one that was given; else another process was faster.

    replaced: it stands where a failed one stood.
    """

    id: int
    ours: bool
    replaced: bool = False


def entries_of(connection: Connection, wanted: set[Key]) -> dict[Key, Entry]:
    """What is known of the keys; those never done are left out."""
    columns = [DOCUMENTS.c[name] for name in ("sha256", "id", "status", "code", "retryable", "attempts")]
    found: dict[Key, Entry] = {}
    for contract, engine in sorted({(key.contract, key.engine) for key in wanted}):
        hashes = sorted(key.sha256 for key in wanted if (key.contract, key.engine) == (contract, engine))
        same = (DOCUMENTS.c.contract == contract, DOCUMENTS.c.engine == engine)
        for chunk in chunks(hashes):
            for sha256, *facts in connection.execute(select(*columns).where(DOCUMENTS.c.sha256.in_(chunk), *same)):
                found[Key(sha256, contract, engine)] = Entry(*facts)
    return found


def put(connection: Connection, key: Key, values: dict[str, Any], claimed: Claimed | None) -> Saved:
    """Inserts the record, or replaces the failed one that it is another attempt at."""
    this = [DOCUMENTS.c[name] == value for name, value in key._asdict().items()]
    columns = (DOCUMENTS.c.id, DOCUMENTS.c.status, DOCUMENTS.c.attempts, DOCUMENTS.c.record)
    row = connection.execute(select(*columns).where(*this).with_for_update()).first()
    if row is None:
        done = connection.execute(insert(DOCUMENTS).values(**key._asdict(), **values, attempts=1))
        return Saved(int(done.inserted_primary_key[0]), ours=True)  # type: ignore[index]
    expected = claimed.attempts if claimed is not None and claimed.key == key else row.attempts
    if row.status == "failed" and row.attempts == expected:
        connection.execute(update(DOCUMENTS).where(*this).values(**values, attempts=row.attempts + 1))
        return Saved(int(row.id), ours=True, replaced=True)
    return Saved(int(row.id), ours=row.record == values["record"])  # the same, where our commit's answer was lost


def chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """The items, as many at a time as fit one query."""
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
