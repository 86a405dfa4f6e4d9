"""The scorer's verdicts on small data that can be checked by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.score import score
from pipeline.scoring.tally import Counts, Score, count
from schemas.contract import Contract
from schemas.page import Box
from schemas.pointer import leaves
from schemas.record import ContractInfo, DocumentInfo, EngineInfo, Evidence, FieldResult, FieldStatus, Record


def nullable(kind: str, **more: Any) -> dict[str, Any]:
    return {"anyOf": [{"type": kind, **more}, {"type": "null"}]}


LINE = {
    "name": nullable("string"),
    "amount": nullable("number"),
    "tags": {"type": "array", "items": {"type": "string"}},
}
CONTRACT = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "number": nullable("string", format="identifier"),
            "issuer": nullable("string"),
            "date": nullable("string", format="date"),
            "printed": nullable("string"),
            "paid": nullable("boolean"),
            "total": nullable("number"),
            "lines": {"type": "array", "items": {"type": "object", "properties": LINE}},
            "groups": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "title": nullable("string"),
                        "lines": {"type": "array", "items": {"type": "object", "properties": LINE}},
                    },
                },
            },
        },
    }
)


def record_of(
    data: Any,
    statuses: Mapping[str, FieldStatus] | None = None,
    evidence: Mapping[str, tuple[Evidence, ...]] | None = None,
) -> Record:
    """A record of these values, each accepted unless said otherwise."""
    fields = {}
    for pointer, value in leaves(data):
        status = (statuses or {}).get(pointer, "absent" if value is None else "accepted")
        fields[pointer] = FieldResult(
            value=None if value is None else str(value),
            evidence=(evidence or {}).get(pointer, ()),
            confidence=0.9,
            status=status,
        )
    return Record(
        document=DocumentInfo(uri="a.pdf", sha256="0", media_type="application/pdf", bytes=1),
        contract=ContractInfo(name="test", fingerprint="0"),
        engine=EngineInfo(name="test", model="test", revision="0", fingerprint="0"),
        data=data,
        fields=fields,
        status="review",
    )


def scored(truth: Any, data: Any, **more: Any) -> Score:
    return score(truth, record_of(data, **more), CONTRACT)


def verdicts(truth: Any, data: Any) -> dict[str, str]:
    return {
        outcome.truth_pointer or outcome.found_pointer or "": outcome.verdict
        for outcome in scored(truth, data).outcomes
    }


def test_each_verdict() -> None:
    truth = {"number": "A-1", "issuer": None, "total": 10, "date": "2024-01-05", "paid": False}
    data = {"number": "a1", "issuer": "Someone", "total": 11, "date": None, "paid": False, "printed": "not labelled"}
    assert verdicts(truth, data) == {
        "/number": "right",
        "/issuer": "invented",
        "/total": "wrong",
        "/date": "missed",
        "/paid": "right",
    }


def test_figures_by_hand() -> None:
    """Four labelled, four found of which one invented, two right."""
    truth = {"number": "A-1", "issuer": None, "total": 10, "date": "2024-01-05", "paid": False}
    data = {"number": "a1", "issuer": "Someone", "total": 11, "date": None, "paid": False}
    result = scored(truth, data, statuses={"/number": "review"})
    total = result.total
    assert (total.right, total.wrong, total.missed, total.invented) == (2, 1, 1, 1)
    assert total.precision() == pytest.approx(2 / 4)
    assert total.recall() == pytest.approx(2 / 4)
    assert total.f1() == pytest.approx(1 / 2)
    assert result.mean_f1() == pytest.approx((1 + 0 + 0 + 0 + 1) / 5)
    assert total.accepted_precision == pytest.approx(1 / 3)  # paid; not issuer, not total
    assert total.coverage == pytest.approx(1 / 4)


def test_close_text_is_right_in_the_fuzzy_reading_only() -> None:
    total = scored({"issuer": "Northern Anvil Works"}, {"issuer": "Northern Anvi1 Works"}).total
    assert (total.f1(), total.f1(exact=True)) == (1.0, 0.0)


def test_blank_text_is_absent() -> None:
    assert verdicts({"issuer": "A", "printed": None}, {"issuer": "  ", "printed": ""}) == {"/issuer": "missed"}


def test_rows_are_joined_by_content() -> None:
    truth = {"lines": [{"name": "Anvil", "amount": 1}, {"name": "Bolt", "amount": 2}, {"name": "Drill", "amount": 3}]}
    data = {"lines": [{"name": "Drill", "amount": 3}, {"name": "Anvil", "amount": 9}, {"name": "Zebra", "amount": 8}]}
    result = scored(truth, data)
    assert {(row.truth_pointer, row.found_pointer, row.verdict) for row in result.row_outcomes} == {
        ("/lines/0", "/lines/1", "wrong"),
        ("/lines/1", None, "missed"),
        ("/lines/2", "/lines/0", "right"),
        (None, "/lines/2", "invented"),
    }
    assert result.fields["/lines/*/name"] == Counts(2, 0, 1, 1, exact=2, accepted=3, accepted_right=2)
    assert result.fields["/lines/*/amount"] == Counts(1, 1, 1, 1, exact=1, accepted=3, accepted_right=1)
    assert result.rows.f1() == pytest.approx(1 / 3)


def test_joining_is_optimal_not_greedy() -> None:
    """Taken in order, the first row would take the only partner of the second."""
    truth = {"lines": [{"name": "Anvil", "amount": 1}, {"name": "Anvil", "amount": 2}]}
    data = {"lines": [{"name": "Anvil", "amount": 2}, {"name": "Bolt", "amount": 1}]}
    assert scored(truth, data).total.right == 3


def test_among_equals_whole_rows_win() -> None:
    truth = {"lines": [{"name": "Anvil", "amount": 2}, {"name": "Anvil", "amount": 3}]}
    data = {"lines": [{"name": "Zebra", "amount": 2}, {"name": "Anvil", "amount": 2}]}
    result = scored(truth, data)
    assert (result.total.right, result.rows.right) == (2, 1)


def test_rows_of_rows() -> None:
    """An outer row is judged by its own leaves; what its inner rows lack counts there."""
    one = {"title": "A", "lines": [{"name": "Anvil", "amount": 1}, {"name": "Bolt", "amount": 2}]}
    two = {"title": "B", "lines": [{"name": "Anvil", "amount": 5}]}
    found = [{"title": "B", "lines": []}, {"title": "X", "lines": [{"name": "Bolt", "amount": 2}]}]
    result = scored({"groups": [one, two]}, {"groups": found})
    assert result.row_lists["/groups/*"] == Counts(right=1, wrong=1)
    assert result.row_lists["/groups/*/lines/*"] == Counts(right=1, missed=2)
    assert result.fields["/groups/*/title"].right == 1


def test_rows_of_rows_that_are_missing_or_invented() -> None:
    """An outer row that nothing stands for takes its inner rows with it."""
    group = {"title": "A", "lines": [{"name": "Anvil", "amount": 1}, {"name": "Bolt", "amount": 2}]}
    missings: list[dict[str, Any]] = [{"groups": []}, {"groups": None}, {}]
    for missing in missings:
        assert scored({"groups": [group]}, missing).row_lists == {
            "/groups/*": Counts(missed=1),
            "/groups/*/lines/*": Counts(missed=2),
        }
    for absent in missings[:2]:
        assert scored(absent, {"groups": [group]}).row_lists == {
            "/groups/*": Counts(invented=1),
            "/groups/*/lines/*": Counts(invented=2),
        }


def test_an_empty_or_null_list_in_a_row_labels_its_absence() -> None:
    """So that the same column counts in an invented row."""
    extra = {"title": "B", "lines": [{"name": "Bolt", "amount": 2}]}
    for nothing in ("[]", "null"):
        truth = {"groups": [{"title": "A", "lines": json.loads(nothing)}]}
        assert scored(truth, {"groups": [{"title": "A", "lines": []}, extra]}).total.invented == 3
    unlabelled = {"groups": [{"title": "A"}]}
    assert scored(unlabelled, {"groups": [{"title": "A"}, extra]}).total.invented == 1


def test_plain_lists_belong_to_their_row() -> None:
    truth = {"lines": [{"name": "Anvil", "tags": ["a", "b"]}, {"name": "Bolt", "tags": []}]}
    data = {"lines": [{"name": "Anvil", "tags": ["b", "a"]}, {"name": "Bolt", "tags": ["c"]}]}
    result = scored(truth, data)
    assert result.rows == Counts(right=1, wrong=1)
    assert result.fields["/lines/*/tags/*"] == Counts(right=2, invented=1, exact=2, accepted=3, accepted_right=2)


def test_what_the_truth_lacks_is_not_scored() -> None:
    """A column that no row labels counts in no row, not even in an invented one; an empty list labels all of it."""
    truth = {"lines": [{"name": "Anvil"}]}
    data = {"lines": [{"name": "Anvil", "amount": 1}, {"name": "Bolt", "amount": 2}], "total": 3}
    assert scored(truth, data).fields == {"/lines/*/name": Counts(1, invented=1, exact=1, accepted=2, accepted_right=1)}
    assert scored({"lines": []}, data).total.invented == 4
    assert scored({}, data) == Score()


def test_what_the_contract_does_not_describe_is_not_scored() -> None:
    truth = {"issuer": "A", "colour": "red", "total": {"net": 1, "gross": 2}, "lines": ["Anvil"]}
    result = scored(truth, {"issuer": "A", "lines": [{"name": "Anvil"}]})
    assert (result.total.labelled, result.total.found, result.outside) == (1, 1, 4)


def test_a_failed_record_misses_everything() -> None:
    truth = {"number": "A-1", "issuer": None, "lines": [{"name": "Anvil"}]}
    total = scored(truth, None).total
    assert (total.missed, total.labelled, total.found) == (2, 2, 0)
    assert (total.f1(), total.precision()) == (0.0, 1.0)


def test_nothing_to_find_and_nothing_found_is_perfect() -> None:
    result = scored({"issuer": None, "lines": []}, {"issuer": None, "lines": []})
    assert result.total.f1() == result.mean_f1() == result.rows.f1() == 1.0
    assert scored({"issuer": None}, {"issuer": "A"}).total.f1() == 0.0


def test_scores_add_up() -> None:
    first, second = scored({"total": 1}, {"total": 1}), scored({"total": 1, "date": "2024-01-01"}, {"total": 2})
    assert (first + second).fields == {"/total": Counts(1, 1, 0, 0, 1, 2, 1), "/date": Counts(missed=1)}
    assert count((first + second).outcomes) == (first + second).total


def place(page: int, *box: float) -> Evidence:
    return Evidence(page=page, box=Box(*box), text="x", score=1)


def test_grounding() -> None:
    """Right page only, right place, wrong page, no evidence, evidence for an absence, and one without a true place."""
    truth = {"number": "A", "issuer": "B", "printed": "C", "total": 4, "date": None, "paid": True}
    data = {**truth, "issuer": "wrong value, right place", "date": "2024-01-01"}
    box = [0.1, 0.1, 0.2, 0.2]
    where = {f"/{name}": [{"page": 1, "box": box}] for name in ("number", "issuer", "printed", "total")}
    cited = {
        "/number": (place(1, 0.5, 0.5, 0.6, 0.6),),
        "/issuer": (place(1, 0.1, 0.1, 0.2, 0.19),),
        "/printed": (place(2, *box),),
        "/date": (place(1, *box),),
        "/paid": (place(1, *box),),
    }
    grounding = score(truth, record_of(data, evidence=cited), CONTRACT, where).grounding
    assert (grounding.located, grounding.cited, grounding.same_word, grounding.same_page) == (4, 4, 1, 2)
    assert grounding.word_f1 == pytest.approx(2 / 8)
    assert grounding.page_f1 == pytest.approx(4 / 8)
    assert score(truth, record_of(data, evidence=cited), CONTRACT).grounding.cited == 0


def test_grounding_joins_the_boxes_of_a_value_on_several_lines() -> None:
    where = {"/issuer": [{"page": 1, "box": [0.1, y, 0.5, y + 0.1]} for y in (0.1, 0.2, 0.3)]}
    cited = {"/issuer": (place(1, 0.1, 0.1, 0.5, 0.4),)}
    assert score({"issuer": "A"}, record_of({"issuer": "A"}, evidence=cited), CONTRACT, where).grounding.word_f1 == 1


def test_equal_rows_are_told_apart_by_their_place() -> None:
    row = {"name": "Anvil", "amount": 1}
    high, low = [0.1, 0.1, 0.2, 0.12], [0.1, 0.5, 0.2, 0.52]
    cited = {"/lines/0/name": (place(1, *high),), "/lines/1/name": (place(1, *low),)}
    record = record_of({"lines": [row, row]}, evidence=cited)
    for box in (high, low):
        where = {"/lines/0/name": [{"page": 1, "box": box}]}
        assert score({"lines": [row]}, record, CONTRACT, where).grounding.same_word == 1


def test_among_close_rows_the_exact_one_wins() -> None:
    truth = {"lines": [{"name": "Northern Anvil Works"}]}
    for names in (["Northern Anvi1 Works", "Northern Anvil Works"], ["Northern Anvilz Works", "Northern Anvil Works"]):
        assert scored(truth, {"lines": [{"name": name} for name in names]}).total.exact == 1
