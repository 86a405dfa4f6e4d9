"""Privacy: what is redacted is nowhere shown, whatever pattern meets whatever text; nothing is told to anybody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from pipeline.redaction import MOST_LATE, NOTHING, SECONDS, Redaction
from schemas.errors import UsageError
from schemas.page import Box
from schemas.record import ContractInfo, DocumentInfo, EngineInfo, Evidence, FieldResult, Issue, PageInfo, Record
from tests.papers import write_invoice

ROOT = Path(__file__).parent.parent
IBAN, CARD, EMAIL = "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "jo.doe@example.org"


def record() -> Record:
    said = {"iban": IBAN, "card": 4111111111111111, "lines": [{"to": f"mail {EMAIL}", "amount": 12.5}], "paid": True}
    place = (Evidence(page=1, box=Box(0.1, 0.1, 0.3, 0.2), text=f"IBAN: {IBAN}", score=1.0),)
    fields = {
        "/iban": FieldResult(value=IBAN, evidence=place, confidence=0.9, status="review"),
        "/card": FieldResult(value="4111111111111111", confidence=0.9, status="review"),
        "/lines/0/to": FieldResult(value=f"mail {EMAIL}", confidence=0.9, status="accepted"),
        "/lines/0/amount": FieldResult(value="12.5", confidence=0.9, status="accepted"),
    }
    return Record(
        document=DocumentInfo(
            uri=f"bills/{EMAIL}.pdf",
            sha256="0" * 64,
            media_type="application/pdf",
            bytes=1,
            pages=(PageInfo(number=1, width=600, height=800, source="text", words=3),),
        ),
        contract=ContractInfo(name="Bill", fingerprint="f"),
        engine=EngineInfo(name="embedded", model="", revision="", fingerprint="e"),
        data=said,
        fields=fields,
        issues=(Issue(code="check-failed", message=f"{IBAN} fails its check", pointers=("/iban",)),),
        status="review",
        thoughts=(f"The card is {CARD}.",),
    )


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("iban", f"to {IBAN}, please", "to [iban], please"),
        ("iban", "GB33BUKB20201555555555", "[iban]"),
        ("iban", "IBAN NO93-8601-1117-947.", "IBAN [iban]."),
        ("iban", "DEO2 3704 0044 0532 0130 00", "[iban]"),  # a zero that a scan took for a letter
        ("iban", "Invoice AB12 of May", "Invoice AB12 of May"),
        ("card", f"card {CARD} exp 12/29", "card [card] exp 12/29"),
        ("card", "4111-1111-1111-1112", "[card]"),
        ("card", "phone 030 1234567, 2026-01-02", "phone 030 1234567, 2026-01-02"),
        ("email", f"<{EMAIL}>; a@b", "<[email]>; a@b"),
        (r"\bV-\d+\b", "V-12 and V-345", "[redacted] and [redacted]"),
        ("x*", "axxb", "a[redacted]b"),
    ],
)
def test_patterns_are_blotted_out_and_the_rest_is_shown(name: str, text: str, shown: str) -> None:
    assert Redaction.of([name]).text(text) == shown


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_named_pattern_is_found_between_whatever_words(before: str, after: str) -> None:
    shown = Redaction.of(["iban", "card", "email"]).text(f"{before} | {IBAN} | {CARD} | {EMAIL} | {after}")
    assert not [secret for secret in (IBAN, CARD, EMAIL) if secret in shown]


def test_a_pattern_without_end_hides_the_text_and_then_everything_in_bounded_time() -> None:
    redaction = Redaction.of([r"(a+)+$"])
    begun = time.process_time()
    assert {redaction.text("a" * 5000 + "!") for _ in range(1000)} == {"[redacted]"}
    assert time.process_time() - begun < 10 * (MOST_LATE + 1) * SECONDS
    assert redaction.text("harmless") == "[redacted]"


@pytest.mark.parametrize("wrong", ["(", "[z-a]", "", "x" * 2000])
def test_what_is_no_pattern_is_wrong_use(wrong: str) -> None:
    with pytest.raises(UsageError, match="iban"):
        Redaction.of([wrong])


def test_a_redacted_record_shows_none_of_it_and_loses_nothing_else() -> None:
    told = Redaction.of(["iban", "card", "email"]).record(record())
    text = told.model_dump_json()
    assert not [secret for secret in (IBAN, CARD, EMAIL, "4111111111111111") if secret in text]
    assert told.data == {
        "iban": "[iban]",
        "card": "[card]",
        "lines": [{"to": "mail [email]", "amount": 12.5}],
        "paid": True,
    }
    assert told.fields.keys() == record().fields.keys() and told.fields["/lines/0/amount"].value == "12.5"
    assert Record.model_validate_json(text) == told
    assert NOTHING.record(record()) == record()


def test_neither_the_table_nor_the_page_of_a_record_shows_what_is_redacted(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(record().model_dump_json())
    options = ["--redact", "iban", "--redact", "card", "--redact", "email"]
    table = CliRunner().invoke(app, ["show", str(path), *options])
    page = CliRunner().invoke(app, ["show", str(path), "--html", str(tmp_path / "a.html"), *options])
    assert (table.exit_code, page.exit_code) == (0, 0), page.output
    html = (tmp_path / "a.html").read_text()
    for shown in (table.stdout, html):
        assert "[iban]" in shown and "12.5" in shown
        assert not [secret for secret in (IBAN, EMAIL, "4111111111111111") if secret in shown]
    assert "data:image" not in html and "a picture would show what is redacted" in html
    assert IBAN in path.read_text()


def test_a_page_can_leave_the_pictures_out(tmp_path: Path) -> None:
    pdf = write_invoice(tmp_path / "a.pdf")
    run = [sys.executable, "-m", "flows.cli", "extract", str(pdf), "-s", "invoice"]
    (tmp_path / "a.json").write_text(subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    for options, pictures in (([], True), (["--no-images"], False)):
        target = tmp_path / "a.html"
        said = CliRunner().invoke(app, ["show", str(tmp_path / "a.json"), "--html", str(target), *options])
        assert said.exit_code == 0, said.output
        assert ("data:image" in target.read_text()) == pictures
    assert CliRunner().invoke(app, ["show", str(tmp_path / "a.json"), "--no-images"]).exit_code != 0


WATCH = """
import os, sys

