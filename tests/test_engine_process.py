"""One process has the engine, and many read: real processes, killed at will, and what comes out is the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from model.engine import Answer, Ask, EngineSpec, PageView
from model.registry import load_engine
from pipeline.confidence.trust import Trust
from pipeline.discover import Source
from pipeline.engine_client import Door, EngineClient
from pipeline.engine_process import EngineProcess
from pipeline.extract import extract
from pipeline.serving import Assignment, Outcome, contract_of
from pipeline.trace import Trace, without_address
from pipeline.trace_file import packed
from pipeline.worker import Worker
from pipeline.workers import Workers, how_many
from schemas.errors import AnswerError, EngineUnavailable, IntaglioError, PageFailure
from schemas.page import Box, PageText, Word
from tests.engines import note, notes
from tests.papers import write_invoices
from tests.test_crash import alive, wait_until
from tests.test_replay import timeless

ONCE = Trust(escalations=0)


def spec(name: str) -> EngineSpec:
    return EngineSpec("fake", f"tests.engines:{name}")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INTAGLIO_TEST_FOLDER", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def assignments(folder: Path, engine: EngineSpec, count: int, trust: Trust = ONCE) -> list[Assignment]:
    paths = map(str, write_invoices(folder / "docs", count))
    return [Assignment(Source(path, path, path), "invoice", engine, trust=trust) for path in paths]


def read(work: list[Assignment], workers: int = 2, seconds: float = 120, **options: Any) -> dict[str, Outcome]:
    """By the documents' names."""
    with Workers(workers, seconds, work[0].engine, **options) as pool:
        outcomes = {Path(outcome.assignment.source.path).stem: outcome for outcome in pool.read(work)}
    assert multiprocessing.active_children() == []
    return outcomes


@contextmanager
def engine_process(name: str, seconds: float = 120) -> Iterator[tuple[EngineProcess, list[IntaglioError]]]:
    """The process, watched as a pool watches it, and what was found wrong with it."""
    process, over, wrong = EngineProcess(spec(name), seconds), threading.Event(), list[IntaglioError]()

    def watch() -> None:
        while not over.is_set():
            multiprocessing.connection.wait(process.handles, 0.05)
            try:
                process.look()
            except IntaglioError as error:
                wrong.append(error)
                return

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield process, wrong
    finally:
        over.set()
        watching.join()
        process.end()


def client(process: EngineProcess, waits: Callable[[bool], None] = lambda waits: None) -> EngineClient:
    return EngineClient(Door(process.connected(), process.connected, waits), "invoice")


def ask(number: int, image: Any = None, words: int = 1) -> Ask:
    text = (Word(f"INV-{number}", Box(0.1, 0.1, 0.2, 0.12)),) * words
    return Ask("document", contract_of("invoice"), (PageView(PageText(1, 595, 842, text), image),))


def said(answers: Iterator[Answer]) -> list[str]:
    return [json.loads(answer.json_text)["invoice_number"] for answer in answers]


# many readers, one engine


def test_all_readers_ask_one_engine_which_is_loaded_once_and_each_hears_its_own_answers(folder: Path) -> None:
    outcomes = read(assignments(folder, spec("batches"), 8), workers=3)
    assert {name: outcome.record.data["invoice_number"] for name, outcome in outcomes.items()} == {
        f"{number:03}": f"INV-{number}" for number in range(8)
    }
    assert len(notes("loads")) == 1
    assert {json.loads(line)[0] for line in notes("batches")} == {int(notes("loads")[0])}


def test_records_and_traces_are_those_of_an_engine_in_the_same_process(folder: Path) -> None:
    """Pictures, a region that is zoomed into, thoughts, rounds of escalation: to the byte but for the seconds."""
    work = assignments(folder, spec("looking"), 3, Trust())
    outcomes = read(work, traces=True)
    for assignment in work:
        there = outcomes[Path(assignment.source.path).stem]
        record, trace = in_process(assignment, load_engine(assignment.engine))
        assert timeless(there.record) == timeless(record)
        assert there.trace == trace
        assert there.record.usage.escalations > 0 and there.record.thoughts


