"""Documents that were made to hurt, through a real batch: a record or a typed failure, within limits, none leaked."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from benchmarks.fuzz_seeds import SEEDS, mutated
from model.engine import EMBEDDED
from pipeline import worker
from pipeline.batch import run_batch
from pipeline.confinement import Cell
from pipeline.discover import discover, file_source
from pipeline.document import open_document
from pipeline.job import Job
from pipeline.limits import DocumentLimits
from pipeline.ocr.reader import OcrPage
from pipeline.read import read_pages
from pipeline.serving import Assignment, Outcome
from pipeline.workers import Workers
from schemas.errors import DocumentError, OutputUnwritable
from tests import hostile
from tests.hostile import HOSTILE, NAMES
from tests.papers import write_invoice

MEMORY = 640 << 20
SECONDS = 600.0  # on the wall: a busy machine is no fault of the code
PROCESSOR_SECONDS = 8.0  # what ends a document here
CODES = {
    "damaged-document",
    "document-timeout",
    "document-too-large",
    "empty-document",
    "reader-crashed",
    "unsupported-document",
}
# What must fail, and how; the others may fail, or give a record that is not accepted for nothing.
FAILS = {
    "empty.pdf": "empty-document",
    "one-byte.pdf": "unsupported-document",
    "only-a-header.pdf": "damaged-document",
    "cyclic-pages.pdf": "damaged-document",
    "count-that-lies.pdf": "damaged-document",
    "no-xref.pdf": "damaged-document",
    "many-pages.pdf": "document-too-large",
    "png-bomb.png": "document-too-large",
    "png-at-the-limit.png": "document-too-large",
    "tiff-bomb.tif": "document-too-large",
    "gif-bomb.gif": "document-too-large",
    "bmp-bomb.bmp": "document-too-large",
    "png-cut-off.png": "damaged-document",
    "forms-of-forms.pdf": "document-timeout",
}
SOUND = {"wrong-extension.png", "embedded.pdf"}  # ordinary invoices, but for their name and what is attached


@dataclass
class Peaks:
    """The most that any reader had in memory, in bytes of its own data."""

    data: int = 0

    def look(self) -> None:
        for child in multiprocessing.active_children():
            try:
                lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
            except OSError:
                continue
            sizes = [int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon")]
            self.data = max(self.data, *sizes, 0)


@contextmanager
def watched() -> Iterator[Peaks]:
    peaks, over = Peaks(), threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            peaks.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()


def read(paths: list[Path], count: int = 2) -> list[Outcome]:
    assignments = [Assignment(file_source(str(path), path.name), "invoice", EMBEDDED) for path in paths]
    with Workers(count, SECONDS, EMBEDDED, limits=DocumentLimits(memory=MEMORY)) as pool:
        return list(pool.read(assignments))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at memory in /proc")
def test_every_hostile_document_gives_a_record_or_a_typed_failure_and_takes_no_more_than_its_limits(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "Cell", lambda *told, cpu_seconds: Cell(*told, cpu_seconds=PROCESSOR_SECONDS))
    hostile.write(tmp_path / "docs")
    write_invoice(tmp_path / "docs" / "zz-sound.pdf")
    job = Job(
        (str(tmp_path / "docs"),), ("invoice",), tmp_path / "out", workers=2, seconds=SECONDS,
        limits=DocumentLimits(memory=MEMORY),
    )  # fmt: skip
    with watched() as peaks:
        summary = run_batch(job)
    records = {
        Path(record["document"]["uri"]).name: record for record in map(json.loads, job.jsonl.read_text().splitlines())
    }
    assert records.keys() == {*HOSTILE, "zz-sound.pdf"} and not summary.interrupted
    for name, record in records.items():
        failed = record["status"] == "failed"
        code = record["issues"][0]["code"] if failed else None
        assert not failed or (code in CODES and record["issues"][0]["message"].startswith(record["document"]["uri"]))
        assert name not in FAILS or code == FAILS[name], (name, code)
        assert (record["status"] == "accepted") <= (name in SOUND | {"zz-sound.pdf"}), name
        assert "unexpectedly" not in str(record["issues"]), record["issues"]
        assert "0x" not in str(record["issues"]), record["issues"]
    assert {name: records[name]["status"] for name in SOUND} == dict.fromkeys(SOUND, "accepted")
    assert "--max-pages" in records["many-pages.pdf"]["issues"][0]["message"]
    assert "60000 × 60000 pixels" in str(records["picture-bomb.pdf"]["issues"])
    assert "640 MiB" in records["png-at-the-limit.png"]["issues"][0]["message"]
    assert peaks.data < MEMORY * 1.1
    assert multiprocessing.active_children() == []
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_a_document_over_its_processor_time_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the clock on the wall says, as when the parent is stopped."""
    hostile.write(tmp_path, ("forms-of-forms.pdf",))
    paths = [tmp_path / "forms-of-forms.pdf", write_invoice(tmp_path / "sound.pdf")]
    monkeypatch.setattr(worker, "Cell", lambda *told, cpu_seconds: Cell(*told, cpu_seconds=3.0))
    slow, sound = read(paths, count=1)
    assert slow.code == "document-timeout" and "of a processor's time" in slow.record.issues[0].message
    assert sound.record.status == "accepted"


