"""The Prefect flow, for real: its own server, a run that is recorded, nothing left behind, nothing on the terminal."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.job import Row
from schemas.errors import LedgerLost, UsageError
from tests.papers import write_invoice, write_invoices

ROOT = Path(__file__).parent.parent


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No Prefect settings of the machine's user, and a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**kept, "PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1"}


def command(docs: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "flows.cli", "ingest", str(docs), "-s", "invoice", "-o", str(out), *more]


def runs(home: Path, table: str) -> list[tuple[str, str, str]]:
    columns = "state_type, name, parameters" if table == "flow_run" else "state_type, name, ''"
    with sqlite3.connect(home / "prefect.db") as connection:
        return list(connection.execute(f"SELECT {columns} FROM {table} ORDER BY name"))


def servers(home: Path) -> list[str]:
    """Processes that run our server for this home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line, variables = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if b"flows.server" in line and str(home).encode() in variables:
            found.append(process.name)
    return found


def test_a_job_is_a_prefect_flow_run_and_the_same_job_again_needs_no_prefect(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    docs, out, home = tmp_path / "docs", tmp_path / "out", tmp_path / "prefect"
    write_invoices(docs, 2)
    write_invoice(docs / "locked.pdf", "INV-9", password="secret-word")
    job = command(docs, out, "--password", "secret-word")

    first = subprocess.run(job, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300, check=False)
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stderr == "" and "Prefect" not in first.stdout
    assert len((out / "records.jsonl").read_text().splitlines()) == 3
    ((state, name, parameters),) = runs(home, "flow_run")
    assert (state, name) == ("COMPLETED", "docs · invoice")
    assert json.loads(parameters)["job"]["places"] == [str(docs)]
    assert [(state, name) for state, name, _ in runs(home, "task_run")] == [("COMPLETED", "documents 1-3")]
    assert b"secret-word" not in b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert servers(home) == []

    unreachable = {**environment, "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    again = subprocess.run(job, capture_output=True, text=True, cwd=ROOT, env=unreachable, timeout=60, check=False)
    assert again.returncode == 0 and "Nothing to do: 3 documents" in again.stdout

    write_invoices(docs, 600)
    interrupted = subprocess.Popen(
        command(docs, out), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 200
    while len(list(out.glob("*.json"))) < 20 and interrupted.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(interrupted.pid, signal.SIGINT)  # what a terminal does at Ctrl-C: to every process of the group
    _, said = interrupted.communicate(timeout=60)
    assert interrupted.returncode == 130 and "the same command goes on" in said
    assert "Traceback" not in said
    assert [state for state, _, _ in runs(home, "flow_run")].count("CANCELLED") == 1
    assert len((out / "records.jsonl").read_text().splitlines()) == len(list(out.glob("*.json"))) < 603
    assert servers(home) == []


def test_the_server_ends_with_a_run_that_is_killed(tmp_path: Path, environment: dict[str, str]) -> None:
    write_invoices(tmp_path / "docs", 1)
    home = tmp_path / "prefect"
    run = subprocess.Popen(
        command(tmp_path / "docs", tmp_path / "out"), cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not servers(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert servers(home)
    run.kill()
    run.wait()
    while servers(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert servers(home) == []


@settings(deadline=None)
@given(st.permutations(range(12)), st.integers(1, 12), st.integers(0, 12))
def test_shards_count_their_own_documents_in_whatever_order_these_come(
    order: list[int], size: int, finished: int
) -> None:
    from flows.ingest import Stream

    def status(number: int) -> str:
        return "failed" if number % 3 == 0 else "accepted"

    came = order[:finished]  # the batch may be stopped before all have come
    stream = Stream(lambda: (Row(str(n), "", "", status(n), 1, 0, 0, ()) for n in came))
    for start in range(0, 12, size):
        shard = range(start, min(start + size, 12))
        counts = stream.statuses([str(number) for number in shard])
        assert counts == Counter(status(number) for number in shard if number in came)


def test_a_server_that_does_not_answer_is_one_clear_line(tmp_path: Path, environment: dict[str, str]) -> None:
    write_invoices(tmp_path / "docs", 1)
    environment["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    run = subprocess.run(
        command(tmp_path / "docs", tmp_path / "out"), env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 1
    assert run.stderr.startswith("intaglio: Prefect's server at http://127.0.0.1:9/api does not answer")
    assert "--direct" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_home_that_cannot_be_written_does_not_stop_prefect(tmp_path: Path, environment: dict[str, str]) -> None:
    write_invoices(tmp_path / "docs", 1)
    (tmp_path / "home").write_text("a file is no folder")
    del environment["PREFECT_HOME"]
    environment["HOME"] = str(tmp_path / "home")
    run = subprocess.run(
        command(tmp_path / "docs", tmp_path / "out", "--json"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)["read"] == 1


def test_a_shard_that_is_tried_again_counts_what_came_before_the_trouble_and_what_comes_after_it() -> None:
    from flows.ingest import Stream

    rows = iter([Row(str(n), "", "", "accepted", 1, 0, 0, ()) for n in range(4)])

    def read() -> Generator[Row, None, None]:
        yield next(rows)
        yield next(rows)
        raise LedgerLost("it went away")

    stream = Stream(read)
    with pytest.raises(LedgerLost):
        stream.statuses(["0", "3"])
    assert stream.statuses(["0", "3"]) == Counter(accepted=2)
    assert stream.statuses(["1", "2"]) == Counter(accepted=2)


@pytest.mark.parametrize(("error", "again"), [(LedgerLost("x"), True), (UsageError("x"), False), (OSError("x"), False)])
def test_a_task_is_tried_again_where_its_error_says_that_this_may_help(error: Exception, again: bool) -> None:
    from prefect.states import Failed

    from flows.ingest import may_pass

    assert may_pass(None, None, Failed(data=error)) is again
