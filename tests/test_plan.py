"""The plan of a document: it fits, it covers everything once, and the same pages give the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.engine import Limits
from pipeline.document import open_document
from pipeline.plan import FIXED, SCOPE, TASK, Plan, Window, make_plan, views
from pipeline.planning.asks import asks_of
from pipeline.planning.cut import Slice
from pipeline.planning.lists import schema_tokens
from pipeline.read import read_pages
from schemas.contract import Contract
from schemas.errors import DocumentTooLarge
from schemas.page import BLANK, Box, PageText, Word
from schemas.registry import load_contract
from tests.pages import page

SAMPLES = Path(__file__).parent.parent / "sample_docs"
SEEING = Limits(context_tokens=262_144, output_tokens=8192, sees_images=True, understands=True)


def text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def rows(**columns: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "object", "properties": {name: {"type": kind} for name, kind in columns.items()}},
    }


LEDGER = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "title": text(),
            "tags": {"type": "array", "items": text()},
            "statement": {
                "type": "object",
                "properties": {
                    "owner": text(),
                    "postings": rows(number="integer", date="string", article="string", amount="number"),
                },
            },
            "ships": rows(ship="string", harbour="string", tons="number"),
        },
    },
    "ledger",
)
HEAD = "No.   Date         Article                      Amount"


def postings(count: int, number: int = 1, source: Any = "text") -> PageText:
    lines = [f"{at:>3}   2024-01-{1 + at % 28:02}   Goods of kind {at:<6}        {at}.50" for at in range(1, count + 1)]
    drawn = page("\n".join([HEAD, *lines] if count else ["A page with prose only, on which nothing is to be found."]))
    return PageText(number, drawn.width, drawn.height, drawn.words, source=source)


@st.composite
def documents(draw: st.DrawFn) -> list[PageText]:
    """Pages with few and many rows, of text layers and scans, some blank, some unread."""
    pages: list[PageText] = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        kind = draw(st.sampled_from(("text", "text", "ocr", "blank", "unread")))
        if kind in ("text", "ocr"):
            pages.append(postings(draw(st.integers(0, 40)), number, kind))
        else:
            pages.append(
                PageText(number, 595, 842, (), source="none", reason=BLANK if kind == "blank" else "a picture")
            )
    return pages


def limits(context: int | None, output: int | None, sees: bool = True) -> Limits:
    return Limits(context_tokens=context, output_tokens=output, sees_images=sees)


def own_pages(window: Window, list_: str) -> list[Slice]:
    return [part for part in window.slices if list_ in part.fields]


@settings(max_examples=60, deadline=None)
@given(documents(), st.integers(2500, 40_000), st.sampled_from((16, 600, 1024, 2048)), st.booleans())
def test_every_plan_fits_covers_all_pages_and_asks_for_each_field(
    pages: list[PageText], context: int, output: int, sees: bool
) -> None:
    given_limits = limits(context, output, sees)
    try:
        plan = make_plan(pages, LEDGER, given_limits)
    except DocumentTooLarge as error:
        assert error.remedy
        return
    assert plan == make_plan(list(pages), LEDGER, given_limits)
    assert [each.number for each in plan.pages] == [each.number for each in pages]
    for window in plan.windows:
        assert window.tokens + max(part.task for part in window.slices) + output <= context
        covered = [each for each in plan.pages if window.first <= each.number <= window.last]
        assert window.tokens == FIXED + sum(each.tokens for each in covered)
        named = {field for part in window.slices for field in part.fields}
        assert named == {"/title", "/tags", "/statement/owner", "/statement/postings", "/ships"}
    assert plan.windows[0].first == 1
    assert plan.windows[-1].last == len(pages)
    for before, after in pairwise(plan.windows):
        assert before.first < after.first <= before.last + 1 <= after.last
    check_scopes(plan, len(pages), output // 2)


def check_scopes(plan: Plan, pages: int, half: int) -> None:
    """Every list that is sliced is sliced so that each page belongs to one slice, and each place of it to one."""
    for list_ in ("/statement/postings", "/ships"):
        spans: list[tuple[float, float]] = []
        sliced = [part for window in plan.windows for part in own_pages(window, list_) if part.scope]
        whole = [part for window in plan.windows for part in own_pages(window, list_) if not part.scope]
        for part in sliced:
            assert part.scope is not None
            assert part.fields == (list_,)
            region = part.scope.region
            spans.append((part.scope.first + region.y0, part.scope.last + region.y1))
            assert part.tokens <= half + 1 or (part.scope.rows or 1) <= 1
        for before, after in pairwise(sorted(spans)):
            assert before[1] <= after[0] + 1e-9
        if not whole:
            assert spans
            assert sorted(spans)[0][0] == 1
            assert sorted(spans)[-1][1] == pages + 1
            assert all(before[1] == pytest.approx(after[0]) for before, after in pairwise(sorted(spans)))


def test_an_engine_without_bounds_is_asked_for_everything_at_once() -> None:
    plan = make_plan([postings(40, number) for number in range(1, 30)], LEDGER, Limits())
    [window] = plan.windows
    [part] = window.slices
    assert part.scope is None
    assert (window.first, window.last) == (1, 29)
    [ask] = asks_of(plan, LEDGER, ())
    assert ask.contract is LEDGER
    assert ask.id == "document"


def test_a_short_document_is_one_ask_for_the_whole_contract() -> None:
    plan = make_plan([postings(12)], LEDGER, SEEING)
    [ask] = asks_of(plan, LEDGER, ())
    assert ask.contract is LEDGER
    assert ask.scope is None


def test_a_long_list_is_sliced_and_a_short_one_goes_with_the_single_fields() -> None:
    plan = make_plan([postings(40, number) for number in range(1, 21)], LEDGER, SEEING)
    [window] = plan.windows
    fields, *parts = window.slices
    assert "/statement/postings" not in fields.fields
    assert "/ships" in fields.fields
    assert len(parts) > 3
    scopes = [part.scope for part in parts if part.scope]
    assert [scope.first for scope in scopes][1:] == [scope.last + 1 for scope in scopes][:-1]
    assert sum(scope.rows or 0 for scope in scopes) == pytest.approx(800, abs=20)
    sizes = [part.tokens for part in parts]
    assert max(sizes) < 1.7 * min(sizes)


def test_a_page_with_more_rows_than_a_reply_holds_is_cut_between_its_lines() -> None:
    drawn = postings(40)
    plan = make_plan([drawn], LEDGER, limits(None, 1200))
    scopes = [part.scope for part in plan.windows[0].slices if part.scope]
    assert len(scopes) > 2
    inside = [word.box for word in drawn.words]
    for scope in scopes:
        edge = scope.region.y1
        assert not any(box.y0 < edge < box.y1 for box in inside)
    ids = [ask.id for ask in asks_of(plan, LEDGER, ())]
    assert len(set(ids)) == len(ids)


def test_the_page_whose_print_stays_largest_is_made_smaller_first() -> None:
    def printed(number: int, height: float) -> PageText:
        words = tuple(Word("word", Box(0.1, 0.03 * at, 0.2, 0.03 * at + height)) for at in range(30))
        return PageText(number, 595, 842, words, source="text")

    pages = [printed(number, height) for number, height in enumerate((0.0065, 0.012, 0.0065, 0.009), 1)]
    wanted = [each.visual_tokens for each in make_plan(pages, LEDGER, SEEING).pages]
    whole = make_plan(pages, LEDGER, SEEING).windows[0].tokens
    beside = TASK + SCOPE + schema_tokens(LEDGER.json_schema) + 256
    before = wanted
    for room in range(whole - 1, whole - sum(wanted), -40):
        plan = make_plan(pages, LEDGER, limits(room + beside, 256))
        budgets = [each.visual_tokens for each in plan.pages]
        assert len(plan.windows) == 1
        assert all(now <= was for now, was in zip(budgets, before, strict=True))
        before = budgets
        sizes = [height * budget**0.5 for height, budget in zip((0.0065, 0.012, 0.0065, 0.009), budgets, strict=True)]
        stepped = [size / 2**0.5 for size, budget in zip(sizes, budgets, strict=True) if budget > 70]
        lowered = [size for size, now, was in zip(sizes, budgets, wanted, strict=True) if now < was]
        assert not (stepped and lowered) or max(stepped) <= min(lowered) + 1e-9
        if min(budgets) == max(budgets) == 70:
            break


def test_a_scan_is_not_shown_so_small_that_its_print_is_lost() -> None:
    pages = [postings(30, number, "ocr" if number % 2 else "text") for number in range(1, 9)]
    generous = make_plan(pages, LEDGER, SEEING)
    least = make_plan(pages, LEDGER, limits(generous.windows[0].tokens - 1000, 600))
    for full, small in zip(generous.pages, least.pages, strict=True):
        assert small.visual_tokens >= (full.visual_tokens / 4 if not full.with_words else 70)


def test_windows_overlap_by_a_page_and_by_two_where_a_table_runs_on() -> None:
    apart = [postings(0, number) for number in range(1, 31)]
    running = [postings(30, number) for number in range(1, 31)]
    for pages, overlap in ((apart, 1), (running, 2)):
        each = make_plan(pages, LEDGER, limits(None, 600)).pages[0].tokens
        beside = FIXED + TASK + SCOPE + schema_tokens(LEDGER.json_schema) + 600
        plan = make_plan(pages, LEDGER, limits(beside + 5 * (each - 400), 600))
        assert len(plan.windows) > 2
        for before, after in pairwise(plan.windows):
            assert before.last - after.first + 1 == overlap


def test_a_page_that_does_not_fit_alone_is_named() -> None:
    pages = [postings(0, 1), postings(40, 2), postings(0, 3)]
    with pytest.raises(DocumentTooLarge, match="page 2: it takes") as raised:
        make_plan(pages, LEDGER, limits(2000, 600))
    assert raised.value.page == 2
    with pytest.raises(DocumentTooLarge, match="schema and the longest reply"):
        make_plan(pages, LEDGER, limits(1000, 900))


def test_an_engine_that_does_not_see_costs_no_pictures_and_is_told_what_ocr_read() -> None:
    plan = make_plan([postings(20, 1, "ocr")], LEDGER, limits(100_000, 8192, sees=False))
    assert plan.pages[0].visual_tokens == plan.pages[0].dpi == 0
    assert plan.pages[0].with_words
    assert plan.pages[0].tokens > 300


def test_pages_that_could_not_be_read_are_asked_about_and_nobody_claims_to_know_their_rows() -> None:
    pages = [PageText(number, 595, 842, (), source="none", reason="a picture") for number in range(1, 31)]
    plan = make_plan(pages, LEDGER, SEEING)
    scopes = [part.scope for part in plan.windows[0].slices if part.scope]
    assert {scope.list for scope in scopes} == {"/statement/postings", "/ships"}
    assert all(scope.rows is None for scope in scopes)


def test_tables_go_to_the_list_that_their_head_names() -> None:
    ships = [f"Ship {'ABCDE'[at % 5]}{at:<8}  Port of {'VWXYZ'[at % 5]}       {at * 100}" for at in range(30)]
    drawn = page("\n".join(["Ship            Harbour         Tons", *ships]), number=2)
    pages = [postings(30, 1), PageText(2, drawn.width, drawn.height, drawn.words)]
    plan = make_plan(pages, LEDGER, limits(None, 700))
    by_list: dict[str, list[int]] = {}
    for part in plan.windows[0].slices:
        if part.scope and part.scope.rows:
            by_list.setdefault(part.scope.list, []).extend([part.scope.first] * part.scope.rows)
    assert set(by_list["/statement/postings"]) == {1}
    assert set(by_list["/ships"]) == {2}
    assert len(by_list["/ships"]) == pytest.approx(30, abs=2)


def test_dozens_of_lists_over_many_pages_do_not_become_thousands_of_asks() -> None:
    many = Contract.from_json_schema(
        {"type": "object", "properties": {f"quantity_{at}": rows(value="number", period="string") for at in range(60)}},
        "many",
    )
    plan = make_plan([postings(40, number) for number in range(1, 101)], many, SEEING)
    asks = asks_of(plan, many, ())
    assert len(asks) < 200
    named = [field for part in plan.windows[0].slices for field in part.fields]
    assert {f"/quantity_{at}" for at in range(60)} == set(named)


def test_the_slices_of_a_window_have_the_very_same_pages() -> None:
    with open_document(SAMPLES / "statements/business-en-12-pages.pdf") as document:
        pages = list(read_pages(document))
        contract = load_contract("bank_statement")
        plan = make_plan(pages, contract, limits(14_000, 4096))
        asks = asks_of(plan, contract, views(document, pages, SEEING))
    assert len(plan.windows) > 1
    assert len({id(ask.pages) for ask in asks}) == len(plan.windows)
    assert len({ask.id for ask in asks}) == len(asks)
    budgets = {each.number: each.visual_tokens for each in plan.pages}
    for ask in asks:
        assert all(view.visual_tokens == budgets[view.text.number] for view in ask.pages)
        assert set(ask.contract.json_schema["properties"]) == {field.split("/")[1] for field in fields_of(plan, ask.id)}


def fields_of(plan: Plan, ask_id: str) -> Sequence[str]:
    asks = [ask.id for ask in asks_of(plan, load_contract("bank_statement"), ())]
    parts = [part for window in plan.windows for part in window.slices]
    return parts[asks.index(ask_id)].fields


def test_more_single_fields_than_a_reply_holds_come_in_several_asks() -> None:
    wide = Contract.from_json_schema(
        {
            "type": "object",
            "properties": {
                "group": {"type": "object", "properties": {f"inner_{at}": text() for at in range(80)}},
                **{f"field_{at}": text() for at in range(80)},
            },
        },
        "wide",
    )
    plan = make_plan([postings(0)], wide, limits(None, 1024))
    parts = plan.windows[0].slices
    assert len(parts) > 4
    assert all(part.scope is None and part.tokens <= 512 for part in parts)
    named = [field for part in parts for field in part.fields]
    assert named == [leaf.pointer for leaf in wide.fields()]


def test_a_heading_over_equal_columns_says_whose_the_rows_are() -> None:
    movements = rows(date="string", text="string", amount="number")
    contract = Contract.from_json_schema(
        {"type": "object", "properties": {"deposits": movements, "withdrawals": movements}}, "account"
    )
    lines = [f"2024-01-{1 + at % 28:02}   Payment number {at:<6}        {at}.50" for at in range(60)]
    head = "Date         Text                        Amount"
    drawn = page("\n".join(["Deposits", head, *lines[:12], "Withdrawals", head, *lines[12:50]]))
    plan = make_plan([drawn], contract, limits(None, 700))
    counts: dict[str, int] = {}
    for part in plan.windows[0].slices:
        if part.scope:
            counts[part.scope.list] = counts.get(part.scope.list, 0) + (part.scope.rows or 0)
    assert counts == {"/deposits": 12, "/withdrawals": 38}


def test_a_page_that_was_not_read_leaves_open_how_many_rows_there_are_only_where_it_lies() -> None:
    unread = PageText(9, 595, 842, (), source="none", reason="a picture")
    plan = make_plan([*(postings(40, number) for number in range(1, 9)), unread], LEDGER, limits(None, 4096))
    scopes = [part.scope for part in plan.windows[0].slices if part.scope and part.scope.list == "/statement/postings"]
    assert [scope.rows is None for scope in scopes] == [scope.last == 9 for scope in scopes]


def test_a_transcript_is_sliced_by_how_much_stands_on_the_pages() -> None:
    pages = [postings(40, number) for number in range(1, 21)]
    plan = make_plan(pages, load_contract("transcript"), SEEING)
    said = sum(each.tokens - each.visual_tokens for each in plan.pages)
    assert 0.8 * said < plan.output_tokens < 1.5 * said
    scopes = [part.scope for part in plan.windows[0].slices if part.scope]
    assert len(scopes) > 4
    assert (scopes[0].first, scopes[-1].last) == (1, 20)


any_place = st.floats(-2, 3, allow_nan=False)
any_word = st.builds(Word, st.text(max_size=12), st.builds(Box, any_place, any_place, any_place, any_place))
any_page = st.builds(
    PageText,
    st.just(1),
    st.sampled_from((0.0, 1.0, 595.0, 14_400.0)),
    st.sampled_from((0.0, 1.0, 842.0, 14_400.0)),
    st.lists(any_word, max_size=40).map(tuple),
    source=st.sampled_from(("text", "ocr", "none")),
    skew=st.floats(-20, 20),
    failure=st.sampled_from((None, "damaged")),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(any_page, min_size=1, max_size=5), st.sampled_from((None, 3000, 100_000)))
def test_words_at_any_place_on_pages_of_any_shape_can_be_planned(drawn: list[PageText], context: int | None) -> None:
    pages = [replace(each, number=number) for number, each in enumerate(drawn, 1)]
    try:
        plan = make_plan(pages, LEDGER, limits(context, 600))
    except DocumentTooLarge:
        return
    assert plan == make_plan(pages, LEDGER, limits(context, 600))
    check_scopes(plan, len(pages), 300)
