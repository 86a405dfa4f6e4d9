"""What is accepted was proved; everything else that was found goes to review."""

from typing import Any

import pytest

from model.engine import Finding
from pipeline.check import ACCEPT, check_fields, record_status
from schemas.contract import Contract
from schemas.page import Word
from schemas.record import Evidence, Issue
from tests.pages import box

MONEY = {"type": ["number", "null"]}
CONTRACT = Contract.from_json_schema(
    {
        "type": "object",
        "required": ["total"],
        "properties": {"net": MONEY, "tax": MONEY, "total": {"type": "number"}},
        "x-checks": ["/net + /tax = /total"],
    },
    "sum",
)


def checked(data: dict[str, Any], confidence: float, score: float = 1.0, ocr: float = 1.0) -> Any:
    word = Word("1", box(0, 0, 1), ocr)
    evidence = {
        f"/{name}": (Evidence(page=1, box=word.box, text="1", score=score),)
        for name, value in data.items()
        if value is not None
    }
    findings = {pointer: Finding(1, (word,), confidence) for pointer in evidence}
    return check_fields(data, CONTRACT, evidence, findings)


def test_a_sure_value_with_evidence_is_accepted_and_an_unsure_one_is_not() -> None:
    fields, issues = checked({"total": 3.0}, 0.95)
    assert fields["/total"].status == "accepted" and not issues
    fields, _ = checked({"total": 3.0}, 0.7)
    assert fields["/total"].status == "review"


@pytest.mark.parametrize(("score", "ocr"), [(0.5, 1.0), (1.0, 0.5)])
def test_words_that_do_not_state_the_value_or_were_hardly_read_send_it_to_review(score: float, ocr: float) -> None:
    fields, _ = checked({"total": 3.0}, 0.95, score, ocr)
    assert fields["/total"].status == "review"


def test_a_value_without_evidence_is_never_accepted() -> None:
    fields, _ = check_fields({"total": 3.0}, CONTRACT, {}, {"/total": Finding(1, (), 0.99)})
    assert fields["/total"].status == "review"


def test_a_sum_that_comes_out_raises_and_one_that_does_not_lowers() -> None:
    right, _ = checked({"net": 2.0, "tax": 1.0, "total": 3.0}, 0.75)
    wrong, issues = checked({"net": 2.0, "tax": 1.0, "total": 4.0}, 0.99)
    assert {field.status for field in right.values()} == {"accepted"}
    assert all(field.confidence > 0.75 for field in right.values())
    assert {field.status for field in wrong.values()} == {"review"}
    assert any(issue.pointers == ("/net", "/tax", "/total") for issue in issues)


def test_what_the_document_lacks_is_absent_and_no_value() -> None:
    fields, _ = checked({"net": None, "total": 3.0}, 0.95)
    assert fields["/net"].status == "absent" and fields["/net"].value is None


def test_a_record_is_accepted_only_if_all_values_are_and_no_error_stands() -> None:
    sure, _ = checked({"total": 3.0}, 0.95)
    unsure, _ = checked({"total": 3.0}, 0.5)
    assert record_status(sure, []) == "accepted"
    assert record_status(unsure, []) == "review"
    assert record_status(sure, [Issue(code="page-failure", message="", severity="error")]) == "review"
    assert record_status({}, []) == "review"


def test_a_missing_required_value_is_an_error() -> None:
    _, issues = checked({"total": None}, 0.9)
    assert any(issue.severity == "error" for issue in issues)


def test_the_threshold_is_a_probability() -> None:
    assert 0.5 < ACCEPT < 1
