"""A record is made again from what its engine said: the very same one, until code or contract change."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from benchmarks.failures import Failures
from benchmarks.long_documents import LongDocument, long_document
from benchmarks.simulator import GEMMA, Simulator
from benchmarks.statements import KINDS, Kind
from model.engine import Answer, Ask, Engine, EngineSpec, Finding, PageView
from model.fake import FakeEngine
from model.registry import load_engine
from pipeline.changes import changes
from pipeline.confidence.model import Calibration
from pipeline.extract import Clock, extract, record_of
from pipeline.replay import Replay, contract_of, replay
from pipeline.rounds import Live
from pipeline.trace import Trace
from pipeline.trace_file import MOST_BYTES, find_trace, packed, read_trace, trace_path
from pipeline.tracing import Shutter, trace_of
from schemas.contract import Contract
from schemas.errors import IntaglioError, UsageError
from schemas.page import Word
from schemas.record import ContractInfo, DocumentInfo, Record
from schemas.registry import BUILTIN, load_contract
from tests.test_extract import BILL, CONTRACT, pdf

SAMPLES = Path(__file__).parent.parent / "sample_docs"


def traced(source: Path | bytes, contract: Contract, engine: Engine, question: str = "") -> tuple[Record, Trace]:
    kept: list[Trace] = []
    record = extract(source, contract, engine, question=question, keep=kept.append)
    return record, kept[0]


def through_a_file(trace: Trace, folder: Path) -> Trace:
    path = folder / "trace.json.gz"
    path.write_bytes(packed(trace))
    return read_trace(path)


def timeless(record: Record) -> str:
    """As bytes, but for what differs from run to run."""
    return record.model_copy(update={"usage": record.usage.model_copy(update={"seconds": {}})}).model_dump_json()


def unchanged(record: Record, again: Replay) -> bool:
    return timeless(record) == timeless(again.record) and not changes(record, again.record).any and not again.remark


@pytest.fixture
def bill() -> tuple[Record, Trace]:
    return traced(pdf(BILL), CONTRACT, load_engine("embedded"))


@pytest.mark.parametrize(
    ("place", "schema"),
    [
        ("invoices/freight-en.pdf", "invoice"),
        ("invoices/testwaren-de-3-pages.pdf", "invoice"),
        ("statements/giro-de.pdf", "bank_statement"),
        ("invoices/gadgets-us.pdf", "receipt"),
    ],
)
def test_a_sample_of_the_embedded_engine_gives_the_very_same_record(tmp_path: Path, place: str, schema: str) -> None:
    record, trace = traced(SAMPLES / place, load_contract(schema), load_engine("embedded"))
    assert len(record.fields) > 10
    read = through_a_file(trace, tmp_path)
    assert read == trace
    assert unchanged(record, replay(record, read))
    assert unchanged(record, replay(record, read, load_contract(schema)))


class Talkative(FakeEngine):
    """Says all that an answer can hold, and gives up its first reply."""

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        for ask in asks:
            self.asked.append(ask)
            whole = "." in ask.id
            page = ask.pages[0].text
            text = json.dumps({name: f"Total {name}" for name in ask.contract.json_schema["properties"]})
            first = next(iter(ask.contract.json_schema["properties"]))
            yield Answer(
                ask.id,
                text if whole else text[:-4],
                finish="stop" if whole else "length",
                findings={f"/{first}": Finding(1, (page.words[0], Word("Total", page.words[-1].box)), 0.7)},
                leaf_logprobs={f"/{first}": (-0.1 / 3, -2.5e-9)},
                cut=(f"/{first}",),
                thought=f"Is it {ask.id}?",
                tool_calls=("find total",),
                prompt_tokens=100,
                output_tokens=9,
                mask_seconds=0.25,
            )


def test_all_that_an_engine_can_say_is_kept(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in "abc"}}
    contract, engine = Contract.from_json_schema(schema, "abc"), Talkative()
    record, trace = traced(pdf(BILL), contract, engine, question="Which totals?")
    assert (len(engine.asked), record.usage.escalations, record.usage.prompt_tokens) == (3, 2, 300)
    assert {issue.code for issue in record.issues} >= {"cut-off"} and len(record.thoughts) == 2
    read = through_a_file(trace, tmp_path)
    assert unchanged(record, replay(record, read))
    (said,) = read.said(contract).values()
    live = Live(engine)
    live.put("first", engine.asked[:1])
    assert [part.answer for part in said.parts] == [part.answer for part in live.said["first"].parts]
    assert said.spent == live.said["first"].spent
    assert [(part.ask.id, part.ask.question) for part in said.parts] == [
        (ask.id, "Which totals?") for ask in engine.asked[1:3]
    ]


def simulated(document: LongDocument, **how: Any) -> tuple[Record, Trace]:
    engine = Simulator(document, Failures(), **how)
    info = DocumentInfo(uri="long.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
    pages, live = tuple(PageView(page) for page in document.pages), Live(engine)
    record = record_of(info, pages, document.contract, live, Clock())
    return record, trace_of(record, pages, document.contract, live, Shutter())


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_document_that_was_asked_about_in_slices_and_again_gives_the_very_same_record(
    tmp_path: Path, kind: Kind
) -> None:
    narrow = replace(GEMMA, context_tokens=16_000)
    record, trace = simulated(long_document(300, kind, 3), seed=1, limits=narrow)
    assert len(trace.rounds) > 1 and len(trace.shown) > 1, "asked again, and in windows"
    assert record.usage.escalations > 0
    assert unchanged(record, replay(record, through_a_file(trace, tmp_path)))


def test_the_trace_of_a_long_document_takes_a_few_bytes_a_word() -> None:
    record, trace = simulated(long_document(1000, "rows", 7))
    words = sum(len(page.words) for page in trace.pages)
    size = len(packed(trace))
    assert words > 5000
    assert size < 40 * words
    assert size < len(record.model_dump_json()) / 3
    assert packed(trace) == packed(trace)


def test_gemma_gives_the_very_same_record_and_every_picture_that_it_saw_has_its_hash(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    schema = {"type": "object", "properties": {"paid": {"type": "boolean"}, "kind": {"enum": ["bill", "note"]}}}
    contract = Contract.from_json_schema(schema, "bill")
    engine = load_engine(EngineSpec("gemma", str(tiny_checkpoint), output_tokens=64))
    record, trace = traced(pdf(BILL, BILL[:1]), contract, engine)
    assert [(picture.page, len(picture.sha256)) for picture in trace.pictures] == [(1, 64), (2, 64)]
    assert len({picture.sha256 for picture in trace.pictures}) == 2
    (round_,) = trace.rounds
    assert round_.answers[0].leaf_logprobs and len(round_.asks[0].prompt) == 64
    assert unchanged(record, replay(record, through_a_file(trace, tmp_path)))
    _, other = traced(pdf(BILL, BILL[:1]), contract, engine, question="Is it paid?")
    assert other.rounds[0].asks[0].prompt != round_.asks[0].prompt
    assert other.pictures == trace.pictures


def test_what_the_code_of_today_does_differently_is_told(
    bill: tuple[Record, Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, trace = bill
    assert record.fields["/total"].status == "accepted"
    monkeypatch.setattr(Calibration, "threshold", lambda *_: 0.9999)
    again = replay(record, trace)
    found = changes(record, again.record)
    assert found.status == (record.status, "review")
    assert ("/total", ("status",)) in [(change.pointer, change.what) for change in found.fields]
    assert all(change.what == ("status",) for change in found.fields)
    assert (found.gone, found.new, found.others) == ((), (), ())
    back = changes(again.record, record)
    assert [(change.after, change.before) for change in back.fields] == [
        (change.before, change.after) for change in found.fields
    ]


def test_lines_that_only_the_code_of_today_misses_stay_open(tmp_path: Path) -> None:
    record, trace = simulated(long_document(300, "rows", 3), seed=1)
    assert len(trace.rounds) > 1
    first = trace.model_copy(update={"rounds": trace.rounds[:1]})  # as if it had not been asked again then
    again = replay(record, through_a_file(first, tmp_path)).record
    assert len(again.data["rows"]) < len(record.data["rows"])
    assert "entries-missing" in {issue.code for issue in again.issues} - {issue.code for issue in record.issues}


OTHER = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "order_number": {"type": ["string", "null"]},
            "total": {"type": "string"},
            "invoice_number": {"type": "string", "pattern": "^A-"},
        },
    },
    "other",
)


def test_another_schema_takes_what_both_have_and_says_what_only_the_engine_can_fill(
    bill: tuple[Record, Trace],
) -> None:
    record, trace = bill
    again = replay(record, trace, OTHER).record
    assert again.data == {"order_number": None, "total": 1250.0, "invoice_number": "A-1042"}
    assert again.fields["/invoice_number"] == record.fields["/invoice_number"]
    assert again.fields["/order_number"].status == "absent"
    assert again.fields["/total"].status == "review", "it is no text"
    codes = {issue.pointers: issue.code for issue in again.issues}
    assert codes == {("/total",): "invalid", ("/order_number",): "not-asked"}
    assert (again.status, again.contract.name) == ("review", "other")
    found = changes(record, again)
    assert {change.pointer: change.what for change in found.fields if "status" not in change.what} == {
        "/order_number": ("new",),
        "/due_date": ("gone",),
    }
    assert found.others == ("contract",)


def with_fields(contract: Contract, change: Callable[[dict[str, Any]], None], row: str = "") -> Contract:
    """The contract after a change to its properties, or to those of a list's entries."""
    schema = json.loads(json.dumps(contract.json_schema))
    change(schema["properties"][row]["items"]["properties"] if row else schema["properties"])
    return Contract.from_json_schema(schema, "changed")


