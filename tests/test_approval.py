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
# Runs, and beside them a person who answers their forms through the API; what the forms said is told at the end.
PROGRAM = """
import json, os, sys, threading, time, traceback
from pathlib import Path
import httpx
from flows.server import prefect_api, prepare_environment

prepare_environment()
heard, seen = [], set()

def paused(client):
    for run in client.read_flow_runs():
        details = run.state.state_details
        if run.state.is_paused() and (run.id, details.pause_key) not in seen:
            seen.add((run.id, details.pause_key))
            return run, details.run_input_keyset["description"]

def answer(answers, url):
    try:
        send(answers, url)
    except BaseException:  # else the run would wait for ever
        traceback.print_exc()
        os._exit(3)

def send(answers, url):
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        for said in answers:
            while (found := paused(client)) is None:
                time.sleep(0.1)
            run, key = found
            place = f"{url}/flow_runs/{run.id}/input/{key}"
            while (form := httpx.get(place, trust_env=False)).status_code != 200:  # it comes after the state
                time.sleep(0.1)
            heard.append(form.json() if isinstance(form.json(), str) else json.loads(form.text))
            heard.append(client.resume_flow_run(run.id, run_input=said).status.value)

def done(state):
    return state.type.value, state.message if state.is_failed() else state.result()

with prefect_api():
    from prefect.settings import PREFECT_API_URL
    from flows.approval import review_run

    answers = json.loads(sys.argv[2])
    threading.Thread(target=answer, args=(answers, PREFECT_API_URL.value()), daemon=True).start()
    answered = done(review_run(Path(sys.argv[1]), most=2, poll_seconds=1, return_state=True))
    left = done(review_run(Path(sys.argv[3]), hours=1 / 3600, poll_seconds=1, return_state=True))
print(json.dumps({"answered": answered, "left": left, "heard": heard}))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return read_invoices(tmp_path_factory.mktemp("approval"))


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    return copied(made, tmp_path)


def test_a_run_waits_for_a_person_and_keeps_what_they_say_and_nobody_is_waited_for_for_ever(
    made: Path, out: Path, tmp_path: Path
) -> None:
    wrong = {"document": "001.pdf", "field": "/invoice_date", "value": "tomorrow"}
    right = {"document": "001.pdf", "field": "/total", "value": "2.50"}
    answers = [
        {"by": "ann", "approve": ["000.pdf", "nothing.pdf"], "correct": [right, wrong]},
        {"by": "ann", "approve": ["001.pdf", "002.pdf"], "correct": [right], "note": "seen"},
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    home = {"PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1"}
    left = copied(made, tmp_path / "left")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(out), json.dumps(answers), str(left)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**kept, **home},
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])

    assert told["answered"] == ["COMPLETED", {"accepted": 3}]
    first, one, second, other = told["heard"]
    assert (one, other) == ("ACCEPT", "ACCEPT")
    assert "3 documents in review" in first and "`000.pdf`" in first and "`/total`" in first
    assert "there is no document nothing.pdf" in second and "a day is written YYYY-MM-DD" in second
    assert "2 documents in review" in second and "### `000.pdf`" not in second
    assert (record_in(out).data["total"], record_in(out).status, record_in(out).version) == (2.5, "accepted", 1)
    (version,) = review(out, "history", "001.pdf")["versions"][1:]
    assert (version["who"], version["change"]["note"], version["change"]["confirmed"]) == ("ann", "seen", [""])

    state, message = told["left"]
    assert state == "FAILED" and "never resumed" in message
    assert record_in(left).version == 0


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
    assert line.count("`") == 6 and "\x1b" not in text and not any(each.startswith("# ") for each in text.splitlines())
