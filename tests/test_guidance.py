"""Grammars: whatever is drawn under their masks fits the contract, whoever draws."""

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest

pytest.importorskip("llguidance")
pytest.importorskip("transformers")

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from model.grammar.guidance import Grammars, check_expressible, raise_if_broken
from schemas.contract import Contract
from schemas.errors import AnswerError, SchemaUnsupported
from schemas.fields import Country, Currency, Date, Money, Percentage, TimeOfDay
from schemas.pointer import resolve
from schemas.registry import BUILTIN, load_contract
from tests.grammars import allowed, drawn, grammars, grammars_of, tokenizer


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Card(BaseModel):
    kind: Literal["card"]
    number: Annotated[str, Field(pattern=r"^\d{4}$")]


class Transfer(BaseModel):
    kind: Literal["transfer"]
    day: Date


class Everything(BaseModel):
    day: date
    at: time
    moment: datetime
    span: timedelta | None = None
    key: UUID | None = None
    colour: Colour | None = None
    exact: Decimal | None = None
    bounded: Annotated[Decimal, Field(max_digits=7, decimal_places=2, ge=0)] | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    count: Annotated[int, Field(ge=1, le=12)] | None = None
    step: Annotated[int, Field(multiple_of=7)] | None = None
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{2,4}$")] | None = None
    paid: Annotated[Card | Transfer, Field(discriminator="kind")] | None = None
    either: int | str | None = None
    names: list[str] = []
    rates: dict[str, Annotated[float, Field(ge=0)]] = {}
    money: Money | None = None
    currency: Currency | None = None
    country: Country | None = None
    percentage: Percentage | None = None
    clock: TimeOfDay | None = None


EVERYTHING = Contract.from_model(Everything)


def contract_of(properties: dict[str, Any]) -> Contract:
    return Contract.from_json_schema({"type": "object", "properties": properties}, "Paper")


@pytest.mark.parametrize("name", BUILTIN)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=4, deadline=None)
def test_every_whole_reply_validates_but_for_what_is_missing(name: str, seed: int) -> None:
    contract = load_contract(name)
    text, whole = drawn(check_expressible(contract).schema, seed)
    if whole:
        data = json.loads(text)
        issues = contract.validate(data)
        empty = {issue for issue in issues if resolve(data, issue.pointers[0]) == []}  # none found, where one is wanted
        order = {issue for issue in issues if "edges are in the wrong order" in issue.message}  # no grammar compares
        assert {issue.code for issue in set(issues) - empty - order} <= {"missing", "suspect"}
        assert "".join(text.split()) == text or '"' in text


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_every_type_validates(seed: int) -> None:
    text, whole = drawn(check_expressible(EVERYTHING).schema, seed)
    assert whole
    data = {key: value for key, value in json.loads(text).items() if value is not None}
    data["paid"] = None if None in (data.get("paid") or {}).values() else data.get("paid")
    data["rates"] = {key: value for key, value in data["rates"].items() if value is not None}
    issues = EVERYTHING.validate(data)
    assert {issue.code for issue in issues} <= {"missing", "suspect"}, (issues, data)  # a date may be any year's