def test_rows_that_were_read_in_slices_lose_and_gain_fields_too() -> None:
    document = long_document(200, "rows", 3)
    record, trace = simulated(document)

    def change(properties: dict[str, Any]) -> None:
        del properties["credit"]
        properties["approved_by"] = {"type": ["string", "null"]}

    again = replay(record, trace, with_fields(document.contract, change, "rows")).record
    assert len(again.data["rows"]) == len(record.data["rows"])
    for old, new in zip(record.data["rows"], again.data["rows"], strict=True):
        assert new == {**{name: value for name, value in old.items() if name != "credit"}, "approved_by": None}
    assert [issue.pointers for issue in again.issues if issue.code == "not-asked"] == [("/rows",)]


def test_a_list_that_is_no_longer_wanted_leaves_the_rest_as_it_is() -> None:
    document = long_document(200, "rows", 3)
    record, trace = simulated(document)
    again = replay(record, trace, with_fields(document.contract, lambda properties: properties.pop("rows"))).record
    assert again.data == {name: value for name, value in record.data.items() if name != "rows"}
    assert again.usage.output_tokens == record.usage.output_tokens


@given(st.sets(st.sampled_from(["tax_number", "statement_number", "currency", "period_start", "rows"]), max_size=4))
@settings(max_examples=8, deadline=None)
def test_a_part_of_the_schema_gives_that_part_of_the_data(left_out: set[str]) -> None:
    document = long_document(40, "rows", 5)
    record, trace = simulated(document)

    def change(properties: dict[str, Any]) -> None:
        for name in left_out:
            del properties[name]

    again = replay(record, trace, with_fields(document.contract, change)).record
    assert again.data == {name: value for name, value in record.data.items() if name not in left_out}
    for pointer, field in again.fields.items():
        assert field.value == record.fields[pointer].value


