"""The generation schema: tighter than the contract, null for what is lacking, nothing dropped silently."""

import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from model.grammar.building import LARGEST_NUMBER, MOST_ITEMS
from model.grammar.forms import LONGEST_TEXT, PATTERNS, is_regular
from model.grammar.generation import Generation, generation_schema
from schemas.contract import Contract
from schemas.errors import SchemaUnsupported
from schemas.formats import is_date
from schemas.registry import BUILTIN, load_contract

SAMPLES = Path(__file__).parent.parent / "sample_docs"
NULL = {"type": "null"}
NUMBER = {"type": "number", "maximum": LARGEST_NUMBER, "minimum": -LARGEST_NUMBER, "multipleOf": 1e-9}
TEXT = {"type": "string", "maxLength": LONGEST_TEXT}


def of(properties: dict[str, Any], **more: Any) -> Generation:
    return generation_schema(Contract.from_json_schema({"type": "object", "properties": properties, **more}, "Paper"))


def of_field(schema: Any, **more: Any) -> Any:
    return of({"a": schema}, **more).schema["properties"]["a"]


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in [*schema.get("anyOf", ()), *schema.get("properties", {}).values(), schema.get("items")]:
        if inner is not None:
            yield from nodes(inner)


def filled(schema: Any, data: Any) -> Any:
    """The data with null for every property that it lacks, in the schema's order."""
    if data is not None and "anyOf" in schema:
        return filled(next(branch for branch in schema["anyOf"] if branch != NULL), data)
    if schema.get("type") == "object":
        return {name: filled(inner, (data or {}).get(name)) for name, inner in schema["properties"].items()}
    if schema.get("type") == "array":
        return [filled(schema["items"], item) for item in data or ()]
    return data


def fits(schema: Any, data: Any) -> bool:
    """Less `multipleOf`, which binary fractions fail."""
    plain = json.loads(
        json.dumps(schema), object_hook=lambda node: {k: v for k, v in node.items() if k != "multipleOf"}
    )
    return bool(jsonschema.Draft202012Validator(plain).is_valid(data))


@pytest.mark.parametrize("name", BUILTIN)
class TestBuiltIn:
    def test_every_part_is_bounded_and_every_property_required(self, name: str) -> None:
        for node in nodes(generation_schema(load_contract(name)).schema):
            assert not node.keys() & {"$ref", "oneOf", "allOf", "default", "title", "description", "x-labels"}
            if node.get("type") == "object":
                assert node["required"] == list(node["properties"]) and node["additionalProperties"] is False
            if node.get("type") == "string":
                assert {"maxLength", "pattern"} & node.keys()
            if node.get("type") == "array":
                assert node["maxItems"] == MOST_ITEMS
            if node.get("type") == "number":
                assert {"minimum", "maximum", "multipleOf"} <= node.keys()

    def test_order_is_the_contracts(self, name: str) -> None:
        contract = load_contract(name)
        schema = generation_schema(contract).schema
        assert list(schema["properties"]) == [child.name for child in contract.root.children]

    def test_a_document_may_lack_everything(self, name: str) -> None:
        contract = load_contract(name)
        schema = generation_schema(contract).schema
        nothing = filled(schema, {})
        assert fits(schema, nothing)
        assert {issue.code for issue in contract.validate(nothing)} <= {"missing"}


TRUTHS = {
    path.name.removesuffix(".truth.json"): truth
    for path in sorted(SAMPLES.rglob("*.truth.json"))
    if "data" in (truth := json.loads(path.read_text(encoding="utf-8")))
}


@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
def test_the_truth_of_every_sample_fits(truth: dict[str, Any]) -> None:
    schema = generation_schema(load_contract(truth["schema"])).schema
    data = filled(schema, truth["data"])
    if re.search("[AP]M", str(data.get("time"))):
        data["time"] = None  # as printed; a reply has it in 24 hours
    assert fits(schema, data)


