"""`intaglio calibrate`: a calibration from real little PDFs and their records, and what using it changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from model.registry import load_engine
from pipeline.batch import run_batch
from pipeline.confidence.model import load_calibration
from pipeline.confidence.trust import Trust
from pipeline.extract import extract
from pipeline.job import Job
from pipeline.sinks import record_path, write_atomically
from schemas.contract import Contract
from schemas.record import Record
from tests.test_extract import pdf

SCHEMA = {
    "type": "object",
    "properties": {
        "invoice_number": {"type": "string", "description": "number of the invoice"},
        "invoice_date": {"type": ["string", "null"], "format": "date"},
        "total": {"type": "number", "description": "total to pay"},
    },
}
DOCUMENTS = 40


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of bills with their truth, and of their records. A sixth of the totals are labelled otherwise."""
    docs, records = tmp_path_factory.mktemp("docs"), tmp_path_factory.mktemp("records")
    contract, engine = Contract.from_json_schema(SCHEMA, "schema"), load_engine("embedded")
    (docs / "schema.json").write_text(json.dumps(SCHEMA))
    for number in range(DOCUMENTS):
        total = 100 + 7 * number
        lines = [
            f"Invoice number: A-{1000 + number}",
            f"Invoice date: 2024-03-{1 + number % 28:02}",
            f"Total {total}.50",
        ]
        content = pdf([(72, 80 + 40 * row, line) for row, line in enumerate(lines)])
        (docs / f"{number}.pdf").write_bytes(content)
        truth = {
            "invoice_number": f"A-{1000 + number}",
            "invoice_date": f"2024-03-{1 + number % 28:02}",
            "total": total + 0.5 + (number % 6 == 0),
        }
        (docs / f"{number}.truth.json").write_text(json.dumps(truth))
        record = extract(content, contract, engine, name=f"{number}.pdf")
        write_atomically(record_path(records, f"{number}.pdf"), record.model_dump_json())
    return docs, records


def calibrate(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["calibrate", *map(str, arguments)])
    return result.exit_code, result.output if result.exception is None else f"{result.output}{result.exception}"


def test_records_and_truth_are_enough(bills: tuple[Path, Path], tmp_path: Path) -> None:
    docs, records = bills
    out = tmp_path / "mine.json"
    code, output = calibrate(docs, "--records", records, "--out", out)
    assert code == 0, output
    calibration = load_calibration(out)
    (source,) = calibration.sources
    assert (source.documents, source.leaves, source.right) == (DOCUMENTS, 3 * DOCUMENTS, 3 * DOCUMENTS - 7)
    assert calibration.about == f"Fitted by intaglio calibrate to {DOCUMENTS} documents, {3 * DOCUMENTS} values."
    assert "kind_number" in output and f"--calibration {out}" in output.replace("\n", "")
    numbers, dates = calibration.weights["kind_number"], calibration.weights["kind_date"]
    assert numbers < dates, "totals are wrong a sixth of the time, dates never"


def test_a_record_that_is_not_there_is_told_and_left_out(bills: tuple[Path, Path], tmp_path: Path) -> None:
    docs, records = bills
    fewer = tmp_path / "records"
    fewer.mkdir()
    for path in records.rglob("*.json"):
        if path.name != "3.pdf.json":
            (fewer / path.name).write_bytes(path.read_bytes())
    code, output = calibrate(docs, "--records", fewer, "--out", tmp_path / "mine.json")
    assert code == 1 and "Left out 3.pdf" in output
    assert load_calibration(tmp_path / "mine.json").sources[0].documents == DOCUMENTS - 1


def test_wrong_use_is_said_before_anything_is_written(bills: tuple[Path, Path], tmp_path: Path) -> None:
    docs, records = bills
    out = tmp_path / "mine.json"
    code, output = calibrate(docs, "--records", records, "--engine", "fake", "--out", out)
    assert code != 0 and "made by the engine embedded" in output
    few = tmp_path / "few"
    few.mkdir()
    for name in ("schema.json", "1.pdf", "1.truth.json"):
        (few / name).write_bytes((docs / name).read_bytes())
    code, output = calibrate(few, "--records", records, "--out", out)
    assert code != 0 and "it takes 100" in output
    assert not out.exists()


def test_a_batch_is_done_again_for_another_precision_and_not_for_the_same(
    bills: tuple[Path, Path], tmp_path: Path
) -> None:
    docs, _ = bills
    places = (str(docs / "1.pdf"), str(docs / "2.pdf"))

    def run(trust: Trust) -> int:
        return run_batch(Job(places, (str(docs / "schema.json"),), tmp_path / "out", workers=1, trust=trust)).read

    assert [run(Trust()), run(Trust()), run(Trust(0.9)), run(Trust())] == [2, 0, 2, 0]
    record = Record.model_validate_json(record_path(tmp_path / "out", "1.pdf").read_text())
    assert record.precision == 0.99


def test_a_calibration_decides_what_evaluate_accepts(bills: tuple[Path, Path], tmp_path: Path) -> None:
    docs, _ = bills
    few = tmp_path / "few"
    few.mkdir()
    for name in ("schema.json", "1.pdf", "1.truth.json"):
        (few / name).write_bytes((docs / name).read_bytes())
    doubting = tmp_path / "doubting.json"
    doubting.write_text('{"engine": "embedded", "intercept": -5, "weights": {}}')

    def accepted(*arguments: str) -> int:
        out = tmp_path / "now.json"
        result = CliRunner().invoke(
            app, ["evaluate", str(few), "--json", str(out), "--quiet", "--workers", "1", *arguments]
        )
        assert result.exit_code == 0, result.output
        return int(json.loads(out.read_text())["figures"]["accepted"])

    assert accepted() == 3
    assert accepted("--calibration", str(doubting)) == 0
