"""`ingest` keeps traces beside its ledger; `replay` says what is different, and leaves the record as it is."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from model.engine import EngineSpec
from pipeline.batch import run_batch
from pipeline.job import Job
from pipeline.records import read_record
from pipeline.trace_file import find_trace, read_trace
from schemas.errors import OutputUnwritable, UsageError
from schemas.record import Record
from tests.papers import write_invoice, write_invoices

ROOT = Path(__file__).parent.parent


def intaglio(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder: two invoices, a file that is none, and two invoices read without traces in `bare`."""
    folder = tmp_path_factory.mktemp("replay")
    write_invoices(folder / "docs", 2)
    run_batch(Job((str(folder / "docs"),), ("invoice",), folder / "bare", workers=1, traces=False))
    (folder / "docs" / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    run_batch(Job((str(folder / "docs"),), ("invoice",), folder / "out", workers=1))
    shutil.rmtree(folder / "docs")
    return folder


@pytest.fixture
def out(read: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(read / "out", tmp_path / "copy"))


def altered(out: Path, **update: Any) -> Path:
    """A record as if it had said something else."""
    path = out / "000.pdf.json"
    record = read_record(path)
    total = record.fields["/total"].model_copy(update=update)
    fields = {**record.fields, "/total": total}
    path.write_text(record.model_copy(update={"fields": fields}).model_dump_json())
    return path


def test_every_record_that_was_read_has_a_trace_and_none_else(read: Path) -> None:
    traces = sorted((read / "out").rglob("*.json.gz"))
    records = [read_record(path) for path in sorted((read / "out").glob("*.pdf.json"))]
    found = {find_trace(read / "out" / "x.json", record) for record in records if record.status != "failed"}
    assert len(records) == 3 and found == set(traces) and len(traces) == 2
    assert not list((read / "bare").rglob("*.gz")) and len(list((read / "bare").glob("*.pdf.json"))) == 2


def test_the_command_needs_no_document_and_imports_no_engine(out: Path) -> None:
    program = "import sys; from flows.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", program, "replay", str(out / "000.pdf.json")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0 and "nothing changed in" in result.stdout
    assert not {"pymupdf", "onnxruntime", "torch", "model.embedded.engine"} & set(result.stderr.split())


def test_what_is_different_is_told_in_a_table_and_the_record_stays(out: Path) -> None:
    path = altered(out, value="9.99", confidence=0.1, status="review")
    before = path.read_bytes()
    result = intaglio("replay", path)
    assert result.exit_code == 1
    assert "1 of" in result.output and "field changed" in result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("/total ")]
    assert "value, status, confidence" in line and "9.99" in line and "0.5" in line and "review → accepted" in line
    assert path.read_bytes() == before


def test_programs_are_told_in_json(out: Path) -> None:
    same = intaglio("replay", out / "000.pdf.json", "--json")
    told = json.loads(same.output)
    assert (same.exit_code, told["changed"], told["fields"]) == (0, False, [])
    result = intaglio("replay", altered(out, evidence=()), "--json")
    told = json.loads(result.output)
    assert (result.exit_code, told["changed"]) == (1, True)
    (change,) = told["fields"]
    assert (change["pointer"], change["what"], change["before"]["evidence"]) == ("/total", ["evidence"], [])
    assert len(change["after"]["evidence"]) == 1


def test_the_new_record_goes_to_a_new_file_only(out: Path, tmp_path: Path) -> None:
    new = tmp_path / "new" / "record.json"
    result = intaglio("replay", altered(out, value="9.99"), "--out", new)
    assert result.exit_code == 1 and Record.model_validate_json(new.read_text()).fields["/total"].value == "0.5"
    before = new.read_bytes()
    again = intaglio("replay", out / "001.pdf.json", "--out", new)
    assert isinstance(again.exception, OutputUnwritable) and "is there already" in str(again.exception)
    assert new.read_bytes() == before


