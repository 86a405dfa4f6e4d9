"""`intaglio review`: the queue, approvals, corrections, and the truth that comes of them; on real little PDFs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.batch import run_batch
from pipeline.review.basis import basis_of
from pipeline.review.deciding import Decision, decided
from pipeline.trace_file import trace_path
from schemas.errors import LedgerUnreadable, UsageError
from tests.papers import write_invoice
from tests.reviewing import copied, intaglio, job_of, read_invoices, record_in, review


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    write_invoice(folder / "docs" / "red.pdf", "INV-8 \u202egro.live", "8.00")
    (folder / "docs" / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    return read_invoices(folder, 3).parent


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    return copied(made / "out", tmp_path)


def failure(*arguments: object) -> str:
    result = intaglio("review", *arguments)
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


def test_the_queue_says_what_is_doubtful_where_and_why(out: Path) -> None:
    listed = review(out, "list")
    assert listed["in_review"] == 4
    (document,) = [each for each in listed["documents"] if each["name"] == "001.pdf"]
    (total,) = [each for each in document["fields"] if each["pointer"] == "/total"]
    assert (total["value"], total["pages"], document["version"]) == ("1.5", [1], 0)
    assert total["why"] == ["not sure enough for a precision of 0.9999"]
    confidences = [each["confidence"] for each in document["fields"]]
    assert confidences == sorted(confidences)
    shown = intaglio("review", "list", out, "--most", 1).output
    assert "4 documents in review, the first 1 of them here" in shown and "/invoice_number" in shown


def test_the_queue_has_a_stated_order(out: Path) -> None:
    def names(*options: object) -> list[str]:
        return [each["name"] for each in review(out, "list", *options)["documents"]]

    assert names("--order", "name") == ["000.pdf", "001.pdf", "002.pdf", "red.pdf"]
    assert names("--value", "/total") == ["red.pdf", "002.pdf", "001.pdf", "000.pdf"]
    review(out, "correct", "001.pdf", "/invoice_number=null")
    assert names()[0] == "001.pdf", "an error comes before any doubt"
    assert names("--order", "easy")[-1] != "002.pdf" or names("--order", "easy") != names()
    review(out, "approve", "002.pdf", "--fields", "/total", "--fields", "/currency")
    assert names("--order", "easy")[0] == "002.pdf"
    first = [each["pointer"] for each in review(out, "list")["documents"][0]["fields"]]
    assert first[0] != "/invoice_number", "a person has said that there is none"


def test_approving_and_correcting_say_what_came_of_it(out: Path) -> None:
    told = intaglio("review", "correct", out, "001.pdf", "/total=2.50", "/order_number=X", "--by", "ann").output
    assert "/total: 1.5 → 2.5" in told and '/order_number: null → "X"' in told and "Still doubtful: " in told
    told = intaglio("review", "approve", out, "001.pdf", "002.pdf.json", "--note", "seen").output
    assert "001.pdf  version 2  review → accepted" in told and "002.pdf  version 1" in told
    shown = intaglio("show", out / "001.pdf.json").output
    assert "version 2" in shown and "corrected by a person" in shown and "confirmed by a person" in shown
    history = intaglio("review", "history", out, "001.pdf").output
    assert "everything confirmed" in history and "“seen”" in history and "as it was read" in history
    own = json.loads(intaglio("review", "history", out, "001.pdf", "--version", 0).output)
    assert own["data"]["total"] == 1.5 and "version" not in own
    assert review(out, "list")["in_review"] == 2


def test_a_whole_file_is_taken_as_it_should_be(out: Path, tmp_path: Path) -> None:
    data = record_in(out).data | {"total": 9.25, "lines": [{"description": "Ink", "amount": 9.25}]}
    (tmp_path / "right.json").write_text(json.dumps(data))
    change = review(out, "correct", "001.pdf", "--from", tmp_path / "right.json")["change"]
    assert set(change["values"]) == {"/total", "/lines/0/description", "/lines/0/amount"}
    assert record_in(out).data == data
    change = review(out, "correct", "001.pdf", "--delete", "/lines/0")["change"]
    assert change["deleted"] == {"/lines/0/description": "Ink", "/lines/0/amount": 9.25}


def test_wrong_use_is_told_and_changes_nothing(out: Path, tmp_path: Path) -> None:
    before = (out / "001.pdf.json").read_bytes()
    assert "no document 01.pdf here. Did you mean" in failure("approve", out, "01.pdf")
    assert "Did you mean /total" in failure("correct", out, "001.pdf", "/totl=1")
    assert "a number is written" in failure("correct", out, "001.pdf", "/total=12,50")
    assert "YYYY-MM-DD" in failure("correct", out, "001.pdf", "/invoice_date=31.1.2026")
    assert "says no value" in failure("correct", out, "001.pdf", "/total")
    assert "nothing is to be corrected" in failure("correct", out, "001.pdf")
    assert "no field /nothing" in failure("approve", out, "001.pdf", "--fields", "/nothing")
    assert "no issue cut-off" in failure("approve", out, "001.pdf", "--despite", "cut-off")
    assert "cannot be read" in failure("correct", out, "001.pdf", "--from", tmp_path / "none.json")
    assert "not the schema" in failure("approve", out, "001.pdf", "--schema", "receipt")
    assert "nobody has approved" in failure("truth", out, "--to", tmp_path / "truth")
    assert (out / "001.pdf.json").read_bytes() == before
    for command in ("list", "history", "approve"):
        result = intaglio("review", command, tmp_path, *(() if command == "list" else ("x",)))
        assert isinstance(result.exception, LedgerUnreadable)
    assert not (tmp_path / ".intaglio").exists()


def test_a_document_that_failed_has_nothing_to_approve(out: Path) -> None:
    assert "could not be read" in failure("approve", out, "broken.pdf")


def test_hostile_values_and_names_cannot_write_to_the_terminal(out: Path) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07 \u202egro"
    corrected = intaglio("review", "correct", out, "red.pdf", f"/seller/name={evil}", "--by", evil, "--note", evil)
    shown = [corrected, intaglio("review", "list", out), intaglio("review", "history", out, "red.pdf")]
    shown += [intaglio("show", out / "red.pdf.json")]
    for result in shown:
        assert result.exit_code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(result.output)
    assert record_in(out, "red.pdf").data["seller"]["name"] == evil


def test_pages_are_written_for_the_documents_of_the_queue(out: Path, tmp_path: Path) -> None:
    review(out, "approve", "001.pdf", "--fields", "/total")
    assert intaglio("review", "list", out, "--most", 1, "--order", "easy", "--html", tmp_path / "pages").exit_code == 0
    page = (tmp_path / "pages" / "001.pdf.html").read_text()
    assert "confirmed by a person" in page and "data:image/webp" in page and "version 1" in page
    assert len(list((tmp_path / "pages").glob("*.html"))) == 1


def test_without_its_trace_a_record_is_corrected_all_the_same(out: Path) -> None:
    trace_path(out, record_in(out)).unlink()
    review(out, "correct", "001.pdf", "/total=2.50")
    field = record_in(out).fields["/total"]
    assert (field.value, field.evidence, field.settled) == ("2.5", (), "corrected")


SCHEMA = {
    "title": "Slip",
    "type": "object",
    "required": ["invoice_number", "total"],
    "properties": {"invoice_number": {"type": "string"}, "total": {"type": "number"}},
}
MODEL = """
from pydantic import BaseModel, model_validator

