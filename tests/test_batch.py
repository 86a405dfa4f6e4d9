"""A batch, for real: worker processes, the embedded engine, a ledger on disk. Each document once, nothing lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.engine import EngineSpec
from pipeline.batch import open_batch, run_batch
from pipeline.job import Event, Job, Planned, Row, Watch
from pipeline.ledger import Ledger
from schemas.errors import EngineUnavailable, LedgerLost, SchemaNotFound, UsageError
from tests.papers import write_invoice, write_invoices


class Heard:
    """Listens to a batch."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.watch = Watch(self.events.append)

    @property
    def rows(self) -> list[Row]:
        return [event for event in self.events if isinstance(event, Row)]

    @property
    def todo(self) -> int:
        return next(event.todo for event in self.events if isinstance(event, Planned))


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    write_invoices(folder, 3)
    return folder


@pytest.fixture
def job(docs: Path, tmp_path: Path) -> Job:
    return Job((str(docs),), ("invoice",), tmp_path / "out", workers=1)


def run(job: Job) -> Heard:
    heard = Heard()
    run_batch(job, heard.watch)
    return heard


def records(job: Job) -> list[dict[str, Any]]:
    return [json.loads(line) for line in job.jsonl.read_text().splitlines()]


def files(job: Job) -> dict[str, dict[str, Any]]:
    found = {path.relative_to(job.out).as_posix(): path for path in job.out.rglob("*.json")}
    return {name: json.loads(path.read_text()) for name, path in sorted(found.items())}


def consistent(job: Job) -> bool:
    """Whether files and lines hold the same records, each once, and nothing is half written."""
    by_file = sorted(json.dumps(record, sort_keys=True) for record in files(job).values())
    by_line = sorted(json.dumps(record, sort_keys=True) for record in records(job))
    partial = list(job.out.rglob("*.partial"))
    return by_file == by_line and len(set(by_line)) == len(by_line) and not partial


def test_every_document_gives_one_file_and_one_line(job: Job) -> None:
    heard = run(job)
    assert sorted(files(job)) == ["000.pdf.json", "001.pdf.json", "002.pdf.json"]
    assert consistent(job)
    assert [record["data"]["invoice_number"] for record in records(job)] == ["INV-0", "INV-1", "INV-2"]
    assert sorted(row.name for row in heard.rows) == ["000.pdf", "001.pdf", "002.pdf"]


def test_the_same_job_again_does_nothing(job: Job) -> None:
    run(job)
    before = {path: path.stat().st_mtime_ns for path in job.out.rglob("*.json*")}
    again = run(job)
    assert again.todo == 0 and again.rows == []
    assert {path: path.stat().st_mtime_ns for path in job.out.rglob("*.json*")} == before


def test_only_what_is_new_or_changed_is_read(job: Job, docs: Path) -> None:
    run(job)
    write_invoice(docs / "new.pdf", "INV-66")
    write_invoice(docs / "000.pdf", "INV-77")
    assert sorted(row.name for row in run(job).rows) == ["000.pdf", "new.pdf"]
    assert len(records(job)) == 4 and consistent(job)
    assert files(job)["000.pdf.json"]["data"]["invoice_number"] == "INV-77"


def test_a_file_that_was_only_touched_is_not_read_again(job: Job, docs: Path) -> None:
    run(job)
    os.utime(docs / "000.pdf", ns=(1, 1))
    assert run(job).todo == 0


def test_documents_with_the_same_bytes_are_one_record(job: Job, docs: Path) -> None:
    shutil.copy(docs / "000.pdf", docs / "copy.pdf")
    summary = run_batch(job)
    assert summary.same == {"copy.pdf": "000.pdf"}
    assert summary.documents == 3 and len(records(job)) == 3 and consistent(job)


def test_a_copy_takes_the_record_over_when_the_first_changes(job: Job, docs: Path) -> None:
    shutil.copy(docs / "000.pdf", docs / "copy.pdf")
    run(job)
    write_invoice(docs / "000.pdf", "INV-77")
    assert [row.name for row in run(job).rows] == ["000.pdf"]
    assert files(job)["copy.pdf.json"]["data"]["invoice_number"] == "INV-0"
    assert len(records(job)) == 4 and consistent(job)


