"""An ask that is too much for one reply is put in halves, down to single fields, and nothing is lost or doubled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine import Answer, Ask, PageView
from model.fake import FakeEngine
from pipeline.extract import extract_pages
from pipeline.slices import ask_whole, halves
from schemas.contract import Contract
from schemas.errors import AnswerCutOff
from schemas.record import DocumentInfo
from tests.pages import page

VIEWS = (PageView(page("Total: 3")),)


def contract(fields: int) -> Contract:
    names = [f"field_{number}" for number in range(fields)]
    schema = {"type": "object", "properties": {key: {"type": "integer"} for key in names}, "required": names[:2]}
    schema["x-checks"] = ["/field_0 + /field_1 = /field_2"] if fields > 2 else []
    return Contract.from_json_schema(schema, "Sums")


class Brief(FakeEngine):
    """Gives each field its number, and cuts off whatever has more than `most` fields."""

    def __init__(self, most: int) -> None:
        super().__init__(lambda ask: {name: int(name[6:]) for name in ask.contract.json_schema["properties"]})
        self.most = most

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        for answer in super().answer(asks):
            text = answer.json_text
            whole = len(json.loads(text)) <= self.most
            yield answer if whole else Answer(answer.ask_id, text[:-3], finish="length", output_tokens=7)


@given(st.integers(1, 20), st.integers(1, 20))
def test_every_field_is_answered_once_whatever_a_reply_can_hold(fields: int, most: int) -> None:
    engine = Brief(most)
    asked = ask_whole(engine, Ask("document", contract(fields), VIEWS))
    answered = [name for answer in asked.answers for name in json.loads(answer.json_text)]
    assert sorted(answered) == sorted(contract(fields).json_schema["properties"])
    assert len({ask.id for ask in engine.asked}) == len(engine.asked) == len(asked.answers) + len(asked.spent)
    assert all(ask.pages is VIEWS for ask in engine.asked)


def test_the_record_is_as_if_it_had_been_one_reply() -> None:
    info = DocumentInfo(uri="x.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
    whole, sliced = (extract_pages(info, VIEWS, contract(5), Brief(most)) for most in (9, 2))
    assert list(sliced.data) == [f"field_{number}" for number in range(5)]
    assert (sliced.data, sliced.fields, sliced.issues) == (whole.data, whole.fields, whole.issues)
    assert any(issue.code == "check-failed" for issue in sliced.issues) is (sliced.data["field_2"] != 1)
    assert (whole.usage.escalations, sliced.usage.escalations) == (0, 4)
    assert sliced.usage.output_tokens == 14


def test_what_no_slice_makes_whole_is_an_error_and_not_half_an_answer() -> None:
    info = DocumentInfo(uri="x.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
    with pytest.raises(AnswerCutOff, match="most tokens"):
        extract_pages(info, VIEWS, contract(4), Brief(0))


def test_halves_keep_order_and_what_is_required() -> None:
    first, second = halves(Ask("a", contract(5), VIEWS, question="Why?"))
    assert [list(half.contract.json_schema["properties"]) for half in (first, second)] == [
        ["field_0", "field_1"],
        ["field_2", "field_3", "field_4"],
    ]
    assert [half.contract.json_schema["required"] for half in (first, second)] == [["field_0", "field_1"], []]
    assert {half.question for half in (first, second)} == {"Why?"}
    assert halves(Ask("a", contract(1), VIEWS)) == ()