class Bill(BaseModel):
    invoice_number: str
    total: float

    @model_validator(mode="after")
    def small(self):
        assert self.total < 1, "too dear"
        return self
"""


def test_schemas_of_ones_own_are_taken_from_the_trace_or_named(made: Path, tmp_path: Path) -> None:
    (tmp_path / "slip.json").write_text(json.dumps(SCHEMA))
    job = replace(job_of(made, schema=str(tmp_path / "slip.json")), out=tmp_path / "slips")
    run_batch(job)
    assert review(job.out, "correct", "001.pdf", "/total=2.50")["version"] == 1
    review(job.out, "approve", "001.pdf")
    assert intaglio("review", "truth", job.out, "--to", tmp_path / "truth").exit_code == 0
    wrapped = json.loads((tmp_path / "truth" / "001.pdf.truth.json").read_text())
    assert json.loads((tmp_path / "truth" / wrapped["schema"]).read_text()) == SCHEMA
    assert intaglio("evaluate", tmp_path / "truth", "--records", job.out, "-q").exit_code == 0
    trace_path(job.out, record_in(job.out, "002.pdf")).unlink()
    assert "Name it with --schema" in failure("approve", job.out, "002.pdf")
    assert review(job.out, "approve", "002.pdf", "--schema", tmp_path / "slip.json")["version"] == 1


def test_what_a_models_own_validators_said_stays_where_they_are_not_at_hand(made: Path, tmp_path: Path) -> None:
    (tmp_path / "bill.py").write_text(MODEL)
    schema = f"{tmp_path / 'bill.py'}:Bill"
    job = replace(job_of(made, schema=schema), out=tmp_path / "bills")
    run_batch(job)
    approved = review(job.out, "approve", "001.pdf")
    assert approved["status"]["after"] == "review" and "too dear" in approved["issues"][0]["message"]
    assert review(job.out, "correct", "001.pdf", "/total=0.5", "--schema", schema)["issues"] == []
    assert record_in(job.out).status == "accepted"


def test_looking_at_every_record_anew_without_a_decision_changes_none(made: Path) -> None:
    for name in ("000.pdf", "001.pdf", "002.pdf", "red.pdf"):
        before = record_in(made / "out", name)
        with pytest.raises(UsageError, match="nothing would change"):
            decided(before, Decision("ann"), basis_of(before, made / "out"))


# --- truth ------------------------------------------------------------------------------------------------------------


def test_corrections_become_truth_to_evaluate_and_calibrate_on(tmp_path: Path) -> None:
    out = read_invoices(tmp_path, 26)
    names = [f"{number:03}.pdf" for number in range(26)]
    for number in (3, 4, 5):
        review(out, "correct", names[number], f"/total={number}.75")
    assert intaglio("review", "approve", out, *names).exit_code == 0
    truth, own = tmp_path / "truth", tmp_path / "own"
    result = intaglio("review", "truth", out, "--to", truth, "--records", own)
    assert result.exit_code == 0 and "26 truths" in result.output
    assert json.loads((truth / "004.pdf.truth.json").read_text())["data"]["total"] == 4.75
    assert (truth / "004.pdf").read_bytes() == (tmp_path / "docs" / "004.pdf").read_bytes()

    assert intaglio("evaluate", truth, "--records", own, "--json", tmp_path / "own.json", "-q").exit_code == 0
    assert wrong_in(tmp_path / "own.json") == {("003.pdf", "/total"), ("004.pdf", "/total"), ("005.pdf", "/total")}
    judged = intaglio("evaluate", truth, "--records", out, "--json", tmp_path / "now.json")
    assert wrong_in(tmp_path / "now.json") == set() and "persons have changed its record" in judged.output

    made = intaglio("calibrate", truth, "--records", own, "--out", tmp_path / "mine.json")
    assert made.exit_code == 0, made.output
    assert json.loads((tmp_path / "mine.json").read_text())["sources"][0]["documents"] == 26
    refused = intaglio("calibrate", truth, "--records", out, "--out", tmp_path / "biased.json")
    assert isinstance(refused.exception, UsageError) and "0 values cannot calibrate" in str(refused.exception)


def wrong_in(path: Path) -> set[tuple[str, str]]:
    return {
        (document["name"], outcome["truth_pointer"])
        for document in json.loads(path.read_text())["documents"]
        for outcome in document["score"]["outcomes"]
        if outcome["verdict"] == "wrong"
    }


def test_truth_is_read_anew_by_evaluate_with_any_engine(out: Path, tmp_path: Path) -> None:
    review(out, "correct", "001.pdf", "/total=2.50")
    review(out, "approve", "001.pdf", "--fields", "/invoice_number")
    result = intaglio("review", "truth", out, "--to", tmp_path / "truth", "--link")
    assert result.exit_code == 0 and "1 of them with what was settled alone" in result.output
    assert (tmp_path / "truth" / "001.pdf").is_symlink()
    wrapped = json.loads((tmp_path / "truth" / "001.pdf.truth.json").read_text())
    assert wrapped["data"] == {"invoice_number": "INV-1", "total": 2.5}
    assert set(wrapped["evidence"]) == {"/invoice_number"}, "2.50 stands nowhere"
    found = intaglio("evaluate", tmp_path / "truth", "--escalations", 0, "--json", tmp_path / "found.json", "-q")
    assert found.exit_code == 0 and wrong_in(tmp_path / "found.json") == {("001.pdf", "/total")}


def test_truth_that_is_there_or_a_document_that_changed_is_not_lost(out: Path, tmp_path: Path) -> None:
    review(out, "approve", "001.pdf")
    truth = tmp_path / "truth"
    assert intaglio("review", "truth", out, "--to", truth).exit_code == 0
    assert intaglio("review", "truth", out, "--to", truth).exit_code == 0, "the same again is no trouble"
    review(out, "correct", "001.pdf", "/total=2.50")
    refused = intaglio("review", "truth", out, "--to", truth)
    assert refused.exit_code == 1 and "Replace it with --replace" in refused.output
    assert intaglio("review", "truth", out, "--to", truth, "--replace", "--no-boxes").exit_code == 0
    assert "evidence" not in json.loads((truth / "001.pdf.truth.json").read_text())
    (truth / "001.pdf").write_bytes(b"another")
    other = intaglio("review", "truth", out, "--to", truth, "--replace")
    assert other.exit_code == 1 and "is another document" in other.output


def test_what_was_said_of_an_earlier_reading_is_truth_still(made: Path, out: Path, tmp_path: Path) -> None:
    review(out, "correct", "001.pdf", "/total=2.50")
    stricter = replace(job_of(made), out=out)
    run_batch(replace(stricter, trust=replace(stricter.trust, precision=0.9998)))
    assert record_in(out).data["total"] == 1.5
    assert intaglio("review", "truth", out, "--to", tmp_path / "truth").exit_code == 0
    assert json.loads((tmp_path / "truth" / "001.pdf.truth.json").read_text())["data"] == {"total": 2.5}


def test_what_was_taken_back_is_no_truth(out: Path, tmp_path: Path) -> None:
    review(out, "approve", "001.pdf")
    review(out, "undo", "001.pdf")
    assert "nobody has approved" in failure("truth", out, "--to", tmp_path / "truth")
