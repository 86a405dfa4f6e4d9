"""Doubtful values are asked for again, closer, and what is said twice is weighed: bounded, recorded, replayed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageChops

from benchmarks.failures import PERFECT, Failures
from benchmarks.long_documents import LongDocument, long_document
from benchmarks.simulator import Simulator
from benchmarks.slices import views as views_of
from model.engine import Ask, EngineSpec, Limits, PageView
from model.fake import FakeEngine
from model.gemma.calls import ToolCall
from model.gemma.tools import run_calls
from model.pictures import picture_of
from model.registry import load_engine
from model.wording import conversation
from pipeline.check import check_fields
from pipeline.confidence.model import Judge, calibration_for
from pipeline.confidence.trust import DEFAULT, Trust
from pipeline.document import open_document
from pipeline.escalate import CROP, THINKING, Ladder, bound
from pipeline.escalation.crops import band, closer
from pipeline.escalation.doubts import Known
from pipeline.escalation.readings import Reading
from pipeline.escalation.settling import put_value, same, settled
from pipeline.extract import Clock, extract, extract_pages, record_of
from pipeline.ground import Basis, Grounded, grounded
from pipeline.grounding.index import WordIndex
from pipeline.joining.entries import Source
from pipeline.plan import views
from pipeline.read import read_pages
from pipeline.replay import replay
from pipeline.rounds import Live
from pipeline.slices import Asked
from pipeline.trace import Trace
from pipeline.trace_file import packed, read_trace
from pipeline.tracing import Shutter, trace_of
from schemas.contract import Contract
from schemas.page import WHOLE_PAGE, Box
from schemas.pointer import leaves, resolve
from schemas.record import DocumentInfo, Evidence, Issue, Record
from tests.ledgers import LEDGER, Reader, Row, ledger
from tests.pages import page
from tests.test_complete import rows
from tests.test_extract import pdf
from tests.test_replay import timeless

INFO = DocumentInfo(uri="x.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
ONCE = Trust(escalations=0)
BILL = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "invoice_number": {"type": "string"},
            "total": {"type": "number"},
            "due_date": {"type": ["string", "null"], "format": "date"},
        },
        "required": ["invoice_number", "total"],
    },
    "bill",
)
DRAWN = """
Example Works Ltd                                  Invoice

Invoice number:   A-1042
Invoice date:     03 May 2025


Description                   Amount
Paper                         250.00
Ink                         1,000.00


