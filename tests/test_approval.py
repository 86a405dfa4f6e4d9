"""The flow `review`, for real: a Prefect server and a run that waits for a form, which is sent through the API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.job import Job
from pipeline.ledger_view import open_view
from pipeline.review.queue import queue
from tests.reviewing import copied, read_invoices, record_in, review

ROOT = Path(__file__).parent.parent
# A run, and beside it a person who answers its forms through the API, and keeps what the forms said.
PROGRAM = """
import json, sys, threading, time
from pathlib import Path
from flows.server import prefect_api, prepare_environment

prepare_environment()
out, answers, heard = Path(sys.argv[1]), json.loads(sys.argv[2]), []

def answer(run_id, url):
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        keys = set()
        for said in answers:
            while True:
                (run,) = client.read_flow_runs() or [None]
                if run and run.state.is_paused() and run.state.state_details.run_input_keyset["schema"] not in keys:
                    break
                time.sleep(0.1)
            keyset = run.state.state_details.run_input_keyset
            keys.add(keyset["schema"])
            heard.append(read(client, run.id, keyset["description"]))
            result = client.resume_flow_run(run.id, run_input=said)
            heard.append(result.status.value)

def read(client, run_id, key):
    for _ in range(100):
        response = client._client.get(f"/flow_runs/{run_id}/input/{key}")
        if response.status_code == 200:
            return json.loads(response.text) if isinstance(response.json(), str) else response.json()
        time.sleep(0.1)

with prefect_api():
    from prefect.settings import PREFECT_API_URL
    from flows.approval import review_run

    person = threading.Thread(target=answer, args=(None, PREFECT_API_URL.value()), daemon=True)
    person.start()
    state = review_run(out, most=2, hours=float(sys.argv[3]), poll_seconds=1, return_state=True)
    person.join(10)
    result = state.message if state.is_cancelled() else state.result()
print(json.dumps({"state": state.type.value, "result": result, "heard": heard}))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return read_invoices(tmp_path_factory.mktemp("approval"))


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    return copied(made, tmp_path)


def run(out: Path, home: Path, answers: list[object], hours: float = 1) -> dict[str, object]:
    """What the program says at its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**kept, "PREFECT_HOME": str(home), "PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-c", PROGRAM, str(out), json.dumps(answers), str(hours)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_a_run_waits_for_a_person_and_keeps_what_they_say(out: Path, tmp_path: Path) -> None:
    answers = [
        {
            "by": "ann",
            "approve": ["000.pdf", "nothing.pdf"],
            "correct": [
                {"document": "001.pdf", "field": "/total", "value": "2.50"},
                {"document": "001.pdf", "field": "/invoice_date", "value": "tomorrow"},
            ],
        },
        {
            "by": "ann",
            "approve": ["001.pdf", "002.pdf"],
            "correct": [{"document": "001.pdf", "field": "/total", "value": "2.50"}],
            "note": "seen",
        },
    ]
    told = run(out, tmp_path / "prefect", list(answers))
    assert told["state"] == "COMPLETED" and told["result"] == {"accepted": 3}
    first, one, second, other = told["heard"]  # type: ignore[misc]
    assert (one, other) == ("ACCEPT", "ACCEPT")
    assert "3 documents in review" in first and "`000.pdf`" in first and "`/total`" in first
    assert "there is no document nothing.pdf" in second and "a day is written YYYY-MM-DD" in second
    assert "2 documents in review" in second and "`000.pdf`" not in second
    assert (record_in(out).data["total"], record_in(out).status, record_in(out).version) == (2.5, "accepted", 1)
    (version,) = review(out, "history", "001.pdf")["versions"][1:]
    assert (version["who"], version["change"]["note"], version["change"]["confirmed"]) == ("ann", "seen", [""])


def test_a_run_that_nobody_answers_ends_and_the_queue_stays(out: Path, tmp_path: Path) -> None:
    told = run(out, tmp_path / "prefect", [], hours=2 / 3600)
    assert told["state"] == "CANCELLED" and "3 documents stay in review" in str(told["result"])
    assert record_in(out).version == 0


def test_somebody_who_was_faster_is_told_and_the_rest_is_kept(out: Path) -> None:
    from flows.approval import Decisions, apply, form_text

    job = Job((), (), out)
    with open_view(job.ledger_url) as view:
        shown = queue(view, 9)
    review(out, "correct", "001.pdf", "/total=2.50", "--by", "bob")
    outcome = apply(job, Decisions(by="ann", approve=["001.pdf", "002.pdf"]), shown)
    assert outcome.kept == {"accepted": 1} and record_in(out, "002.pdf").status == "accepted"
    (trouble,) = outcome.troubles
    assert "001.pdf" in trouble and "bob has changed" in trouble
    assert trouble.replace("`", "’")[:80] in form_text(shown, outcome.troubles)


def test_what_a_document_says_cannot_leave_its_code_span(out: Path) -> None:
    from flows.approval import form_text

    job = Job((), (), out)
    with open_view(job.ledger_url) as view:
        shown = queue(view, 9)
    waiting = shown.waiting[0]
    doubt = replace(waiting.fields[0], value="` [x](javascript:1)\n\n# \x1b[2J")
    text = form_text(replace(shown, waiting=(replace(waiting, fields=(doubt,)),)))
    (line,) = [line for line in text.splitlines() if "javascript" in line]
    assert line.count("`") == 4 and "\x1b" not in text and not any(each.startswith("# ") for each in text.splitlines())
