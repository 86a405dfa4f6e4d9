"""The simulated engine does what asks say and fails as often as it says; its documents are as their truth says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.costs import Call, Card, reading_seconds, seconds, writing_seconds
from benchmarks.failures import PERFECT, Failures
from benchmarks.long_documents import Group, LongDocument, Printed, long_document
from benchmarks.printing import LOCALES
from benchmarks.simulator import GEMMA, ROUNDS, Simulator
from benchmarks.slices import counted, in_slices, one_ask, shares, views
from benchmarks.statements import KINDS, Kind
from model.engine import Answer, Ask, Scope
from model.gemma.sizes import GB
from model.values.text import squash
from pipeline.grounding.index import agreement
from schemas.errors import AnswerError
from schemas.narrow import narrowed
from schemas.page import Box, Word

UNLIMITED = replace(GEMMA, output_tokens=None, context_tokens=None)
LONG = long_document(1000, "rows", 7)
DOCUMENTS = [long_document(rows, kind, seed) for kind in KINDS for seed in range(4) for rows in (10, 150)]


def rows_of(document: LongDocument) -> Iterator[tuple[Group, Printed]]:
    return ((group, row) for group in document.groups for row in group.rows)


def words_at(document: LongDocument, printed: Printed) -> list[Word]:
    """The words on the line on which a value's first word stands, from there on."""
    words = document.pages[printed.page - 1].words
    first = next(place for place, word in enumerate(words) if word.box == printed.box)
    return [word for word in words[first:] if word.box.y1 == printed.box.y1]


def list_ask(document: LongDocument, name: str = "rows", scope: Scope | None = None) -> Ask:
    contract = narrowed(document.contract, [document.pointer])
    return Ask(name, contract, views(document), scope=scope)


def answered(document: LongDocument, failures: Failures, ask: Ask | None = None, seed: int = 0) -> Answer:
    (answer,) = Simulator(document, failures, seed, UNLIMITED).answer([ask or list_ask(document)])
    return answer


def rows_in(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(answer.json_text)["rows"]
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: f"{document.kind}-{len(document.pages)}")
def test_every_value_stands_where_the_truth_says(document: LongDocument) -> None:
    assert not document.contract.validate(document.truth)
    for group, row in rows_of(document):
        line = " ".join(word.text for word in words_at(document, row))
        assert squash(line).endswith(squash(f"{row.value['debit'] or row.value['credit']:.2f}"))
        assert agreement(row.value["date"], line) == 1.0
        assert squash(row.value["description"].split(" ")[0]) in squash(line)
        assert group.head.page == row.headings[0] <= row.headings[-1] <= row.page
    for group in document.groups:
        heading = " ".join(word.text for word in words_at(document, group.head))
        assert heading.endswith(group.head.value["name"])
    for printed in document.scalars.values():
        assert agreement(printed.value, " ".join(word.text for word in words_at(document, printed))) == 1.0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: f"{document.kind}-{len(document.pages)}")
def test_words_stand_on_the_page_in_reading_order_and_not_on_each_other(document: LongDocument) -> None:
    for page in document.pages:
        assert all(0 < word.box.x0 < word.box.x1 < 1 and 0 < word.box.y0 < word.box.y1 < 1 for word in page.words)
        for one, other in pairwise(page.words):
            is_below = other.box.center[1] > one.box.y1
            assert is_below or (other.box.y1 == one.box.y1 and other.box.x0 > one.box.x1)


def test_the_same_arguments_give_the_same_document_and_a_seed_another() -> None:
    assert long_document(60, "groups", 3) == long_document(60, "groups", 3)
    assert long_document(60, "groups", 3).truth != long_document(60, "groups", 4).truth


@pytest.mark.parametrize("rows", [1, 10, 100, 1000])
def test_a_document_has_as_many_rows_as_were_asked_for_some_twenty_to_a_page(rows: int) -> None:
    document = long_document(rows, "groups")
    assert sum(len(group.rows) for group in document.groups) == rows
    assert len(document.pages) <= 1 + rows / 15
    assert rows < 1000 or rows / 25 < len(document.pages)


def test_long_documents_have_what_makes_long_tables_hard() -> None:
    assert any(one.value == other.value for group in LONG.groups for one, other in pairwise(group.rows))
    assert any(row.value["reference"] is None for _, row in rows_of(LONG))
    assert any(row.page > group.head.page for group, row in rows_of(LONG))
    assert any(cut_in_two(LONG, row) for _, row in rows_of(LONG))
    printed = {locale.amount(1234.5) for locale in LOCALES}
    assert printed == {"1,234.50", "1.234,50", "1'234.50", "1 234,50"}


def cut_in_two(document: LongDocument, row: Printed) -> bool:
    """Whether the last word of the row's text stands on the next page and not on its own."""
    last = row.value["description"].split(" ")[-1]
    here, there = ({word.text for word in page.words} for page in document.pages[row.page - 1 : row.page + 1] or [None])
    return last in there and last not in here


