"""The scorer: its verdicts on small data that can be checked by hand, and what must hold for any data."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.score import Counts, Score, count, score
from pipeline.scoring.forms import Reading, form, likeness
from schemas.contract import Contract
from schemas.page import Box
from schemas.pointer import leaves
from schemas.record import ContractInfo, DocumentInfo, EngineInfo, Evidence, FieldResult, FieldStatus, Record

NAMES = ["Anvil", "Bolt 12 mm", "Copper wire", "Drill", "Endless screw", "File", "Grommet"]


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
    statuses: dict[str, FieldStatus] | None = None,
    evidence: dict[str, tuple[Evidence, ...]] | None = None,
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


@pytest.mark.parametrize(
    ("truth", "found", "reading", "expected"),
    [
        ("9.00", "9", "open", "exact"),
        ("9.00", "RM 9.00", "open", "exact"),
        ("9.00", "900", "open", "different"),
        (1234.5, "1.234,50", "number", "exact"),
        (1234.5, "1,234.50", "number", "exact"),
        (0.3, 0.1 + 0.2, "number", "exact"),
        (-5, "(5.00)", "number", "exact"),
        (5, "-5.00", "number", "different"),
        (1234567890123456, 1234567890123457, "number", "different"),
        ("25/12/2018", "2018-12-25", "open", "exact"),
        ("29-12-17", "2017-12-29", "open", "exact"),
        ("2014-05-07", "7. Mai 2014", "date", "exact"),
        ("03/04/2021", "2021-04-03", "open", "exact"),
        ("03/14/2021", "2021-03-14", "open", "exact"),
        ("2021-04-03", "2021-03-04", "date", "different"),
        ("20:13", "8:13:00 PM", "time", "exact"),
        ("Free-Mobile S.A.S.", "FREE MOBILE SAS", "open", "exact"),
        ("Müller & Söhne", "MÜLLER & SÖHNE", "open", "exact"),
        ("SWC ENTERPRISE SDN BHD", "SWC ENTERPR1SE SDN BHD", "open", "close"),
        ("SWC ENTERPRISE", "SWC", "open", "different"),
        ("DE812345678901", "DE812345678902", "open", "different"),
        ("INVOICE-ABCDEF", "INVOICE-ABCDEG", "code", "different"),
        ("0042", "42", "open", "different"),
        ("0042", "0042", "open", "exact"),
        (42, "42", "code", "exact"),
        ("—", "✓", "open", "different"),
        (True, True, "open", "exact"),
        (True, 1, "open", "different"),
    ],
)
def test_likeness(truth: Any, found: Any, reading: Reading, expected: str) -> None:
    one, other = form(truth, reading), form(found, reading)
    assert one is not None
    assert other is not None
    assert likeness(one, other) == expected
    assert likeness(other, one) == expected


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
    assert (grounding.word_f1, grounding.page_f1) == (pytest.approx(2 / 8), pytest.approx(4 / 8))
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


lines = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from([*NAMES, None]),
            "amount": st.one_of(st.none(), st.integers(-3, 3)),
            "tags": st.lists(st.sampled_from("abc"), max_size=2),
        }
    ),
    max_size=5,
)
documents = st.fixed_dictionaries(
    {
        "issuer": st.sampled_from([*NAMES, None]),
        "total": st.one_of(st.none(), st.integers(0, 5)),
        "lines": lines,
        "groups": st.lists(
            st.fixed_dictionaries({"title": st.sampled_from([*NAMES, None]), "lines": lines}), max_size=3
        ),
    }
)


def shuffled(value: Any, order: random.Random) -> Any:
    """The same data with every list in another order."""
    if isinstance(value, dict):
        return {key: shuffled(inner, order) for key, inner in value.items()}
    if isinstance(value, list):
        moved = [shuffled(inner, order) for inner in value]
        order.shuffle(moved)
        return moved
    return value


@given(documents)
def test_a_perfect_copy_is_perfect(truth: Any) -> None:
    result = scored(truth, copy.deepcopy(truth))
    total = result.total
    assert (total.wrong, total.missed, total.invented) == (0, 0, 0)
    assert total.exact == total.right == total.accepted_right == sum(value is not None for _, value in leaves(truth))
    assert result.rows.right == result.rows.labelled == result.rows.found


@given(documents, documents, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_rows_never_counts(truth: Any, data: Any, order: random.Random) -> None:
    before, after = scored(truth, data), scored(shuffled(truth, order), shuffled(data, order))
    assert after.total == before.total
    assert after.fields == before.fields
    assert after.row_lists == before.row_lists


@given(
    documents.filter(lambda data: any(line["name"] or line["amount"] is not None for line in data["lines"])), st.data()
)
def test_a_dropped_row_lowers_recall_only(truth: Any, draw: st.DataObject) -> None:
    told = [i for i, line in enumerate(truth["lines"]) if line["name"] or line["amount"] is not None]
    data = copy.deepcopy(truth)
    del data["lines"][draw.draw(st.sampled_from(told))]
    result = scored(truth, data)
    assert result.total.precision() == 1
    assert result.total.recall() < 1
    assert result.rows.missed == 1
    assert result.rows.precision() == 1


@given(documents, st.sampled_from(NAMES))
def test_an_added_row_lowers_precision_only(truth: Any, name: str) -> None:
    data = copy.deepcopy(truth)
    data["lines"].append({"name": f"{name} of another make", "amount": 77, "tags": []})
    result = scored(truth, data)
    assert result.total.recall() == 1
    assert result.total.invented == 2
    assert result.rows.invented == 1


@given(documents, documents)
@settings(deadline=None)
def test_totals_are_conserved(truth: Any, data: Any) -> None:
    """Every labelled leaf is counted once, and every found one, whichever rows were joined."""
    total = scored(truth, data).total
    assert total.labelled == sum(value is not None for _, value in leaves(truth))
    assert total.found <= sum(value is not None for _, value in leaves(data))
    assert total.exact <= total.right
