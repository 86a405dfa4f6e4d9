"""Replies become data, and a reply that is not whole is never taken for one."""

import pytest

from model.engine import Answer
from pipeline.assemble import assemble
from schemas.contract import Contract
from schemas.errors import AnswerCutOff, AnswerError

CONTRACT = Contract.from_json_schema(
    {
        "type": "object",
        "required": ["number"],
        "properties": {
            "number": {"type": "string"},
            "note": {"type": "string"},
            "due": {"type": ["string", "null"]},
            "rows": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
        },
    },
    "test",
)


def test_optional_nulls_are_left_out_where_the_schema_allows_none() -> None:
    reply = '{"number": null, "note": null, "due": null, "rows": [{"a": null}, {"a": "x"}]}'
    assert assemble([Answer("1", reply)], CONTRACT) == {"number": None, "due": None, "rows": [{}, {"a": "x"}]}


@pytest.mark.parametrize(
    ("finish", "said"),
    [("length", "most tokens"), ("loop", "in circles"), ("invalid", "no whole JSON"), ("refused", "refused")],
)
def test_a_reply_cut_off_is_an_error_even_if_it_parses(finish: str, said: str) -> None:
    with pytest.raises(AnswerCutOff, match=said):
        assemble([Answer("1", "{}", finish=finish)], CONTRACT)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_what_is_no_object_is_an_error(text: str) -> None:
    with pytest.raises(AnswerError):
        assemble([Answer("1", text)], CONTRACT)
