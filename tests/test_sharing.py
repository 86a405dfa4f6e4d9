"""Runs over the same documents at once: each document is read by one of them, and the output is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.small_documents import ENGINE, truth, write_documents
from model.engine import EngineSpec
from pipeline.batch import open_batch, run_batch
from pipeline.confidence.trust import Trust
from pipeline.job import Event, Job, Note, Row, Watch
from pipeline.ledger import Claimed, Key, Ledger
from pipeline.ledger_view import open_view
from tests.papers import write_invoice

ROOT = Path(__file__).parent.parent
COUNT = 16


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "0.1")
    schema = write_documents(tmp_path / "docs", COUNT)
    engine, trust = EngineSpec("fake", ENGINE), Trust(escalations=0)
    return Job((str(tmp_path / "docs"),), (str(schema),), tmp_path / "out", engine=engine, workers=1, trust=trust)


def start(job: Job) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flows.cli", "ingest", *job.places, "--schema", *job.schemas, "--out", job.out]
    engine = ["--engine", "fake", "--model", ENGINE, "--escalations", "0", "--workers", "1", "--direct", "--json"]
    return subprocess.Popen(
        [*map(str, command), *engine], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(run: subprocess.Popen[str]) -> dict[str, Any]:
    told, said = run.communicate(timeout=120)
    assert run.returncode == 0, said
    found: dict[str, Any] = json.loads(told)
    return found


def is_whole(job: Job) -> bool:
    lines = [json.loads(line) for line in job.jsonl.read_text().splitlines()]
    files = {path.name.removesuffix(".json"): json.loads(path.read_text()) for path in job.out.glob("*.json")}
    right = all(record["data"] == truth(name) for name, record in files.items())
    return right and len(files) == COUNT and lines == [files[name] for name in sorted(files)]


def wait_until_read(job: Job, documents: int) -> None:
    deadline = time.monotonic() + 60
    while len(list(job.out.glob("*.json"))) < documents:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_runs_over_one_folder_share_it(job: Job) -> None:
    told = [ended(run) for run in [start(job), start(job)]]
    assert sum(each["read"] for each in told) == COUNT
    for each in told:
        assert each["read"] + each["done_elsewhere"] + each["done_before"] == COUNT and each["left"] == 0
    assert is_whole(job)


def test_a_run_takes_over_at_once_from_one_on_its_machine_that_is_killed(job: Job) -> None:
    """Well before the killed one's lease ends."""
    killed = start(job)
    wait_until_read(job, 2)
    other = start(job)
    wait_until_read(job, 4)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    begun = time.monotonic()
    found = ended(other)
    assert found["left"] == 0 and is_whole(job) and time.monotonic() - begun < 50
    assert list((job.out / ".intaglio" / "runs").iterdir()) == []


def planned(job: Job) -> list[Key]:
    with open_batch(job) as batch:
        return [document.key for document in batch.plan.todo]


def test_documents_of_a_machine_that_died_are_taken_over_when_their_lease_ends(job: Job) -> None:
    keys, notes = planned(job), list[str]()
    with Ledger(job.ledger_url) as ledger:
        ledger.claim(keys[:3], "another machine", 4)

    def hear(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    assert run_batch(job, Watch(hear)).read == COUNT
    assert "waiting for 3 with other runs" in notes and is_whole(job)


def test_what_another_run_finishes_meanwhile_is_taken_as_it_is(job: Job) -> None:
    """Its record is not read again, and comes into our folder."""
    keys, rows = planned(job), list[Row]()
    with Ledger(job.ledger_url, "/elsewhere") as other:
        other.claim(keys[:1], "another machine", 600)

        def hear(event: Event) -> None:
            if isinstance(event, Row):
                rows.append(event)
                if len(rows) == 5:
                    [document] = [document for document in documents if document.key == keys[0]]
                    record = json.dumps(json.loads(made.read_text())).replace("T-00001", "T-00000")
                    other.save(keys[0], record, "accepted", "", False, [], claimed=claimed)
                    assert document.name == "0000.pdf"

        claimed = Claimed(keys[0], "another machine", None)
        made = job.out / "0001.pdf.json"
        with open_batch(job, Watch(hear)) as batch:
            documents = batch.plan.todo
            assert len(list(batch.read())) == COUNT
    assert batch.summary.read == COUNT - 1 and batch.summary.elsewhere == 1
    assert [row.name for row in rows if row.elsewhere] == ["0000.pdf"]
    assert json.loads((job.out / "0000.pdf.json").read_text())["data"]["number"] == "T-00000"
    assert len(job.jsonl.read_text().splitlines()) == COUNT


def test_a_run_that_only_waits_can_be_stopped(job: Job) -> None:
    keys, stop = planned(job), threading.Event()
    with Ledger(job.ledger_url) as ledger:
        ledger.claim(keys, "another machine", 600)

    def hear(event: Event) -> None:
        if isinstance(event, Note) and "waiting" in event.text:
            stop.set()

    summary = run_batch(job, Watch(hear, stop))
    assert summary.interrupted and summary.read == 0 and summary.left == COUNT


def test_a_file_that_two_sources_had_goes_when_they_become_one(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write_invoice(docs / "a.pdf", "INV-1")
    write_invoice(docs / "b.pdf", "INV-2")
    job = Job((str(docs),), ("invoice",), tmp_path / "out", engine=EngineSpec("fake"), workers=1)
    run_batch(job)
    write_invoice(docs / "a.pdf", "INV-3")
    (docs / "b.pdf").write_bytes((docs / "a.pdf").read_bytes())
    run_batch(job)
    assert [path.name for path in job.out.glob("*.json")] == ["a.pdf.json"]


def test_no_more_is_claimed_than_is_soon_read(job: Job) -> None:
    """Else another run that could help would have nothing to do."""
    most: list[int] = []

    def look(event: Event) -> None:
        if isinstance(event, Row):
            with open_view(job.ledger_url) as view:
                most.append(sum(run.documents for run in view.runs()))

    run_batch(job, Watch(look))
    assert len(most) == COUNT and max(most) <= 1 + 5  # in work, and half a second of documents of a tenth of one