def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        told = arguments[1]
    elif event == "socket.getaddrinfo":
        told = arguments[0]
    else:
        return
    with open(os.environ["WATCHED"], "a") as file:
        file.write(repr(told) + chr(10))

sys.addaudithook(hook)
"""


def test_a_run_with_prefect_reaches_nothing_but_this_machine_and_shows_what_may_be_shown(tmp_path: Path) -> None:
    """Every Python process of the run notes down where it connects to, and which names it looks up."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    write_invoice(tmp_path / "docs" / f"{EMAIL}.pdf", "INV-1")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("PREFECT_") and name != "DO_NOT_TRACK"
    }
    watched = tmp_path / "connections"
    environment = {
        **kept,
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "WATCHED": str(watched),
        "PYTHONPATH": f"{tmp_path / 'watch'}{os.pathsep}{ROOT}",
    }
    command = [sys.executable, "-m", "flows.cli", "ingest", str(tmp_path / "docs"), "-s", "invoice"]
    run = subprocess.run(
        [*command, "-o", str(tmp_path / "out"), "--redact", "email"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert "[email]" in run.stdout and EMAIL not in run.stdout + run.stderr
    places = set(watched.read_text().splitlines())
    assert places and all("127.0.0.1" in place or "localhost" in place or "::1" in place for place in places), places
    (line,) = (tmp_path / "out" / "records.jsonl").read_text().splitlines()
    assert json.loads(line)["data"]["invoice_number"] == "INV-1"
