"""The Gemma engine from the command line, in a worker process: real classes, a tiny checkpoint, noise for content."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.record import Record
from schemas.registry import load_contract
from tests.papers import write_invoices

ROOT = Path(__file__).parent.parent
SCHEMA = {
    "title": "Bill",
    "type": "object",
    "properties": {
        "number": {"type": ["string", "null"], "maxLength": 12},
        "date": {"type": ["string", "null"], "format": "date"},
        "total": {"type": ["number", "null"], "minimum": 0, "maximum": 99999},
        "paid": {"type": ["boolean", "null"]},
    },
}


def intaglio(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "bill.json"
    path.write_text(json.dumps(SCHEMA))
    return path


def test_a_folder_becomes_valid_records_of_which_none_is_accepted(
    tmp_path: Path, tiny_checkpoint: Path, schema: Path
) -> None:
    write_invoices(tmp_path / "docs", 3)
    ingest = ("ingest", tmp_path / "docs", "--schema", schema, "--out", tmp_path / "out", "--direct", "--json")
    gemma = ("--engine", "gemma", "--model", tiny_checkpoint, "--output-tokens", 300)
    gemma = (*gemma, "--escalations", 0, "--workers", 2)  # noise is never settled, and its thoughts are long
    result = intaglio(*ingest, *gemma)
    assert result.returncode == 0, result.stderr
    contract = load_contract(str(schema))
    records = [Record.model_validate_json(path.read_text()) for path in sorted((tmp_path / "out").glob("*.pdf.json"))]
    assert len(records) == 3
    for record in records:
        assert record.status == "review"
        assert "accepted" not in {field.status for field in record.fields.values()}
        assert not [issue for issue in contract.validate(record.data) if issue.severity == "error"]
        assert record.data.keys() == SCHEMA["properties"].keys()  # type: ignore[attr-defined]
        assert (record.engine.name, record.engine.quantisation) == ("gemma", "nf4")
        assert record.usage.prompt_tokens > record.usage.output_tokens > 0
    assert result.stderr == ""

    again = intaglio(*ingest, *gemma)
    assert json.loads(again.stdout)["read"] == 0
    other = intaglio(*ingest, *gemma[:-2], "--quantisation", "none")
    assert json.loads(other.stdout)["read"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine", "gemma"), "no GPU is found here"),
        (("--engine", "gemma", "--model", "no-such/model-it"), "hf download no-such/model-it"),
        (("--engine", "embedded", "--model", "some/model"), "has no model to choose"),
    ],
)
def test_an_engine_that_cannot_run_says_what_to_do_before_anything_is_read(
    tmp_path: Path, schema: Path, arguments: tuple[str, ...], said: str
) -> None:
    write_invoices(tmp_path / "docs", 1)
    result = intaglio(
        "ingest", tmp_path / "docs", "--schema", schema, "--out", tmp_path / "out", "--direct", *arguments
    )
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_schema_that_no_grammar_can_hold_is_refused_by_the_fields_name(tmp_path: Path, tiny_checkpoint: Path) -> None:
    write_invoices(tmp_path / "docs", 1)
    bad = {"title": "B", "type": "object", "properties": {"a": {"type": "string", "enum": ["abc"], "maxLength": 2}}}
    (tmp_path / "bad.json").write_text(json.dumps(bad))
    result = intaglio(
        *("ingest", tmp_path / "docs", "--schema", tmp_path / "bad.json", "--out", tmp_path / "out", "--direct"),
        *("--engine", "gemma", "--model", tiny_checkpoint),
    )
    assert result.returncode == 2
    assert "/a" in result.stderr


def test_a_packed_checkpoint_is_written_and_answers(tmp_path: Path, tiny_checkpoint: Path, schema: Path) -> None:
    [document] = write_invoices(tmp_path / "docs", 1)
    written = intaglio("quantise", "--model", tiny_checkpoint, "--out", tmp_path / "packed")
    assert written.returncode == 0, written.stderr
    data = [
        intaglio("extract", document, "--schema", schema, "--data", "--engine", "gemma", "--model", model)
        for model in (tiny_checkpoint, tmp_path / "packed")
    ]
    assert data[0].returncode == 0, data[0].stderr
    assert data[0].stdout == data[1].stdout