def test_a_schema_that_shares_nothing_is_refused(bill: tuple[Record, Trace]) -> None:
    with pytest.raises(UsageError, match="has no field of bill"):
        replay(*bill, load_contract("transcript"))


class Loud(BaseModel):
    """Its validator is code, and no schema shows it."""

    invoice_number: str
    total: float

    @field_validator("invoice_number")
    @classmethod
    def is_loud(cls, value: str) -> str:
        assert value.endswith("!"), "not loud"
        return value


def test_the_code_of_a_model_is_run_only_where_the_model_is_named() -> None:
    contract = Contract.from_model(Loud)
    record, trace = traced(pdf(BILL), contract, load_engine("embedded"))
    assert [issue.code for issue in record.issues] == ["invalid"]
    again = replay(record, trace)
    assert "Name it with --schema" in again.remark and again.record.contract == record.contract
    assert [issue.code for issue in changes(record, again.record).gone] == ["invalid"]
    assert unchanged(record, replay(record, trace, contract))


@pytest.mark.parametrize("name", BUILTIN)
def test_a_built_in_model_is_known_by_its_schema(bill: tuple[Record, Trace], name: str) -> None:
    contract = load_contract(name)
    written = json.loads(json.dumps(contract.json_schema, default=str))
    info = ContractInfo(name=contract.name, fingerprint="that of an earlier version")
    trace = bill[1].model_copy(update={"contract": info, "json_schemas": (written,)})
    assert contract_of(trace) == (contract, True) and contract_of(trace)[0].model is contract.model
    other = trace.model_copy(update={"json_schemas": ({**written, "description": "changed since"},)})
    assert contract_of(other)[1] is False and contract_of(other)[0].model is None


def test_the_trace_of_another_record_is_refused(bill: tuple[Record, Trace]) -> None:
    record, _ = bill
    _, other = traced(pdf(BILL[:2]), CONTRACT, load_engine("embedded"))
    with pytest.raises(UsageError, match="another record"):
        replay(record, other)


def test_a_trace_is_found_by_its_record_wherever_the_folder_is(tmp_path: Path, bill: tuple[Record, Trace]) -> None:
    record, trace = bill
    place = tmp_path / "out" / "deep" / "bill.pdf.json"
    with pytest.raises(UsageError, match="has no trace beside it"):
        find_trace(place, record)
    path = trace_path(tmp_path / "out", record)
    path.parent.mkdir(parents=True)
    path.write_bytes(packed(trace))
    assert find_trace(place, record) == path
    (tmp_path / "out").rename(tmp_path / "moved")
    assert read_trace(find_trace(tmp_path / "moved" / "bill.pdf.json", record)) == trace
    with pytest.raises(UsageError, match="has no trace"):
        find_trace(tmp_path / "moved" / "bill.pdf.json", record.model_copy(update={"contract": _renamed(record)}))


