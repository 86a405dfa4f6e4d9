"""Rows that an engine leaves out are found on the page, asked for by themselves, and reported where they stay out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from model.engine import Ask, Limits, PageView
from model.fake import FakeEngine
from pipeline.confidence.trust import Trust
from pipeline.extract import extract_pages
from schemas.contract import Contract
from schemas.page import Box, Word
from schemas.record import DocumentInfo, Record
from schemas.registry import load_contract
from tests.ledgers import LEDGER, LIST, Reader, Row, ledger
from tests.pages import page

INFO = DocumentInfo(uri="x.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
ONCE = Trust(escalations=0)  # what is doubtful is not asked for again, only what is missing
PER_PAGE = 10


def rows(count: int) -> list[Row]:
    return [
        {
            "date": f"{place % 28 + 1:02}.0{1 + place // 28}.2024",
            "text": "Paper" if place % 3 else "Ink",
            "amount": 7.5 + place,
        }
        for place in range(count)
    ]


def read(truth: Sequence[Row], engine: Reader, heads: Sequence[str] = ()) -> Record:
    return extract_pages(INFO, ledger(truth, PER_PAGE, heads), LEDGER, engine, trust=ONCE)


def codes(record: Record) -> list[str]:
    return [issue.code for issue in record.issues]


@given(st.integers(8, 35), st.sets(st.integers(0, 34), max_size=6))
def test_rows_left_out_of_a_long_reply_are_read_in_a_short_one(count: int, skipped: set[int]) -> None:
    truth = rows(count)
    lost = [row for place, row in enumerate(truth) if place in skipped]
    engine = Reader(truth, PER_PAGE, lambda ask, own: own if ask.scope else [row for row in own if row not in lost])
    record = read(truth, engine)
    assert record.data["rows"] == truth
    assert "entries-missing" not in codes(record)
    asked_again = [ask for ask in engine.asked if ask.scope]
    assert len(asked_again) <= len(lost) and bool(asked_again) is bool(skipped & set(range(count)))


def test_rows_that_no_asking_brings_keep_the_record_in_review_and_are_named() -> None:
    truth = rows(25)
    record = read(truth, Reader(truth, PER_PAGE, lambda ask, own: [row for row in own if row not in truth[12:14]]))
    assert record.data["rows"] == truth[:12] + truth[14:]
    [issue] = [issue for issue in record.issues if issue.code == "entries-missing"]
    assert (issue.page, issue.severity, issue.pointers) == (2, "error", (LIST,))
    assert "2 lines look" in issue.message and "13.01.2024" in issue.message
    assert record.status == "review"


def test_a_reply_that_ends_early_is_gone_on_with() -> None:
    truth = rows(30)
    engine = Reader(truth, PER_PAGE, lambda ask, own: own if ask.scope else own[:12])
    assert read(truth, engine).data["rows"] == truth


def test_a_whole_list_is_not_asked_for_twice() -> None:
    truth = rows(30)
    engine = Reader(truth, PER_PAGE)
    record = read(truth, engine)
    assert len(engine.asked) == 1
    assert record.usage.escalations == 0


def test_a_misread_figure_is_read_again_by_itself() -> None:
    truth = rows(20)
    engine = Reader(
        truth, PER_PAGE, lambda ask, own: own if ask.scope else [*own[:7], own[7] | {"amount": 3.33}, *own[8:]]
    )
    assert read(truth, engine).data["rows"] == truth


def test_rows_of_two_lines_that_look_alike_are_whole() -> None:
    """Each is printed on two lines in the same columns; neither line is another row."""
    names = ("date", "text", "amount", "due", "reason", "open")
    contract = Contract.from_json_schema(
        {
            "type": "object",
            "properties": {
                "rows": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            name: {"type": "number" if name in ("amount", "open") else "string"} for name in names
                        },
                    },
                }
            },
        },
        "Twofold",
    )
    lines = rows(16)
    truth = [
        {**first, "due": second["date"], "reason": second["text"], "open": second["amount"]}
        for first, second in zip(lines[::2], lines[1::2], strict=True)
    ]
    engine = FakeEngine(lambda ask: {"rows": truth}, limits=Limits(understands=True))
    record = extract_pages(INFO, ledger(lines, 20), contract, engine, trust=Trust(escalations=0))
    assert record.data["rows"] == truth
    assert len(engine.asked) == 1 and "entries-missing" not in codes(record)


def test_a_line_of_totals_is_no_row_though_it_stands_in_all_columns() -> None:
    truth, total = rows(9), {"date": "31.12.2024", "text": "Paper", "amount": 103.5}
    (view,) = ledger([*truth, total], PER_PAGE)
    top = next(word.box.y0 for word in view.text.words if word.text == total["date"])
    named = Word("Total", Box(0.02, top, 0.07, top + 0.015))
    for words, asks in (((*view.text.words, named), 1), (view.text.words, 2)):
        engine = Reader(truth, PER_PAGE)
        views = (replace(view, text=replace(view.text, words=words)),)
        assert extract_pages(INFO, views, LEDGER, engine, trust=ONCE).data["rows"] == truth
        assert len(engine.asked) == asks  # without its name it might be a row


def test_a_list_in_two_columns_is_complete_column_by_column() -> None:
    truth = rows(20)
    narrow = [row | {"text": "Ink"} for row in truth]
    views = beside(narrow)
    lost = narrow[13]
    engine = Reader(narrow, 100)
    engine.reply = lambda ask: {"rows": [row for row in in_scope(ask, views, narrow) if ask.scope or row != lost]}
    record = extract_pages(INFO, views, LEDGER, engine, trust=ONCE)
    assert record.data["rows"] == narrow


def beside(truth: Sequence[Row]) -> tuple[PageView, ...]:
    """One page with the second half of the rows beside the first."""
    half = len(truth) // 2
    words = []
    for column, some in enumerate((truth[:half], truth[half:])):
        (view,) = ledger(some, per_page=100)
        words += [
            word._replace(box=word.box._replace(x0=(word.box.x0 + column) / 2, x1=(word.box.x1 + column) / 2))
            for word in view.text.words
        ]
    words.sort(key=lambda word: (round(word.box.y0, 3), word.box.x0))
    return (PageView(replace(view.text, words=tuple(words))),)


def in_scope(ask: Ask, views: Sequence[PageView], truth: Sequence[Row]) -> list[Row]:
    found = []
    for row in truth:
        word = next(word for word in views[0].text.words if word.text == row["date"])
        if ask.scope is None or ask.scope.holds(1, word.box):
            found.append(row)
    return found


SUMMED = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "total": {"type": "number"},
            "rows": LEDGER.json_schema["properties"]["rows"],
        },
        "x-checks": ["sum(/rows/*/amount) = /total"],
    },
    "Summed",
)


def test_of_a_list_too_short_to_tell_its_look_nothing_shows_that_it_is_whole() -> None:
    """Two rows of which one was left out look as whole as any; the record must not be accepted."""
    truth = rows(2)
    record = read(truth, Reader(truth, PER_PAGE, lambda ask, own: own[:1]))
    [issue] = [issue for issue in record.issues if issue.code == "completeness-unproved"]
    assert (issue.severity, issue.pointers, record.status) == ("error", (LIST,), "review")
    assert "completeness-unproved" not in codes(read(rows(9), Reader(rows(9), PER_PAGE)))
    assert "completeness-unproved" not in codes(read([], Reader([], PER_PAGE)))


def test_entries_that_leave_no_word_over_are_whole() -> None:
    """As those of a transcript, an entry a page."""
    contract = load_contract("transcript")
    first, second = "Dear all, the harbour is closed on Monday.", "It opens on Tuesday."
    for texts, proved in (([first, second], True), ([first], False)):
        said = {"pages": [{"page": number, "markdown": text} for number, text in enumerate(texts, 1)]}
        pages = [PageView(page(text, number)) for number, text in enumerate((first, second), 1)]
        engine = FakeEngine(lambda ask, said=said: said, limits=Limits(understands=True))
        record = extract_pages(INFO, pages, contract, engine, trust=Trust(escalations=0))
        assert ("completeness-unproved" not in codes(record)) is proved


def test_a_sum_that_comes_out_shows_that_a_short_list_is_whole_and_one_that_does_not_shows_nothing() -> None:
    truth = rows(2)
    for own, proved in ((truth, True), (truth[:1], False)):
        said = {"total": sum(row["amount"] for row in truth), "rows": own}
        engine = FakeEngine(lambda ask, said=said: said, limits=Limits(understands=True))
        record = extract_pages(
            INFO, ledger(truth, PER_PAGE, ["Total 16.00"]), SUMMED, engine, trust=Trust(escalations=0)
        )
        assert ("completeness-unproved" not in codes(record)) is proved
