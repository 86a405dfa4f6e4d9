"""`intaglio export`: records of a real run as lines and tables; nothing lost, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from flows.commands.export import Exporting, run
from pipeline.batch import run_batch
from pipeline.export import cell, csv_lines, jsonl, parquet
from pipeline.flat import Table, table_of
from pipeline.job import Job
from pipeline.ledger import Key, Ledger, Seen
from pipeline.ledger_view import Kept, open_view
from schemas.contract import Contract
from schemas.errors import OutputUnwritable, UsageError
from tests.papers import write_invoice, write_invoices

ROOT = Path(__file__).parent.parent
THING = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "name": {"type": ["string", "null"]},
            "day": {"type": ["string", "null"], "format": "date"},
            "count": {"type": ["integer", "null"]},
            "sum": {"type": ["number", "null"]},
            "paid": {"type": ["boolean", "null"]},
            "who": {"type": "object", "properties": {"a/b": {"type": ["string", "null"]}}},
            "tags": {"type": "array", "items": {"type": "string"}},
            "rows": {
                "type": "array",
                "items": {"type": "object", "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}},
            },
        },
    },
    "Thing",
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run over two invoices made here, one of the samples, and a file that is broken."""
    docs, out = tmp_path_factory.mktemp("docs"), tmp_path_factory.mktemp("run") / "out"
    write_invoices(docs, 2)
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    places = (str(docs), str(ROOT / "sample_docs/invoices/freight-en.pdf"))
    run_batch(Job(places, ("invoice",), out, workers=1))
    return out