def test_a_document_that_becomes_a_copy_leaves_no_old_record(job: Job, docs: Path) -> None:
    run(job)
    shutil.copy(docs / "000.pdf", docs / "002.pdf")
    assert run(job).todo == 0
    assert sorted(files(job)) == ["000.pdf.json", "001.pdf.json"] and consistent(job)


def test_folders_with_the_same_names_do_not_overwrite_one_another_in_one_run_or_several(
    tmp_path: Path, docs: Path, job: Job
) -> None:
    write_invoice(tmp_path / "other" / "000.pdf", "INV-88")
    run(job)
    other = replace(job, places=(str(tmp_path / "other"),))
    both = replace(job, places=(str(tmp_path / "other"), str(docs)))
    run(other)
    assert run(both).todo == 0
    numbers = sorted(record["data"]["invoice_number"] for record in files(job).values())
    assert numbers == ["INV-0", "INV-1", "INV-2", "INV-88"] and consistent(job)


def test_another_schema_replaces_the_record_and_going_back_reads_nothing(job: Job, docs: Path) -> None:
    run(job)
    as_forms = replace(job, schemas=("form",))
    assert run(as_forms).todo == 3
    assert {record["contract"]["name"] for record in records(job)} == {"Form"} and consistent(job)
    assert run(job).todo == 0
    assert {record["contract"]["name"] for record in records(job)} == {"Invoice"} and consistent(job)


def test_files_that_are_missing_come_back_without_any_work(job: Job) -> None:
    run(job)
    before = records(job)
    (job.out / "001.pdf.json").unlink()
    job.jsonl.unlink()
    assert run(job).todo == 0
    assert records(job) == before and consistent(job)


def test_a_ledger_elsewhere_serves_several_folders(job: Job, tmp_path: Path) -> None:
    shared = replace(job, ledger=f"sqlite:///{tmp_path / 'shared.sqlite'}")
    run(shared)
    second = replace(shared, out=tmp_path / "second")
    assert run(second).todo == 0
    assert len(records(second)) == 3 and consistent(second)


def test_documents_that_cannot_be_read_fail_and_the_others_do_not(job: Job, docs: Path) -> None:
    write_invoice(docs / "locked.pdf", password="secret")
    (docs / "empty.pdf").write_bytes(b"")
    (docs / "text.pdf").write_text("not a document")
    summary = run_batch(replace(job, workers=2))
    failed = {name: record["issues"][0]["code"] for name, record in files(job).items() if record["status"] == "failed"}
    assert failed == {
        "empty.pdf.json": "empty-document",
        "locked.pdf.json": "encrypted-document",
        "text.pdf.json": "unsupported-document",
    }
    assert summary.statuses["failed"] == 3 and summary.statuses.total() == 6 and consistent(job)
    assert run(job).todo == 0
    assert run(replace(job, retry_failed=True)).todo == 3


def test_a_password_opens_what_failed_for_want_of_it(job: Job, docs: Path) -> None:
    write_invoice(docs / "locked.pdf", "INV-99", password="secret")
    run(job)
    unlocked = run(replace(job, passwords=("wrong", "secret")))
    assert [(row.name, row.status != "failed") for row in unlocked.rows] == [("locked.pdf", True)]
    assert files(job)["locked.pdf.json"]["data"]["invoice_number"] == "INV-99" and consistent(job)


def test_a_document_over_its_time_fails_and_is_tried_again_a_few_times(
    job: Job, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "60")
    slow = replace(job, places=(str(docs / "000.pdf"),), engine=EngineSpec("fake"), seconds=0.3)
    todo = []
    for _ in range(4):
        heard = run(slow)
        todo.append(heard.todo)
        assert all("over 0.3 seconds" in row.issues[0] for row in heard.rows)
    assert todo == [1, 1, 1, 0]
    (record,) = records(slow)
    assert record["issues"][0]["code"] == "document-timeout"
    assert record["document"]["sha256"] != ""


def test_a_worker_that_dies_costs_its_document_only(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "0.5")
    heard = Heard()
    killed: list[int | None] = []

    def kill_one_at_work(event: Event) -> None:
        heard.events.append(event)
        if isinstance(event, Row) and not killed:
            victim = multiprocessing.active_children()[0]
            killed.append(victim.pid)
            victim.kill()

    summary = run_batch(replace(job, engine=EngineSpec("fake"), workers=1), Watch(kill_one_at_work))
    assert len(killed) == 1
    assert summary.statuses["failed"] == 1 and summary.statuses.total() == 3
    (failed,) = [record for record in records(job) if record["status"] == "failed"]
    assert failed["issues"][0]["code"] == "reader-crashed" and "-9" in failed["issues"][0]["message"]
    assert run(replace(job, engine=EngineSpec("fake"))).todo == 1


