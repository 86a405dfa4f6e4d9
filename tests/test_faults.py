"""What goes wrong around a batch: killed workers, a database that goes away, a full disk. Nothing lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.faults import tortured
from benchmarks.postgres import PostgresServer, postgres_server
from benchmarks.small_documents import ENGINE, truth, write_documents
from model.engine import EngineSpec
from pipeline import database
from pipeline.batch import run_batch
from pipeline.confidence.trust import Trust
from pipeline.job import Event, Job, Note, Row, Watch
from pipeline.ledger_view import open_view
from schemas.errors import LedgerLost

ROOT = Path(__file__).parent.parent
COUNT = 12


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One of the test's own, to kill."""
    with postgres_server() as mine:
        yield mine


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "0.05")
    schema = write_documents(tmp_path / "docs", COUNT)
    engine, trust = EngineSpec("fake", ENGINE), Trust(escalations=0)
    return Job((str(tmp_path / "docs"),), (str(schema),), tmp_path / "out", engine=engine, workers=1, trust=trust)


def is_whole(job: Job) -> bool:
    """Whether every document has one right record, in its file and in the JSONL, and nothing is left over."""
    lines = [json.loads(line) for line in job.jsonl.read_text().splitlines()]
    files = {path.name.removesuffix(".json"): json.loads(path.read_text()) for path in job.out.glob("*.json")}
    right = all(record["data"] == truth(name) for name, record in files.items())
    with open_view(job.ledger_url, job.ledger_output) as view:
        claims = view.runs()
    partial = [*job.out.rglob("*.partial"), *(job.out / ".intaglio" / "runs").iterdir()]
    return (
        right and len(files) == COUNT and lines == [files[name] for name in sorted(files)] and not (claims or partial)
    )


def on(job: Job, server: PostgresServer) -> Job:
    return Job(job.places, job.schemas, job.out, job.engine, server.url, workers=1, trust=job.trust)


def test_workers_and_the_database_are_killed_and_every_document_has_its_one_right_record() -> None:
    found = tortured(documents=30, workers=2, kills=2, seconds=0.1, seed=1)
    assert (found["documents"], found["records"], found["wrong"], found["leftovers"]) == (30, 30, 0, 0)
    assert found["kills"] == {"worker": 2, "database": 2} and found["last_exit_code"] == 0


def test_a_database_that_comes_back_is_waited_for(job: Job, server: PostgresServer) -> None:
    notes: list[str] = []
    rows: list[Row] = []

    def kill_at_the_third(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)
        if isinstance(event, Row):
            rows.append(event)
            if len(rows) == 3:
                server.kill()
                threading.Timer(1.5, server.start).start()

    summary = run_batch(on(job, server), Watch(kill_at_the_third))
    assert summary.read == COUNT and len(rows) == COUNT and is_whole(on(job, server))
    assert any("the ledger does not answer" in note for note in notes)


def test_a_database_that_stays_away_ends_the_run_with_a_clear_error_and_loses_nothing(
    job: Job, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 1.0)
    rows: list[Row] = []

    def kill_at_the_third(event: Event) -> None:
        if isinstance(event, Row):
            rows.append(event)
            if len(rows) == 3:
                server.kill()

    begun = time.monotonic()
    with pytest.raises(LedgerLost, match=r"went away: .*Once the database is back, the same command goes on"):
        run_batch(on(job, server), Watch(kill_at_the_third))
    assert time.monotonic() - begun < 45  # it is not waited for again and again on the way out
    server.start()
    again = run_batch(on(job, server))
    assert 0 < again.read <= COUNT - 3 and is_whole(on(job, server))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_end_keeps_what_is_done_and_gives_its_documents_back(
    job: Job, postgres_url: str, number: int
) -> None:
    os.environ["INTAGLIO_FAKE_SECONDS"] = "0.3"
    command = [sys.executable, "-m", "flows.cli", "ingest", *job.places, "--schema", *job.schemas, "--out", job.out]
    engine = ["--engine", "fake", "--model", ENGINE, "--escalations", "0", "--workers", "2", "--direct"]
    run = subprocess.Popen(
        [*map(str, command), *engine, "--ledger", postgres_url], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while len(list(job.out.glob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130 and "the same command goes on" in said and "Traceback" not in said
    with open_view(postgres_url, str(job.out)) as view:
        assert view.runs() == []
    assert 2 <= len(job.jsonl.read_text().splitlines()) == len(list(job.out.glob("*.json"))) < COUNT


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that is full when a few documents are done."""
    folder = tmp_path / "out"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_a_clear_error_and_the_same_run_goes_on_once_there_is_room(job: Job, small_disk: Path) -> None:
    command = [sys.executable, "-m", "flows.cli", "ingest", *job.places, "--schema", *job.schemas, "--out", job.out]
    engine = ["--engine", "fake", "--model", ENGINE, "--escalations", "0", "--workers", "1", "--direct"]
    full = subprocess.run([*map(str, command), *engine], cwd=ROOT, capture_output=True, text=True, check=False)
    *_, last = full.stderr.strip().splitlines()
    assert full.returncode == 2 and last.startswith("intaglio: ") and "Make room" in last, full.stderr
    assert "Traceback" not in full.stderr and not list(job.out.rglob("*.partial"))
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    assert run_batch(job).read < COUNT and is_whole(job)