@pytest.mark.parametrize(
    ("schema", "built"),
    [
        ({"type": "string"}, {"anyOf": [TEXT, NULL]}),
        ({"type": ["string", "null"], "maxLength": 9}, {"anyOf": [{"type": "string", "maxLength": 9}, NULL]}),
        ({"type": "string", "nullable": True, "minLength": 2, "maxLength": 9},
         {"anyOf": [{"type": "string", "minLength": 2, "maxLength": 9}, NULL]}),
        ({"type": "number"}, {"anyOf": [NUMBER, NULL]}),
        ({"type": "number", "format": "money"}, {"anyOf": [NUMBER, NULL]}),
        ({"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.05},
         {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.05, "maximum": LARGEST_NUMBER}, NULL]}),
        ({"type": "integer", "minimum": 1, "maximum": 12},
         {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 12}, NULL]}),
        ({"type": "boolean"}, {"anyOf": [{"type": "boolean"}, NULL]}),
        ({"enum": ["a", "b", None]}, {"anyOf": [{"enum": ["a", "b"]}, NULL]}),
        ({"enum": ["a", 7, True]}, {"anyOf": [{"enum": ["a"]}, {"enum": [7]}, {"enum": [True]}, NULL]}),
        ({"enum": ["ab", "abc"], "type": "string", "maxLength": 2}, {"anyOf": [{"enum": ["ab"]}, NULL]}),
        ({"const": "waybill"}, {"const": "waybill"}),
        ({"anyOf": [{"const": "waybill"}, {"type": "null"}]}, {"anyOf": [{"const": "waybill"}, NULL]}),
        ({"type": "null"}, NULL),
        ({}, {"anyOf": [TEXT, NUMBER, {"type": "boolean"}, NULL]}),
        (True, {"anyOf": [TEXT, NUMBER, {"type": "boolean"}, NULL]}),
        ({"type": "string", "pattern": "^[A-Z]{2}$"},
         {"anyOf": [{"type": "string", "pattern": "^[A-Z]{2}$", "maxLength": LONGEST_TEXT}, NULL]}),
        ({"type": "string", "format": "date"}, {"anyOf": [{"type": "string", "pattern": PATTERNS["date"]}, NULL]}),
        ({"type": "string", "format": "uuid"}, {"anyOf": [{"type": "string", "format": "uuid"}, NULL]}),
        ({"type": "string", "format": "country"}, {"anyOf": [{"type": "string", "maxLength": 100}, NULL]}),
        ({"type": "array", "items": {"type": "boolean"}},
         {"type": "array", "items": {"type": "boolean"}, "maxItems": MOST_ITEMS}),
        ({"type": "array", "items": {"enum": [1]}, "maxItems": 3},
         {"type": "array", "items": {"enum": [1]}, "maxItems": 3}),
        ({"type": "array"},
         {"type": "array", "items": {"anyOf": [TEXT, NUMBER, {"type": "boolean"}, NULL]}, "maxItems": MOST_ITEMS}),
        ({"type": "object", "properties": {"b": {"type": "boolean"}}},
         {"type": "object", "properties": {"b": {"anyOf": [{"type": "boolean"}, NULL]}}, "required": ["b"],
          "additionalProperties": False}),
        ({"type": "object", "additionalProperties": {"type": "boolean"}, "maxProperties": 5},
         {"type": "object", "additionalProperties": {"anyOf": [{"type": "boolean"}, NULL]}, "maxProperties": 5}),
        ({"type": "object", "properties": {}, "additionalProperties": False},
         {"type": "object", "properties": {}, "required": [], "additionalProperties": False}),
    ],
)  # fmt: skip
def test_a_field_becomes(schema: Any, built: Any) -> None:
    assert of_field(schema) == built


def test_a_currency_is_one_that_exists() -> None:
    choices = of_field({"type": "string", "format": "currency", "pattern": "^E[A-Z]{2}$"})["anyOf"][0]["enum"]
    assert "EUR" in choices and "EUP" not in choices and "USD" not in choices


