"""Killed with -9 in the middle, for real: the next run completes, redoes nothing, and leaves one record a document."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.papers import write_invoices

ROOT = Path(__file__).parent.parent
DOCUMENTS = 60


def start(docs: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flows.cli", "ingest", docs, "--schema", "invoice", "--out", out, "--direct"]
    return subprocess.Popen(
        [*map(str, command), "--workers", "2", "--quiet"], cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE
    )


def wait_until(happened: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def done(out: Path) -> dict[str, float]:
    """When the ledger took in each document, by its hash."""
    ledger = out / ".intaglio" / "ledger.sqlite"
    if not ledger.exists():
        return {}
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)
    try:
        return dict(connection.execute("SELECT sha256, updated FROM documents"))
    except sqlite3.OperationalError:  # not made yet
        return {}
    finally:
        connection.close()


def readers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("after", [1, 20])
def test_a_run_killed_in_the_middle_goes_on_where_it_was(tmp_path: Path, after: int) -> None:
    docs, out = tmp_path / "docs", tmp_path / "out"
    write_invoices(docs, DOCUMENTS)
    killed = start(docs, out)
    wait_until(lambda: len(done(out)) >= after)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    before = done(out)
    assert after <= len(before) < DOCUMENTS

    again = start(docs, out)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 0, said.decode()

    finished = done(out)
    assert len(finished) == DOCUMENTS
    assert {sha256: finished[sha256] for sha256 in before} == before  # none was done twice
    files = sorted(out.rglob("*.json"))
    lines = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    assert len(files) == len(lines) == DOCUMENTS
    assert [json.loads(path.read_text()) for path in files] == lines
    assert {line["document"]["sha256"] for line in lines} == set(finished)
    assert not list(out.rglob("*.partial"))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in /proc")
def test_workers_do_not_outlive_a_killed_run(tmp_path: Path) -> None:
    docs, out = tmp_path / "docs", tmp_path / "out"
    write_invoices(docs, DOCUMENTS)
    run = start(docs, out)
    wait_until(lambda: len(done(out)) >= 1)
    readers = readers_of(run.pid)
    assert len(readers) == 2
    run.kill()
    run.wait()
    wait_until(lambda: not any(map(alive, readers)), seconds=10)
