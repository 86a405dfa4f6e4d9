"""The database of a ledger: SQLite on one machine, or a PostgreSQL server for many. Work in it survives a restart.

Every change is one transaction. SQLite takes the right to write at its begin (`BEGIN IMMEDIATE`), so that what was read
in it still holds when it is written. Work on a server that went away is begun again, for a while, so it must bear to be
done twice: the first time may have got through before the answer was lost.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from schemas.errors import LedgerLost, OutputUnwritable

PATIENCE = 60.0  # seconds in which a database that went away may come back
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between tries; each is twice the one before
WAIT_SECONDS = 30  # for another process that writes to the same SQLite file
CONNECT_SECONDS = 10
SILENT_MILLISECONDS = 30_000  # that a server may leave what was sent to it unconfirmed
SQLITE, POSTGRESQL = "sqlite", "postgresql"
_T = TypeVar("_T")
Work = Callable[[Connection], _T]


class Database:
    """An open database. Threads may share it. told: is given a line where work has to wait for it.

    Raises OutputUnwritable where it cannot be opened or written, LedgerLost where it went away and did not come back.
    """

    def __init__(self, url: str | URL, told: Callable[[str], None] = lambda line: None) -> None:
        self._told = told
        self._lost = False
        try:
            self.engine = open_engine(address(url))
            self._writing = self.engine.execution_options(writing=True)
            with self._writing.begin() as connection:
                connection.execute(text("SELECT 1"))
        except ImportError as error:
            remedy = "Install that package; for PostgreSQL, intaglio[postgres]."
            raise OutputUnwritable(f"the ledger cannot be opened: {error}.", remedy=remedy) from error
        except SQLAlchemyError as error:
            raise OutputUnwritable(
                f"the ledger cannot be opened: {reason(error)}.",
                remedy="Give another with --ledger, or make it writable.",
            ) from error

    @property
    def is_server(self) -> bool:
        return self.engine.dialect.name != SQLITE

    def read(self, work: Work[_T]) -> _T:
        """What the work gives, done on one state of the database."""

        def reading() -> _T:
            with self.engine.connect() as connection:
                return work(connection)

        return self._patiently(reading, PATIENCE)

    def write(self, work: Work[_T], *, patient: bool = True) -> _T:
        """What the work gives, once its changes are kept: all or none. patient: wait for a database that is gone."""

        def writing() -> _T:
            with self._writing.begin() as connection:
                return work(connection)

        return self._patiently(writing, PATIENCE if patient else 0.0)

    def begin(self) -> AbstractContextManager[Connection]:
        """A transaction of one's own; it does not wait for a database that is gone."""
        return self._writing.begin()

    def close(self) -> None:
        self.engine.dispose()

    def _patiently(self, work: Callable[[], _T], patience: float) -> _T:
        """Once it has waited in vain it waits no more: a run that ends for it should end."""
        begun, pause = time.monotonic(), FIRST_PAUSE
        while True:
            try:
                result = work()
            except (IntegrityError, ProgrammingError, DataError):  # of the work, not of the database
                raise
            except DBAPIError as error:
                if not may_pass(error):
                    raise OutputUnwritable(
                        f"the ledger cannot be written: {reason(error)}.",
                        remedy="Make room or set its permissions; the same command goes on where it stopped.",
                    ) from error
                waited = time.monotonic() - begun
                if self._lost or waited + pause > patience:
                    self._lost = self._lost or patience > 0
                    raise LedgerLost(
                        f"the ledger's database went away: {reason(error)}.",
                        remedy="What was done is kept. Once the database is back, the same command goes on.",
                    ) from error
                self._told(f"the ledger does not answer, trying for {patience - waited:.0f} s more")
                time.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
            else:
                self._lost = False
                return result


def address(url: str | URL) -> URL:
    """The URL, with the driver that Intaglio comes with where it names none. Raises SQLAlchemyError."""
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername in ("postgresql", "postgres") else parsed


def open_engine(url: URL, **settings: Any) -> Engine:
    """Raises ImportError without its driver, SQLAlchemyError for a URL that names nothing that a ledger can be in."""
    kind = url.get_backend_name()
    if kind == POSTGRESQL:
        wanted = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": SILENT_MILLISECONDS, "keepalives_idle": 15}
        settings["connect_args"] = {name: value for name, value in wanted.items() if name not in url.query}
    engine = create_engine(url, **settings)
    if kind == SQLITE:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif kind != POSTGRESQL:
        raise SQLAlchemyError(f"a ledger is in SQLite or PostgreSQL, not in {kind}")
    return engine


def may_pass(error: DBAPIError) -> bool:
    """Whether trying again may help: the server is gone or starting, or another process holds the SQLite file."""
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def reason(error: SQLAlchemyError) -> str:
    """What the database itself says, on one line."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # else Python begins transactions when it likes
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
