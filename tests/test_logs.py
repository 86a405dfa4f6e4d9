"""The log of a run: a line a document, to where it was asked for, with no value of a document in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from flows.logs import AsJson, AsText, logging_to
from pipeline.batch import run_batch
from pipeline.job import Job, Row
from pipeline.logs import LOGGER, log
from schemas.errors import OutputUnwritable
from tests.papers import write_invoice, write_invoices


def ingest(docs: Path, out: Path, *more: object) -> Any:
    command = ["ingest", str(docs), "-s", "invoice", "-o", str(out), "--direct", "--workers", "1", *map(str, more)]
    return CliRunner().invoke(app, command, catch_exceptions=False)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[dict[str, Any]], str]]:
    """What a real run writes to its log, and its records."""
    folder = tmp_path_factory.mktemp("logged")
    write_invoices(folder / "docs", 2)
    (folder / "docs" / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    result = ingest(folder / "docs", folder / "out", "--log", "json", "--log-file", folder / "log")
    assert result.exit_code == 1 and result.stderr == ""
    text = (folder / "log").read_text()
    yield [json.loads(line) for line in text.splitlines()], (folder / "out" / "records.jsonl").read_text()


def test_there_is_a_line_for_each_document_between_begin_and_end(
    lines: tuple[list[dict[str, Any]], str],
) -> None:
    told, _ = lines
    assert [line["event"] for line in told] == ["planned", "document", "document", "document", "ended"]
    assert told[0]["todo"] == 3
    documents = {line["document"]: line for line in told[1:-1]}
    assert set(documents) == {"000.pdf", "001.pdf", "broken.pdf"}
    assert documents["broken.pdf"]["code"] == "damaged-document"
    assert [line["level"] for line in documents.values()].count("warning") == 1
    assert documents["broken.pdf"]["level"] == "warning"
    assert documents["000.pdf"]["pages"] == 1 and documents["000.pdf"]["seconds"] > 0
    assert told[-1]["read"] == 3 and told[-1]["failed"] == 1 and told[-1]["run"]


def test_no_value_and_no_word_of_a_page_is_in_it(lines: tuple[list[dict[str, Any]], str]) -> None:
    told, kept = lines
    text = json.dumps(told)
    assert "INV-1" in kept and "INV-1" not in text
    assert "EUR" in kept and "EUR" not in text


def test_nothing_is_logged_unless_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_invoice(tmp_path / "docs" / "locked.pdf", password="secret")
    result = ingest(tmp_path / "docs", tmp_path / "a", "--quiet")
    assert (result.stdout, result.stderr) == ("", "")
    logged = ingest(tmp_path / "docs", tmp_path / "b", "--quiet", "--log", "text")
    assert logged.stdout == "" and len(logged.stderr.splitlines()) == 3
    assert (
        " warning document document=locked.pdf schema=invoice status=failed code=encrypted-document " in logged.stderr
    )


def test_a_log_file_keeps_what_was_in_it(tmp_path: Path) -> None:
    write_invoices(tmp_path / "docs", 1)
    for _ in range(2):
        ingest(tmp_path / "docs", tmp_path / "out", "--log", "json", "--log-file", tmp_path / "log")
    told = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert told == ["planned", "document", "ended", "planned", "ended"]


def test_a_log_that_cannot_be_written_is_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match="--log-file"), logging_to("json", tmp_path / "none" / "log"):
        pass


def test_any_program_can_listen_by_the_loggers_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_invoices(tmp_path / "docs", 1)
    with caplog.at_level(logging.INFO, logger="intaglio.ingest"):
        run_batch(Job((str(tmp_path / "docs"),), ("invoice",), tmp_path / "out", workers=1))
    assert [record.name for record in caplog.records] == ["intaglio.ingest"] * 3
    assert caplog.records[1].getMessage().startswith("document document=000.pdf ")


@given(st.text())
def test_no_name_of_a_document_can_pass_for_a_line_or_a_field(name: str) -> None:
    kept: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = kept.append  # type: ignore[method-assign]
    before = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    try:
        log(Row(name, "", "invoice", "accepted", 1, 1, 0, ()))
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)
    (record,) = kept
    text, as_json = AsText().format(record), AsJson().format(record)
    assert text.isprintable() and len(text.splitlines()) == 1
    assert text.count(" status=") == 1 or '"' in text
    assert as_json.isascii() and json.loads(as_json)["document"] == name
