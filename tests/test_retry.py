"""`intaglio retry`: what failed is done again by the next run, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from model.engine import EngineSpec
from pipeline.batch import run_batch
from pipeline.job import Job
from pipeline.ledger import Key, Ledger
from pipeline.retry import mark_failed
from schemas.errors import LedgerUnreadable, UsageError
from tests.papers import write_invoice


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Of one document that is read and two that are not."""
    docs = tmp_path / "docs"
    write_invoice(docs / "good.pdf")
    write_invoice(docs / "locked.pdf", password="secret")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    job = Job((str(docs),), ("invoice",), tmp_path / "out", engine=EngineSpec("fake"), workers=1)
    assert run_batch(job).statuses["failed"] == 2
    return job


def retry(job: Job, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["retry", str(job.out), *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def todo(job: Job) -> int:
    return run_batch(job).read


def test_all_that_failed_is_read_again_by_the_next_run_and_once_only(job: Job) -> None:
    assert todo(job) == 0
    said = retry(job, "--failed")
    assert "2 documents are to be tried again: broken.pdf, locked.pdf." in said
    assert "the same `intaglio ingest`" in said and "--password" in said
    assert (todo(job), todo(job)) == (2, 0)


@pytest.mark.parametrize("narrowed", [("--code", "damaged-document"), ("--document", "broken.pdf")])
def test_only_some_are_tried_again(job: Job, narrowed: tuple[str, str]) -> None:
    found: dict[str, Any] = json.loads(retry(job, *narrowed, "--json"))
    assert found == {
        "folder": str(job.out),
        "marked": 1,
        "codes": {"damaged-document": 1},
        "documents": ["broken.pdf"],
    }
    assert todo(job) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--failed"),
        (("--document", "good.pdf"), r"document 'good.pdf'. There are: broken.pdf, locked.pdf"),
        (("--code", "no-such-code"), "code 'no-such-code'. There are: damaged-document, encrypted-document"),
    ],
)
def test_what_marks_nothing_is_wrong_use(job: Job, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        retry(job, *arguments)
    assert todo(job) == 0


def test_a_folder_without_a_ledger_gets_none(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnreadable):
        mark_failed(Job((), (), tmp_path / "nowhere"))
    assert list(tmp_path.iterdir()) == []


def test_attempts_that_were_used_up_begin_anew(tmp_path: Path) -> None:
    job, key = Job((), (), tmp_path / "out"), Key("a" * 64, "contract", "engine")
    (tmp_path / "out" / ".intaglio").mkdir(parents=True)
    with Ledger(job.ledger_url) as ledger:
        for _ in range(3):
            number = ledger.save(key, "{}", "failed", "document-timeout", True, ["a"]).id
        assert ledger.entries([key])[key].attempts == 3
        assert ledger.retry([number]) == 1
        entry = ledger.entries([key])[key]
        assert (entry.attempts, entry.retryable) == (0, True)


def test_a_record_that_did_not_fail_is_never_marked(tmp_path: Path) -> None:
    key = Key("a" * 64, "contract", "engine")
    with Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        number = ledger.save(key, "{}", "accepted", "", False, ["a"]).id
        assert ledger.retry([number]) == 0
        assert ledger.entries([key])[key].attempts == 1


def test_nothing_failed_is_nothing_to_do(tmp_path: Path) -> None:
    write_invoice(tmp_path / "docs" / "good.pdf")
    job = Job((str(tmp_path / "docs"),), ("invoice",), tmp_path / "out", engine=EngineSpec("fake"), workers=1)
    run_batch(job)
    assert "nothing to try again" in retry(job, "--failed")


def test_odd_characters_in_a_folders_name_do_not_lead_the_ledger_astray(tmp_path: Path) -> None:
    write_invoice(tmp_path / "docs" / "good.pdf")
    out = tmp_path / "50%25 off? #1"
    run_batch(Job((str(tmp_path / "docs"),), ("invoice",), out, engine=EngineSpec("fake"), workers=1))
    assert (out / ".intaglio" / "ledger.sqlite").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["50%25 off? #1", "docs"]