@pytest.mark.parametrize("kind", KINDS)
def test_one_faultless_reply_is_the_truth(kind: Kind) -> None:
    document = long_document(150, kind, 1)
    reply = answered(document, PERFECT, Ask("all", document.contract, views(document)))
    assert json.loads(reply.json_text) == document.truth


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 7), unique=True), st.lists(st.floats(0, 1), max_size=3), st.sampled_from(KINDS))
def test_scopes_that_part_the_document_bring_each_row_once(borders: list[int], cuts: list[float], kind: Kind) -> None:
    document = long_document(120, kind, 5)
    pages = len(document.pages)
    edges = sorted({1, *(border for border in borders if border <= pages), pages + 1})
    scopes = [Scope(document.pointer, first, after - 1) for first, after in pairwise(edges)]
    tops = sorted({0.0, *cuts, 1.0})
    scopes = [scope for scope in scopes if scope.first < scope.last] + [
        replace(scope, region=Box(0, top, 1, bottom))
        for scope in scopes
        if scope.first == scope.last
        for top, bottom in pairwise(tops)
    ]
    asks = [list_ask(document, str(number), scope) for number, scope in enumerate(scopes)]
    answers = Simulator(document, replace(PERFECT, kept_to_scope=1.0)).answer(asks)
    entries = [entry for answer in answers for entry in json.loads(answer.json_text)[kind]]
    found, wanted = counted(document, {kind: entries}), counted(document, document.truth)
    if kind == "rows":
        assert found == wanted
    else:  # the head of a group that goes on in another scope is given again
        assert not wanted - found and all('"date"' not in row for row in found - wanted)


def test_a_group_that_begins_in_the_scope_is_given_whole_unless_kept_to_it() -> None:
    document = long_document(120, "groups", 5)
    group = next(group for group in document.groups if group.rows[-1].page > group.head.page)
    page = group.head.page
    ask = list_ask(document, scope=Scope("/groups", page, page))
    whole, kept = (
        json.loads(answered(document, replace(PERFECT, kept_to_scope=chance), ask).json_text)["groups"][-1]["rows"]
        for chance in (0.0, 1.0)
    )
    assert whole == [row.value for row in group.rows]
    assert kept == [row.value for row in group.rows if row.page == page]


def test_nothing_is_known_of_pages_that_are_not_shown() -> None:
    document = next(
        document
        for document in (long_document(120, "rows", seed) for seed in range(20))
        if any(row.page == group.head.page + 1 and len(row.headings) == 1 for group, row in rows_of(document))
    )
    row = next(row for group, row in rows_of(document) if row.page == group.head.page + 1 and len(row.headings) == 1)
    ask = Ask("one page", document.contract, views(document)[row.page - 1 : row.page])
    data = json.loads(answered(document, PERFECT, ask).json_text)
    assert data["statement_number"] is None
    assert next(each for each in data["rows"] if each["section"] is None) == {"section": None} | row.value
    assert len(data["rows"]) == sum(other.page == row.page for _, other in rows_of(document))


def test_the_same_ask_has_the_same_answer_and_another_id_another() -> None:
    ask = list_ask(LONG)
    assert answered(LONG, Failures(), ask) == answered(LONG, Failures(), ask)
    again = answered(LONG, Failures(), replace(ask, id="again"))
    assert again.json_text != answered(LONG, Failures(), ask).json_text
    assert answered(LONG, Failures(), ask, seed=1).json_text != answered(LONG, Failures(), ask).json_text


def test_rows_are_left_out_at_the_stated_rates() -> None:
    at_first = rows_in(answered(LONG, replace(PERFECT, dropped=0.05, most_dropped=1.0)))
    assert 925 <= len(at_first) <= 975
    tired = rows_in(answered(LONG, replace(PERFECT, tired_after=300, tiring=1.0, most_dropped=0.5)))
    assert tired[:300] == LONG.truth["rows"][:300]
    assert 600 <= len(tired) <= 700
    assert shares(LONG, {"rows": tired}).precision == 1.0


def test_values_are_misread_and_rows_invented_at_the_stated_rates() -> None:
    truth = LONG.truth["rows"]
    misread = rows_in(answered(LONG, replace(PERFECT, misread=0.1)))
    wrong = [(one, other) for one, other in zip(misread, truth, strict=True) if one != other]
    assert 70 <= len(wrong) <= 130
    assert all(sum(one[name] != other[name] for name in other) == 1 for one, other in wrong)
    assert not LONG.contract.validate(LONG.truth | {"rows": misread})
    result = shares(LONG, {"rows": rows_in(answered(LONG, replace(PERFECT, invented=0.1)))})
    assert result.recall == 1.0 and 0.87 <= result.precision <= 0.93


def test_invented_values_stand_nowhere() -> None:
    known = {squash(word.text) for page in LONG.pages for word in page.words}
    truth = counted(LONG, LONG.truth)
    invented = [
        row
        for row in rows_in(answered(LONG, replace(PERFECT, invented=0.05)))
        if not truth[json.dumps(row, sort_keys=True)]
    ]
    assert invented and all(squash(row["reference"]) not in known for row in invented)


