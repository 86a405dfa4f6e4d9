"""What a person says of a record, and the record that follows: edited, grounded and checked anew."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pipeline.check import record_status
from pipeline.confidence.model import Judge
from pipeline.review.basis import Basis
from pipeline.review.deciding import EVERYTHING, Decision, decided
from pipeline.review.edits import Edits
from schemas.contract import Contract
from schemas.errors import UsageError
from schemas.page import Box, PageText, Word
from schemas.record import Evidence, FieldResult, Issue, Record
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
