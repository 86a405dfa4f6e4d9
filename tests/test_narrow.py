"""A contract for some of the fields asks for these, whole, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.contract import Contract
from schemas.narrow import narrowed


class Party(BaseModel):
    """Who."""

    name: str
    country: str | None = None


class Row(BaseModel):
    text: str
    amounts: list[float]


class Bill(BaseModel):
    number: str
    seller: Party
    buyer: Party | None = None
    rows: list[Row]
    notes: list[str] = []


BILL = Contract.from_model(Bill)
WHOLE = ("/number", "/seller", "/buyer", "/rows", "/notes")


def pointers(contract: Contract) -> list[str]:
    return [leaf.pointer for leaf in contract.fields()]


def test_one_field_of_a_group_behind_a_reference() -> None:
    some = narrowed(BILL, ["/buyer/name", "/number"])
    assert pointers(some) == ["/number", "/buyer/name"]
    assert some.validate({"number": "1", "buyer": {"name": "A"}}) == ()
    assert some.validate({"number": "1", "buyer": {"name": 3}}) != ()


def test_a_list_is_taken_whole() -> None:
    assert pointers(narrowed(BILL, ["/rows"])) == ["/rows/*/text", "/rows/*/amounts/*"]


@given(st.sets(st.sampled_from(WHOLE), min_size=1, max_size=4))
def test_what_is_asked_for_in_parts_is_together_everything(part: set[str]) -> None:
    rest = [pointer for pointer in WHOLE if pointer not in part]
    found = pointers(narrowed(BILL, sorted(part))) + pointers(narrowed(BILL, rest))
    assert sorted(found) == sorted(pointers(BILL))


@pytest.mark.parametrize("combined", ["allOf", "properties beside $ref"])
def test_properties_from_several_schemas_are_all_in_sight(combined: str) -> None:
    base = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    own = {"properties": {"b": {"type": "string"}}}
    child = {"allOf": [{"$ref": "#/$defs/base"}, own]} if combined == "allOf" else {"$ref": "#/$defs/base", **own}
    contract = Contract.from_json_schema({"type": "object", "properties": {"x": child}, "$defs": {"base": base}}, "x")
    assert pointers(narrowed(contract, ["/x/b"])) == ["/x/b"]
    assert narrowed(contract, ["/x/a"]).json_schema["properties"]["x"]["required"] == ["a"]


def test_checks_between_fields_are_left_to_the_whole() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "x-checks": ["/a = /b"],
    }
    assert narrowed(Contract.from_json_schema(schema, "x"), ["/a"]).checks == ()
