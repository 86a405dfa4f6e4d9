"""Replies become data, and a reply that is not whole is never taken for one."""

import pytest

from model.engine import Answer, Ask, PageView
from pipeline.assemble import Assembled, Assembly, check_answered
from pipeline.grounding.index import WordIndex
from pipeline.slices import Part
from schemas.contract import Contract
from schemas.errors import AnswerCutOff
from tests.pages import page

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


VIEWS = (PageView(page("Nothing of this")),)


def told(*answers: Answer) -> Assembled:
    parts = [Part(Ask(answer.ask_id, CONTRACT, VIEWS), answer) for answer in answers]
    check_answered(parts)
    assembly = Assembly(CONTRACT, WordIndex([view.text for view in VIEWS]))
    assembly.add(parts)
    return assembly.told()


def test_optional_nulls_are_left_out_where_the_schema_allows_none() -> None:
    reply = '{"number": null, "note": null, "due": null, "rows": [{"a": null}, {"a": "x"}]}'
    assert told(Answer("1", reply)).data == {"number": None, "due": None, "rows": [{}, {"a": "x"}]}


@pytest.mark.parametrize(
    ("finish", "said"),
    [("length", "most tokens"), ("loop", "in circles"), ("invalid", "no whole JSON"), ("refused", "refused")],
)
def test_a_reply_cut_off_is_an_error_even_if_it_parses(finish: str, said: str) -> None:
    with pytest.raises(AnswerCutOff, match=said):
        told(Answer("1", "{}", finish=finish))  # type: ignore[arg-type]


def test_what_one_part_did_not_answer_is_said_and_the_rest_is_kept() -> None:
    found = told(Answer("1", '{"number": "7"}'), Answer("2", '{"rows": [', finish="length"))
    assert found.data == {"number": "7"}
    [issue] = found.issues
    assert (issue.code, issue.severity) == ("not-answered", "error")
    assert "ask 2" in issue.message
