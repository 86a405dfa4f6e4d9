"""A slice of a list, and lines that no row covers, are asked for by scope; the rest of the document stays known."""

import json
from dataclasses import replace
from typing import Any

import pytest

from model.embedded import desk
from model.embedded.engine import EmbeddedEngine
from model.engine import Answer, Ask, PageView, Scope
from schemas.contract import Contract
from schemas.page import Box, PageText
from tests.pages import box, page

SURE = 0.86  # of the engine alone, with nothing else to speak for a value

TEXT, NUMBER = {"type": "string"}, {"type": "number"}
DATE = {"type": "string", "format": "date"}
ITEM = {"type": "object", "properties": {"date": DATE, "description": TEXT, "amount": NUMBER}}
ROWS = Contract.from_json_schema({"type": "object", "properties": {"rows": {"type": "array", "items": ITEM}}})
HEAD = "Date        Text              Amount\n"
FIRST = HEAD + "\n".join(f"0{day}.03.2024  Purchase {day}        {day},00" for day in range(1, 8))
SECOND = "\n".join(f"1{day}.03.2024  Purchase 1{day}       1{day},00" for day in range(8))


def views(*pages: PageText) -> tuple[PageView, ...]:
    return tuple(PageView(each) for each in pages)


def lines(first: int, last: int, number: int = 1) -> Scope:
    """The box around lines first..last of a drawn page, as a question about so many rows."""
    top = box(first, 0, 0).y0
    return Scope("/rows", number, number, Box(0.0, top, 1.0, box(last, 0, 0).y1), rows=last - first + 1)


def answered(scope: Scope | None, pages: tuple[PageView, ...], contract: Contract = ROWS) -> tuple[Any, Answer]:
    (answer,) = EmbeddedEngine().answer([Ask("a", contract, pages, scope=scope)])
    return json.loads(answer.json_text), answer


def test_a_slice_of_pages_gives_their_rows_through_a_head_on_an_earlier_page() -> None:
    data, answer = answered(Scope("/rows", 2, 2), views(page(FIRST, 1), page(SECOND, 2)))
    assert [row["amount"] for row in data["rows"]] == [*range(10, 18)]
    assert answer.findings["/rows/0/amount"].page == 2
    assert len(answer.findings) == 3 * 8


def test_the_slices_of_a_list_together_give_each_of_its_rows_once() -> None:
    pages = views(page(FIRST, 1), page(SECOND, 2))
    whole, _ = answered(None, pages)
    middle = box(4, 0, 0).y0 - 0.001
    scopes = [
        Scope("/rows", 1, 1, Box(0.0, 0.0, 1.0, middle)),
        Scope("/rows", 1, 1, Box(0.0, middle, 1.0, 1.0)),
        Scope("/rows", 2, 2),
    ]
    assert [row for scope in scopes for row in answered(scope, pages)[0]["rows"]] == whole["rows"]


def test_a_scope_takes_the_parts_of_a_group_and_its_heading() -> None:
    text = """
Age group: 90-94
Rank   Name               Born    Time
1      Anna TESTA         1931    44.01
2      Berta TESTA        1932    46.80
3      Carla TESTA        1933    47.74
"""
    row = {"type": "object", "properties": {"rank": {"type": "integer"}, "athlete": TEXT, "time": TEXT}}
    group = {"type": "object", "properties": {"age_group": TEXT, "results": {"type": "array", "items": row}}}
    contract = Contract.from_json_schema(
        {"type": "object", "properties": {"groups": {"type": "array", "items": group}}}
    )
    data, _ = answered(replace(lines(3, 3), list="/groups"), views(page(text)), contract)
    assert [(g["age_group"], [r["athlete"] for r in g["results"]]) for g in data["groups"]] == [
        ("90-94", ["Berta TESTA"])
    ]


def test_items_of_a_list_of_texts_are_taken_where_they_begin() -> None:
    contract = Contract.from_json_schema({"type": "object", "properties": {"skills": {"type": "array", "items": TEXT}}})
    pages = views(page("Skills\nsewing\nsinging\ndrawing"))
    data, _ = answered(replace(lines(2, 3), list="/skills"), pages, contract)
    assert data["skills"] == ["singing", "drawing"]


LEFT = (
    FIRST
    + """
            Total             28,00
            Late entry         3,50
"""
)