def test_another_schema_is_tried_on_the_same_replies(out: Path, tmp_path: Path) -> None:
    schema = tmp_path / "bill.json"
    fields = {"total": {"type": "number"}, "po_number": {"type": ["string", "null"]}}
    schema.write_text(json.dumps({"title": "Bill", "type": "object", "properties": fields}))
    result = intaglio("replay", out / "000.pdf.json", "--schema", schema, "--out", tmp_path / "bill.pdf.json")
    assert result.exit_code == 1
    assert "/po_number: the engine was not asked for it" in result.output
    assert "Also different: contract." in result.output
    record = read_record(tmp_path / "bill.pdf.json")
    assert (record.data, record.status) == ({"total": 0.5, "po_number": None}, "review")


def test_a_record_that_was_moved_away_needs_its_trace_named(out: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "record.json"
    moved.parent.mkdir()
    trace = find_trace(out / "000.pdf.json", read_record(out / "000.pdf.json"))
    (out / "000.pdf.json").rename(moved)
    lost = intaglio("replay", moved)
    assert isinstance(lost.exception, UsageError) and "has no trace beside it" in str(lost.exception)
    assert intaglio("replay", moved, "--trace", trace).exit_code == 0
    other = intaglio("replay", out / "001.pdf.json", "--trace", trace)
    assert isinstance(other.exception, UsageError) and "another record" in str(other.exception)


def test_what_cannot_be_replayed_is_said_with_the_remedy(read: Path, out: Path, tmp_path: Path) -> None:
    failed = intaglio("replay", out / "broken.pdf.json")
    assert isinstance(failed.exception, UsageError) and "nothing to replay" in str(failed.exception)
    bare = intaglio("replay", read / "bare" / "000.pdf.json")
    assert isinstance(bare.exception, UsageError) and "--no-trace" in str(bare.exception)
    old = tmp_path / "old.json"
    old.write_text(json.dumps({"schema_version": 0, "document": {}}))
    older = intaglio("replay", old)
    assert isinstance(older.exception, UsageError) and "Read its document again" in str(older.exception)
    assert "record of version 0, and this Intaglio reads version 1" in str(older.exception)


def test_a_record_of_an_older_version_whose_form_still_fits_is_replayed(out: Path) -> None:
    path = out / "000.pdf.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "schema_version": 0}))
    result = intaglio("replay", path)
    assert result.exit_code == 1 and "Also different: schema_version." in result.output


def test_hostile_text_reaches_no_terminal(out: Path) -> None:
    result = intaglio("replay", altered(out, value="\x1b[31mred\u202e"))
    assert "\x1b" not in result.output and "\u202e" not in result.output and "\\x1b[31mred" in result.output


def test_a_trace_tells_the_settings_but_no_address(tmp_path: Path) -> None:
    write_invoice(tmp_path / "docs" / "a.pdf")
    engine = EngineSpec("fake", "some-model", output_tokens=99, url="http://user:secret@host/v1")
    run_batch(Job((str(tmp_path / "docs"),), ("receipt",), tmp_path / "out", engine, workers=1))
    (path,) = (tmp_path / "out").rglob("*.json.gz")
    settings = read_trace(path).settings
    assert (settings["model"], settings["output_tokens"], settings["thinking"]) == ("some-model", 99, "asked")
    assert b"secret" not in gzip.decompress(path.read_bytes())


def test_ingest_can_leave_traces_out(tmp_path: Path) -> None:
    write_invoice(tmp_path / "docs" / "a.pdf")
    job = ("ingest", tmp_path / "docs", "--schema", "invoice", "--out", tmp_path / "out", "--direct", "--workers", 1)
    command = [sys.executable, "-m", "flows.cli", *map(str, job), "--no-trace"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert (tmp_path / "out" / "a.pdf.json").exists() and not list((tmp_path / "out").rglob("*.gz"))