def test_gemma_in_another_process_gives_the_very_same_record(folder: Path, tiny_checkpoint: Path) -> None:
    import torch

    torch.set_num_threads(1)
    engine = EngineSpec("gemma", str(tiny_checkpoint), quantisation="none", output_tokens=200)
    [assignment] = assignments(folder, engine, 1)
    there = read([assignment], traces=True)["000"]
    record, trace = in_process(assignment, load_engine(engine))
    assert there.record.usage.output_tokens > 0
    assert timeless(there.record) == timeless(record)
    assert without_seconds(there.trace) == without_seconds(trace)


def in_process(assignment: Assignment, engine: Any) -> tuple[Any, bytes]:
    from dataclasses import asdict

    traces: list[Trace] = []
    path, contract = assignment.source.path, contract_of("invoice")
    record = extract(path, contract, engine, name=path, trust=assignment.trust, keep=traces.append)
    settings = without_address(asdict(assignment.engine))
    return record, b"".join(packed(trace.model_copy(update={"settings": settings})) for trace in traces)


def without_seconds(trace: bytes) -> Any:
    import gzip

    told = json.loads(gzip.decompress(trace))
    for answer in (answer for round_ in told["rounds"] for answer in round_["answers"]):
        answer.pop("mask_seconds")
    return told


# a document's time


def test_waiting_for_the_engine_is_not_a_documents_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("pipeline.worker.time.monotonic", lambda: clock[0])
    worker = object.__new__(Worker)
    worker.deadline = 110.0
    clock[0] = 104.0
    worker._pause(True)
    assert worker.waits
    clock[0] = 5000.0
    worker._pause(False)
    assert (worker.waits, worker.deadline) == (False, 5006.0)


def test_a_reader_says_when_it_waits_and_when_it_works() -> None:
    told: list[bool] = []
    with engine_process("looking") as (process, _):
        engine = client(process, told.append)
        _ = engine.limits
        told.clear()

        def image(long_side: int, region: Box) -> Any:
            from PIL import Image

            assert told[-1] is False
            return Image.new("RGB", (long_side, long_side))

        assert len(said(engine.answer([ask(1, image)]))) == 1
    assert told == [True, False, True, False, True, False]


# what goes wrong


def test_a_reader_that_is_killed_costs_its_document_and_no_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "1")
    work = assignments(folder, spec("batches"), 4)
    outcomes = []
    with Workers(2, 120, work[0].engine) as pool:
        for outcome in pool.read(work):
            outcomes.append(outcome)
            if len(outcomes) == 1:
                readers = [each for each in multiprocessing.active_children() if each.name == "intaglio-reader"]
                readers[0].kill()
    assert sorted(outcome.code for outcome in outcomes)[-1] == "reader-crashed"
    assert len(outcomes) == 4 and sum(outcome.code == "" for outcome in outcomes) == 3
    assert len(notes("loads")) == 1


def test_an_engine_that_dies_is_replaced_and_asked_again(folder: Path) -> None:
    note("once", "")
    outcomes = read(assignments(folder, spec("deadly"), 2))
    assert {outcome.record.data["invoice_number"] for outcome in outcomes.values()} == {"INV-0", "INV-1"}
    assert len(notes("loads")) == 2


def test_a_document_that_ends_the_engine_every_time_fails_and_no_other_does() -> None:
    with engine_process("deadly") as (process, wrong):
        failing, fine = client(process), client(process)
        answers: list[str] = []
        other = threading.Thread(target=lambda: answers.extend(said(fine.answer([ask(0)]))))
        other.start()
        with pytest.raises(AnswerError, match="ended with 7 while it answered about this document, 2 times") as caught:
            list(failing.answer([ask(1)]))
        other.join()
        assert caught.value.retryable
        assert answers == ["INV-0"]
        assert said(failing.answer([ask(4)])) == ["INV-4"]
        assert len(notes("loads")) in (3, 4) and not wrong  # one more where both had shared a batch first


def test_an_engine_that_hangs_is_ended_and_what_it_hung_on_fails() -> None:
    with engine_process("deadly", seconds=2) as (process, wrong):
        engine = client(process)
        with pytest.raises(AnswerError, match="silent for 2 seconds"):
            list(engine.answer([ask(2)]))
        assert said(engine.answer([ask(0)])) == ["INV-0"] and not wrong


