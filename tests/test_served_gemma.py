"""The served engine and a Gemma in process give the same answers: the tiny checkpoint behind a real HTTP server."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from model.engine import Ask, EngineSpec, PageView
from model.gemma.engine import GemmaEngine
from model.served.engine import ServedEngine
from schemas.contract import Contract
from schemas.page import Box
from schemas.record import Record
from tests.pages import page
from tests.papers import write_invoices
from tests.served_server import server_of

ROOT = Path(__file__).parent.parent
SCHEMA = {
    "title": "Bill",
    "type": "object",
    "properties": {
        "number": {"type": "string", "maxLength": 12},
        "total": {"type": "number", "minimum": 0, "maximum": 9999},
        "paid": {"type": "boolean"},
    },
}
BILL = Contract.from_json_schema(SCHEMA)
OTHER = Contract.from_json_schema(
    {"title": "Other", "type": "object", "properties": {"due": {"type": "string", "format": "date"}}}
)


@pytest.fixture(scope="module")
def url(tiny_checkpoint: Path) -> Iterator[str]:
    torch.set_num_threads(1)
    server = server_of(tiny_checkpoint)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def served(url: str) -> Iterator[ServedEngine]:
    engine = ServedEngine(EngineSpec("served", url=url, output_tokens=120))
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def in_process(tiny_checkpoint: Path) -> GemmaEngine:
    engine = GemmaEngine.of(EngineSpec("gemma", str(tiny_checkpoint), quantisation="none", output_tokens=120))
    engine.load()
    engine._answering.model.float()
    return engine


def seen(number: int, words: str) -> PageView:
    def image(long_side: int, region: Box) -> Image.Image:
        drawn = Image.new("RGB", (round(long_side * 612 / 792), long_side), "white")
        ImageDraw.Draw(drawn).rectangle((20, 20 + 30 * number, 90, 60 + 30 * number), fill="black")
        return drawn

    return PageView(page(words, number), image, visual_tokens=70)


def test_the_server_can_all_that_is_asked_of_it(served: ServedEngine) -> None:
    assert served.info.lacking == ()
    assert served.limits.held_to_schema and served.limits.sees_images
    assert served.limits.context_tokens == 262_144
    assert served.info.model == "tiny"


def test_answers_are_those_of_the_engine_in_process(served: ServedEngine, in_process: GemmaEngine) -> None:
    documents = [
        (seen(1, "Invoice   INV-1\nTotal     12.50"), seen(2, "Terms of payment")),
        (PageView(page("Invoice   INV-2")),),
        (seen(1, "One more"),),
    ]
    asks = [
        Ask(f"{number}-{contract.name}", contract, pages)
        for number, pages in enumerate(documents)
        for contract in (BILL, OTHER)
    ]
    ours = {answer.ask_id: answer for answer in in_process.answer(asks)}
    theirs = {answer.ask_id: answer for answer in served.answer(asks)}
    assert ours.keys() == theirs.keys()
    for name, answer in theirs.items():
        same = ours[name]
        assert (answer.finish, answer.json_text, answer.cut) == (same.finish, same.json_text, same.cut)
        assert answer.prompt_tokens == same.prompt_tokens
        assert answer.leaf_logprobs.keys() == same.leaf_logprobs.keys()
        for pointer, logprobs in answer.leaf_logprobs.items():
            assert logprobs == pytest.approx(same.leaf_logprobs[pointer], abs=1e-3)
    assert {answer.finish for answer in theirs.values()} <= {"stop", "length"}


def test_a_folder_becomes_records_from_the_command_line(tmp_path: Path, url: str) -> None:
    (tmp_path / "bill.json").write_text(json.dumps(SCHEMA))
    write_invoices(tmp_path / "docs", 3)
    command = ["ingest", tmp_path / "docs", "--schema", tmp_path / "bill.json", "--out", tmp_path / "out", "--direct"]
    served = ["--engine", "served", "--url", url, "--output-tokens", 120, "--workers", 1, "--quiet"]
    result = subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(str, command + served)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    records = [Record.model_validate_json(path.read_text()) for path in sorted((tmp_path / "out").glob("*.pdf.json"))]
    assert len(records) == 3
    for record in records:
        assert (record.engine.name, record.engine.model, record.engine.lacking) == ("served", "tiny", ())
        assert record.status in ("review", "accepted", "failed") and record.data is not None
        assert url not in record.model_dump_json()
