"""Edits of data, and values as persons write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.review.edits import Edits, edited, field_at, unedited
from pipeline.review.typed import typed
from schemas.contract import Contract
from schemas.errors import UsageError
from schemas.pointer import leaves, resolve

SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": ["string", "null"]},
        "total": {"type": "number"},
        "pages": {"type": ["integer", "null"]},
        "paid": {"type": ["boolean", "null"]},
        "due": {"type": ["string", "null"], "format": "date"},
        "kind": {"enum": ["bill", "credit", None]},
        "who": {
            "type": ["object", "null"],
            "properties": {"name": {"type": ["string", "null"]}, "town": {"type": ["string", "null"]}},
        },
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": ["string", "null"]}, "amount": {"type": ["number", "null"]}},
            },
        },
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
ROOT = Contract.from_json_schema(SCHEMA, "Bill").root

texts = st.none() | st.text("abc", max_size=2)
rows = st.lists(st.fixed_dictionaries({"text": texts, "amount": st.none() | st.integers(0, 3)}), max_size=6)
bills = st.fixed_dictionaries(
    {"number": texts, "total": st.integers(0, 3), "rows": rows, "tags": st.lists(st.text("ab", max_size=1), max_size=4)}
)


def bill(*amounts: float, **more: Any) -> dict[str, Any]:
    return {
        "number": "1",
        "total": 3.5,
        "rows": [{"text": f"r{a:g}", "amount": a} for a in amounts],
        "tags": [],
        **more,
    }


@given(bills, bills)
def test_whole_data_is_taken_and_every_leaf_that_was_there_is_known(old: Any, new: Any) -> None:
    after = edited(old, Edits(whole=new), ROOT)
    assert after.data == new
    assert all(resolve(new, now) == resolve(old, was) for now, was in after.origins.items())
    assert len(set(after.origins.values())) == len(after.origins), "no leaf is two now"
    assert set(after.changed) | set(after.origins) == {pointer for pointer, _ in leaves(new)}


@given(bills)
def test_the_same_data_changes_nothing(old: Any) -> None:
    assert edited(old, Edits(whole=old), ROOT) == unedited(old)


@given(bills, st.data())
def test_removed_entries_leave_the_others_as_they_were(old: Any, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.sampled_from(range(len(old["rows"]))))) if old["rows"] else set()
    after = edited(old, Edits(deleted=tuple(f"/rows/{place}" for place in gone)), ROOT)
    assert after.data["rows"] == [row for place, row in enumerate(old["rows"]) if place not in gone]
    assert after.changed == ()
    assert set(after.origins.values()) == {
        at for at, _ in leaves(old) if not any(at.startswith(f"/rows/{place}/") for place in gone)
    }
    assert bool(after.moved) == bool(gone)


def test_pointers_are_about_the_data_as_it_is_shown() -> None:
    edits = Edits({"/rows/2/amount": 9, "/rows/-/text": "new", "/rows/4/text": "newer"}, ("/rows/0", "/rows/1"))
    after = edited(bill(1, 2, 3), edits, ROOT)
    assert after.data["rows"] == [
        {"text": "r3", "amount": 9},
        {"text": "new", "amount": None},
        {"text": "newer", "amount": None},
    ]
    assert after.origins["/rows/0/text"] == "/rows/2/text" and "/rows/0/amount" in after.changed
    assert after.moved == ("/rows",)


def test_what_is_said_as_it_was_is_stated_and_not_changed() -> None:
    after = edited(bill(1), Edits({"/total": 3.5, "/rows/0": {"text": "r1", "amount": 2}}), ROOT)
    assert after.stated == {"/total", "/rows/0/text"} and after.changed == ("/rows/0/amount",)


def test_an_object_that_the_data_lacks_is_made() -> None:
    after = edited(bill(who=None), Edits({"/who/name": "Ann"}), ROOT)
    assert after.data["who"] == {"name": "Ann", "town": None}


def test_a_value_that_is_deleted_is_null_where_it_may_be_and_left_out_else() -> None:
    after = edited(bill(1), Edits(deleted=("/number", "/total", "/rows")), ROOT)
    assert after.data == {"number": None, "rows": [], "tags": []}


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        (Edits({"/totl": 1}), "no field /totl. Did you mean /total"),
        (Edits({"/rows/7/amount": 1}), "/rows/7 is beyond the list, which has 1 entries"),
        (Edits(deleted=("/rows/1",)), "no /rows/1 to delete"),
        (Edits(deleted=("/who/name",)), "no /who/name to delete"),
        (Edits({"/rows/0/amount": 1}, ("/rows/0",)), "are given at once"),
        (Edits({"/rows/x/amount": 1}), "no field /rows/x/amount"),
        (Edits({"total": 1}), "'total' is no field"),
        (Edits(whole={"totl": 1}), "no field 'totl'"),
        (Edits(whole={"rows": [{"amount": "much"}]}), "cannot be 'much'"),
    ],
)
def test_a_place_that_is_none_is_told(edits: Edits, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        edited(bill(1), edits, ROOT)


@pytest.mark.parametrize(
    ("pointer", "text", "value"),
    [
        ("/total", "12.50", 12.5),
        ("/total", "12", 12),
        ("/total", "-0.1", -0.1),
        ("/pages", "3", 3),
        ("/paid", "True", True),
        ("/due", "2026-01-31", "2026-01-31"),
        ("/due", "null", None),
        ("/kind", "bill", "bill"),
        ("/number", "007", "007"),
        ("/number", '"null"', "null"),
        ("/number", "a=b c", "a=b c"),
        ("/number", "", ""),
        ("/tags", '["a"]', ["a"]),
        ("/rows/0", '{"text": "x", "amount": 1}', {"text": "x", "amount": 1}),
    ],
)
def test_values_are_read_as_their_field_holds_them(pointer: str, text: str, value: Any) -> None:
    read = typed(text, field_at(ROOT, pointer))
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("pointer", "text", "told"),
    [
        ("/total", "12,50", "a number is written 1234.56"),
        ("/total", "NaN", "a number is written"),
        ("/total", "1e999", "more digits than a number in JSON keeps"),
        ("/total", "0.12345678901234567890123", "more digits"),
        ("/pages", "2.5", "it holds an integer"),
        ("/paid", "yes", "it is true or false"),
        ("/due", "31.01.2026", "a day is written YYYY-MM-DD"),
        ("/due", "2026-02-30", "a day is written"),
        ("/kind", "letter", "one of bill, credit"),
        ("/tags", "a", "it holds a list, written as JSON"),
        ("/rows/0", '{"text": 3}', "/rows/*/text cannot be '3': it holds a text"),
        ("/rows/0", '{"amount": NaN}', "NaN is no number in JSON"),
    ],
)
def test_values_that_a_field_cannot_hold_are_refused(pointer: str, text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        typed(text, field_at(ROOT, pointer))
    assert told in str(error.value)


@given(st.sampled_from([leaf.pointer.replace("*", "0") for leaf in ROOT.leaves()]), st.text(max_size=12))
def test_whatever_is_written_is_a_value_of_its_field_or_an_error(pointer: str, text: str) -> None:
    try:
        value = typed(text, field_at(ROOT, pointer))
    except UsageError:
        return
    json.dumps(value, allow_nan=False)