def test_a_batch_that_is_told_to_stop_keeps_what_is_done_and_goes_on_later(job: Job, docs: Path) -> None:
    write_invoices(docs, 30)
    stop = threading.Event()
    done: list[Row] = []

    def stop_after_three(event: Event) -> None:
        if isinstance(event, Row):
            done.append(event)
            if len(done) == 3:
                stop.set()

    summary = run_batch(job, Watch(stop_after_three, stop))
    assert summary.interrupted and 3 <= summary.read < 30 and summary.left == 30 - summary.read
    assert len(records(job)) == summary.read and consistent(job)
    assert multiprocessing.active_children() == []
    assert run(job).todo == summary.left
    assert len(records(job)) == 30 and consistent(job)


def test_what_is_wrong_with_a_job_is_said_before_anything_is_made(job: Job) -> None:
    for wrong, kind in [
        (replace(job, schemas=("no-such-schema",)), SchemaNotFound),
        (replace(job, engine=EngineSpec("no-such-engine")), EngineUnavailable),
        (replace(job, places=("no-such-folder",)), UsageError),
        (replace(job, schemas=("elsewhere=invoice",)), UsageError),
    ]:
        with pytest.raises(kind):
            run_batch(wrong)
        assert not job.out.exists()


def test_a_users_model_and_a_json_schema_work_by_folder(tmp_path: Path) -> None:
    write_invoice(tmp_path / "docs" / "mine" / "a.pdf", "A-1")
    write_invoice(tmp_path / "docs" / "plain" / "b.pdf", "B-1")
    (tmp_path / "bill.py").write_text(
        "from pydantic import BaseModel\nclass Bill(BaseModel):\n    invoice_number: str | None = None\n"
    )
    (tmp_path / "bill.json").write_text(
        json.dumps({"type": "object", "properties": {"invoice_number": {"type": ["string", "null"]}}})
    )
    schemas = (f"mine={tmp_path}/bill.py:Bill", f"plain={tmp_path}/bill.json")
    job = Job((str(tmp_path / "docs"),), schemas, tmp_path / "out", workers=1)
    run(job)
    assert {name: record["data"]["invoice_number"] for name, record in files(job).items()} == {
        "mine/a.pdf.json": "A-1",
        "plain/b.pdf.json": "B-1",
    }


def test_a_url_is_read_like_a_file_and_known_again(job: Job, docs: Path) -> None:
    by_url = replace(job, places=((docs / "000.pdf").as_uri(),))
    run(by_url)
    (record,) = records(by_url)
    assert record["data"]["invoice_number"] == "INV-0" and record["document"]["uri"].startswith("file://")
    assert run(by_url).todo == 0
    assert run(replace(job, places=(str(docs / "000.pdf"),))).todo == 0  # the same bytes, by their path


def test_a_url_that_cannot_be_read_fails_and_is_read_once_it_can(job: Job, docs: Path) -> None:
    late = replace(job, places=((docs / "late.pdf").as_uri(),))
    summary = run_batch(late)
    assert summary.statuses["failed"] == 1
    assert "no such file" in records(late)[0]["issues"][0]["message"]
    write_invoice(docs / "late.pdf", "INV-5")
    assert [row.status for row in run(late).rows] == ["accepted"]
    assert len(records(late)) == 1 and consistent(late)


def test_a_batch_that_lost_its_ledger_in_the_middle_goes_on_with_what_is_left(
    job: Job, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_invoices(docs, 6)
    save = Ledger.save
    saved: list[str] = []

    def failing_once(ledger: Ledger, *arguments: Any, **more: Any) -> Any:
        saved.append("")
        if len(saved) == 3:
            raise LedgerLost("the ledger's database went away.")
        return save(ledger, *arguments, **more)

    monkeypatch.setattr(Ledger, "save", failing_once)
    with open_batch(replace(job, places=(str(docs),))) as batch:
        with pytest.raises(LedgerLost):
            list(batch.read())
        assert batch.summary.read == 2
        assert len(list(batch.read())) == batch.plan.documents - 2
    assert batch.summary.left == 0
    assert consistent(job)