def test_references_and_all_of_are_one_schema_and_nothing_gets_lost() -> None:
    definitions = {
        "amount": {"type": "number", "minimum": 5, "maximum": 50},
        "whole": {"allOf": [{"$ref": "#/definitions/amount"}, {"type": "integer", "minimum": 1}], "maximum": 70},
    }
    assert of_field({"$ref": "#/definitions/whole"}, definitions=definitions)["anyOf"][0] == {
        "type": "integer", "minimum": 5, "maximum": 50
    }  # fmt: skip
    both = of_field(
        {
            "allOf": [
                {"type": "object", "properties": {"b": {"type": "string", "maxLength": 9}}, "required": ["b"]},
                {"properties": {"b": {"maxLength": 5}, "c": {"enum": [1, 2, 3]}}},
                {"properties": {"c": {"enum": [3, 2]}}},
            ]
        }
    )
    assert both["properties"]["b"]["anyOf"][0] == {"type": "string", "maxLength": 5}
    assert both["properties"]["c"]["anyOf"][0] == {"enum": [2, 3]}


def test_unions_keep_every_branch_with_what_stands_beside_them() -> None:
    card = {"type": "object", "properties": {"kind": {"const": "card"}, "number": {"type": "string"}}}
    cash = {"type": "object", "properties": {"kind": {"const": "cash"}}}
    union = of_field({"oneOf": [card, cash], "discriminator": {"propertyName": "kind"}})
    assert [branch.get("properties", {}).get("kind") for branch in union["anyOf"]] == [
        {"const": "card"}, {"const": "cash"}, None
    ]  # fmt: skip
    assert union["anyOf"][2] == NULL  # a document may have neither
    scalars = of_field({"anyOf": [{"type": "integer"}, {"type": "string"}], "maximum": 9, "maxLength": 4})
    assert [branch["type"] for branch in scalars["anyOf"]] == ["integer", "string", "null"]
    assert scalars["anyOf"][0]["maximum"] == 9 and scalars["anyOf"][1]["maxLength"] == 4


def test_branches_that_only_demand_properties_make_no_union() -> None:
    properties = {"b": {"type": "string"}, "c": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "anyOf": [{"required": ["b"]}, {"required": ["c"]}]}
    assert of_field(schema)["required"] == ["b", "c"]


def test_a_property_that_is_only_required_is_asked_for() -> None:
    assert of({"a": {"type": "string"}}, required=["b"]).schema["required"] == ["a", "b"]


class Prices(BaseModel):
    exact: Decimal
    bounded: Annotated[Decimal, Field(max_digits=6, decimal_places=2, gt=0)] | None = None
    either: float | str
    kind: Literal["a", "b"] = "a"
    many: set[int] = set()


def test_decimals_are_numbers_only_and_other_unions_stay() -> None:
    generation = generation_schema(Contract.from_model(Prices))
    fields = generation.schema["properties"]
    assert fields["exact"] == {"anyOf": [NUMBER, NULL]}
    bounded = fields["bounded"]["anyOf"][0]
    assert bounded == {
        "type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01, "maximum": 9999.99, "minimum": -9999.99
    }  # fmt: skip
    assert [branch["type"] for branch in fields["either"]["anyOf"]] == ["number", "string", "null"]
    assert fields["kind"]["anyOf"][0] == {"enum": ["a", "b"]}
    assert generation.relaxed == ("/many: `uniqueItems` is left to validation",)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, "minItems"),
        ({"type": "array", "items": {"type": "string"}, "contains": {"const": "x"}}, "contains"),
        ({"type": "object", "minProperties": 1, "properties": {"b": {}}}, "minProperties"),
        (
            {"type": "object", "properties": {"b": {}}, "additionalProperties": {"type": "string"}},
            "only the properties",
        ),
        ({"type": "string", "pattern": "^(?!x)y"}, "looks around"),
        ({"type": "string", "pattern": r"(a)\1"}, "looks around"),
        ({"type": "string", "format": "iban"}, "iban"),
        ({"type": "string", "format": "date", "pattern": "^2024"}, "2024"),
        ({"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "b$"}]}, "b$"),
        ({"type": "string", "maxLenght": 5}, "maxLenght"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
    ],
)
def test_what_the_grammar_does_not_hold_is_told_with_its_field(schema: Any, words: str) -> None:
    relaxed = of({"a": schema}).relaxed
    assert len(relaxed) == 1 and relaxed[0].startswith("/a: ") and words in relaxed[0]


UNREAD = {"anyOf": [{"type": "object", "properties": {"x": {}}}, {"type": "array"}]}  # what `field_tree` leaves open


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"anyOf": [UNREAD, {"type": "object", "not": {}}]}, "`not`"),
        ({"anyOf": [UNREAD, {"type": "object", "patternProperties": {"x": {}}}]}, "`patternProperties`"),
        ({"anyOf": [UNREAD, {"type": "object", "if": {}, "then": {}}]}, "`if`"),
        ({"anyOf": [UNREAD, {"type": "array", "prefixItems": [{}]}]}, "`prefixItems`"),
        ({"anyOf": [UNREAD, {"type": "object", "properties": {"b": {"$ref": "#"}}}]}, "itself"),
        ({"anyOf": [UNREAD, {"type": "object", "properties": {"b": False}}]}, "no JSON Schema"),
        ({"type": "string", "enum": ["abc"], "maxLength": 2}, "no value at all"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "at once"),
        ({"type": "object", "properties": {"b": {}}, "dependencies": {"b": {"required": ["c"]}}}, "`dependencies`"),
    ],
)
def test_what_no_grammar_can_hold_is_refused_with_its_field(schema: Any, words: str) -> None:
    with pytest.raises(SchemaUnsupported, match=re.escape(words)) as caught:
        of({"a": schema})
    assert "/a" in str(caught.value) and caught.value.remedy


