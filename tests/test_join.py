"""What several asks bring becomes one list: each entry once, in the order of the pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from model.engine import Answer, Ask, PageView, Scope
from pipeline.assemble import Assembled, Assembly
from pipeline.grounding.index import WordIndex
from pipeline.slices import Part
from schemas.contract import Contract
from schemas.page import Box, PageText, Word
from tests.ledgers import LEDGER, LIST, Row, ledger, said

NAMES = ("Paper", "Ink", "Toner 12", "Desk lamp", "Fee")


def row(number: int, text: str = "Paper", amount: float | None = None) -> Row:
    return {
        "date": f"{number % 28 + 1:02}.03.2024",
        "text": text,
        "amount": 100.5 + number if amount is None else amount,
    }


def told(views: Sequence[PageView], *replies: tuple[Scope | None, str]) -> Assembled:
    parts = [
        Part(Ask(f"{place}", LEDGER, tuple(views), scope=scope), Answer(f"{place}", text))
        for place, (scope, text) in enumerate(replies)
    ]
    return assembled(parts, LEDGER, views)


def assembled(parts: Sequence[Part], contract: Contract, views: Sequence[PageView]) -> Assembled:
    assembly = Assembly(contract, WordIndex([view.text for view in views]))
    assembly.add(parts)
    return assembly.told()


rows_of_any_kind = st.lists(
    st.builds(row, st.integers(0, 40), st.sampled_from(NAMES), st.sampled_from((9.5, 12.0, 1250.75))), max_size=40
)


@given(rows_of_any_kind, st.integers(0, 4), st.data())
def test_slices_that_reach_over_their_borders_make_the_list_as_it_is_printed(
    rows: list[Row], over: int, data: st.DataObject
) -> None:
    """Equal rows on different lines are two; a row that two slices bring is one."""
    views = ledger(rows)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(views)), max_size=3)) | {len(views)})
    replies, first = [], 1
    for last in cuts:
        own = rows[(first - 1) * 10 : last * 10 + over]
        replies.append((Scope(LIST, first, last), said(*own)))
        first = last + 1
    assert told(views, *replies).data["rows"] == rows


@given(st.permutations(range(12)))
def test_the_order_is_that_of_the_pages_whatever_the_order_of_the_reply(order: Sequence[int]) -> None:
    rows = [row(number, NAMES[number % 5]) for number in range(12)]
    views = ledger(rows, per_page=5)
    assert told(views, (None, said(*(rows[number] for number in order)))).data["rows"] == rows


def test_a_row_that_stands_nowhere_is_left_out_and_told() -> None:
    rows = [row(number) for number in range(8)]
    found = told(
        ledger(rows), (None, said(*rows[:4], row(0, "Helicopter", 7777.77) | {"date": "31.12.1999"}, *rows[4:]))
    )
    assert found.data["rows"] == rows
    [issue] = found.issues
    assert (issue.code, issue.pointers) == ("entry-not-found", (LIST,))
    assert "Helicopter" in issue.message


def test_an_invented_row_that_borrows_a_date_is_left_out_too() -> None:
    rows = [row(number) for number in range(8)]
    found = told(ledger(rows), (None, said(*rows[:4], rows[2] | {"text": "Helicopter", "amount": 7777.77}, *rows[4:])))
    assert found.data["rows"] == rows
    assert [issue.code for issue in found.issues] == ["entry-not-found"]


def test_where_nothing_can_be_found_on_the_pages_nothing_is_left_out() -> None:
    rows = [row(number) for number in range(8)]
    blank = [PageView(PageText(1, 600, 800, (), source="none"))]
    assert told(blank, (None, said(*rows))).data["rows"] == rows


def test_a_misread_value_gives_way_to_one_that_the_line_states() -> None:
    rows = [row(number) for number in range(8)]
    wrong = [*rows[:3], rows[3] | {"amount": 1.0}, *rows[4:]]
    line = Scope(LIST, 1, 1, Box(0.0, 0.255, 1.0, 0.28))
    assert told(ledger(rows), (None, said(*wrong)), (line, said(rows[3]))).data["rows"] == rows


def test_windows_that_disagree_are_settled_by_evidence_or_said_to() -> None:
    rows = [row(number) for number in range(4)]
    views = ledger(rows, heads=["Number A-77"])
    settled = told(views, (None, said(number="A-71")), (None, said(number="A-77")))
    assert (settled.data["number"], settled.issues) == ("A-77", [])
    open_ = told(views, (None, said(number="A-71")), (None, said(number="A-72")))
    assert open_.data["number"] == "A-71"
    assert [(issue.code, issue.severity, issue.pointers) for issue in open_.issues] == [
        ("disputed", "error", ("/number",))
    ]


GROUPS = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "groups": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "rows": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "properties": {"n": {"type": "integer"}, "who": {"type": "string"}},
                            },
                        },
                    },
                },
            }
        },
    },
    "Groups",
)


def grouped(groups: Sequence[tuple[str, int]], per_page: int) -> tuple[tuple[PageView, ...], list[Row]]:
    """Groups with a heading above their rows, page after page, and the truth."""
    lines: list[tuple[str, ...]] = []
    truth = []
    for name, count in groups:
        lines.append((name,))
        rows = [{"n": 100 + len(lines) + number, "who": f"Who{len(lines) + number}"} for number in range(count)]
        lines += [(str(each["n"]), str(each["who"])) for each in rows]
        truth.append({"name": name, "rows": rows})
    pages = [
        PageView(
            PageText(
                first // per_page + 1,
                600,
                800,
                tuple(
                    Word(text, Box(0.1 + 0.2 * place, 0.1 + 0.02 * line, 0.25 + 0.2 * place, 0.115 + 0.02 * line))
                    for line, words in enumerate(lines[first : first + per_page])
                    for place, text in enumerate(words)
                ),
            )
        )
        for first in range(0, len(lines), per_page)
    ]
    return tuple(pages), truth


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(3, 9))
def test_a_group_that_runs_over_the_border_of_slices_is_one_group(counts: list[int], per_page: int) -> None:
    views, truth = grouped([(f"Team{place}", count) for place, count in enumerate(counts)], per_page)
    parts = []
    for view in views:
        numbers = {word.text for word in view.text.words}
        own = [
            {"name": group["name"], "rows": [each for each in group["rows"] if str(each["n"]) in numbers]}
            for group in truth
            if group["name"] in numbers or any(str(each["n"]) in numbers for each in group["rows"])
        ]
        ask = Ask(f"p{view.text.number}", GROUPS, views, scope=Scope("/groups", view.text.number, view.text.number))
        parts.append(Part(ask, Answer(ask.id, json.dumps({"groups": own}))))
    found = assembled(parts, GROUPS, views)
    assert found.data["groups"] == truth
    assert found.issues == []


TAGGED = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "notes": {"type": "array", "items": {"type": "string"}},
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "date": {"type": "string"},
                        "tags": {"type": "array", "items": {"type": "string"}},
                        "amount": {"type": "number"},
                    },
                },
            },
        },
    },
    "Tagged",
)


def test_a_list_of_plain_values_in_a_row_that_two_slices_bring_is_not_doubled() -> None:
    rows = [row(number) for number in range(6)]
    tagged = [{"date": each["date"], "tags": ["Paper"], "amount": each["amount"]} for each in rows]
    views = ledger(rows)
    reply = json.dumps({"notes": [], "rows": tagged})
    line = Scope(LIST, 1, 1, Box(0.0, 0.235, 1.0, 0.255))
    parts = [
        Part(Ask(name, TAGGED, views, scope=scope), Answer(name, text))
        for name, scope, text in (
            ("whole", None, reply),
            ("again", line, json.dumps({"notes": ["not asked for"], "rows": [tagged[2]]})),
        )
    ]
    assert assembled(parts, TAGGED, views).data == {"notes": [], "rows": tagged}


def test_a_list_of_plain_values_that_is_asked_for_in_slices_is_the_slices_together() -> None:
    views = ledger([row(number) for number in range(20)])
    parts = [
        Part(
            Ask(f"p{page}", TAGGED, views, scope=Scope("/notes", page, page)),
            Answer(f"p{page}", json.dumps({"notes": notes})),
        )
        for page, notes in ((1, ["Paper", "Ink"]), (2, ["Paper"]))
    ]
    assert assembled(parts, TAGGED, views).data["notes"] == ["Paper", "Ink", "Paper"]


def test_two_windows_whose_pages_both_state_what_they_say_are_disputed() -> None:
    """One may be printed more plainly than the other; that does not make it right."""
    schema = {"type": "object", "properties": {"due": {"type": "string", "format": "date"}}}
    contract = Contract.from_json_schema(schema, "Due")
    words = [Word(text, Box(0.1, top, 0.3, top + 0.015)) for text, top in (("2024-05-06", 0.1), ("04/03/2024", 0.2))]
    views = (PageView(PageText(1, 600, 800, tuple(words))),)
    parts = [
        Part(Ask(day, contract, views), Answer(day, json.dumps({"due": day}))) for day in ("2024-03-04", "2024-05-06")
    ]
    found = assembled(parts, contract, views)
    assert [issue.code for issue in found.issues] == ["disputed"]


def test_of_a_scan_no_row_is_left_out_for_not_being_found() -> None:
    """OCR may have missed it, and a model that sees the page have read it: a person has to look."""
    rows = [row(number) for number in range(8)]
    unread = row(30, "Helicopter", 7777.77)
    borrowed = rows[2] | {"text": "Aeroplane", "amount": 8888.88}
    views = tuple(
        PageView(replace(view.text, source="ocr", words=tuple(word._replace(source="ocr") for word in view.text.words)))
        for view in ledger(rows)
    )
    found = told(views, (None, said(*rows[:4], unread, borrowed, *rows[4:])))
    assert sorted(found.data["rows"], key=str) == sorted([*rows, unread, borrowed], key=str)


def test_what_is_said_of_words_that_another_row_stands_on_is_no_row_of_its_own() -> None:
    rows = [row(number) for number in range(8)]
    line = Scope(LIST, 1, 1, Box(0.0, 0.235, 1.0, 0.255))
    half = rows[2] | {"date": None, "text": None}
    assert told(ledger(rows), (None, said(*rows)), (line, said(half))).data["rows"] == rows
