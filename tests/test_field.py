"""A JSON Schema as a tree of fields."""

from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from schemas.errors import SchemaUnsupported
from schemas.field import MAX_DEPTH, field_tree
from schemas.fields import Currency, Date, Money, labelled
from schemas.pointer import leaves, resolve


def only(schema: Any, **more: Any) -> Any:
    """The field that a property of this schema becomes."""
    root = field_tree({"type": "object", "properties": {"x": schema}, **more})
    return root.children[0]


class Kind(Enum):
    CREDIT = "credit"
    DEBIT = "debit"


class Line(BaseModel):
    amount: Money | None = labelled("Amount", "Betrag", description="of the line")
    kind: Kind | None = None


class Bill(BaseModel):
    day: Date
    currency: Currency | None = Field(None, title="Curr.", examples=["EUR"])
    lines: list[Line] = Field(default_factory=list)


def test_a_models_leaves_keep_what_an_engine_needs() -> None:
    day, currency, amount, kind = field_tree(Bill.model_json_schema()).leaves()
    assert (day.pointer, day.kind, day.format, day.required, day.nullable) == ("/day", "string", "date", True, False)
    assert (currency.title, currency.format, currency.examples, currency.nullable) == (
        "Curr.",
        "currency",
        ("EUR",),
        True,
    )
    assert (amount.pointer, amount.kind, amount.format) == ("/lines/*/amount", "number", "money")
    assert (amount.labels, amount.description) == (("Amount", "Betrag"), "of the line")
    assert (kind.pointer, kind.kind, kind.choices, kind.nullable) == (
        "/lines/*/kind",
        "string",
        ("credit", "debit"),
        True,
    )


def test_a_plain_decimal_is_a_number_though_pydantic_allows_strings_too() -> None:
    from decimal import Decimal

    class Plain(BaseModel):
        price: Decimal
        weight: Decimal | None = None

    price, weight = field_tree(Plain.model_json_schema()).leaves()
    assert (price.kind, price.nullable) == ("number", False)
    assert (weight.kind, weight.nullable) == ("number", True)


@pytest.mark.parametrize(
    ("schema", "kind", "nullable"),
    [
        ({"type": ["string", "null"]}, "string", True),
        ({"type": ["null", "integer", "number"]}, "number", True),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, "boolean", True),
        ({"oneOf": [{"const": None}, {"type": "integer"}]}, "integer", True),
        ({"type": "string", "nullable": True}, "string", True),
        ({"enum": ["a", None]}, "string", True),
        ({"enum": [1, 2]}, "integer", False),
        ({"enum": [1, 2.5]}, "number", False),
        ({"enum": [True, False]}, "boolean", False),
        ({"enum": [1, "one"]}, "any", False),
        ({"const": "x"}, "string", False),
        ({"const": None}, "any", True),
        ({"type": "object"}, "any", False),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "any", False),
        ({"anyOf": [{"type": "object", "properties": {"a": {}}}, {"type": "string"}]}, "any", False),
        ({"properties": {"a": {}}}, "object", False),
        ({"items": {"type": "string"}}, "array", False),
        ({}, "any", False),
        (True, "any", False),
    ],
)
def test_kinds_and_null(schema: Any, kind: str, nullable: bool) -> None:
    found = only(schema)
    assert (found.kind, found.nullable) == (kind, nullable)


def test_choices_of_a_union_are_those_of_all_its_branches() -> None:
    assert only({"oneOf": [{"const": "a"}, {"enum": ["b", "c"]}, {"type": "null"}]}).choices == ("a", "b", "c")
    assert only({"anyOf": [{"enum": ["a"]}, {"type": "string"}]}).choices == ()
    assert only({"anyOf": [{"type": "string", "pattern": "^a$"}, {"type": "string"}]}).pattern is None


def test_branches_that_only_forbid_change_no_field() -> None:
    found = only(
        {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        }
    )
    assert [(child.name, child.required) for child in found.children] == [("a", False), ("b", False)]


def test_references_are_followed_and_words_beside_them_win() -> None:
    shared = {"$defs": {"My Money": {"type": "number", "format": "money", "description": "an amount"}}}
    found = only({"$ref": "#/$defs/My%20Money", "description": "the total"}, **shared)
    assert (found.kind, found.format, found.description) == ("number", "money", "the total")
    assert (
        only({"$ref": "#/properties/y"}, properties={"x": {"$ref": "#/properties/y"}, "y": {"type": "integer"}}).kind
        == "integer"
    )
    assert only({"$ref": "#/definitions/a~1b"}, definitions={"a/b": {"type": "boolean"}}).kind == "boolean"


def test_allof_adds_up_properties_and_two_parts_may_share_a_reference() -> None:
    found = only(
        {"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}], "properties": {"c": {}}, "required": ["c"]},
        **{
            "$defs": {
                "Base": {"properties": {"id": {"type": "string"}}, "required": ["id"]},
                "A": {"allOf": [{"$ref": "#/$defs/Base"}], "properties": {"a": {}}},
                "B": {"allOf": [{"$ref": "#/$defs/Base"}], "properties": {"b": {}}},
            }
        },
    )
    assert [(child.name, child.required) for child in found.children] == [
        ("id", True), ("a", False), ("b", False), ("c", True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"$ref": "#/$defs/Node"}, "refers back to itself"),
        ({"$ref": "#"}, "refers back to itself"),
        ({"$ref": "#/$defs/Nowhere"}, "does not exist"),
        ({"$ref": "#anchor"}, "does not exist"),
        ({"$ref": "https://example.org/money.json"}, "outside the file"),
        ({"type": "array", "items": [{"type": "string"}]}, "tuple"),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, "tuple"),
        ({"not": {"type": "string"}}, "`not`"),
        ({"type": "string", "x-labels": "Total"}, "x-labels"),
        ({"type": "string", "x-labels": [1]}, "x-labels"),
        (False, "no JSON Schema"),
    ],
)
def test_what_cannot_be_expressed_names_the_field(schema: Any, says: str) -> None:
    node = {"properties": {"next": {"$ref": "#/$defs/Node"}}}
    with pytest.raises(SchemaUnsupported, match="/x") as caught:
        only(schema, **{"$defs": {"Node": node}})
    assert says in str(caught.value)
    assert caught.value.remedy


def test_too_deep_a_schema_is_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(MAX_DEPTH + 1):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(SchemaUnsupported, match="nested"):
        field_tree(schema)


def test_names_are_escaped_in_pointers() -> None:
    assert only({"properties": {"a/b~c": {}}}).children[0].pointer == "/x/a~1b~0c"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(values)
def test_every_leaf_is_found_again_by_its_pointer(data: Any) -> None:
    for pointer, value in leaves(data):
        assert resolve(data, pointer) is value or resolve(data, pointer) == value


def test_a_pointer_to_nothing_is_none() -> None:
    assert resolve({"a": [1]}, "/a/1") is None
    assert resolve({"a": [1]}, "/a/²") is None
    assert resolve({"a": 1}, "/a/b/c") is None
    assert resolve({"a": 1}, "") == {"a": 1}