def test_a_value_that_reaches_a_bound_of_ours_was_cut_off() -> None:
    generation = of(
        {
            "code": {"type": "string", "maxLength": 5},
            "text": {"type": "string"},
            "rows": {"type": "array", "items": {"type": "object", "properties": {"note": {"type": "string"}}}},
            "notes": {"type": "object", "additionalProperties": {"type": "string"}},
        }
    )
    long = "x" * LONGEST_TEXT
    data: dict[str, Any] = {"code": "12345", "text": "x", "rows": [{"note": "x"}], "notes": {"text": "x"}}
    assert generation.guarded(data) == ()
    cut = {**data, "text": long, "rows": [{"note": "x"}, {"note": long}], "notes": {"some/key": long}}
    assert generation.guarded(cut) == ("/text", "/rows/1/note", "/notes/some~1key")
    assert generation.guarded({**data, "rows": [{"note": None}] * MOST_ITEMS}) == ("/rows",)


@given(st.dates(date(1000, 1, 1), date(9999, 12, 31)))
def test_every_day_fits_the_pattern(day: date) -> None:
    assert re.search(PATTERNS["date"], day.isoformat())


@given(st.from_regex(r"[1-9][0-9]{3}-[01][0-9]-[0-3][0-9]", fullmatch=True))
def test_only_days_of_the_calendar_fit_the_pattern(text: str) -> None:
    assert bool(re.search(PATTERNS["date"], text)) == is_date(text)


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("date", "2000-02-29 2400-02-29 1999-12-31", "1900-02-29 2023-02-29 2024-04-31 2024-13-01 24-01-01 2024-1-1"),
        ("time", "14:35 00:00:00 23:59:59.5 14:35Z 14:35+02:00", "24:00 14:60 14:35:60 2:35 14.35"),
        ("date-time", "2024-02-29T14:35 2024-02-29T14:35:00Z", "2023-02-29T14:35 2024-02-29 2024-02-29T25:00"),
        ("duration", "P3D PT5M P2W PT1H30M P1DT2H", "P PT P1H 3D P1Y"),
    ],
)
def test_forms(form: str, good: str, bad: str) -> None:
    assert all(re.search(PATTERNS[form], text) for text in good.split())
    assert not any(re.search(PATTERNS[form], text) for text in bad.split())


@pytest.mark.parametrize("pattern", [r"^\d{3}$", r"a|b", r"\\b", r"(?:a)", r"(?i)a", r"(?P<x>a)", r"^[^@]+@x\.y$"])
def test_regular_patterns_are_kept(pattern: str) -> None:
    assert is_regular(pattern)