@given(seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_days_are_of_the_calendar(seed: int) -> None:
    schema = check_expressible(contract_of({"day": {"type": "string", "format": "date"}})).schema
    text, whole = drawn(schema, seed, hurry=0)
    day = json.loads(text)["day"]
    assert whole and (day is None or date.fromisoformat(day).isoformat() == day)


def test_order_and_spacing_leave_no_choice() -> None:
    schema = check_expressible(contract_of({"b": {"type": "boolean"}, "a": {"const": "x"}})).schema
    texts = {drawn(schema, seed, hurry=0)[0] for seed in range(20)}
    assert texts == {'{"b":true,"a":"x"}', '{"b":false,"a":"x"}', '{"b":null,"a":"x"}'}


def test_numbers_have_no_endless_digits() -> None:
    matcher = grammars().matcher(check_expressible(contract_of({"a": {"type": "number"}})).schema)
    for token in grammars().tokenizer.tokenize_str('{"a":0.'):
        assert matcher.consume_token(token)
    zero = grammars().tokenizer.tokenize_str("0")[0]
    digits = 0
    while zero in allowed(matcher):
        assert matcher.consume_token(zero)
        digits += 1
    assert digits == 9


def test_a_reply_ends_with_either_end_and_only_when_whole() -> None:
    matcher = grammars().matcher(check_expressible(contract_of({"a": {"const": "x"}})).schema)
    ends = {1, tokenizer().convert_tokens_to_ids("<turn|>")}
    for token in grammars().tokenizer.tokenize_str('{"a":"x"}'):
        assert not ends & set(allowed(matcher))
        matcher.consume_token(token)
    assert set(allowed(matcher)) == ends


def test_no_text_can_hold_a_marker_even_where_markers_are_ordinary_words() -> None:
    copy = type(tokenizer())(**_plain_vocabulary())
    assert "<|channel>" in copy.get_vocab() and "<|channel>" not in copy.all_special_tokens
    for each in (grammars(), grammars_of(copy)):
        matcher = each.matcher(check_expressible(contract_of({"a": {"type": "string"}})).schema)
        assert matcher.consume_tokens(each.tokenizer.tokenize_str('{"a":"'))
        options = set(allowed(matcher))
        for marker in ("<|channel>", "<channel|>", "<|tool_call>", '<|"|>', "<turn|>", "<|image|>"):
            assert tokenizer().convert_tokens_to_ids(marker) not in options
        assert set(each.tokenizer.tokenize_str("<|x")) <= options  # a page may well print that


def _plain_vocabulary() -> dict[str, Any]:
    """The tiny tokenizer, in which markers are words of the vocabulary and nothing more."""
    return {"vocab": tokenizer().get_vocab(), "merges": []}


def test_what_lies_beyond_the_vocabulary_is_never_allowed() -> None:
    matcher = grammars().matcher(check_expressible(contract_of({"a": {"type": "string"}})).schema)
    matcher.consume_tokens(grammars().tokenizer.tokenize_str('{"a":"'))
    assert grammars().tokenizer.vocab_size > len(tokenizer())
    assert max(allowed(matcher)) < len(tokenizer())


def test_grammars_are_compiled_once_and_matchers_are_apart() -> None:
    fresh = Grammars(grammars().tokenizer)
    schema = check_expressible(load_contract("invoice")).schema
    one, other = fresh.matcher(schema), fresh.matcher(json.loads(json.dumps(schema)))
    assert len(fresh._compiled) == 1
    assert one.consume_tokens(fresh.tokenizer.tokenize_str('{"')) and other.consume_tokens(
        fresh.tokenizer.tokenize_str('{"')
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^abc$", "minLength": 5},
        {"type": "string", "pattern": "a^b"},
        {"type": "number", "minimum": 5, "maximum": 4},
        {"type": "number", "multipleOf": 1e-14},
    ],
)
def test_what_the_library_cannot_hold_is_refused_with_the_field(schema: dict[str, Any]) -> None:
    contract = contract_of(
        {"good": {"type": "string"}, "rows": {"type": "array", "items": {"properties": {"bad": schema}}}}
    )
    with pytest.raises(SchemaUnsupported, match=r"/rows/\*/bad") as caught:
        check_expressible(contract)
    assert caught.value.remedy


def test_a_broken_matcher_is_an_error_and_not_an_end() -> None:
    matcher = grammars().matcher(check_expressible(contract_of({"a": {"type": "string"}})).schema)
    matcher.consume_token(grammars().tokenizer.tokenize_str("x")[0])
    with pytest.raises(AnswerError):
        raise_if_broken(matcher)


@pytest.mark.parametrize("name", BUILTIN)
def test_built_in_schemas_compile_in_a_moment(name: str) -> None:
    check_expressible(load_contract(name))
    fresh = Grammars(grammars().tokenizer)
    matcher = fresh.matcher(check_expressible(load_contract(name)).schema)
    assert not matcher.is_accepting() and allowed(matcher)
