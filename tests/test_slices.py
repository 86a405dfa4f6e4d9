"""An ask that is too much for one reply is put in parts, by fields, pages and lines; nothing is lost or doubled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine import Answer, Ask, Limits, PageView, Scope
from model.fake import FakeEngine
from pipeline.confidence.trust import Trust
from pipeline.extract import extract_pages
from pipeline.slices import ask_all, judged, parted, scope_halves
from schemas.contract import Contract
from schemas.errors import AnswerCutOff
from schemas.page import Box, PageText, Word
from schemas.record import DocumentInfo
from tests.pages import page

ONCE = Trust(escalations=0)
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
    asked = ask_all(engine, [Ask("document", contract(fields), VIEWS)])
    answered = [name for part in asked.parts for name in json.loads(part.answer.json_text)]
    assert sorted(answered) == sorted(contract(fields).json_schema["properties"])
    assert len({ask.id for ask in engine.asked}) == len(engine.asked) == len(asked.answers)
    assert all(ask.pages is VIEWS for ask in engine.asked)


def test_the_record_is_as_if_it_had_been_one_reply() -> None:
    info = DocumentInfo(uri="x.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
    whole, sliced = (extract_pages(info, VIEWS, contract(5), Brief(most), trust=ONCE) for most in (9, 2))
    assert list(sliced.data) == [f"field_{number}" for number in range(5)]
    assert (sliced.data, sliced.fields, sliced.issues) == (whole.data, whole.fields, whole.issues)
    assert any(issue.code == "check-failed" for issue in sliced.issues) is (sliced.data["field_2"] != 1)
    assert (whole.usage.escalations, sliced.usage.escalations) == (0, 4)
    assert sliced.usage.output_tokens == 14


def test_what_no_part_makes_whole_is_an_error_and_not_half_an_answer() -> None:
    info = DocumentInfo(uri="x.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
    with pytest.raises(AnswerCutOff, match="most tokens"):
        extract_pages(info, VIEWS, contract(4), Brief(0))


def test_halves_keep_order_and_what_is_required() -> None:
    first, second = parted(Ask("a", contract(5), VIEWS, question="Why?"))
    assert [list(half.contract.json_schema["properties"]) for half in (first, second)] == [
        ["field_0", "field_1"],
        ["field_2", "field_3", "field_4"],
    ]
    assert [half.contract.json_schema["required"] for half in (first, second)] == [["field_0", "field_1"], []]
    assert {half.question for half in (first, second)} == {"Why?"}
    assert parted(Ask("a", contract(1), VIEWS)) == ()


LEDGER = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        },
    },
    "Ledger",
)


def ledger(pages: int, lines: int) -> tuple[PageView, ...]:
    """Pages whose lines hold one number each, all different."""
    return tuple(
        PageView(
            PageText(
                number,
                600,
                800,
                tuple(
                    Word(str(number * 1000 + line), Box(0.1, (line + 1) / 100, 0.2, (line + 1.8) / 100))
                    for line in range(lines)
                ),
            )
        )
        for number in range(1, pages + 1)
    )


class Clerk(FakeEngine):
    """Gives the numbers that begin in the scope, and cuts off what has more than `most`."""

    def __init__(self, most: int) -> None:
        super().__init__(self.rows, limits=Limits(understands=True))
        self.most = most

    def rows(self, ask: Ask) -> dict[str, object]:
        return {
            "rows": [
                {"n": int(word.text)}
                for view in ask.pages
                for word in view.text.words
                if ask.scope is None or ask.scope.holds(view.text.number, word.box)
            ]
        }

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        for answer in super().answer(asks):
            whole = len(json.loads(answer.json_text)["rows"]) <= self.most
            yield answer if whole else Answer(answer.ask_id, answer.json_text[:-3], finish="length")


@given(st.integers(1, 6), st.integers(0, 12), st.integers(1, 40))
def test_a_list_that_is_too_long_is_parted_by_pages_and_lines_and_comes_back_whole(
    pages: int, lines: int, most: int
) -> None:
    views = ledger(pages, lines)
    asked = ask_all(Clerk(most), [Ask("document", LEDGER, views)], most=200)
    rows = [row["n"] for part in asked.parts for row in json.loads(part.answer.json_text)["rows"]]
    assert rows == [int(word.text) for view in views for word in view.text.words]
    assert all(part.answer.finish == "stop" for part in asked.parts)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.none() | st.integers(0, 99))
def test_the_halves_of_a_scope_are_together_the_scope(first: int, more: int, lines: int, rows: int | None) -> None:
    pages = [view.text for view in ledger(first + more, lines)]
    scope = Scope("/rows", first, first + more, rows=rows)
    waiting, whole = [scope], []
    while waiting:
        halves = scope_halves(waiting[0], pages)
        whole += [] if halves else [waiting[0]]
        if rows is not None and halves:
            assert sum(half.rows or 0 for half in halves) == waiting[0].rows
        waiting[0:1] = halves
    words = [(page.number, word) for page in pages for word in page.words if page.number >= first]
    assert [sum(scope.holds(number, word.box) for scope in whole) for number, word in words] == [1] * len(words)


def test_an_engine_that_fails_at_everything_comes_to_an_end_and_every_line_is_reported() -> None:
    asked = ask_all(Clerk(0), [Ask("document", LEDGER, ledger(50, 40))])
    assert len(asked.answers) < 200
    assert {part.answer.finish for part in asked.parts} == {"length"}


class Sloppy(Clerk):
    """Gives a text for a number, the first time that it is asked."""

    def rows(self, ask: Ask) -> dict[str, object]:
        rows = super().rows(ask)
        return rows if ask.scope else {"rows": [{"n": "seven"}]}


def test_a_reply_that_does_not_fit_its_contract_is_asked_for_again_in_parts() -> None:
    asked = ask_all(Sloppy(99), [Ask("document", LEDGER, ledger(1, 5))])
    rows = [row["n"] for part in asked.parts for row in json.loads(part.answer.json_text)["rows"]]
    assert rows == [1000, 1001, 1002, 1003, 1004]
    assert len(asked.spent) == 1


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_what_is_no_object_is_not_whole_whatever_it_says(text: str) -> None:
    assert judged(Answer("1", text)).finish == "invalid"
    assert judged(Answer("1", "{}")).finish == "stop"
