"""What is accepted was proved; everything else that was found goes to review."""

from typing import Any

import pytest

from model.engine import Finding
from pipeline.check import check_fields, record_status
from pipeline.confidence.model import Judge
from pipeline.confidence.trust import Trust
from pipeline.ground import Basis, Grounded
from pipeline.joining.entries import Source
from schemas.contract import Contract
from schemas.page import PageText, Word
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
JUDGE = Judge.of("embedded")
BOX = box(0, 0, 1)


def checked(
    data: dict[str, Any],
    confidence: float,
    score: float = 1.0,
    ocr: float = 1.0,
    known: tuple[Issue, ...] = (),
    judge: Judge = JUDGE,
) -> Any:
    word = Word("1", BOX, ocr, "ocr" if ocr < 1 else "text")
    page = PageText(number=1, width=100, height=100, words=(word,))
    grounds = {
        f"/{name}": Grounded((Evidence(page=1, box=place(number), text="1", score=score),), Basis.STATED)
        for number, (name, value) in enumerate(data.items())
        if value is not None
    }
    sources = {pointer: Source(Finding(1, (word,), confidence)) for pointer in grounds}
    return check_fields(data, CONTRACT, grounds, sources, [page], judge, known)


def place(number: int) -> Any:
    """A box for each value: those of the same words are doubted."""
    return box(3 * number, 0, 1)


def test_a_sure_value_with_evidence_is_accepted_and_an_unsure_one_is_not() -> None:
    fields, issues = checked({"total": 3.0}, 1.0)
    assert fields["/total"].status == "accepted" and not issues
    fields, _ = checked({"total": 3.0}, 0.5)
    assert fields["/total"].status == "review"


@pytest.mark.parametrize(("score", "ocr"), [(0.9, 1.0), (1.0, 0.3)])
def test_words_that_do_not_state_the_value_or_were_hardly_read_send_it_to_review(score: float, ocr: float) -> None:
    fields, _ = checked({"total": 3.0}, 1.0, score, ocr)
    assert fields["/total"].status == "review"


def test_a_value_without_evidence_is_never_accepted() -> None:
    sources = {"/total": Source(Finding(1, (), 1.0))}
    fields, _ = check_fields({"total": 3.0}, CONTRACT, {}, sources, [], JUDGE)
    assert fields["/total"].status == "review" and fields["/total"].signals["unplaced"] == 1.0


def test_a_sum_that_comes_out_raises_and_one_that_does_not_lowers() -> None:
    plain, _ = checked({"total": 3.0}, 0.75)
    right, _ = checked({"net": 2.0, "tax": 1.0, "total": 3.0}, 0.75)
    wrong, issues = checked({"net": 2.0, "tax": 1.0, "total": 4.0}, 1.0)
    sure, _ = checked({"total": 4.0}, 1.0)
    assert right["/total"].confidence > plain["/total"].confidence
    assert wrong["/total"].confidence < sure["/total"].confidence
    assert {field.status for field in wrong.values()} == {"review"}
    assert any(issue.pointers == ("/net", "/tax", "/total") for issue in issues)


def test_what_other_parts_dispute_is_not_accepted() -> None:
    dispute = Issue(code="disputed", message="", severity="error", pointers=("/total",))
    fields, issues = checked({"total": 3.0}, 1.0, known=(dispute,))
    assert fields["/total"].status == "review" and fields["/total"].signals["doubted"] == 1.0
    assert not issues  # it is told already


def test_what_the_document_lacks_is_absent_and_no_value() -> None:
    fields, _ = checked({"net": None, "total": 3.0}, 1.0)
    assert fields["/net"].status == "absent" and fields["/net"].value is None and not fields["/net"].signals


def test_a_higher_precision_accepts_no_more_than_a_lower_one() -> None:
    accepted = []
    for precision in (0.9, 0.95, 0.99, 0.999):
        judge = Judge.of("embedded", Trust(precision))
        fields = [checked({"total": 3.0}, sure / 100, judge=judge)[0] for sure in range(0, 101, 5)]
        accepted.append(sum(each["/total"].status == "accepted" for each in fields))
    assert accepted == sorted(accepted, reverse=True) and accepted[0] > accepted[-1]


def test_a_record_is_accepted_if_what_is_required_is_and_nothing_speaks_against_it() -> None:
    sure, _ = checked({"total": 3.0}, 1.0)
    unsure, _ = checked({"total": 3.0}, 0.5)
    assert record_status({"total": 3.0}, CONTRACT, sure, []) == "accepted"
    assert record_status({"total": 3.0}, CONTRACT, unsure, []) == "review"
    failure = Issue(code="page-failure", message="", severity="error")
    assert record_status({"total": 3.0}, CONTRACT, sure, [failure]) == "review"
    assert record_status({}, CONTRACT, {}, []) == "review"


def test_an_optional_value_may_be_in_review_unless_a_check_doubts_it() -> None:
    sure, _ = checked({"total": 3.0}, 1.0)
    other, _ = checked({"tax": 1.0, "total": 3.0}, 0.2)
    fields = {**other, "/total": sure["/total"]}
    assert fields["/tax"].status == "review"
    assert record_status({"tax": 1.0, "total": 3.0}, CONTRACT, fields, []) == "accepted"
    data = {"net": 1.0, "tax": 1.0, "total": 3.0}
    doubted, issues = checked(data, 1.0)
    assert record_status(data, CONTRACT, doubted, issues) == "review"


def test_where_nothing_is_required_every_value_counts() -> None:
    contract = Contract.from_json_schema({"type": "object", "properties": {"net": MONEY, "total": MONEY}}, "open")
    sure, _ = checked({"total": 3.0}, 1.0)
    unsure, _ = checked({"net": 3.0}, 0.2)
    assert record_status({"total": 3.0}, contract, sure, []) == "accepted"
    assert record_status({"net": 3.0, "total": 3.0}, contract, {**sure, **unsure}, []) == "review"


def test_a_missing_required_value_is_an_error() -> None:
    _, issues = checked({"total": None}, 0.9)
    assert any(issue.severity == "error" for issue in issues)
