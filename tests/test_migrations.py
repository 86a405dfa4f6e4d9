"""A ledger of an earlier version becomes one of today's when it is opened and keeps all it has; a newer one is left."""

from __future__ import annotations

import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from pipeline import migrations
from pipeline.database import Database
from pipeline.ledger import Entry, Key, Ledger
from pipeline.ledger_tables import METADATA
from pipeline.ledger_view import open_view
from pipeline.migrations import VERSION, version_of
from schemas.errors import LedgerUnreadable, OutputUnwritable

KEY = Key("a" * 64, "contract", "engine")
# As version 1 made them, word for word. NUMBER and BYTES differ between SQLite and PostgreSQL.
FIRST_VERSION = (
    "CREATE TABLE documents (id NUMBER NOT NULL, sha256 VARCHAR(64) NOT NULL, contract VARCHAR(64) NOT NULL, "
    "engine VARCHAR(128) NOT NULL, status VARCHAR(16) NOT NULL, code VARCHAR(64) NOT NULL, "
    "retryable BOOLEAN NOT NULL, attempts INTEGER NOT NULL, updated FLOAT NOT NULL, record BYTES NOT NULL, "
    "PRIMARY KEY (id), UNIQUE (sha256, contract, engine))",
    "CREATE TABLE sources (id NUMBER NOT NULL, output VARCHAR(512) NOT NULL, place TEXT NOT NULL, "
    "name TEXT NOT NULL, stamp TEXT NOT NULL, sha256 VARCHAR(64) NOT NULL, document INTEGER, written INTEGER, "
    "PRIMARY KEY (id), UNIQUE (output, place), UNIQUE (output, name))",
    "CREATE INDEX ix_sources_document ON sources (document)",
    "CREATE TABLE outputs (output VARCHAR(512) NOT NULL, complete BOOLEAN NOT NULL, PRIMARY KEY (output))",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def old(url: str) -> str:
    """A ledger of version 1 with one document."""
    engine = create_engine(url)
    kinds = ("INTEGER", "BLOB") if engine.dialect.name == "sqlite" else ("SERIAL", "BYTEA")
    values = {"a": "a" * 64, "record": zlib.compress(b"{}"), "yes": True, "no": False}
    with engine.begin() as connection:
        for statement in FIRST_VERSION:
            connection.execute(text(statement.replace("NUMBER", kinds[0]).replace("BYTES", kinds[1])))
        document = ":a, 'contract', 'engine', 'failed', 'document-timeout', :yes, 2, 1.5, :record"
        columns = "sha256, contract, engine, status, code, retryable, attempts, updated, record"
        connection.execute(text(f"INSERT INTO documents ({columns}) VALUES ({document})"), values)
        source = "'', '/docs/a.pdf', 'a.pdf', '1:1', :a, 1, 1"
        columns = "output, place, name, stamp, sha256, document, written"
        connection.execute(text(f"INSERT INTO sources ({columns}) VALUES ({source})"), values)
        connection.execute(text("INSERT INTO outputs VALUES ('', :yes)"), values)
    engine.dispose()
    return url


def shape(connection: Connection) -> dict[str, list[str]]:
    looking = inspect(connection)
    return {name: sorted(column["name"] for column in looking.get_columns(name)) for name in looking.get_table_names()}


def look(url: str) -> tuple[int, dict[str, list[str]]]:
    database = Database(url)
    found = database.read(version_of), database.read(shape)
    database.close()
    return found


def test_a_new_ledger_has_the_tables_that_the_code_speaks_of(url: str) -> None:
    Ledger(url).close()
    expected = {table.name: sorted(column.name for column in table.c) for table in METADATA.sorted_tables}
    assert look(url) == (VERSION, expected)


def test_a_ledger_of_version_1_keeps_all_it_has_and_gets_what_is_new(old: str) -> None:
    assert look(old)[0] == 1
    with Ledger(old) as ledger:
        assert ledger.entries([KEY]) == {KEY: Entry(1, "failed", "document-timeout", True, 2)}
        assert list(ledger.records([1])) == [(1, "{}")]
        [seen] = ledger.sources()
        assert (seen.place, seen.name, seen.stamp, seen.document, seen.written) == ("/docs/a.pdf", "a.pdf", "1:1", 1, 1)
        assert ledger.claim([KEY], "me") == {KEY}
        assert not ledger.complete()  # of what its JSONL holds version 1 knew too little
    expected = {table.name: sorted(column.name for column in table.c) for table in METADATA.sorted_tables}
    assert look(old) == (VERSION, expected)


def test_it_is_upgraded_once_however_many_open_it_at_once(old: str) -> None:
    ready = threading.Barrier(4, timeout=30)

    def open_it(_: int) -> int:
        ready.wait()
        with Ledger(old) as ledger:
            return len(ledger.sources())

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(open_it, range(4))) == [1, 1, 1, 1]
    assert look(old)[0] == VERSION


def test_a_new_ledger_is_made_once_however_many_open_it_at_once(url: str) -> None:
    ready = threading.Barrier(4, timeout=30)

    def open_it(_: int) -> None:
        ready.wait()
        Ledger(url).close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(open_it, range(4)))
    assert look(url)[0] == VERSION


def test_an_upgrade_that_fails_half_way_leaves_the_ledger_as_it_was(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = look(old)

    def fail(connection: Connection) -> None:
        raise RuntimeError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "STEPS", (*migrations.STEPS, (fail,)))
        patched.setattr(migrations, "VERSION", VERSION + 1)
        with pytest.raises(RuntimeError):
            Ledger(old)
    assert look(old) == before
    Ledger(old).close()
    assert look(old)[0] == VERSION


def test_a_ledger_of_a_newer_version_is_refused_and_not_touched(url: str) -> None:
    Ledger(url).close()
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE ledger SET version = 99"))
    said = f"of version 99, and this Intaglio knows those up to {VERSION}.*Update Intaglio"
    with pytest.raises(OutputUnwritable, match=said):
        Ledger(url)
    with pytest.raises(LedgerUnreadable, match=said), open_view(url):
        pass
    assert look(url)[0] == 99


def test_an_old_ledger_can_be_looked_at_without_being_changed(old: str) -> None:
    before = look(old)
    with open_view(old) as view:
        assert view.waiting(9).count == 0 and view.runs() == []
        assert [failure.name for failure in view.failures()] == ["a.pdf"]
    assert look(old) == before


def test_a_ledger_that_was_cut_off_while_it_was_made_is_made_whole(tmp_path: Path) -> None:
    """Version 1 made its tables one by one."""
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    with create_engine(url).begin() as connection:
        connection.execute(text(FIRST_VERSION[0].replace("NUMBER", "INTEGER").replace("BYTES", "BLOB")))
    Ledger(url).close()
    assert look(url)[0] == VERSION


def test_a_database_of_another_kind_is_refused() -> None:
    with pytest.raises(OutputUnwritable, match=r"SQLite or PostgreSQL, not in|driver|No module"):
        Ledger("mysql://127.0.0.1/ledger")