@pytest.mark.parametrize("kind", sorted(SEEDS))
def test_bent_documents_of_every_kind_fail_with_a_type_or_give_a_record(kind: str, tmp_path: Path) -> None:
    """A few of those of `benchmarks.fuzz`, which does thousands."""
    for number in range(40):
        content = mutated(kind, Random(f"test:{kind}:{number}"))
        try:
            with open_document(content, name="bent") as document:
                if document.pdf is not None:
                    assert all(page.words or page.failure or page.reason for page in read_pages(document, _NoOcr()))
        except DocumentError as error:
            assert error.message and error.remedy


class _NoOcr:
    """Sees nothing: what is tried are openers, and OCR is slow."""

    def read(self, pixels: object) -> OcrPage:
        return OcrPage((), 0, 0.0, 1, 1)


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A folder of sound invoices under names that a stranger chose."""
    docs = tmp_path / "docs"
    for number, name in enumerate(NAMES):
        content = write_invoice(tmp_path / "made.pdf", f"INV-{number}").read_bytes()
        docs.mkdir(exist_ok=True)
        (docs / name).write_bytes(content)
    write_invoice(docs / "b.pdf", "INV-98")
    return docs


def test_whatever_documents_are_called_their_records_lie_in_the_output_folder_each_its_own(
    named: Path, tmp_path: Path
) -> None:
    write_invoice(named / ("deep" * 20) / "a.pdf", "INV-99")
    (named / "b.pdf").rename(os.fsdecode(os.fsencode(named) + b"/\xff\xfe.pdf"))
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "out")}
    job = Job((str(named),), ("invoice",), tmp_path / "out", workers=1)
    run_batch(job)
    after = {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "out")}
    assert after == before
    files = [path for path in job.out.rglob("*.json") if ".intaglio" not in path.relative_to(job.out).parts]
    numbers = sorted(json.loads(path.read_text())["data"]["invoice_number"] for path in files)
    assert len(numbers) == len(set(numbers)) == len(NAMES) + 2
    folded = [path.relative_to(job.out).as_posix().casefold() for path in files]
    assert len(set(folded)) == len(folded)
    assert all(name.isprintable() and ".." not in name.split("/") for name in folded)


def test_links_in_the_output_folder_are_not_followed_out_of_it(tmp_path: Path) -> None:
    """Someone who may write there must not have us write elsewhere."""
    write_invoice(tmp_path / "docs" / "a" / "one.pdf")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "one.pdf.json").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(outside, target_is_directory=True)
    job = Job((str(tmp_path / "docs"),), ("invoice",), tmp_path / "out", workers=1)
    with pytest.raises(OutputUnwritable, match="link"):
        run_batch(job)
    assert (outside / "one.pdf.json").read_text() == "precious" and len(list(outside.iterdir())) == 1
    assert not list(outside.glob(".*"))


def test_links_at_a_record_s_own_place_are_replaced_and_not_followed(tmp_path: Path) -> None:
    write_invoice(tmp_path / "docs" / "one.pdf")
    (tmp_path / "out").mkdir()
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for name in ("one.pdf.json", ".one.pdf.json.partial", "records.jsonl"):
        (tmp_path / "out" / name).symlink_to(precious)
    run_batch(Job((str(tmp_path / "docs"),), ("invoice",), tmp_path / "out", workers=1))
    assert precious.read_text() == "precious"
    assert not (tmp_path / "out" / "one.pdf.json").is_symlink()
    assert json.loads((tmp_path / "out" / "one.pdf.json").read_text())["data"]["invoice_number"] == "INV-1"


def test_loops_and_links_in_the_source_folder_end_and_keep_their_names(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write_invoice(docs / "a.pdf")
    (docs / "loop").symlink_to(docs, target_is_directory=True)
    (docs / "self.pdf").symlink_to(docs / "self.pdf")
    (docs / "away.pdf").symlink_to("/etc/passwd")
    sources = discover([str(docs)])
    assert [source.name for source in sources] == ["a.pdf", "away.pdf", "self.pdf"]
    outcomes = {outcome.assignment.source.name: outcome for outcome in read([Path(source.path) for source in sources])}
    assert outcomes["away.pdf"].code == "unsupported-document"
    assert outcomes["self.pdf"].code == "document-error"
