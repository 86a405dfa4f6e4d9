"""A contract: one form for models and JSON Schema files."""

import json
import socket
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model, field_validator, model_validator

from schemas.contract import Contract
from schemas.errors import SchemaUnsupported
from schemas.fields import Currency, Date, Iban, Money
from schemas.record import Issue


class Line(BaseModel):
    amount: Money | None = None
    count: int | str | None = None


class Bill(BaseModel):
    model_config = ConfigDict(json_schema_extra={"x-checks": ["sum(/lines/*/amount) = /total"]})

    number: str
    day: Date | None = None
    currency: Currency | None = None
    iban: Iban | None = None
    total: Money
    lines: list[Line] = Field(default_factory=list)


MODEL = Contract.from_model(Bill)
FILE = Contract.from_json_schema(json.loads(json.dumps(Bill.model_json_schema())))
GOOD: dict[str, Any] = {"number": "7", "day": "2024-02-29", "currency": "EUR", "total": 3.5, "lines": [{"amount": 3.5}]}


def found(contract: Contract, data: Any) -> dict[tuple[str, str], Issue]:
    return {(issue.code, issue.pointers[0]): issue for issue in contract.validate(data)}


@pytest.mark.parametrize("contract", [MODEL, FILE], ids=["model", "file"])
class TestModelsAndFilesAlike:
    def test_name_and_leaves(self, contract: Contract) -> None:
        assert contract.name == "Bill"
        assert [leaf.pointer for leaf in contract.fields()] == [
            "/number", "/day", "/currency", "/iban", "/total", "/lines/*/amount", "/lines/*/count"
        ]  # fmt: skip

    def test_good_data_has_no_issues(self, contract: Contract) -> None:
        assert contract.validate(GOOD) == ()
        assert [result.passed for result in contract.run_checks(GOOD)] == [True]

    def test_missing_is_told_at_the_field_that_is_missing(self, contract: Contract) -> None:
        issues = found(contract, {**GOOD, "number": None} | {"total": None})
        assert set(issues) == {("missing", "/number"), ("missing", "/total")}
        assert issues["missing", "/total"].severity == "error"
        left_out = {key: value for key, value in GOOD.items() if key not in ("number", "total")}
        assert set(found(contract, left_out)) == set(issues)

    def test_a_value_of_the_wrong_form_is_invalid(self, contract: Contract) -> None:
        issues = found(contract, {**GOOD, "lines": [{}, {"amount": "much"}]})
        assert set(issues) == {("invalid", "/lines/1/amount")}
        assert found(contract, [1]).keys() == {("invalid", "")}

    def test_a_union_is_told_at_its_value(self, contract: Contract) -> None:
        assert set(found(contract, {**GOOD, "lines": [{"count": [1]}]})) == {("invalid", "/lines/0/count")}

    def test_formats_that_cannot_be_right_are_suspect(self, contract: Contract) -> None:
        issues = found(contract, {**GOOD, "currency": "EUP", "iban": "DE00 1234"})
        assert set(issues) == {("suspect", "/currency"), ("suspect", "/iban")}
        assert {issue.severity for issue in issues.values()} == {"warning"}


def test_a_day_that_the_calendar_lacks_is_told_once_each_way() -> None:
    assert set(found(MODEL, {**GOOD, "day": "2023-02-29"})) == {("invalid", "/day")}
    assert set(found(FILE, {**GOOD, "day": "2023-02-29"})) == {("suspect", "/day")}


def test_strict_models_take_what_json_can_hold() -> None:
    strict = create_model("Strict", __config__=ConfigDict(strict=True), day=(date, ...), price=(Decimal, ...))
    assert Contract.from_model(strict).validate({"day": "2024-01-01", "price": 1.5}) == ()


def test_a_users_validators_speak_as_issues_even_where_they_crash() -> None:
    class Guarded(BaseModel):
        a: int
        b: int = 0

        @field_validator("b")
        @classmethod
        def even(cls, value: int) -> int:
            if value % 2:
                raise ValueError("must be even")
            return value

        @model_validator(mode="after")
        def crash(self) -> "Guarded":
            return {1: self}[self.a]

    contract = Contract.from_model(Guarded)
    assert contract.validate({"a": 1, "b": 2}) == ()
    assert "must be even" in found(contract, {"a": 1, "b": 3})["invalid", "/b"].message
    assert "KeyError" in found(contract, {"a": 5})["invalid", ""].message