def test_a_row_behind_the_totals_is_given_when_it_is_asked_for_and_is_not_sure() -> None:
    pages = views(page(LEFT))
    assert len(answered(None, pages)[0]["rows"]) == 7
    data, answer = answered(lines(9, 9), pages)
    assert data["rows"] == [{"date": None, "description": "Late entry", "amount": 3.5}]
    assert answer.findings["/rows/0/amount"].confidence < SURE


def test_totals_heads_and_headings_stay_no_rows_however_narrowly_they_are_asked_for() -> None:
    pages = views(
        page(LEFT + "\n\n\nPayments to come\n\nWe thank you for all that you have bought from us so far 2024")
    )
    assert answered(lines(0, 0), pages)[0]["rows"] == []
    assert answered(lines(8, 8), pages)[0]["rows"] == []
    assert answered(lines(10, 20), pages)[0]["rows"] == []


def test_a_running_head_is_no_row() -> None:
    running = "            Kestrel Bank        Sheet {}\n"
    pages = views(page(running.format(1) + FIRST, 1), page(running.format(2) + SECOND, 2))
    assert answered(lines(0, 0, 2), pages)[0]["rows"] == []


def test_a_wrapped_line_that_the_table_leaves_out_joins_the_doubtful_row_above_it() -> None:
    text = (
        HEAD
        + """\
01.03.2024  Purchase 1         1,00
02.03.2024  Purchase 2         2,00
            Carried forward    3,00
            Correction
            of an entry       -1,00
"""
    )
    data, _ = answered(lines(4, 5), views(page(text)))
    assert data["rows"] == [{"date": None, "description": "Correction of an entry", "amount": -1.0}]


def test_a_document_is_read_once_for_all_questions_about_the_same_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    prepare = desk.prepare
    monkeypatch.setattr(desk, "prepare", lambda *given: made.append(1) or prepare(*given))
    engine, pages = EmbeddedEngine(), views(page(FIRST, 1), page(SECOND, 2))
    asks = [Ask(str(number), ROWS, pages, scope=Scope("/rows", number, number)) for number in (1, 2)]
    assert len(list(engine.answer(asks))) == 2
    assert made == [1]
    list(engine.answer([Ask("c", ROWS, views(page(FIRST, 1)))]))
    assert made == [1, 1]


def test_the_desk_keeps_the_last_documents_only() -> None:
    engine = EmbeddedEngine()
    for number in range(10):
        list(engine.answer([Ask(str(number), ROWS, views(page(FIRST, 1)))]))
    assert len(engine._desk.documents) == desk.DOCUMENTS


def test_a_scope_leaves_everything_but_its_list_alone_so_that_the_whole_contract_can_be_asked_with() -> None:
    properties = {"rows": {"type": "array", "items": ITEM}, "others": {"type": "array", "items": ITEM}, "date": DATE}
    contract = Contract.from_json_schema({"type": "object", "properties": properties})
    text = (
        "Date: 09.09.2024\n\nOthers\n" + FIRST + "\n\n\n\n\n\n\n\n\nRows\n" + HEAD + "01.04.2024  Gift         9,00\n"
    )
    pages = views(page(text))
    whole, _ = answered(None, pages, contract)
    assert (len(whole["others"]), len(whole["rows"]), whole["date"]) == (7, 1, "2024-09-09")
    data, answer = answered(Scope("/rows", 1, 1), pages, contract)
    assert (data["others"], data["rows"], data["date"]) == ([], whole["rows"], None)
    assert set(answer.findings) == {"/rows/0/date", "/rows/0/description", "/rows/0/amount"}


def test_a_text_in_the_place_of_an_amount_does_not_stop_a_table() -> None:
    amount = {"anyOf": [{"type": "number"}, {"type": "string"}]}
    item = {"type": "object", "properties": {"date": DATE, "description": TEXT, "amount": amount}}
    contract = Contract.from_json_schema({"type": "object", "properties": {"rows": {"type": "array", "items": item}}})
    text = HEAD + "01.03.2024  Paper          1,00\n02.03.2024  Ink          waived\n03.03.2024  Glue         2,00\n"
    data, _ = answered(None, views(page(text)), contract)
    assert [row["amount"] for row in data["rows"]] == [1, "waived", 2]