def _renamed(record: Record) -> Any:
    return record.contract.model_copy(update={"fingerprint": "other"})


class TestDamagedTraces:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "trace.json.gz"

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "cut off"),
            (b"no gzip", "not what was packed"),
            (gzip.compress(b"[1, 2]"), "not a trace"),
            (gzip.compress(b"{"), "not a trace"),
            (gzip.compress(b'{"version": 2}'), "version 2, and this Intaglio reads version 1. Update"),
            (gzip.compress(b'{"version": 0}'), "version 0, and this Intaglio reads version 1. Read its document again"),
            (gzip.compress(b"[" * 100_000), "not a trace"),
        ],
        ids=["empty", "words", "list", "half", "later", "earlier", "deep"],
    )
    def test_what_is_no_trace_is_said(self, path: Path, content: bytes, reason: str) -> None:
        path.write_bytes(content)
        with pytest.raises(UsageError, match=reason):
            read_trace(path)

    def test_a_missing_file_is_said(self, path: Path) -> None:
        with pytest.raises(UsageError, match="cannot be read: No such file"):
            read_trace(path)

    def test_a_cut_or_longer_file_is_said(self, path: Path, bill: tuple[Record, Trace]) -> None:
        whole = packed(bill[1])
        for content, reason in ((whole[:-5], "cut off"), (whole + b"x", "behind its end")):
            path.write_bytes(content)
            with pytest.raises(UsageError, match=reason):
                read_trace(path)

    @given(st.data())
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_byte_changed_is_noticed(self, path: Path, bill: tuple[Record, Trace], data: st.DataObject) -> None:
        content = bytearray(packed(bill[1]))
        at = data.draw(st.integers(10, len(content) - 1))  # the header before has a time, which is not looked at
        content[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with pytest.raises(UsageError, match="Read its document again"):
            read_trace(path)

    def test_a_bomb_does_not_fill_memory(self, path: Path) -> None:
        with gzip.open(path, "wb", compresslevel=1) as stream:
            for _ in range(3 * MOST_BYTES >> 20):
                stream.write(bytes(1 << 20))
        assert path.stat().st_size < 4 << 20
        tracemalloc.start()
        try:
            with pytest.raises(UsageError, match="over 128 MiB"):
                read_trace(path)
            assert tracemalloc.get_traced_memory()[1] < 2.5 * MOST_BYTES
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda told: told["pages"].append(told["pages"][0]), "out of order"),
            (lambda told: told["pages"][0].update(number=0), "out of order"),
            (lambda told: told["pages"][0]["words"][0].__setitem__(1, [0, 0, 1, 1e999]), "stands nowhere"),
            (lambda told: told["shown"][0][0].update(number=9), "lacks a page"),
            (lambda told: told["rounds"][0].update(name="second"), "no replies"),
            (lambda told: told["rounds"][0]["answers"].clear(), "lacks its answer"),
            (lambda told: told["rounds"][0]["asks"][0].update(contract=7), "lacks what was asked"),
            (lambda told: told["rounds"][0]["answers"][0].update(json_text="[]"), "no JSON object"),
            (lambda told: told["rounds"][0]["answers"][0]["findings"]["/total"].update(page=3), "found nowhere"),
            (lambda told: told["rounds"][0]["answers"][0]["findings"]["/total"].update(places=[99]), "is nowhere"),
            (lambda told: told.update(command="rm"), "not a trace"),
        ],
    )
    def test_what_cannot_have_been_written_is_said(
        self, path: Path, bill: tuple[Record, Trace], change: Callable[[Any], None], reason: str
    ) -> None:
        told = json.loads(bill[1].model_dump_json())
        change(told)
        path.write_bytes(gzip.compress(json.dumps(told).encode()))
        with pytest.raises(UsageError, match=reason):
            read_trace(path)

    @given(st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_value_changed_gives_a_record_or_an_error_of_ours(
        self, path: Path, bill: tuple[Record, Trace], data: st.DataObject
    ) -> None:
        record, trace = bill
        told: Any = json.loads(gzip.decompress(packed(trace)))
        inner = told
        while isinstance(inner, dict | list) and inner:
            keys = sorted(inner) if isinstance(inner, dict) else range(len(inner))
            key = data.draw(st.sampled_from(keys))
            outer, inner = inner, inner[key]
            if data.draw(st.integers(0, 3)) == 0:
                break
        outer[key] = data.draw(
            st.one_of(st.none(), st.integers(-2, 10**20), st.floats(), st.text(), st.just([]), st.just({}))
        )
        path.write_bytes(gzip.compress(json.dumps(told).encode("utf-8", "surrogatepass")))
        try:
            again = replay(record, read_trace(path)).record
        except IntaglioError:
            return
        assert Record.model_validate_json(again.model_dump_json())
