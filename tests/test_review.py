"""`intaglio review`: the queue, approvals, corrections, and the truth that comes of them; on real little PDFs."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.batch import run_batch
from pipeline.check import record_status
from pipeline.confidence.model import Judge
from pipeline.review.basis import Basis, basis_of
from pipeline.review.deciding import EVERYTHING, Decision, decided
from pipeline.review.edits import Edits
from pipeline.trace_file import trace_path
from schemas.contract import Contract
from schemas.errors import LedgerUnreadable, UsageError
from schemas.page import Box, PageText, Word
from schemas.record import Evidence, FieldResult, Issue, Record
from tests.papers import write_invoice
from tests.reviewing import copied, intaglio, job_of, read_invoices, record_in, review
from tests.test_record import record

BILL = Contract.from_json_schema(
    {
        "title": "Bill",
        "type": "object",
        "required": ["number", "total"],
        "properties": {
            "number": {"type": "string"},
            "net": {"type": ["number", "null"]},
            "tax": {"type": ["number", "null"]},
            "total": {"type": "number"},
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"text": {"type": ["string", "null"]}, "amount": {"type": ["number", "null"]}},
                },
            },
        },
        "x-checks": ["/net + /tax = /total"],
    }
)
SURE = {"by_value": 1.0, "evidence": 1.0, "literal": 1.0, "engine": 0.9}


def basis(*lines: str) -> Basis:
    """lines: what one page says."""
    words = tuple(
        Word(text, Box(0.1 * (place + 1), 0.1 * (row + 1), 0.1 * (place + 1) + 0.08, 0.1 * (row + 1) + 0.02))
        for row, line in enumerate(lines)
        for place, text in enumerate(line.split())
    )
    pages = (PageText(1, 600, 800, words),) if lines else ()
    return Basis(BILL, Judge.of("fake"), pages=pages)


def told(value: Any, status: str = "review", **signals: float) -> FieldResult:
    if value is None:
        return FieldResult(value=None, confidence=1.0, status="absent")
    evidence = (Evidence(page=1, box=Box(0.1, 0.1, 0.2, 0.2), text=str(value), score=1.0),)
    return FieldResult(value=str(value), evidence=evidence, confidence=0.9, status=status, signals={**SURE, **signals})  # type: ignore[arg-type]


def bill(issues: tuple[Issue, ...] = (), **values: Any) -> Record:
    data = {"number": "B-1", "net": 10.0, "tax": 2.0, "total": 13.0, "rows": [], **values}
    fields = {
        f"/{name}": told(value, doubted=float(name in ("net", "tax", "total")))
        for name, value in data.items()
        if name != "rows"
    }
    for place, row in enumerate(data["rows"]):
        fields |= {f"/rows/{place}/{name}": told(value) for name, value in row.items()}
    return record(data=data, fields=fields, issues=issues)


def decide(before: Record, on: Basis | None = None, **what: Any) -> Record:
    return decided(before, Decision("ann", **what), on or basis())[0]


def test_what_nobody_speaks_of_stays_as_it_was() -> None:
    before = bill()
    after = decide(before, confirmed=("/number",))
    assert all(after.fields[at] == before.fields[at] for at in ("/net", "/tax", "/total"))
    assert after.fields["/number"].settled == "confirmed" and after.fields["/number"].status == "accepted"
    assert after.fields["/number"].evidence == before.fields["/number"].evidence
    assert (after.status, after.version) == ("review", 1)
    with pytest.raises(UsageError, match="nothing would change"):
        decide(after, confirmed=("/number",))


def test_a_correction_that_lets_a_check_pass_frees_the_values_beside_it() -> None:
    before = bill()
    after = decide(before, edits=Edits({"/total": 12.0}))
    assert (after.fields["/total"].settled, after.fields["/total"].value) == ("corrected", "12.0")
    assert "doubted" not in after.fields["/net"].signals and after.fields["/net"].signals["proved"] == 1.0
    assert after.fields["/net"].confidence != before.fields["/net"].confidence
    assert not after.issues


def test_a_correction_that_a_check_contradicts_is_told_and_keeps_the_record_in_review() -> None:
    clean = decide(bill(tax=3.0), confirmed=("/number", "/total"))
    after = decide(clean, edits=Edits({"/total": 99.0}))
    assert [issue.code for issue in after.issues] == ["check-failed"]
    assert after.fields["/total"].status == "accepted" and after.fields["/net"].status == "review"
    assert after.status == "review"
    approved = decide(after, confirmed=EVERYTHING)
    assert approved.status == "accepted" and [issue.code for issue in approved.issues] == ["check-failed"]


def test_a_required_value_that_is_missing_keeps_the_record_until_a_person_lets_it_pass() -> None:
    before = bill(tax=3.0, number=None)
    approved = decide(before, confirmed=EVERYTHING)
    assert approved.status == "review" and [issue.code for issue in approved.issues] == ["missing"]
    passed = decide(approved, despite=("missing",))
    assert passed.status == "accepted" and [issue.despite for issue in passed.issues] == ["ann"]
    later = decide(passed, edits=Edits({"/rows/-/amount": 3.0}))
    assert later.status == "accepted" and [issue.despite for issue in later.issues] == ["ann"]
    filled = decide(later, edits=Edits({"/number": "B-7"}))
    assert filled.issues == () and filled.status == "accepted"
    with pytest.raises(UsageError, match=r"no issue missing\. Its issues are check-failed"):
        decide(bill(), despite=("missing",))


def test_an_issue_that_was_let_pass_is_told_again_when_what_it_is_about_changes() -> None:
    passed = decide(bill(), despite=("check-failed",))
    assert "doubted" not in passed.fields["/net"].signals
    after = decide(passed, edits=Edits({"/total": 99.0}))
    assert [issue.despite for issue in after.issues] == [""]


def test_what_the_engine_disputed_is_settled_by_a_person_and_nothing_else() -> None:
    disputed = Issue(code="disputed", message="two readings", severity="error", pointers=("/total",))
    unread = Issue(code="page-failure", message="page 2", severity="error", page=2)
    before = bill((disputed, unread), tax=3.0)
    assert [i.code for i in decide(before, confirmed=("/net",)).issues] == ["disputed", "page-failure"]
    after = decide(before, confirmed=("/total",))
    assert [issue.code for issue in after.issues] == ["page-failure"]
    assert decide(after, confirmed=EVERYTHING).status == "review"
    assert decide(after, confirmed=EVERYTHING, despite=("page-failure",)).status == "accepted"


def test_a_corrected_value_is_looked_for_on_the_page_and_the_others_stay_where_they_are() -> None:
    on = basis("Number B-1", "Total 12.50 EUR")
    after = decide(bill(), on, edits=Edits({"/total": 12.5}))
    (evidence,) = after.fields["/total"].evidence
    assert (evidence.page, evidence.text) == (1, "12.50")
    assert after.fields["/net"].evidence == bill().fields["/net"].evidence
    assert decide(bill(), on, edits=Edits({"/total": 77.0})).fields["/total"].evidence == ()
    assert decide(bill(), edits=Edits({"/total": 12.5})).fields["/total"].evidence == ()


def test_removed_entries_take_their_fields_and_the_others_keep_theirs() -> None:
    rows = [{"text": f"row {number}", "amount": float(number)} for number in range(4)]
    issue = Issue(code="entry-not-found", message="?", pointers=("/rows/2", "/rows/3/amount"))
    before = bill((issue,), rows=rows)
    after = decide(before, edits=Edits({"/rows/3/text": "last"}, ("/rows/1",)))
    assert after.data["rows"] == [rows[0], rows[2], {"text": "last", "amount": 3.0}]
    assert after.fields["/rows/1/text"] == before.fields["/rows/2/text"]
    assert after.fields["/rows/2/amount"] == before.fields["/rows/3/amount"]
    assert after.fields["/rows/2/text"].settled == "corrected" and "/rows/3/text" not in after.fields
    assert "/rows/2/amount" in after.issues[-1].pointers


def test_the_record_before_is_left_as_it_is() -> None:
    before = bill(rows=[{"text": "a", "amount": 1.0}])
    kept = copy.deepcopy(before)
    decide(before, edits=Edits({"/rows/0/amount": 2.0}, ("/net",)))
    assert before == kept


def test_a_document_without_any_value_can_be_approved() -> None:
    empty = {"a": told(None)}
    contract = Contract.from_json_schema({"type": "object", "properties": {"a": {"type": ["string", "null"]}}}, "A")
    assert record_status({"a": None}, contract, {"/a": empty["a"]}, []) == "review"
    settled = empty["a"].model_copy(update={"settled": "confirmed"})
    assert record_status({"a": None}, contract, {"/a": settled}, []) == "accepted"


# --- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    write_invoice(folder / "docs" / "red.pdf", "INV-8 \u202egro.live", "8.00")
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


def test_a_document_that_failed_has_nothing_to_approve(made: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    run_batch(replace(job_of(made), out=out, places=(str(tmp_path / "broken.pdf"),)))
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
    assert intaglio("review", "list", out, "--most", 4, "--html", tmp_path / "pages").exit_code == 0
    page = (tmp_path / "pages" / "001.pdf.html").read_text()
    assert "confirmed by a person" in page and "data:image/webp" in page and "version 1" in page
    assert len(list((tmp_path / "pages").glob("*.html"))) == 4


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
    for path in sorted((made / "out").glob("*.pdf.json")):
        before = record_in(made / "out", path.name.removesuffix(".json"))
        with pytest.raises(UsageError, match="nothing would change"):
            decided(before, Decision("ann"), basis_of(before, made / "out"))


# --- truth ------------------------------------------------------------------------------------------------------------


def test_corrections_become_truth_to_evaluate_and_calibrate_on(tmp_path: Path) -> None:
    out = read_invoices(tmp_path, 30)
    names = [f"{number:03}.pdf" for number in range(30)]
    for number in (3, 4, 5):
        review(out, "correct", names[number], f"/total={number}.75")
    assert intaglio("review", "approve", out, *names).exit_code == 0
    truth, own = tmp_path / "truth", tmp_path / "own"
    result = intaglio("review", "truth", out, "--to", truth, "--records", own)
    assert result.exit_code == 0 and "30 truths" in result.output
    assert json.loads((truth / "004.pdf.truth.json").read_text())["data"]["total"] == 4.75
    assert (truth / "004.pdf").read_bytes() == (tmp_path / "docs" / "004.pdf").read_bytes()

    assert intaglio("evaluate", truth, "--records", own, "--json", tmp_path / "own.json", "-q").exit_code == 0
    assert wrong_in(tmp_path / "own.json") == {("003.pdf", "/total"), ("004.pdf", "/total"), ("005.pdf", "/total")}
    judged = intaglio("evaluate", truth, "--records", out, "--json", tmp_path / "now.json")
    assert wrong_in(tmp_path / "now.json") == set() and "persons have changed its record" in judged.output

    made = intaglio("calibrate", truth, "--records", own, "--out", tmp_path / "mine.json")
    assert made.exit_code == 0, made.output
    assert json.loads((tmp_path / "mine.json").read_text())["sources"][0]["documents"] == 30
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
