"""The ledger: once for each document, contract and engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from pipeline.ledger import CHUNK, Entry, Key, Ledger, Seen
from pipeline.ledger_tables import DOCUMENTS, METADATA
from schemas.errors import OutputUnwritable

KEY = Key("a" * 64, "contract", "engine")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a new ledger, in a file and on a real server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with Ledger(url) as opened:
        yield opened


def seen(place: str, sha256: str = KEY.sha256) -> Seen:
    return Seen(place, f"{place}.pdf", "1:1", sha256)


def keep(ledger: Ledger, key: Key, text: str, status: str = "accepted", *places: str) -> int:
    ledger.save(key, text, status, "", False, places or ("a",))
    return ledger.entries([key])[key].id


def test_a_record_comes_back_as_it_was_saved(ledger: Ledger) -> None:
    number = keep(ledger, KEY, '{"näme": "☃"}')
    assert ledger.entries([KEY]) == {KEY: Entry(number, "accepted", "", False, 1)}
    assert list(ledger.records([number])) == [(number, '{"näme": "☃"}')]


@pytest.mark.parametrize("part", ["sha256", "contract", "engine"])
def test_another_document_contract_or_engine_is_another_record(ledger: Ledger, part: str) -> None:
    keep(ledger, KEY, "{}")
    assert ledger.entries([KEY._replace(**{part: "b" * 64})]) == {}


def test_a_failed_record_is_replaced_and_its_attempts_counted(ledger: Ledger) -> None:
    ledger.save(KEY, "1", "failed", "document-timeout", True, ["a"])
    ledger.save(KEY, "2", "failed", "damaged-document", False, ["a"])
    entry = ledger.entries([KEY])[KEY]
    assert (entry.code, entry.retryable, entry.attempts) == ("damaged-document", False, 2)


def test_a_record_that_did_not_fail_is_never_overwritten(ledger: Ledger) -> None:
    number = keep(ledger, KEY, "first")
    keep(ledger, KEY, "second", "failed")
    assert list(ledger.records([number])) == [(number, "first")]


def test_processes_that_finish_the_same_document_at_once_leave_one_record(url: str) -> None:
    ready = threading.Barrier(8, timeout=20)

    def save(text: str) -> None:
        with Ledger(url, text) as mine:
            ready.wait()
            mine.save(KEY, text, "accepted", "", False, ["a"])

    threads = [threading.Thread(target=save, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with create_engine(url).connect() as connection:
        rows = connection.execute(select(DOCUMENTS)).all()
    assert len(rows) == 1 and rows[0].attempts == 1


def test_who_is_beaten_to_a_record_keeps_the_other_one(postgres_url: str) -> None:
    """In SQLite nobody can write between the look and the insert."""
    ledger, beaten = Ledger(postgres_url), []

    def beat(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("INSERT INTO documents") and not beaten:
            beaten.append(True)
            with Ledger(postgres_url) as other:
                keep(other, KEY, "faster")

    event.listen(ledger._database.engine, "before_cursor_execute", beat)
    number = keep(ledger, KEY, "slower")
    assert beaten
    assert list(ledger.records([number])) == [(number, "faster")]
    ledger.close()


def test_more_keys_and_records_than_fit_one_query_come_back_in_order(ledger: Ledger) -> None:
    keys = [KEY._replace(sha256=f"{number:064}") for number in range(2 * CHUNK + 1)]
    numbers = [keep(ledger, key, f"{number}") for number, key in enumerate(keys)]
    backwards = numbers[::-1]
    assert len(ledger.entries(keys)) == len(keys)
    assert [number for number, _ in ledger.records(backwards)] == backwards


def test_sources_keep_their_name_and_order_and_take_a_new_stamp(ledger: Ledger) -> None:
    ledger.see([seen("b"), seen("a")])
    ledger.see([seen("b")._replace(stamp="2:2", sha256="b" * 64, name="other.pdf"), seen("c")])
    assert [(source.place, source.name, source.stamp) for source in ledger.sources()] == [
        ("b", "b.pdf", "2:2"),
        ("a", "a.pdf", "1:1"),
        ("c", "c.pdf", "1:1"),
    ]


def test_a_document_with_several_sources_is_kept_under_the_first_that_was_seen(ledger: Ledger) -> None:
    ledger.see([seen("b"), seen("a")])
    number = keep(ledger, KEY, "{}", "accepted", "b", "a")
    assert {held: source.place for held, source in ledger.holders().items()} == {number: "b"}
    assert [source.written for source in ledger.sources()] == [None, None]
    ledger.wrote([("b", number)])
    assert [source.written for source in ledger.sources()] == [number, None]


def test_outputs_that_share_a_ledger_share_records_and_nothing_else(url: str, ledger: Ledger) -> None:
    ledger.see([seen("a")])
    keep(ledger, KEY, "{}")
    with Ledger(url, "other") as other:
        assert KEY in other.entries([KEY])
        assert other.sources() == []
        assert other.holders() == {}


def test_the_jsonl_lacks_something_after_every_record_until_it_is_written(ledger: Ledger) -> None:
    ledger.see([seen("a"), seen("b", "b" * 64)])
    assert not ledger.complete()
    ledger.completed(ledger.state())
    assert ledger.complete()
    keep(ledger, KEY, "{}")
    assert not ledger.complete()


def test_what_is_saved_while_the_jsonl_is_written_is_not_taken_for_written(ledger: Ledger) -> None:
    ledger.see([seen("a"), seen("b", "b" * 64)])
    keep(ledger, KEY, "{}")
    before = ledger.state()
    keep(ledger, KEY._replace(sha256="b" * 64), "{}", "accepted", "b")
    ledger.completed(before)
    assert not ledger.complete()


@pytest.mark.parametrize(
    "url", ["sqlite:////no/such/folder/ledger.sqlite", "nonsense", "nosuch://host/db", "sqlite:////dev/null"]
)
def test_a_ledger_that_cannot_be_opened_is_wrong_use(url: str) -> None:
    with pytest.raises(OutputUnwritable, match="--ledger"):
        Ledger(url)


def test_the_tables_can_be_made_in_postgresql() -> None:
    for table in METADATA.sorted_tables:
        text = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "SERIAL" in text or table.name in ("outputs", "claims", "ledger", "versions")
