"""The accuracy benchmark on real little PDFs, from folder to figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from benchmarks import accuracy

SCHEMA = {
    "type": "object",
    "properties": {
        "invoice_number": {"type": "string", "description": "number of the invoice"},
        "total": {"type": "number", "description": "total to pay"},
    },
}


def write_document(path: Path, lines: list[str], password: str = "") -> None:
    document = pymupdf.open()
    page = document.new_page()
    for row, line in enumerate(lines):
        page.insert_text((72, 72 + 24 * row), line)
    if password:
        document.save(path, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=password, owner_pw=password)
    else:
        document.save(path)


def write_truth(path: Path, truth: Any) -> None:
    path.with_name(f"{path.stem}.truth.json").write_text(json.dumps(truth))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents of which one truth is at odds with its page, and their schema."""
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    for name, number, total in (("one", "A-1701", 12.5), ("two", "A-1702", 99.0)):
        write_document(tmp_path / f"{name}.pdf", [f"Invoice number: {number}", "Total: 12.50"])
        write_truth(tmp_path / f"{name}.pdf", {"invoice_number": number, "total": total})
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[str], dict[str, Any]]:
    assert accuracy.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    return lines[:-1], json.loads(lines[-1])


def test_figures_and_errors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, figures = run(capsys, str(folder), "--errors", "5")
    assert (figures["documents"], figures["pages"], figures["leaves"]) == (2, 2, 4)
    assert figures["fields"] == {"/invoice_number": 1.0, "/total": 0.5}
    assert figures["f1"] == figures["mean_f1"] == 0.75
    faults = [line for line in lines if line.startswith("two.pdf")]
    assert len(faults) == 1
    assert "/total: expected 99.0, got 12.5" in faults[0]
    assert not [line for line in lines if line.startswith("one.pdf")]


def test_some_fields(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, figures = run(capsys, str(folder), "--fields", "total")
    assert figures["fields"] == {"/total": 0.5}


def test_workers_change_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, alone = run(capsys, str(folder))
    _, together = run(capsys, str(folder), "--workers", "2")
    alone.pop("seconds")
    together.pop("seconds")
    assert alone == together


def test_kept_words_are_not_read_again(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = tmp_path / "words"
    _, first = run(capsys, str(folder), "--words", str(words))
    monkeypatch.setattr(accuracy, "open_document", lambda path: pytest.fail(f"{path} was opened again"))
    _, second = run(capsys, str(folder), "--words", str(words))
    first.pop("seconds")
    second.pop("seconds")
    assert first == second


def test_a_document_that_must_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, code in (("locked", "encrypted-document"), ("locked2", "damaged-document")):
        write_document(folder / f"{name}.pdf", ["Total: 1.00"], password="secret")
        write_truth(folder / f"{name}.pdf", {"schema": str(folder / "schema.json"), "fails": code})
    lines, figures = run(capsys, str(folder))
    assert (figures["must_fail"], figures["failed_well"], figures["failed"], figures["leaves"]) == (2, 1, 0, 4)
    assert "locked2.pdf: was to fail with damaged-document, but gave encrypted-document" in lines


def test_an_unreadable_document_misses_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_document(folder / "locked.pdf", ["Total: 1.00"], password="secret")
    write_truth(folder / "locked.pdf", {"total": 1.0})
    lines, figures = run(capsys, str(folder))
    assert figures["failed"] == 1
    assert figures["recall"] == pytest.approx(3 / 5)
    assert "locked.pdf: failed with encrypted-document" in lines


def test_the_truth_names_the_schema_and_the_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_document(tmp_path / "a.pdf", ["Invoice number: A-1701", "Total: 12.50"])
    (tmp_path / "mine.json").write_text(json.dumps(SCHEMA))
    truth = {"invoice_number": "A-1701", "total": 12.5}
    evidence = {"/total": [{"page": 1, "box": [0.0, 0.0, 1.0, 0.01]}]}
    write_truth(tmp_path / "a.pdf", {"schema": str(tmp_path / "mine.json"), "data": truth, "evidence": evidence})
    _, figures = run(capsys, str(tmp_path))
    assert (figures["f1"], figures["word_f1"], figures["page_f1"]) == (1.0, 0.0, 1.0)


def test_a_folder_that_cannot_be_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Empty, then a truth with no document, then a document with no schema: exit code 2 and the remedy."""
    assert accuracy.main([str(tmp_path)]) == 2
    assert "no document" in capsys.readouterr().err
    write_truth(tmp_path / "a.pdf", {"total": 1.0})
    assert accuracy.main([str(tmp_path)]) == 2
    assert "0 documents" in capsys.readouterr().err
    write_document(tmp_path / "a.pdf", ["Total: 1.00"])
    assert accuracy.main([str(tmp_path)]) == 2
    assert "--schema" in capsys.readouterr().err


def test_an_engine_that_there_is_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert accuracy.main([str(folder), "--engine", "oracle"]) == 2
    assert "oracle" in capsys.readouterr().err