def test_a_reply_stops_at_the_end_of_a_page_as_if_it_were_whole() -> None:
    replies = [answered(LONG, replace(PERFECT, stopped=0.01), list_ask(LONG, str(number))) for number in range(60)]
    lengths = [len(rows_in(reply)) for reply in replies]
    ends = {place for place, (one, other) in enumerate(pairwise(rows_of(LONG)), 1) if one[1].page != other[1].page}
    assert {reply.finish for reply in replies} == {"stop"}
    assert all(length == 1000 or length in ends for length in lengths)
    pages = len(LONG.pages)
    whole = sum(length == 1000 for length in lengths) / len(lengths)
    assert whole == pytest.approx(0.99 ** (pages - 1), abs=0.2)


def test_a_reply_in_circles_says_its_last_row_again_and_is_not_whole() -> None:
    reply = answered(LONG, replace(PERFECT, looping=0.02))
    assert reply.finish == "loop"
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.json_text)
    assert reply.json_text.count(reply.json_text.rsplit(",{", 1)[1]) >= ROUNDS


def test_long_replies_go_in_circles_more_often() -> None:
    chances = Failures()
    assert [chances.loops(written) for written in (0, 1000)] == [0.0003, pytest.approx(0.0023)]
    short, long = long_document(100), LONG
    loops = [
        sum(answered(document, Failures(), list_ask(document, str(number))).finish == "loop" for number in range(40))
        for document in (short, long)
    ]
    assert loops[0] <= 6 and loops[1] >= 12


def test_a_reply_is_cut_off_at_the_output_limit() -> None:
    simulator = Simulator(LONG, PERFECT)
    (answer,) = simulator.answer([list_ask(LONG)])
    assert (answer.finish, answer.output_tokens) == ("length", 8192)


@pytest.mark.parametrize("limits", [GEMMA, UNLIMITED])
def test_one_ask_is_good_for_a_short_document_and_brings_less_than_half_of_a_long_one(limits: Any) -> None:
    def recall(rows: int) -> float:
        documents = [long_document(rows, kind, seed) for kind in KINDS for seed in range(2)]
        return sum(shares(each, one_ask(each, Simulator(each, limits=limits))).recall for each in documents) / 4

    assert recall(50) > 0.97
    assert recall(1500) < 0.5


def test_of_a_reply_that_is_cut_off_the_whole_rows_count() -> None:
    data = one_ask(LONG, Simulator(LONG, PERFECT))
    assert data["rows"][:150] == LONG.truth["rows"][:150]
    assert data["statement_number"] == LONG.truth["statement_number"]


def test_an_ask_beyond_the_context_is_refused() -> None:
    simulator = Simulator(LONG, limits=replace(GEMMA, context_tokens=30_000))
    with pytest.raises(AnswerError, match="tokens"):
        list(simulator.answer([list_ask(LONG)]))


def test_the_document_is_read_once_for_all_asks_about_the_same_pages() -> None:
    simulator = Simulator(LONG, PERFECT)
    halves = [list_ask(LONG, str(page), Scope("/rows", page, page + 1)) for page in (1, 3)]
    list(simulator.answer(halves))
    list(simulator.answer(halves))
    list(simulator.answer([replace(halves[0], pages=halves[0].pages[:3])]))
    assert [call.read for call in simulator.calls] == [True, False, True]
    assert [len(call.replies) for call in simulator.calls] == [2, 2, 1]
    assert simulator.calls[0].prefix == simulator.prefix_tokens(halves[0].pages) > simulator.calls[2].prefix


def test_replies_that_are_written_together_share_the_reading_of_the_weights() -> None:
    card, large = Card(), Card(80 * GB)
    together, alone = Call(100_000, False, (), (1000,) * 4), Call(100_000, False, (), (1000,))
    assert writing_seconds(together, card) < 2.5 * writing_seconds(alone, card)
    many = replace(together, replies=(1000,) * 32)
    assert writing_seconds(many, large) < 0.7 * writing_seconds(many, card)
    assert writing_seconds(replace(alone, replies=(4000,)), card) > 4 * writing_seconds(alone, card)


def test_costs_are_those_that_the_docstring_adds_up() -> None:
    card, step = Card(), Call(150_000, False, (), (1,))
    assert writing_seconds(step, card) == pytest.approx((2.35e9 + 0.74e9 + 3.07e9 + 0.21e9) / 1000e9, rel=0.01)
    assert reading_seconds(step, card) == 0.0
    once, twice = (seconds([replace(step, read=True), replace(step, read=again)], card) for again in (False, True))
    assert twice - once == pytest.approx(reading_seconds(replace(step, read=True), card))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_a_record_holds_every_row_once_where_slices_bring_rows_of_their_neighbours(kind: Kind, seed: int) -> None:
    """With one ask for everything there are no neighbours; with slices the join has to tell."""
    document = long_document(150, kind, seed)
    record = in_slices(document, Simulator(document, replace(PERFECT, overshot=1.0, kept_to_scope=0.5)))
    assert not record.failure
    assert record.data == document.truth
