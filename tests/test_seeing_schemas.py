"""Contracts that take more than words and boxes: what they hold, and who is kept from answering them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from model.engine import Ask, Limits
from model.fake import FakeEngine
from model.needs import check_needs, engines_for
from model.registry import load_engine
from pipeline.batch import run_batch
from pipeline.extract import extract
from pipeline.job import Job
from schemas.contract import Contract
from schemas.errors import EngineUnavailable, SchemaUnsupported, UsageError
from schemas.page import WHOLE_PAGE
from schemas.registry import BUILTIN, load_contract
from tests.papers import write_invoice
from tests.prints import letter, pdf

BOX = {"x0": 0.1, "y0": 0.1, "x1": 0.4, "y1": 0.2}
CHART: dict[str, Any] = {
    "charts": [
        {
            "page": 1, "box": BOX, "title": "Sales", "kind": "bar",
            "axes": [{"name": "x", "scale": "category"},
                     {"name": "y", "label": "Sales", "unit": "kg", "scale": "linear"}],
            "series": [
                {"name": "2024", "axis": "y",
                 "points": [{"x": "Jan", "y": 3.5}, {"x": "Feb", "y": None, "y_estimated": 50}]}
            ],
        }
    ]
}  # fmt: skip
DIAGRAM: dict[str, Any] = {
    "diagrams": [
        {
            "page": 2, "title": None,
            "nodes": [{"id": "n1", "label": "Order", "kind": "start", "box": BOX},
                      {"id": "n2", "label": "In stock?", "kind": "decision", "box": None}],
            "edges": [{"source": "n1", "target": "n2", "label": None, "direction": "forward"}],
        }
    ]
}  # fmt: skip
SCREEN: dict[str, Any] = {
    "screens": [
        {"page": 1, "title": "Settings",
         "elements": [{"role": "checkbox", "text": "Dark mode", "box": BOX, "states": ["checked", "disabled"]}]}
    ]
}  # fmt: skip
SUMMARY: dict[str, Any] = {
    "title": "Annual report",
    "statements": [{"text": "Sales rose.", "pages": [1, 3], "quotation": "sales rose"}],
}
ANSWER: dict[str, Any] = {"citations": [{"page": 1, "quotation": "EUR 1,536.75"}], "answer": "1,536.75 euros"}
TRANSLATION: dict[str, Any] = {
    "source_language": "en", "target_language": "de",
    "passages": [{"page": 1, "source": "Total amount due", "translation": "Zu zahlen"}],
}  # fmt: skip
SOUND = {
    "chart": CHART, "diagram": DIAGRAM, "screen": SCREEN, "summary": SUMMARY, "answer": ANSWER,
    "translation": TRANSLATION,
}  # fmt: skip


def changed(data: dict[str, Any], *steps: str | int, value: Any) -> dict[str, Any]:
    """A copy with one value replaced, or added."""
    copy: dict[str, Any] = json.loads(json.dumps(data))
    node: Any = copy
    for step in steps[:-1]:
        node = node[step]
    node[steps[-1]] = value
    return copy


class TestWhatTheyHold:
    @pytest.mark.parametrize("name", SOUND)
    def test_sound_data_has_no_issue_by_the_model_or_its_json_schema(self, name: str) -> None:
        contract = load_contract(name)
        assert contract.validate(SOUND[name]) == ()
        exported = Contract.from_json_schema(json.loads(json.dumps(contract.json_schema)))
        assert exported.validate(SOUND[name]) == ()
        assert exported.needs == contract.needs
        assert exported.fields() == contract.fields()

    @pytest.mark.parametrize("name", SOUND)
    def test_a_document_that_has_nothing_of_it_is_sound(self, name: str) -> None:
        given = {"target_language": "de"} if name == "translation" else {}
        assert load_contract(name).validate(given) == ()

    @pytest.mark.parametrize(
        ("name", "data", "pointer"),
        [
            ("chart", changed(CHART, "charts", 0, "kind", value="pretty"), "/charts/0/kind"),
            ("chart", changed(CHART, "charts", 0, "page", value=0), "/charts/0/page"),
            ("chart", changed(CHART, "charts", 0, "box", "x1", value=412), "/charts/0/box/x1"),
            ("chart", changed(CHART, "charts", 0, "box", "x1", value=0.05), "/charts/0/box"),
            ("diagram", changed(DIAGRAM, "diagrams", 0, "edges", 0, "target", value="n9"), "/diagrams/0"),
            ("diagram", changed(DIAGRAM, "diagrams", 0, "nodes", 1, "id", value="n1"), "/diagrams/0"),
            ("screen", changed(SCREEN, "screens", 0, "elements", 0, "states", 0, value="on"),
             "/screens/0/elements/0/states/0"),
            ("summary", changed(SUMMARY, "statements", 0, "pages", value=[]), "/statements/0/pages"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_an_issue_at_its_place(self, name: str, data: dict[str, Any], pointer: str) -> None:
        (issue,) = load_contract(name).validate(data)
        assert (issue.code, issue.pointers) == ("invalid", (pointer,))

    def test_a_transcript_says_whether_a_page_is_written_by_hand_and_need_not(self) -> None:
        contract = load_contract("transcript")
        for handwritten in ({}, {"handwritten": None}, {"handwritten": True}):
            assert contract.validate({"pages": [{"page": 1, "markdown": "Dear all", **handwritten}]}) == ()

    def test_the_embedded_engine_transcribes_as_before_and_leaves_handwriting_open(self) -> None:
        record = extract(pdf(letter), load_contract("transcript"), load_engine("embedded"))
        (page,) = record.data["pages"]
        assert page["page"] == 1 and "Invoice number: HP-20417" in page["markdown"]
        assert page["handwritten"] is None
        assert record.issues == ()


class TestNeeds:
    def test_built_in_schemas_say_what_they_need(self) -> None:
        needs = {name: load_contract(name).needs for name in BUILTIN}
        assert {name for name, need in needs.items() if "sight" in need} == {"chart", "diagram", "screen"}
        assert {name for name, need in needs.items() if "understanding" in need} == {"answer", "summary", "translation"}
        assert {name for name, need in needs.items() if "question" in need} == {"answer"}

    def test_a_users_own_schema_says_it_in_the_same_way(self) -> None:
        class Plan(BaseModel):
            model_config = ConfigDict(json_schema_extra={"x-needs": "sight"})
            rooms: int | None = None

        class TownPlan(Plan):
            streets: int | None = None

        schema = {"type": "object", "properties": {"a": {"type": "string"}}, "x-needs": ["understanding", "sight"]}
        assert Contract.from_model(TownPlan).needs == ("sight",)
        assert Contract.from_json_schema(schema).needs == ("sight", "understanding")

    @pytest.mark.parametrize("declared", ["telepathy", ["sight", 3], {"sight": True}, [["sight"]], None])
    def test_a_need_that_nobody_knows_is_refused_with_those_there_are(self, declared: Any) -> None:
        schema = {"type": "object", "properties": {"a": {"type": "string"}}, "x-needs": declared}
        with pytest.raises(SchemaUnsupported, match="sight, understanding, question"):
            Contract.from_json_schema(schema)

    def test_what_an_engine_lacks_is_named_with_the_engines_that_have_it(self) -> None:
        reader = FakeEngine(limits=Limits(understands=True))
        check_needs(reader, load_contract("summary"))
        with pytest.raises(EngineUnavailable) as caught:
            check_needs(reader, load_contract("chart"))
        assert "Charts" in str(caught.value) and "pictures" in str(caught.value) and "fake" in str(caught.value)
        assert "--engine gemma" in caught.value.remedy
        check_needs(FakeEngine(limits=Limits(sees_images=True)), load_contract("chart"))

    @pytest.mark.parametrize("question", ["", " \n"])
    def test_what_needs_a_question_is_not_asked_without(self, question: str) -> None:
        with pytest.raises(UsageError, match="needs a question"):
            check_needs(FakeEngine(), load_contract("answer"), question)
        check_needs(FakeEngine(), load_contract("answer"), "What is due?")

    def test_any_engine_does_where_there_is_no_need(self) -> None:
        assert engines_for(()) == engines_for(["question"]) == ()
        assert engines_for(["sight", "understanding"]) == ("gemma", "served")
        for name in ("invoice", "transcript"):
            check_needs(load_engine("embedded"), load_contract(name))


class TestWhereItIsSaid:
    """Before any document is opened: the one that is named here does not exist."""

    @pytest.mark.parametrize("name", SOUND)
    def test_by_extract(self, name: str) -> None:
        with pytest.raises(EngineUnavailable, match="--engine gemma"):
            extract("no-such-document.pdf", load_contract(name), load_engine("embedded"), question="?")

    def test_by_a_batch_which_leaves_nothing_behind(self, tmp_path: Path) -> None:
        write_invoice(tmp_path / "docs" / "a.pdf")
        job = Job((str(tmp_path / "docs"),), ("a=chart", "*=invoice"), tmp_path / "out")
        with pytest.raises(EngineUnavailable, match="--engine gemma"):
            run_batch(job)
        assert not job.out.exists()


class TestRecords:
    """What comes of a reply, end to end."""

    def test_the_question_and_a_picture_reach_the_engine(self) -> None:
        seen: list[tuple[str, int]] = []

        def reply(ask: Ask) -> dict[str, Any]:
            view = ask.pages[0]
            assert view.image is not None
            seen.append((ask.question, view.image(300, WHOLE_PAGE).width))
            return TRANSLATION

        record = extract(pdf(letter), load_contract("translation"), FakeEngine(reply), question="German")
        assert seen == [("German", 300)]
        assert record.fields["/passages/0/source"].evidence[0].text == "Total amount due"

    def test_a_quotation_has_evidence_on_a_page_that_is_cited_and_on_no_other(self) -> None:
        def summary(*pages: int) -> FakeEngine:
            statement = {"text": "So it is.", "pages": list(pages), "quotation": "Blue envelopes, box of fifty"}
            return FakeEngine(lambda ask: {"statements": [statement]})

        contract = load_contract("summary")
        document = pdf(lambda page: letter(page, ("Overleaf",)), letter)
        right = extract(document, contract, summary(1, 2))
        assert [item.page for item in right.fields["/statements/0/quotation"].evidence] == [2]
        wrong = extract(document, contract, summary(1))
        assert wrong.fields["/statements/0/quotation"].evidence == ()

    def test_an_estimated_point_is_not_stated_by_a_number_on_the_axis(self) -> None:
        document = pdf(lambda page: letter(page, ("Sales", "50", "3.5 Jan Feb")))
        record = extract(document, load_contract("chart"), FakeEngine(lambda ask: CHART))
        printed, estimated = (record.fields[f"/charts/0/series/0/points/{n}"] for n in ("0/y", "1/y_estimated"))
        assert printed.evidence[0].text == "3.5"
        assert estimated.evidence == () and estimated.status == "review"

    def test_a_place_on_a_page_is_not_stated_by_a_number_that_is_printed_there(self) -> None:
        diagram = changed(DIAGRAM, "diagrams", 0, "nodes", 0, "box", value={"x0": 0.25, "y0": 0, "x1": 1, "y1": 0.5})
        document = pdf(lambda page: letter(page, ("0.25 and 0.5", "0 1 2", "Order")))
        record = extract(document, load_contract("diagram"), FakeEngine(lambda ask: diagram))
        box = [field for pointer, field in record.fields.items() if "/box/" in pointer or pointer.endswith("/page")]
        assert len(box) == 5
        assert all(field.evidence == () and field.status == "review" for field in box)
        assert record.fields["/diagrams/0/nodes/0/label"].evidence[0].text == "Order"