def test_what_the_engine_cannot_answer_is_told_in_its_words() -> None:
    with engine_process("deadly") as (process, _):
        engine = client(process)
        with pytest.raises(AnswerError, match=r"^it is too dark\. Switch on the light\.$"):
            list(engine.answer([ask(3)]))
        assert said(engine.answer([ask(5)])) == ["INV-5"]
        assert len(notes("loads")) == 1


def test_a_page_that_cannot_be_rendered_fails_as_it_does_in_process() -> None:
    def torn(long_side: int, region: Box) -> Any:
        raise PageFailure("it cannot be rendered: torn.", document="a.pdf", page=1)

    with (
        engine_process("looking") as (process, _),
        pytest.raises(PageFailure, match=r"a\.pdf, page 1: it cannot be rendered: torn"),
    ):
        list(client(process).answer([ask(1, torn)]))


@pytest.mark.parametrize(("name", "told"), [("unloadable", "no room for it. Make room"), ("stillborn", "ended with 3")])
def test_an_engine_that_cannot_be_loaded_ends_the_run_and_says_so(folder: Path, name: str, told: str) -> None:
    with pytest.raises(EngineUnavailable, match=told):
        read(assignments(folder, spec(name), 1), workers=1)
    assert multiprocessing.active_children() == []


def asked_in_vain(engine: EngineClient) -> None:
    with suppress(AnswerError):
        list(engine.answer([ask(1)]))


def test_an_engine_that_ends_whatever_it_is_asked_ends_the_run() -> None:
    with engine_process("deadly") as (process, wrong):
        for _ in range(3):  # a reader whose engine never comes back waits until its pool ends it
            threading.Thread(target=asked_in_vain, args=(client(process),), daemon=True).start()
        wait_until(lambda: bool(wrong))
        assert "again and again, and answers nothing" in str(wrong[0])


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in /proc")
def test_no_process_outlives_a_run_that_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "60")
    write_invoices(folder / "docs", 3)
    run = subprocess.Popen([sys.executable, "-m", "tests.engines", folder / "docs", folder / "out"])
    wait_until(lambda: bool(notes("batches")))
    children = [int(child) for child in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]
    assert len(children) >= 3  # the engine's and two readers
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    wait_until(lambda: not any(map(alive, children)), 20)


def test_a_run_that_is_told_to_stop_ends_all_its_processes(folder: Path) -> None:
    stop, work = threading.Event(), assignments(folder, spec("batches"), 6)
    with Workers(2, 120, work[0].engine) as pool:
        for _ in pool.read(work, stop):
            stop.set()
    assert multiprocessing.active_children() == []
    assert len(list(folder.glob("batches"))) == 1


# what crosses


def test_what_an_ask_takes_is_counted_by_the_engine_only_where_it_may_not_fit() -> None:
    with engine_process("counting") as (process, _):
        engine = client(process)
        long = ask(1, words=3000)
        assert engine.count(long) == 100
        short = Ask("b", Ask("b", contract_of("answer"), ()).contract, ask(1).pages)
        assert notes("counts") == ["document"]
        assert engine.count(short) == 100 or notes("counts") == ["document"]
    with engine_process("batches") as (process, _):
        assert client(process).count(ask(1)) == 0  # of an engine without a bound


def test_pages_without_pictures_and_a_users_own_model_cross(folder: Path) -> None:
    with engine_process("batches") as (process, _):
        assert said(client(process).answer([ask(1)])) == ["INV-1"]


def test_the_engines_load_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "0.3")
    work = assignments(folder, spec("batches"), 4)
    with Workers(2, 120, work[0].engine) as pool:
        list(pool.read(work))
        load = pool.load
    assert load is not None and load.asks == 4 and load.batches == len(notes("batches"))
    assert load.busy == pytest.approx(0.3 * load.batches, abs=0.15 * load.batches) or load.busy > 0.3 * load.batches
    assert load.span >= load.busy


def test_a_heavy_engine_has_more_readers_than_cores_and_a_light_one_has_not() -> None:
    assert how_many(EngineSpec("embedded"), 1000) < how_many(spec("batches"), 1000)
    assert how_many(spec("batches"), 3) == 3
    assert how_many(spec("batches"), 1000, 1) == 1
