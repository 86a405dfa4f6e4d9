"""The command line, as a user meets it: exit codes, what is printed where, hostile text."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.terminal import plain
from tests.papers import write_invoice, write_invoices

INTAGLIO = [sys.executable, "-m", "flows.cli"]
ROOT = Path(__file__).parent.parent


def intaglio(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*INTAGLIO, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)


def test_help_comes_at_once() -> None:
    def seconds() -> float:
        begun = time.perf_counter()
        result = intaglio("--help")
        assert result.returncode == 0 and "ingest" in result.stdout
        return time.perf_counter() - begun

    assert min(seconds() for _ in range(5)) < 0.5


@pytest.mark.parametrize(
    "command",
    [
        "ingest",
        "deploy",
        "status",
        "export",
        "extract",
        "plan",
        "ask",
        "evaluate",
        "show",
        "replay",
        "schemas",
        "doctor",
    ],
)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"intaglio {command}" in result.output and "Example" in result.output


def test_ingest_prints_a_table_and_where_the_json_is(tmp_path: Path) -> None:
    write_invoices(tmp_path / "docs", 2)
    (tmp_path / "docs" / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    out = tmp_path / "out"
    job = ("ingest", tmp_path / "docs", "--schema", "invoice", "--out", out, "--direct")
    first = intaglio(*job)
    assert first.returncode == 1, first.stderr
    assert "broken.pdf" in first.stdout and "000.pdf" in first.stdout and "records.jsonl" in first.stdout
    assert "3 documents: 2 accepted, 1 failed" in first.stdout
    assert first.stderr == ""
    again = intaglio(*job, "--json")
    assert again.returncode == 1
    counts = json.loads(again.stdout)
    assert (counts["read"], counts["done_before"], counts["failed"], counts["accepted"]) == (0, 3, 1, 2)
    assert "Nothing to do: 3 documents" in intaglio(*job).stdout
    quiet = intaglio(*job, "--quiet")
    assert quiet.stdout == quiet.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "nowhere", "-s", "invoice"), "nowhere"),
        (("ingest", "sample_docs", "-s", "invoise"), "Did you mean invoice?"),
        (("ingest", "sample_docs", "-s", "invoice", "-e", "nobody"), "embedded"),
        (("ingest", "sample_docs", "-s", "invoice", "-o", "README.md/out"), "--out"),
        (("ingest", "sample_docs", "-s", "invoice", "--ledger", "nonsense"), "--ledger"),
        (("extract", "nowhere.pdf", "-s", "invoice"), "nowhere.pdf"),
        (("extract", "README.md", "-s", "a=invoice"), "a=invoice"),
        (("extract", "sample_docs/invoices/freight-en.pdf", "-s", "chart"), "--engine gemma"),
        (("ingest", "sample_docs", "-s", "*.pdf=summary", "-s", "invoice"), "--engine gemma"),
        (("ask", "sample_docs/invoices/freight-en.pdf", "What is due?", "-e", "embedded"), "--engine gemma"),
        (("ask", "What is due?", "-e", "fake"), "the question"),
        (("status", "sample_docs"), "there is no ledger"),
        (("export", "sample_docs"), "there is no ledger"),
        (("show", "README.md"), "not a record"),
        (("show", "nowhere.json"), "nowhere.json"),
        (("schemas", "nothing"), "Built in are"),
    ],
)
def test_wrong_use_is_one_clear_line_and_exit_code_2(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    if arguments[0] == "ingest" and "-o" not in arguments:
        arguments = (*arguments, "-o", str(tmp_path / "out"))
    result = intaglio(*arguments)
    assert result.returncode == 2
    assert said in result.stderr and result.stderr.startswith("intaglio: ") and result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_extract_prints_json_only_and_show_reads_it(tmp_path: Path) -> None:
    write_invoice(tmp_path / "a.pdf", "INV-7")
    whole = intaglio("extract", tmp_path / "a.pdf", "--schema", "invoice")
    assert whole.returncode == 0 and whole.stderr == ""
    record = json.loads(whole.stdout)
    assert record["data"]["invoice_number"] == "INV-7" and record["document"]["uri"].endswith("a.pdf")
    data = intaglio("extract", tmp_path / "a.pdf", "--schema", "invoice", "--data")
    assert json.loads(data.stdout) == record["data"]
    (tmp_path / "a.json").write_text(whole.stdout)
    shown = intaglio("show", tmp_path / "a.json")
    assert shown.returncode == 0 and "/invoice_number" in shown.stdout and "INV-7" in shown.stdout


def test_extract_of_a_broken_document_says_why_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"")
    result = intaglio("extract", tmp_path / "a.pdf", "--schema", "invoice")
    assert result.returncode == 1 and "no bytes" in result.stderr
    assert json.loads(result.stdout)["issues"][0]["code"] == "empty-document"


def test_schemas_lists_the_built_in_ones_and_the_fields_of_a_users_own(tmp_path: Path) -> None:
    listed = CliRunner().invoke(app, ["schemas"]).output
    assert all(name in listed for name in ("invoice", "receipt", "bank_statement", "form", "resume", "transcript"))
    schema = '{"type": "object", "properties": {"reference_code": {"type": "string"}}}'
    (tmp_path / "bill.json").write_text(schema)
    fields = CliRunner().invoke(app, ["schemas", str(tmp_path / "bill.json")]).output
    assert "/reference_code" in fields and "needs:" not in fields


def test_schemas_tells_which_need_more_than_words(tmp_path: Path) -> None:
    lines = CliRunner().invoke(app, ["schemas"]).output.splitlines()
    told = {line.split()[0]: line for line in lines if line}
    assert "sight (gemma, served)" in told["chart"] and "understanding" in told["summary"]
    assert "gemma" not in told["invoice"] + told["transcript"]
    assert "needs: sight (gemma, served)" in CliRunner().invoke(app, ["schemas", "screen"]).output


def test_a_document_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    write_invoice(tmp_path / "a.pdf", "INV-7")
    record = json.loads(intaglio("extract", tmp_path / "a.pdf", "--schema", "invoice").stdout)
    record["fields"]["/invoice_number"]["value"] = "\x1b]0;owned\x07\u202e[bold red]x[/]\r\n"
    record["issues"] = [{"code": "x", "message": "\x1b[2J[link=evil]"}]
    (tmp_path / "a.json").write_text(json.dumps(record))
    output = intaglio("show", tmp_path / "a.json").stdout
    assert not set(output) & set("\x1b\x07\u202e\r")
    assert "[link=evil]" in output and "[bold red]" in output.replace("\n", "")


def test_plain_text_keeps_letters_of_all_scripts_and_shows_controls() -> None:
    assert plain("Größe 値段 ‏א\t\x00\x9b") == "Größe 値段 \\x200fא \\x00\\x9b"
