"""Who has which document in hand: a claim for each, with a lease, so that those of a dead run come back.

A claim is alive from its last renewal until its lease ends, by the clock of the database: of the server where there is
one, else of the one machine. A clock that was set back makes a renewal lie ahead; such a claim is taken for dead, so
that a jump costs no wait. A document that is done twice for it is kept once: see `Ledger.save`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, and_, delete, extract, func, select, text, update

from pipeline.database import POSTGRESQL, SQLITE
from pipeline.ledger_tables import CLAIMS, SOURCES
from schemas.errors import IntaglioError

if TYPE_CHECKING:
    from pipeline.ledger import Ledger

LEASE_SECONDS = 60.0  # from one renewal; three are tried before it ends
SET_BACK = 10.0  # seconds by which a clock may be set back without consequence


class Key(NamedTuple):
    """What a record is kept under: hash of the bytes, fingerprints of contract and engine."""

    sha256: str
    contract: str
    engine: str


class Held(NamedTuple):
    """An owner of claims that are alive, and how many it has."""

    owner: str
    documents: int


# One statement, whatever the number of documents, is made ready once; a statement of many rows would be each time.
_CLAIM = """
INSERT INTO claims (sha256, contract, engine, owner, renewed, until)
SELECT value.value, :contract, :engine, :owner, {now}, {now} + :seconds FROM {values} AS value WHERE true
ON CONFLICT (sha256, contract, engine) DO UPDATE
SET owner = excluded.owner, renewed = excluded.renewed, until = excluded.until
WHERE claims.owner = excluded.owner OR claims.until <= {now} OR claims.renewed >= {now} + :set_back
RETURNING sha256
"""
_STATEMENTS = {
    SQLITE: text(_CLAIM.format(now="((julianday('now') - 2440587.5) * 86400.0)", values="json_each(:hashes)")),
    POSTGRESQL: text(
        _CLAIM.format(
            now="EXTRACT(epoch FROM clock_timestamp())", values="json_array_elements_text(CAST(:hashes AS json))"
        )
    ),
}


def claim(connection: Connection, keys: Sequence[Key], owner: str, seconds: float) -> set[Key]:
    """Those of the keys that are the owner's now, for so many seconds: those that were free or dead, or its own."""
    found = set[Key]()
    statement = _STATEMENTS[connection.dialect.name]
    for contract, engine in sorted({(key.contract, key.engine) for key in keys}):
        # in one order everywhere, so that no two statements wait for each other
        hashes = sorted({key.sha256 for key in keys if (key.contract, key.engine) == (contract, engine)})
        values = {"contract": contract, "engine": engine, "owner": owner, "seconds": seconds, "set_back": SET_BACK}
        rows = connection.execute(statement, {**values, "hashes": json.dumps(hashes)})
        found.update(Key(row.sha256, contract, engine) for row in rows)
    return found


def renew(connection: Connection, owner: str, seconds: float) -> set[Key]:
    """All that the owner still has, for so many seconds from now."""
    now = _now(connection)
    mine = update(CLAIMS).where(CLAIMS.c.owner == owner)
    statement = mine.values(renewed=now, until=now + seconds).returning(*_key_columns())
    return {Key(*row) for row in connection.execute(statement)}


def release(connection: Connection, owner: str, keys: Iterable[Key] | None = None) -> None:
    """Gives back the owner's claims on the keys, by default on all."""
    mine = delete(CLAIMS).where(CLAIMS.c.owner == owner)
    if keys is None:
        connection.execute(mine)
        return
    for key in sorted(keys):
        connection.execute(mine.where(*(CLAIMS.c[name] == value for name, value in key._asdict().items())))


def held(connection: Connection, output: str) -> list[Held]:
    """Who has claims that are alive on documents of this output."""
    hashes = select(SOURCES.c.sha256).where(SOURCES.c.output == output)
    query = select(CLAIMS.c.owner, func.count()).where(_alive(_now(connection)), CLAIMS.c.sha256.in_(hashes))
    return [Held(*row) for row in connection.execute(query.group_by(CLAIMS.c.owner).order_by(CLAIMS.c.owner))]


class Lease:
    """A run's claims, renewed by a thread while it is at work, and given back at its end, however it ends.

    Use it as a context manager, more than once if need be. A renewal that fails is tried again at the next; the work
    goes on meanwhile.
    """

    def __init__(self, ledger: Ledger, owner: str, seconds: float = LEASE_SECONDS) -> None:
        self.owner = owner
        self._ledger = ledger
        self._seconds = seconds

    def claim(self, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys that are ours now."""
        return self._ledger.claim(keys, self.owner, self._seconds)

    def release(self, keys: Iterable[Key]) -> None:
        self._ledger.release(self.owner, keys)

    def __enter__(self) -> Lease:
        self._ended = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="intaglio-lease", daemon=True)
        self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._renewer.join()
        try:
            self._ledger.release(self.owner)
        except IntaglioError:
            if error is None:  # else what went wrong first is told; the leases end by themselves
                raise

    def _renew(self) -> None:
        while not self._ended.wait(self._seconds / 3):
            try:
                self._ledger.renew(self.owner, self._seconds)
            except IntaglioError:
                continue


def _now(connection: Connection) -> Any:
    """Seconds since 1970, by the clock of the database."""
    if connection.dialect.name == POSTGRESQL:
        return extract("epoch", func.clock_timestamp())
    return (func.julianday("now") - 2440587.5) * 86400.0


def _alive(now: Any) -> Any:
    return and_(CLAIMS.c.until > now, CLAIMS.c.renewed < now + SET_BACK)


def _key_columns() -> list[Any]:
    return [CLAIMS.c[name] for name in Key._fields]
