"""`intaglio status`: what a folder's ledger says, and that looking at it changes nothing."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from pipeline.batch import run_batch
from pipeline.job import Job
from pipeline.ledger import Key, Ledger, Seen
from pipeline.ledger_view import LedgerView, Wanted, open_view
from pipeline.runs import at_work
from schemas.errors import LedgerUnreadable
from tests.papers import write_invoice, write_invoices


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run: three invoices, one that lacks its total, one that is locked and one that is none."""
    docs, out = tmp_path_factory.mktemp("docs"), tmp_path_factory.mktemp("run") / "out"
    write_invoices(docs, 3)
    write_invoice(docs / "no-total.pdf", "INV-9", "")
    write_invoice(docs / "locked.pdf", password="secret")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    run_batch(Job((str(docs),), ("invoice",), out, workers=1))
    return out


def status(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["status", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def told(out: Path, *arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(status(out, "--json", *arguments))
    return found


def test_it_counts_by_status_schema_and_engine(out: Path) -> None:
    found = told(out)
    lines = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    for kind in ("accepted", "review", "failed"):
        assert found[kind] == sum(line["status"] == kind for line in lines)
        assert found["schemas"][0][kind] == found["engines"][0][kind] == found[kind]
    assert found["documents"] == 6 and found["failed"] == 2 and found["accepted"] == 3
    assert found["schemas"][0]["name"] == "Invoice"
    assert found["schemas"][0]["fingerprint"] == lines[0]["contract"]["fingerprint"]
    assert found["engines"][0]["name"].startswith("embedded")


def test_it_names_what_is_in_review_with_its_first_reason_and_what_failed_with_its_remedy(out: Path) -> None:
    found = told(out)
    [doubtful] = found["in_review"]
    assert doubtful["document"] == "no-total.pdf" and "/total is required" in doubtful["reason"]
    broken, locked = found["failures"]
    assert (broken["document"], broken["code"], broken["attempts"]) == ("broken.pdf", "damaged-document", 1)
    assert "--retry-failed" in broken["remedy"] and broken["message"]
    assert (locked["document"], locked["code"]) == ("locked.pdf", "encrypted-document")
    assert "--password" in locked["remedy"]
    assert found["codes"] == {"damaged-document": 1, "encrypted-document": 1}


def test_a_person_reads_the_same(out: Path) -> None:
    shown = status(out)
    assert "6 documents: 3 accepted, 1 review, 2 failed. Last written 20" in shown
    for word in (
        "No run is at work, and nothing is left.",
        "Invoice",
        "damaged-document",
        "--retry-failed",
        "no-total",
    ):
        assert word in shown


def test_of_many_documents_the_first_are_named_and_the_others_counted(out: Path) -> None:
    assert len(told(out, "--most", 1)["failures"]) == 1
    assert told(out, "--most", 1)["failed"] == 2
    shown = status(out, "--most", 1)
    assert "1 more failed" in shown and "locked.pdf" not in shown


def test_looking_changes_nothing_in_the_ledger(out: Path) -> None:
    path = out / ".intaglio" / "ledger.sqlite"
    before = path.read_bytes(), path.stat().st_mtime_ns
    status(out)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    with open_view(f"sqlite:///{path}") as view, pytest.raises(Exception, match="readonly"):
        view._connection.exec_driver_sql("DELETE FROM sources")


def test_a_run_at_work_and_what_it_has_left_are_seen(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with at_work(out), Ledger(Job((), (), out).ledger_url) as ledger:
        ledger.see([Seen(name, f"{name}.pdf", "1", name * 64) for name in "abc"])
        ledger.save(Key("a" * 64, "contract", "engine"), record("a.pdf"), "accepted", "", False, ["a"])
        found = told(out)
        assert "A run is at work, 2 documents being read or waiting: b.pdf, c.pdf." in status(out)
    assert found["running"] and found["waiting"] == {"count": 2, "documents": ["b.pdf", "c.pdf"]}
    assert "No run is at work; 2 documents left: b.pdf, c.pdf. The same `intaglio ingest` goes on." in status(out)


def test_runs_on_other_machines_are_seen_by_their_leases(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".intaglio").mkdir(parents=True)
    with Ledger(Job((), (), out).ledger_url) as ledger:
        ledger.see([Seen(name, f"{name}.pdf", "1", name * 64) for name in "abc"])
        for name in "ab":
            ledger.claim([Key(name * 64, "contract", "engine")], f"machine-{name}")
    found = told(out)
    assert found["running"] and found["runs"][0] == {"owner": "machine-a", "documents": 1}
    assert "2 runs are at work, 3 documents being read or waiting" in status(out)


def test_a_changed_document_waits_though_it_has_an_old_record(tmp_path: Path) -> None:
    with Ledger(url := f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        ledger.see([Seen("a", "a.pdf", "1", "a" * 64)])
        ledger.save(Key("a" * 64, "contract", "engine"), "{}", "accepted", "", False, ["a"])
        with open_view(url) as view:
            assert view.waiting(9).count == 0
        [seen] = ledger.sources()
        ledger.see([seen._replace(sha256="b" * 64)])
    with open_view(url) as view:
        assert view.waiting(9).names == ("a.pdf",)


def record(name: str, status: str = "accepted") -> str:
    info = {"uri": name, "sha256": "a" * 64, "media_type": "application/pdf", "bytes": 1}
    engine = {"name": "fake", "model": "fake", "revision": "1", "fingerprint": "fake-1"}
    contract = {"name": "Thing", "fingerprint": "contract"}
    return json.dumps({"document": info, "engine": engine, "contract": contract, "status": status})


@pytest.fixture
def many(tmp_path: Path) -> Iterator[LedgerView]:
    """100,000 documents, made in one statement each."""
    path = tmp_path / "ledger.sqlite"
    with Ledger(url := f"sqlite:///{path}") as ledger:
        ledger.see([Seen("first", "first.pdf", "1", "a" * 64)])
        ledger.save(Key("a" * 64, "contract", "engine"), record("first.pdf", "review"), "review", "", False, ["first"])
    with sqlite3.connect(path) as connection:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
        kept = "'contract', 'engine', CASE i % 4 WHEN 0 THEN 'review' ELSE 'accepted' END, '', 0, 1, i"
        connection.execute(
            f"INSERT INTO documents {numbers}"
            f"SELECT i, printf('%064d', i), {kept}, (SELECT record FROM documents) FROM n"
        )
        source = "printf('%d.pdf', i), '1', printf('%064d', i), i, i"
        connection.execute(f"INSERT INTO sources {numbers}SELECT i, '', i, {source} FROM n")
    with open_view(url) as view:
        yield view


def test_a_hundred_thousand_documents_are_counted_at_once(many: LedgerView) -> None:
    begun = time.process_time()
    counts = {group.status: group.documents for group in many.groups()}
    first = list(many.documents(Wanted(("review",)), 40))
    assert many.waiting(40).count == 0
    assert time.process_time() - begun < 3
    assert counts == {"accepted": 74_999, "review": 25_001} and len(first) == 40


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no ledger"),
        (b"no database at all, but some other file, of some length", "not a database"),
        (b"", "is no ledger of this Intaglio"),
    ],
)
def test_a_missing_or_foreign_ledger_is_a_clear_error(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "odd #name.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LedgerUnreadable, match=said), open_view(f"sqlite:///{path}"):
        pass
    assert path.exists() == (content is not None)


def test_a_database_of_something_else_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE documents (id, title)")
    with pytest.raises(LedgerUnreadable, match="table documents lacks sha256"), open_view(f"sqlite:///{path}"):
        pass


def test_a_record_of_another_form_is_a_clear_error(tmp_path: Path) -> None:
    job = Job((), (), tmp_path / "out")
    with at_work(job.out), Ledger(job.ledger_url) as ledger:
        ledger.see([Seen("a", "a.pdf", "1", "a" * 64)])
        newer = json.loads(record("a.pdf", "review")) | {"something": "new"}
        ledger.save(Key("a" * 64, "contract", "engine"), json.dumps(newer), "review", "", False, ["a"])
    with pytest.raises(LedgerUnreadable, match="a record in the ledger cannot be read"):
        status(job.out)
    with sqlite3.connect(job.out / ".intaglio" / "ledger.sqlite") as connection:
        connection.execute("UPDATE documents SET record = X'00'")
    with pytest.raises(LedgerUnreadable, match="a record in the ledger cannot be read"):
        status(job.out)


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "nobody://here/x"])
def test_a_url_that_leads_to_no_ledger_is_a_clear_error(url: str) -> None:
    with pytest.raises(LedgerUnreadable, match="ledger"), open_view(url):
        pass


def test_a_shared_ledger_says_which_folders_it_knows(tmp_path: Path) -> None:
    with Ledger(url := f"sqlite:///{tmp_path / 'shared.sqlite'}", "/data/one") as ledger:
        ledger.see([Seen("a", "a.pdf", "1", "a" * 64)])
    with pytest.raises(LedgerUnreadable, match=r"/data/two.*those of /data/one"), open_view(url, "/data/two"):
        pass
    with open_view(url, "/data/one") as view:
        assert view.waiting(9).names == ("a.pdf",)


def test_a_hostile_name_or_message_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with at_work(out), Ledger(Job((), (), out).ledger_url) as ledger:
        ledger.see([Seen("a", "\x1b[31mred.pdf", "1", "a" * 64)])
    assert "\x1b" not in status(out) and "red.pdf" in status(out)