def test_keys_are_escaped_in_the_pointers_of_issues() -> None:
    contract = Contract.from_json_schema({"properties": {"a/b": {"type": "string"}}, "required": ["a/b"]})
    assert found(contract, {}).keys() == {("missing", "/a~1b")}
    assert found(contract, {"a/b": 3}).keys() == {("invalid", "/a~1b")}


def wrap_plain(schema: Any) -> Any:
    return {"name": "Mine", "schema": schema}


def wrap_format(schema: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "Mine", "strict": True, "schema": schema}}


@pytest.mark.parametrize("wrap", [wrap_plain, wrap_format])
def test_wrapped_schemas_are_unwrapped(wrap: Callable[[Any], Any]) -> None:
    contract = Contract.from_json_schema(wrap({"type": "object", "properties": {"a": {"type": "string"}}}))
    assert (contract.name, [leaf.name for leaf in contract.fields()]) == ("Mine", ["a"])


def test_a_property_called_schema_is_no_wrapper() -> None:
    contract = Contract.from_json_schema({"type": "object", "properties": {"schema": {"type": "string"}}})
    assert [leaf.pointer for leaf in contract.fields()] == ["/schema"]


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({}, "describes no object"),
        ({"type": "array", "items": {"type": "string"}}, "describes no object"),
        ({"type": "object", "properties": {}}, "describes no object"),
        ({"type": "objekt", "properties": {"a": {}}}, "no valid JSON Schema"),
        ({"properties": {"a": {"type": "string", "examples": "x"}}}, "no valid JSON Schema"),
        ({"properties": {"a": {}}, "x-checks": "/a = /a"}, "no list of lines"),
        ({"properties": {"a": {}}, "x-checks": [1]}, "no list of lines"),
        ({"properties": {"a": {}}, "x-checks": ["/a = "]}, "cannot be read"),
        ({"properties": {"a": {"type": "number"}}, "x-checks": ["/a = /b"]}, "which the schema lacks"),
        ({"properties": {"a": {"additionalProperties": {"$ref": "http://example.org/x"}}}}, "outside the file"),
    ],
)
def test_what_is_no_contract_is_refused_before_any_document(schema: Any, says: str) -> None:
    with pytest.raises(SchemaUnsupported, match=says):
        Contract.from_json_schema(schema)


def test_a_model_that_json_schema_cannot_express_is_refused() -> None:
    call = create_model("Call", f=(Callable[[], int], ...))
    with pytest.raises(SchemaUnsupported, match="Call has no JSON Schema"):
        Contract.from_model(call)
    node = create_model("Pair", pair=(tuple[int, str], ...))
    with pytest.raises(SchemaUnsupported, match="/pair"):
        Contract.from_model(node)


def test_draft_7_is_read_by_its_own_rules() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"day": {"type": "string", "format": "date"}},
        "properties": {"day": {"$ref": "#/definitions/day"}, "sizes": {"type": "array", "items": {"type": "integer"}}},
    }
    contract = Contract.from_json_schema(schema, "old")
    assert [(leaf.pointer, leaf.format) for leaf in contract.fields()] == [("/day", "date"), ("/sizes/*", None)]
    assert found(contract, {"day": "1.5.2024", "sizes": [1.5]}).keys() == {("suspect", "/day"), ("invalid", "/sizes/0")}


def test_validation_reaches_for_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **more: Any) -> None:
        raise AssertionError("a schema reached for the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.org/bill.json",
              "$defs": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/n"}}}  # fmt: skip
    assert found(Contract.from_json_schema(schema), {"n": "x"}).keys() == {("invalid", "/n")}


def test_the_fingerprint_changes_with_the_schema_and_only_then() -> None:
    schema = {"title": "A", "properties": {"a": {"type": "string"}}}
    first = Contract.from_json_schema(schema).fingerprint
    assert len(first) == 16 and int(first, 16) >= 0
    assert Contract.from_json_schema({"properties": {"a": {"type": "string"}}, "title": "A"}).fingerprint == first
    changed = [
        {**schema, "title": "B"},
        {**schema, "x-checks": ["/a = /a"]},
        {**schema, "properties": {"a": {"type": "string", "description": "x"}}},
    ]
    assert len({first, *(Contract.from_json_schema(other).fingerprint for other in changed)}) == 4


def test_models_made_at_run_time_have_fingerprints_too() -> None:
    one, two = create_model("One", a=(int, ...)), create_model("Two", a=(int, ...))
    one.__module__ = two.__module__ = "nowhere"
    assert Contract.from_model(one).fingerprint != Contract.from_model(two).fingerprint
