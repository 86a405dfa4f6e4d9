"""How busy a heavy engine is kept while documents are read, rendered, asked about and written.

    python -m benchmarks.busy [--documents N] [--scans N] [--batch SECONDS] [--workers N]

A folder of one-page invoices is made; one in `--scans` of them is a scan that OCR has to read. A whole batch of them is
run with an engine that takes `--batch` seconds for whatever it is asked at once, and sleeps meanwhile, as a processor
does while a graphics card works. It says that a document has nothing, so that its table is asked for once more. So that
readers can keep up, a document must cost less processor time than `--batch` seconds on all free cores: what it costs is
printed.

    engine_busy          seconds at batches over seconds from the begin of the first to the end of the last
    gap_ms_median        between two batches, as the engine itself notes it; the mean is what `engine_busy` is made of
    one_after_another    the same where one process reads, asks and goes on to the next document, on the same documents
    documents_a_second   of the batch, over the same span
    cpu_seconds_text, cpu_seconds_scan   processor time to read and judge one document, the engine left out
    load_before          processes that wanted a core in the last minute before, by the system's own count

A table, then one last line of JSON. On a machine that others use too, both shares are lower than they could be.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

import pymupdf

from model.engine import Answer, Ask, EngineSpec, Limits
from model.fake import FakeEngine
from pipeline.batch import open_batch
from pipeline.confidence.trust import Trust
from pipeline.extract import extract
from pipeline.job import Job
from pipeline.processes import cores
from schemas.registry import load_contract

ONCE = Trust(escalations=0)  # what is doubtful is not asked for again, only what is missing
SCAN_DPI = 110
SECONDS, NOTES = "INTAGLIO_BUSY_SECONDS", "INTAGLIO_BUSY_NOTES"


class Sleeping(FakeEngine):
    """Takes as long for one ask as for many. spans: begin and end of each batch, also written to `notes`."""

    def __init__(self, seconds: float, notes: Path | None = None) -> None:
        super().__init__(limits=Limits(sees_images=True, understands=True, processes=1))
        self.batch_seconds, self.notes = seconds, notes
        self.spans: list[tuple[float, float]] = []

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        batch, begun = list(asks), time.monotonic()
        time.sleep(self.batch_seconds)
        self.spans.append((begun, time.monotonic()))
        if self.notes is not None:
            with self.notes.open("a") as file:
                file.write(f"{begun} {self.spans[-1][1]}\n")
        yield from super().answer(batch)


def engine(spec: EngineSpec) -> Sleeping:
    """What `EngineSpec("fake", "benchmarks.busy:engine")` makes, in whichever process."""
    return Sleeping(float(os.environ[SECONDS]), Path(os.environ[NOTES]))


def write_documents(folder: Path, count: int, scans: int) -> list[Path]:
    """Invoices, each of other content; every `scans`-th a picture in a PDF."""
    folder.mkdir(parents=True)
    paths = []
    for number in range(count):
        kind = "scan" if number % scans == scans - 1 else "text"
        path = folder / f"{number:04}-{kind}.pdf"
        pdf = _invoice(number)
        if kind == "scan":
            pdf = _scanned(pdf)
        pdf.save(path)
        pdf.close()
        paths.append(path)
    return paths


def _invoice(number: int) -> pymupdf.Document:
    pdf = pymupdf.open()
    page = pdf.new_page()
    lines = [f"Invoice number: INV-{number}", "Invoice date: 2026-01-02", "", "Item          Quantity     Amount"]
    lines += [f"Part {number}-{row}          {row + 1}     {7.5 * (row + 1):.2f}" for row in range(8)]
    lines += ["", f"Total: {270 + number}.00 EUR"]
    for line, text in enumerate(lines):
        page.insert_text((72, 72 + 20 * line), text, fontsize=11)
    return pdf


def _scanned(pdf: pymupdf.Document) -> pymupdf.Document:
    picture = pdf[0].get_pixmap(dpi=SCAN_DPI)
    scan = pymupdf.open()
    page = scan.new_page()
    page.insert_image(page.rect, pixmap=picture)
    return scan


def one_after_another(paths: Sequence[Path], seconds: float) -> float:
    """The busy share of an engine in the process that does all the rest."""
    sleeping, contract = Sleeping(seconds), load_contract("invoice")
    for path in paths:
        extract(path, contract, sleeping, trust=ONCE)
    busy = sum(end - begin for begin, end in sleeping.spans)
    return busy / (sleeping.spans[-1][1] - sleeping.spans[0][0])


def cpu_seconds(paths: Sequence[Path]) -> float:
    """Of one document, on average, the engine left out; libraries and models are loaded already."""
    contract, sleeping = load_contract("invoice"), Sleeping(0.0)
    begun = time.process_time()
    for path in paths:
        extract(path, contract, sleeping, trust=ONCE)
    return (time.process_time() - begun) / len(paths)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--scans", type=int, default=50, help="one in so many is a scan")
    parser.add_argument("--batch", type=float, default=0.2, help="seconds of a batch")
    parser.add_argument("--workers", type=int, default=4, help="readers; more make batches larger, not more of them")
    options = parser.parse_args(arguments)
    load_before = os.getloadavg()[0]
    os.environ[SECONDS] = str(options.batch)
    with tempfile.TemporaryDirectory(prefix="intaglio-busy-") as name:
        folder = Path(name)
        paths = write_documents(folder / "docs", options.documents, options.scans)
        texts = [path for path in paths if "text" in path.name]
        scans = [path for path in paths if "scan" in path.name]
        cpu_seconds([texts[0], *scans[:1]])  # loads what is loaded once
        costs = cpu_seconds(texts[:20]), cpu_seconds(scans[:5]) if scans else 0.0
        baseline = one_after_another(paths[: options.scans], options.batch)
        os.environ[NOTES] = str(folder / "notes")
        spec = EngineSpec("fake", "benchmarks.busy:engine")
        places, out = (str(folder / "docs"),), folder / "out"
        job = Job(places, ("invoice",), out, engine=spec, workers=options.workers, trust=ONCE)
        with open_batch(job) as batch:
            for _ in batch.read():
                pass
            load = batch.engine_load
        spans = [tuple(map(float, line.split())) for line in (folder / "notes").read_text().splitlines()]
    if load is None or load.asks < options.documents:
        raise SystemExit(f"not every document was asked about: {load}")
    figures = {
        "engine_busy": load.share,
        "gap_ms_median": 1000 * median(after[0] - before[1] for before, after in pairwise(spans)),
        "one_after_another": baseline,
        "documents": options.documents,
        "asks": load.asks,
        "batches": load.batches,
        "span_seconds": load.span,
        "documents_a_second": options.documents / load.span,
        "cpu_seconds_text": costs[0],
        "cpu_seconds_scan": costs[1],
        "cores": cores(),
        "load_before": load_before,
    }
    for figure, value in figures.items():
        print(f"{figure:20} {value:12.4f}")
    print(json.dumps({figure: round(value, 4) for figure, value in figures.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