Total                       1,250.00
"""
PAGES = (PageView(page(DRAWN)),)
Reply = Callable[[Ask], dict[str, Any]]


def step(ask: Ask) -> str:
    return "first" if ask.pages[0].region == WHOLE_PAGE else "thinking" if ask.think else "crop"


def says(**by_step: dict[str, Any]) -> FakeEngine:
    """An engine that says these values in each step, of those that it is asked for; in later ones what it said last."""

    def reply(ask: Ask) -> dict[str, Any]:
        said = by_step.get(step(ask)) or by_step.get("crop") or by_step["first"]
        return {name: said.get(name) for name in ask.contract.json_schema["properties"]}

    return FakeEngine(reply)


def read(engine: FakeEngine, trust: Trust = DEFAULT, pages: Sequence[PageView] = PAGES) -> Record:
    return extract_pages(INFO, pages, BILL, engine, trust=trust)


RIGHT = {"invoice_number": "A-1042", "total": 1250.0}


def test_the_same_answer_to_a_closer_look_raises_confidence() -> None:
    once, twice = read(says(first=RIGHT), ONCE), read(says(first=RIGHT))
    for pointer in ("/invoice_number", "/total"):
        before, after = once.fields[pointer], twice.fields[pointer]
        assert (before.status, before.steps) == ("review", ())
        assert after.steps[0] == "crop"
        assert after.confidence > before.confidence
        assert after.signals == before.signals | {"agreed": 1.0}
        assert after.evidence == before.evidence
    assert (once.usage.escalations, once.usage.unasked, once.status) == (0, 2, "review")
    assert (twice.usage.escalations, twice.usage.unasked, twice.status) == (2, 0, "review")


def test_a_misread_value_gives_way_to_one_that_the_page_states_and_stays_doubtful() -> None:
    record = read(says(first=RIGHT | {"total": 1258.0}, crop=RIGHT))
    assert record.data["total"] == 1250.0
    total = record.fields["/total"]
    assert [evidence.text for evidence in total.evidence] == ["1,250.00"]
    assert total.steps == ("crop", "thinking")
    assert total.signals["disagreed"] == total.signals["agreed"] == 1.0
    assert total.confidence < record.fields["/invoice_number"].confidence
    assert "disputed" not in {issue.code for issue in record.issues}


def test_two_values_that_are_stated_alike_leave_the_first_disputed() -> None:
    engine = says(first=RIGHT | {"total": 250.0}, crop=RIGHT | {"total": 1000.0}, thinking={"total": None})
    record = read(engine)
    assert record.data["total"] == 250.0
    once = read(says(first=RIGHT | {"total": 250.0}), ONCE).fields["/total"]
    after = record.fields["/total"]
    assert after.confidence < once.confidence and after.status == "review"
    assert after.signals["disagreed"] == 1.0 and after.evidence == once.evidence
    [issue] = [issue for issue in record.issues if issue.code == "disputed"]
    assert issue.pointers == ("/total",) and "1000.0" in issue.message


def test_the_third_reading_decides_between_two_that_are_stated_alike() -> None:
    engine = says(first=RIGHT | {"total": 250.0}, crop=RIGHT | {"total": 1000.0}, thinking={"total": 1000.0})
    record = read(engine)
    assert record.data["total"] == 1000.0
    assert record.fields["/total"].status == "review"
    assert "disputed" not in {issue.code for issue in record.issues}
    thought = [ask for ask in engine.asked if ask.think]
    assert [list(ask.contract.json_schema["properties"]) for ask in thought] == [["total"]]
    assert all(ask.look for ask in thought)


def test_a_required_null_is_found_by_the_closer_look_at_its_label() -> None:
    engine = says(first={"invoice_number": "A-1042", "total": None}, crop=RIGHT)
    record = read(engine)
    assert record.data["total"] == 1250.0
    assert record.fields["/total"].evidence[0].text == "1,250.00"
    assert "missing" not in {issue.code for issue in record.issues}
    (about,) = [
        ask for ask in engine.asked if step(ask) == "crop" and "total" in ask.contract.json_schema["properties"]
    ]
    words = [word.text for word in about.pages[0].text.words]
    assert "1,250.00" in words and "Invoice" not in words


def test_a_null_is_not_filled_with_what_no_word_states() -> None:
    record = read(says(first={"invoice_number": "A-1042", "total": None}, crop={"total": 77.0}))
    assert record.data["total"] is None
    assert "missing" in {issue.code for issue in record.issues}


def test_a_null_that_the_schema_allows_is_asked_for_only_where_it_is_required_and_its_label_stands() -> None:
    schema = json.loads(json.dumps(BILL.json_schema))
    schema["properties"]["invoice_date"] = {"type": ["string", "null"], "format": "date"}
    schema["properties"]["tax_number"] = {"type": ["string", "null"]}
    schema["required"] = ["invoice_date", "tax_number", "due_date"]
    contract = Contract.from_json_schema(schema, "bill")
    engine = says(first=RIGHT, crop=RIGHT | {"invoice_date": "2025-05-03"})
    record = extract_pages(INFO, PAGES, contract, engine)
    asked = {name for ask in engine.asked[1:] for name in ask.contract.json_schema["properties"]}
    assert asked == {"invoice_number", "total", "invoice_date"}
    assert record.data["invoice_date"] == "2025-05-03"


def test_the_embedded_engine_is_never_asked_again() -> None:
    engine = load_engine("embedded")
    asked: list[Ask] = []

    class Counting:
        info, limits, load, count = engine.info, engine.limits, engine.load, engine.count

        def answer(self, asks: Any) -> Any:
            asked.extend(asks)
            return engine.answer(asks)

    drawn = "Invoice date:   03/04/2025\nTotal   12.00\n"
    record = extract_pages(INFO, (PageView(page(drawn)),), BILL, Counting())
    assert record.status == "review" and len(asked) == 1
    assert all(not field.steps for field in record.fields.values())
    assert record.usage.unasked == 0


def test_prose_of_an_engines_own_and_answers_to_questions_are_not_asked_for_again() -> None:
    schema = {"type": "object", "properties": {"gist": {"type": "string"}}}
    own = "It is a bill of an amount that somebody has to pay to somebody else some day soon"
    engine = FakeEngine(lambda ask: {"gist": own})
    extract_pages(INFO, PAGES, Contract.from_json_schema(schema, "a"), engine)
    extract_pages(INFO, PAGES, Contract.from_json_schema(schema | {"x-needs": ["understanding"]}, "b"), engine)
    extract_pages(INFO, PAGES, BILL, FakeEngine(lambda ask: engine.asked.append(ask) or RIGHT), question="What for?")
    assert len(engine.asked) == 3


@pytest.mark.parametrize(("closer_look", "stays"), [(250.0, False), (1000.0, True)])
def test_parts_that_disagree_do_so_no_more_once_a_closer_look_sides_with_what_was_kept(
    closer_look: float, stays: bool
) -> None:
    data, judge = {"invoice_number": "A-1042", "total": 250.0}, Judge.of("fake")
    grounds = grounded(data, [PAGES[0].text], {}, BILL.root)
    told = [Issue(code="disputed", message="another part says 1000.0", pointers=("/total",))]
    fields, issues = check_fields(data, BILL, grounds, {}, [PAGES[0].text], judge, told)
    known = Known(data, {}, grounds, fields, issues, told)
    live = Live(says(first={}, crop=RIGHT | {"total": closer_look}, thinking={"total": None}))
    after = Ladder(known, PAGES, BILL, live, judge, WordIndex([PAGES[0].text])).climbed(Asked())
    assert after.data["total"] == 250.0
    assert bool(after.told) is stays
    assert bool(after.fields["/total"].signals.get("doubted")) is stays


# rows


def misreading(truth: Sequence[Row], wrong: dict[int, Row]) -> Reader:
    """An engine that misreads some rows wherever it sees a whole page."""

    def reply(ask: Ask, own: list[Row]) -> list[Row]:
        near = ask.pages[0].region != WHOLE_PAGE
        return [row if near else wrong.get(truth.index(row), row) for row in own]

    return Reader(truth, 10, reply)


def test_a_misread_row_is_read_again_with_the_heads_of_its_columns() -> None:
    truth = rows(30)
    wrong = truth[14] | {"amount": 3.33}
    engine = misreading(truth, {14: wrong})
    record = extract_pages(INFO, ledger(truth, 10, [*[""] * 7, "Date Text Amount"]), LEDGER, engine)
    assert record.data["rows"] == truth
    assert "crop" in record.fields["/rows/14/amount"].steps
    looked = [ask for ask in engine.asked if ask.scope and ask.pages[0].region != WHOLE_PAGE]
    assert looked and all(ask.pages[0].visual_tokens == 1120 for ask in looked)
    for ask in looked:
        assert ask.scope is not None
        assert ask.pages[0].region.y0 <= ask.scope.region.y0 < ask.scope.region.y1 <= ask.pages[0].region.y1
    first = next(ask for ask in looked if ask.scope and ask.scope.first == 1)
    assert {"Date", "Text", "Amount"} <= {word.text for view in first.pages for word in view.text.words}


def test_rows_in_lists_in_lists_are_told_apart_by_where_they_stand() -> None:
    item = {"type": "object", "properties": {"text": {"type": "string"}, "amount": {"type": "number"}}}
    group = {"type": "object", "properties": {"name": {"type": "string"}, "rows": {"type": "array", "items": item}}}
    contract = Contract.from_json_schema(
        {"type": "object", "properties": {"groups": {"type": "array", "items": group}}}, "Groups"
    )
    drawn = "Paper goods\nWhite     12.00\nWhite     14.00\n\nInk goods\nBlack     31.00\nWhite     12.00\n"
    truth = [
        {"name": "Paper goods", "rows": [{"text": "White", "amount": 12.0}, {"text": "White", "amount": 14.0}]},
        {"name": "Ink goods", "rows": [{"text": "Black", "amount": 31.0}, {"text": "White", "amount": 12.0}]},
    ]
    misread = json.loads(json.dumps(truth))
    misread[0]["rows"][1]["amount"] = 74.0
    engine = FakeEngine(lambda ask: {"groups": truth if ask.pages[0].region != WHOLE_PAGE else misread})
    record = extract_pages(INFO, (PageView(page(drawn)),), contract, engine)
    assert record.data["groups"] == truth
    assert record.fields["/groups/0/rows/1/amount"].signals["disagreed"] == 1.0
    assert "disagreed" not in record.fields["/groups/1/rows/1/amount"].signals


# bounds


def accuracy(record: Record, document: LongDocument) -> float:
    truth = dict(leaves(document.truth))
    return sum(resolve(record.data, pointer) == value for pointer, value in truth.items()) / len(truth)


@pytest.mark.parametrize("kind", ["rows", "groups"])
def test_more_is_right_of_what_an_engine_misreads_at_times_and_asks_stay_bounded(kind: Any) -> None:
    right = {0: 0.0, 2: 0.0, 8: 0.0}
    for seed in range(2):
        document, first = long_document(60, kind, seed=seed), 0
        for most in right:
            engine = Simulator(document, replace(PERFECT, misread=0.3), seed=seed)
            record = extract_pages(INFO, views_of(document), document.contract, engine, trust=Trust(escalations=most))
            right[most] += accuracy(record, document) / 2
            first = (
                first if most else record.usage.escalations
            )  # what is asked for beside: rows that seem to be left out
            assert record.usage.escalations <= first + bound(CROP, most) + bound(THINKING, most)
            wrong = {at for at, value in leaves(document.truth) if resolve(record.data, at) != value}
            assert not {at for at, field in record.fields.items() if field.status == "accepted"} & wrong
    assert right[0] + 0.005 < right[2] < right[8]
    assert 1 - right[8] < (1 - right[0]) / 3


def test_the_least_sure_of_the_required_values_go_first() -> None:
    truth = rows(40)
    engine = misreading(truth, {25: truth[25] | {"amount": 3.33}})
    record = extract_pages(INFO, ledger(truth, 10), LEDGER, engine, trust=Trust(escalations=1))
    assert record.data["rows"] == truth
    assert record.fields["/rows/25/amount"].steps and not record.fields["/rows/2/amount"].steps
    assert record.usage.unasked == sum(field.status == "review" and not field.steps for field in record.fields.values())


def test_an_ask_that_fails_is_not_put_in_parts_and_costs_nothing_that_was_known() -> None:
    class Broken(FakeEngine):
        def answer(self, asks: Any) -> Any:
            for answer in super().answer(asks):
                broken = self.asked[-1].pages[0].region != WHOLE_PAGE
                yield replace(answer, finish="length", json_text="{") if broken else answer

    engine = Broken(says(first=RIGHT).reply)
    record, once = read(engine), read(says(first=RIGHT), ONCE)
    assert record.data == once.data and record.issues == once.issues
    assert len(engine.asked) == 5
    assert record.fields["/total"].steps == ("crop", "thinking")
    assert record.fields["/total"].confidence == once.fields["/total"].confidence


def test_pictures_are_made_small_enough_for_the_engines_context() -> None:
    engine = says(first=RIGHT)
    engine.limits = Limits(context_tokens=2000, understands=True)
    engine.count = lambda ask: sum(view.visual_tokens for view in ask.pages) + 1000  # type: ignore[method-assign]
    read(engine)
    assert [ask.pages[0].visual_tokens for ask in engine.asked if step(ask) == "crop"] == [560, 560]
    engine.count = lambda ask: 1000 if step(ask) == "first" else 2001  # type: ignore[method-assign]
    assert read(engine).usage.escalations == 0


# replays


def test_an_escalated_record_is_replayed_to_the_very_same_record(tmp_path: Path) -> None:
    kept: list[Trace] = []
    wrong = RIGHT | {"total": 1258.0}
    source = pdf([(72, 80, "Invoice number: A-1042"), (72, 400, "Total"), (400, 400, "1,250.00")])
    record = extract(source, BILL, says(first=wrong, crop=RIGHT), keep=kept.append)
    assert record.fields["/total"].steps == ("crop", "thinking")
    (tmp_path / "t.gz").write_bytes(packed(kept[0]))
    trace = read_trace(tmp_path / "t.gz")
    assert [round_.name for round_ in trace.rounds] == ["first", "crop", "thinking"]
    assert timeless(replay(record, trace).record) == timeless(record)
    assert [seen.region == WHOLE_PAGE for pages in trace.shown for seen in pages].count(False) > 0
    first_only = trace.model_copy(update={"rounds": trace.rounds[:1]})
    assert replay(record, first_only).record.data["total"] == 1258.0


@pytest.mark.parametrize("kind", ["rows", "groups"])
def test_a_long_document_with_misread_rows_is_replayed_to_the_very_same_record(kind: Any) -> None:
    document = long_document(80, kind, seed=6)
    live = Live(Simulator(document, Failures(misread=0.05), seed=6))
    record = record_of(INFO, views_of(document), document.contract, live, Clock(), escalations=5)
    assert {"crop", "thinking"} <= live.said.keys()
    trace = trace_of(record, views_of(document), document.contract, live, Shutter())
    assert timeless(replay(record, trace).record) == timeless(record)


# what is shown


def test_the_picture_of_a_crop_is_that_region_of_the_page() -> None:
    content = pdf([(72, 80, "Invoice number: A-1042"), (72, 400, "Total"), (400, 400, "1,250.00")])
    limits = Limits(sees_images=True, understands=True)
    with open_document(content) as document:
        (view,) = views(document, list(read_pages(document)), limits)
        total = next(word for word in view.text.words if word.text == "1,250.00")
        crop = closer(view, band(view.text, total.box))
        assert [word.text for word in crop.text.words] == ["Total", "1,250.00"]
        assert crop.region.y0 < total.box.y0 < total.box.y1 < crop.region.y1 and crop.visual_tokens == 1120
        picture = picture_of(crop)
        assert picture is not None and picture.tokens <= 1120
        shown = picture.render()
        with pymupdf.open(stream=content) as opened:
            sheet = opened[0].rect
            clip = pymupdf.Rect(0, crop.region.y0 * sheet.height, sheet.width, crop.region.y1 * sheet.height)
            scale = picture.long_side / clip.width
            drawn = opened[0].get_pixmap(matrix=pymupdf.Matrix(scale, scale), clip=clip, alpha=False).pil_image()
        apart = ImageChops.difference(shown, drawn.resize(shown.size)).convert("L")
        assert sum(apart.histogram()[40:]) < 0.002 * shown.width * shown.height
        assert shown.convert("L").getextrema()[0] < 60, "it shows something"
        inner = picture_of(crop, Box(0, 0, 0.5, 1))
        assert inner is not None and inner.region == crop.region._replace(x1=0.5)


def test_a_crop_is_told_as_a_part_of_its_page() -> None:
    crop = closer(PAGES[0], Box(0, 0.05, 1, 0.1))
    _, user, _ = conversation(Ask("a", BILL, (crop,)), "{}")
    text = user["content"][-1]["text"]
    assert text.startswith("Page 1, of which only a part is shown from 5 % to 10 % of its height")
    assert "A-1042" in text and "1,250.00" not in text


def test_tools_zoom_and_find_in_what_is_shown() -> None:
    def unseen(long_side: int, region: Box) -> Any:
        raise AssertionError("nothing is rendered here")

    crop = closer(replace(PAGES[0], image=unseen), Box(0, 0.05, 1, 0.1))
    calls = (
        ToolCall("zoom", {"page": 1, "box": [0, 0, 500, 500]}),
        ToolCall("find", {"text": "A-1042"}),
        ToolCall("find", {"text": "1,250.00"}),
    )
    zoomed, found, outside = run_calls(calls, (crop,))
    assert zoomed.picture is not None
    assert zoomed.picture.region == pytest.approx((0, 0.05, 0.5, 0.075))
    word = next(word for word in crop.text.words if word.text == "A-1042")
    [place] = found.response["places"]
    left, top, right, bottom = (side / 1000 for side in place["box"])
    assert crop.region.part(Box(left, top, right, bottom)) == pytest.approx(word.box, abs=0.001)
    assert outside.response["places"] == []


# settling


def reading(value: Any, score: float) -> Reading:
    box = Box(0.1, 0.1, 0.2, 0.12)
    evidence = (Evidence(page=1, box=box, text=str(value), score=score),) if score else ()
    return Reading(value, Grounded(evidence, Basis.STATED if score else Basis.ABSENT), Source(), score)


@given(st.lists(st.tuples(st.sampled_from([None, 1, 2, 3]), st.sampled_from([0.0, 0.8, 1.0])), min_size=2, max_size=4))
def test_what_is_settled_was_said_is_best_stated_and_a_value_is_never_taken_away(said: list[tuple[Any, float]]) -> None:
    readings = [reading(value, 0.0 if value is None else score) for value, score in said]
    outcome = settled(readings)
    if outcome is None:
        assert readings[0].value is None
        return
    scores = {
        value: max(each.score for each in readings if each.value == value)
        for value in {each.value for each in readings} - {None}
    }
    assert scores[outcome.value] == max(scores.values())
    assert outcome.agreed == (sum(each.value == outcome.value for each in readings) > 1)
    if readings[0].value is not None:
        assert outcome.disagreed == any(each.value != outcome.value for each in readings)
    else:
        assert outcome.grounded.evidence


def test_texts_are_the_same_by_their_letters_and_numbers_by_value() -> None:
    assert same("Example  Ltd.", "EXAMPLE LTD") and same(3, 3.0)
    assert not same("-", "...") and not same(True, 1) and not same("1", 1)


def test_values_are_put_where_they_belong() -> None:
    data: dict[str, Any] = {"a": [{"b": {"c": 1}}, {"b": None}], "t": ["x", "y"]}
    put_value(data, "/a/0/b/c", 2)
    put_value(data, "/a/1/b/c", 3)
    put_value(data, "/t/1", "z")
    put_value(data, "/n/m", 4)
    assert data == {"a": [{"b": {"c": 2}}, {"b": {"c": 3}}], "t": ["x", "z"], "n": {"m": 4}}


def test_agreement_never_lowers_confidence_and_disagreement_never_raises_it() -> None:
    prior = calibration_for("an engine of which nothing was measured")
    signals = {"evidence": 1.0, "by_value": 1.0, "literal": 1.0}
    assert prior.confidence(signals | {"disagreed": 1.0}) < prior.confidence(signals)
    assert prior.confidence(signals) < prior.confidence(signals | {"agreed": 1.0}) < 0.99  # a second look may err alike
    assert prior.confidence(signals | {"agreed": 1.0, "disagreed": 1.0}) < 0.99


# the real classes


def test_gemma_is_asked_again_a_bounded_number_of_times_and_sees_the_crop(tiny_checkpoint: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": ["bill", "note"]}, "copy": {"type": "boolean"}},
        "required": ["kind", "copy"],
    }
    contract, kept = Contract.from_json_schema(schema, "bill"), list[Trace]()
    engine = load_engine(EngineSpec("gemma", str(tiny_checkpoint), output_tokens=48, thinking="off"))
    source = pdf([(72, 80, "Bill"), (72, 400, "Kind: note"), (72, 700, "Copy")])
    record = extract(source, contract, engine, keep=kept.append, trust=Trust(escalations=1))
    assert 1 <= record.usage.escalations <= 2
    assert any("crop" in field.steps for field in record.fields.values())
    regions = {picture.region for picture in kept[0].pictures}
    assert WHOLE_PAGE in regions and len(regions) > 1
    assert timeless(replay(record, kept[0]).record) == timeless(record)