def export(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["export", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def records(out: Path) -> dict[str, Any]:
    lines = (out / "records.jsonl").read_text().splitlines()
    return {Path(record["document"]["uri"]).name: record for record in map(json.loads, lines)}


def test_lines_are_those_of_the_run(out: Path) -> None:
    assert export(out) == (out / "records.jsonl").read_text()


def test_data_alone_leaves_out_what_failed(out: Path) -> None:
    found = [json.loads(line) for line in export(out, "--data").splitlines()]
    assert found == [record["data"] for record in records(out).values() if record["status"] != "failed"]


def test_status_and_date_choose(out: Path) -> None:
    assert [row["document"] for row in table(export(out, "-f", "csv", "--status", "failed"))] == ["broken.pdf"]
    rows = table(export(out, "-f", "csv"))
    assert len(rows) == 4
    last = max(row["updated"] for row in rows)
    assert {row["document"] for row in table(export(out, "-f", "csv", "--since", last))} == {
        row["document"] for row in rows if row["updated"] == last
    }
    assert export(out, "--since", "2999-01-01") == ""


def test_a_csv_has_a_row_for_each_document_and_a_column_for_each_field(out: Path) -> None:
    rows = {row["document"]: row for row in table(export(out, "-f", "csv"))}
    assert list(rows) == sorted(records(out))
    for name, record in records(out).items():
        row, data = rows[name], record["data"] or {}
        assert (row["status"], row["uri"]) == (record["status"], record["document"]["uri"])
        assert json.loads(row["review"]) == [
            at for at, field in record["fields"].items() if field["status"] == "review"
        ]
        assert row["/invoice_number"] == data.get("invoice_number", "")
        assert row["/total"] == (str(data["total"]) if data else "")
        assert json.loads(row["/lines"] or "null") == data.get("lines")
    assert rows["broken.pdf"]["code"] == "damaged-document"


def test_a_list_gives_a_row_for_each_entry_with_what_the_document_says_once(out: Path) -> None:
    rows = table(export(out, "-f", "csv", "--list", "/lines"))
    data = records(out)["freight-en.pdf"]["data"]
    mine = [row for row in rows if row["document"] == "freight-en.pdf"]
    assert [row["/lines/*/description"] for row in mine] == [line["description"] for line in data["lines"]]
    assert [row["entry"] for row in mine] == [str(place) for place in range(len(data["lines"]))]
    assert {row["/seller/name"] for row in mine} == {data["seller"]["name"]}
    assert "/tax_breakdown" not in mine[0] and "/lines" not in mine[0]


def test_parquet_has_the_types_of_the_contract_and_the_same_values(out: Path, tmp_path: Path) -> None:
    export(out, "-f", "parquet", "-o", tmp_path / "all.parquet")
    found = pyarrow.parquet.read_table(tmp_path / "all.parquet")
    kinds = {field.name: str(field.type) for field in found.schema}
    assert (kinds["/total"], kinds["/invoice_date"], kinds["/lines"]) == ("double", "date32[day]", "string")
    assert kinds["updated"] == "timestamp[us, tz=UTC]"
    rows = {row["document"]: row for row in found.to_pylist()}
    data = records(out)["freight-en.pdf"]["data"]
    assert rows["freight-en.pdf"]["/total"] == data["total"]
    assert rows["freight-en.pdf"]["/invoice_date"] == date.fromisoformat(data["invoice_date"])
    assert {row["unfit"] for row in rows.values()} == {None}


def test_several_schemas_make_no_table_until_one_is_named(tmp_path: Path) -> None:
    write_invoice(tmp_path / "docs" / "a.pdf")
    write_invoice(tmp_path / "docs" / "b" / "b.pdf", "INV-2")
    (tmp_path / "own.json").write_text(json.dumps(THING.json_schema | {"title": "Own"}))
    out = tmp_path / "out"
    run_batch(Job((str(tmp_path / "docs"),), (f"b={tmp_path / 'own.json'}", "invoice"), out, workers=1))
    with pytest.raises(UsageError, match=r"Invoice \([0-9a-f]{16}\), Own \([0-9a-f]{16}\).*--schema"):
        export(out, "-f", "csv")
    assert len(export(out).splitlines()) == 2
    for schema in ("Own", str(tmp_path / "own.json")):  # by its name the columns come from a trace
        [row] = table(export(out, "-f", "csv", "-s", schema))
        assert row["document"] == "b/b.pdf" and "/who/a~1b" in row and json.loads(row["/tags"]) == []
    [line] = export(out, "-s", "invoice").splitlines()
    assert json.loads(line)["contract"]["name"] == "Invoice"
    with pytest.raises(UsageError, match="as it is now"):
        export(out, "-s", "receipt")
    for trace in out.rglob("*.gz"):
        trace.unlink()
    with pytest.raises(UsageError, match="Name it with --schema"):
        export(out, "-f", "csv", "-s", "Own")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "2026-01-31"),
        (("-f", "csv", "--list", "/nothing"), "/lines, /tax_breakdown"),
        (("--list", "/lines"), "--format csv"),
        (("-f", "csv", "--data"), "--data is for jsonl"),
    ],
)
def test_wrong_use_says_what_to_do(out: Path, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        export(out, *arguments)


@pytest.mark.parametrize("place", ["records.jsonl", "000.pdf.json", ".intaglio/ledger.sqlite", ""])
def test_what_ingest_wrote_is_not_overwritten(out: Path, place: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.[jl]*") if path.is_file()}
    with pytest.raises(OutputUnwritable, match="--out"):
        export(out, "-o", out / place)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_without_pyarrow_the_error_gives_the_command_and_nothing_is_written(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'intaglio\[parquet\]'"):
        export(out, "-f", "parquet", "-o", tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def kept(data: Any, status: str = "accepted", name: str = "a.pdf") -> Kept:
    fields = {"/name": {"status": "review"}, "/rows/0/n": {"status": "review"}, "/rows/1/n": {"status": "accepted"}}
    document = {"uri": f"/in/{name}", "sha256": "a" * 64}
    record = {"document": document, "fields": fields, "data": data, "status": status}
    return Kept(name, status, "", False, 1, 1.7e9, json.dumps(record))


def as_csv(documents: Iterable[Kept], rows: Table) -> list[list[str]]:
    text = b"".join(csv_lines(documents, rows)).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def as_parquet(documents: Iterable[Kept], rows: Table) -> list[dict[str, Any]]:
    content = b"".join(parquet(documents, rows))
    return list(pyarrow.parquet.read_table(pyarrow.BufferReader(content)).to_pylist())


texts = st.text(st.characters(exclude_categories=("Cs",)))
hostile = st.tuples(st.sampled_from(["=", "+", "-", "@", "'", "\t", "\r", "\n", "\0", " =", "\ufeff-", "＝"]), texts)
values = st.one_of(st.none(), texts, hostile.map("".join))


@given(names=st.lists(values, max_size=5), tags=st.lists(texts, max_size=3))
def test_every_text_comes_back_from_a_csv_and_none_begins_as_a_formula(names: list[Any], tags: list[str]) -> None:
    head, *rows = as_csv([kept({"name": name, "tags": tags}) for name in names], table_of(THING.root))
    at = head.index("/name")
    assert [row[at].removeprefix("'") for row in rows] == [name or "" for name in names]
    assert all(json.loads(row[head.index("/tags")]) == tags for row in rows)
    for row in rows:
        assert all(not value.lstrip().startswith(tuple("=+-@＝＋－＠\t\r\n\0")) for value in row)


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(1 << 53), 1 << 53)))
def test_numbers_come_back_from_a_csv_and_from_parquet(number: float) -> None:
    document = kept({"sum": number})
    head, row = as_csv([document], table_of(THING.root))
    assert float(row[head.index("/sum")]) == number
    assert as_parquet([document], table_of(THING.root))[0]["/sum"] == number


@given(
    name=values,
    count=st.one_of(st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    total=st.one_of(st.integers(), texts, st.booleans()),
    day=st.one_of(st.dates().map(str), texts, st.just("2026-02-30"), st.just("20260131")),
    paid=st.one_of(st.booleans(), texts),
)
def test_nothing_is_lost_in_parquet(name: Any, count: Any, total: Any, day: Any, paid: Any) -> None:
    """Each value is in its column or, where it is not of its type, in the last one."""
    data = {"name": name, "day": day, "count": count, "sum": total, "paid": paid}
    [row] = as_parquet([kept(data)], table_of(THING.root))
    unfit = json.loads(row["unfit"] or "{}")
    for key, value in data.items():
        found = unfit.get(f"/{key}", row[f"/{key}"])
        assert (found.isoformat() if isinstance(found, date) else found) == value
        assert f"/{key}" not in unfit or row[f"/{key}"] is None


def test_entries_of_any_kind_are_rows_that_name_their_own_doubts() -> None:
    document = kept({"name": "x", "rows": [{"text": "a", "n": 1}, None, {"n": 2}], "tags": ["p", "=q"]})
    head, *rows = as_csv([document], table_of(THING.root, "/rows"))
    places = [head.index(name) for name in ("review", "entry", "/name", "/rows/*/text", "/rows/*/n")]
    assert [[row[place] for place in places] for row in rows] == [
        ['["/name", "/rows/0/n"]', "0", "x", "a", "1"],
        ['["/name"]', "1", "x", "", ""],
        ['["/name"]', "2", "x", "", "2"],
    ]
    assert [row[-1] for row in as_csv([document], table_of(THING.root, "/tags"))] == ["/tags/*", "p", "'=q"]
    assert [row["/tags/*"] for row in as_parquet([document], table_of(THING.root, "/tags"))] == ["p", "=q"]


def test_columns_are_the_same_whatever_the_documents() -> None:
    rows = table_of(THING.root)
    assert as_csv([], rows)[0] == as_csv([kept(None, "failed"), kept({"sum": 1, "name": ""})], rows)[0]
    empty = pyarrow.parquet.read_schema(pyarrow.BufferReader(b"".join(parquet([], rows))))
    assert empty.names == [*as_csv([], rows)[0], "unfit"]


def test_cells_are_as_json_has_them() -> None:
    moment = datetime(2026, 1, 31, 8, 0, 0, 999999, UTC)
    assert [cell(value) for value in (None, True, False, -5, -0.1, 684.0, "-5", "a'", moment)] == [
        *("", "true", "false", "-5", "-0.1", "684.0", "'-5", "a'", "2026-01-31T08:00:00Z")
    ]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder whose ledger has 20,000 documents, each record some 5 KB long."""
    job = Job((), (), tmp_path / "out")
    path = job.out / ".intaglio" / "ledger.sqlite"
    path.parent.mkdir(parents=True)
    data = json.loads(kept({"name": "=x", "sum": 1.5}).record) | {"issues": ["long" * 1250]}
    data |= {"contract": {"name": "Thing", "fingerprint": THING.fingerprint}}
    with Ledger(job.ledger_url) as ledger:
        ledger.see([Seen("0", "0.pdf", "1", "a" * 64)])
        ledger.save(Key("a" * 64, THING.fingerprint, "engine"), json.dumps(data), "accepted", "", False, ["0"])
    with sqlite3.connect(path) as connection:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        copied = "'accepted', '', 0, 1, i, record FROM n, (SELECT contract, record FROM documents)"
        connection.execute(f"INSERT INTO documents {numbers}SELECT i, printf('%064d', i), contract, 'engine', {copied}")
        source = "printf('%d.pdf', i), '1', printf('%064d', i), i, i"
        connection.execute(f"INSERT INTO sources {numbers}SELECT i, '', i, {source} FROM n")
    return job.out


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_memory_does_not_grow_with_the_ledger(many: Path, form: str) -> None:
    """20,000 records hold 100 MB of text: a few of them are in memory at a time."""
    with open_view(f"sqlite:///{many / '.intaglio' / 'ledger.sqlite'}") as view:
        documents = view.documents()
        makers = {"jsonl": jsonl, "csv": lambda found: csv_lines(found, table_of(THING.root))}
        parts = makers.get(form, lambda found: parquet(found, table_of(THING.root)))(documents)
        tracemalloc.start()
        try:
            size = sum(map(len, parts))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert size > (95 << 20 if form == "jsonl" else 100_000)
    assert peak < 16 << 20


def test_a_reader_that_has_enough_ends_it_quietly(out: Path) -> None:
    command = [sys.executable, "-c", "from flows.cli import main; main()", "export", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 1


def test_a_terminal_gets_no_commands_from_a_document(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    shown = Terminal(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", shown)
    with pytest.raises(UsageError, match="--out"):
        run(Exporting(out, "", "parquet", "-", "", (), "", "", False))
    assert run(Exporting(out, "", "csv", "-", "", (), "", "", False)) == 0
    text = shown.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert "INV-1" in text and all(char.isprintable() or char == "\n" for char in text)
