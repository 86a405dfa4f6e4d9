"""Field F1 of worse and worse pictures of the same pages, against the clean PDFs.

    python -m benchmarks.degraded [DIR] [--seed N] [--kinds a,b] [--most-pages N] [--workers N]
                                  [--keep DIR] [--errors N]

The PDFs with truth under DIR (the project's samples), none of more than `--most-pages`, are printed at 200 dpi and made
worse in each of the ways of `benchmarks.degrading`: rotated, skewed, faxed, photographed, pale, two pages to a scan,
stamped, at 100 dpi. The embedded engine reads each, and its field F1 (`intaglio evaluate`) is set against that of the
PDFs themselves, and against that of plain scans of them. Where a document has a single page, a page of general
conditions is added for `two-up`, in the clean copy too, against which alone that line is measured.

A table, then one last line of JSON: `f1` by kind, `clean` and `scan` the ratios to the two, `worst` of the first.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf

from benchmarks.accuracy import Result as Measured
from benchmarks.accuracy import all_cases, make_engine, worst
from benchmarks.degrading import DPI, WAYS, Picture
from pipeline.contents import page_contents
from pipeline.extract import extract
from pipeline.layer import text_layer
from pipeline.score import score
from pipeline.scoring.tally import Score, joined
from pipeline.serving import contract_of
from pipeline.truth import Case
from sample_docs.make.sample import pdf_bytes

SAMPLES = Path(__file__).parent.parent / "sample_docs"
CLEAN, TWO_CLEAN = "clean", "two-up, clean"
CONDITIONS = (
    "General conditions",
    "1. Our offers bind nobody until an order has been confirmed in writing.",
    "2. Goods stay our property until they have been paid for in full.",
    "3. Damage in transit is to be told to the carrier and to us at once.",
    "4. We are not liable for delays that neither side could have foreseen.",
    "5. What was made to measure is not taken back.",
    "6. A clause that proves void leaves the others as they are.",
    "7. The courts at our seat are competent, as far as the law allows it.",
) * 3


@dataclass(frozen=True, slots=True)
class Reading:
    """cpu: seconds, from bytes to record."""

    measured: Measured
    cpu: float


@dataclass(frozen=True)
class Kind:
    """What was read of all documents of a kind."""

    name: str
    readings: Sequence[Reading]

    @cached_property
    def scored(self) -> Score:
        return joined(each.measured.score for each in self.readings)

    @property
    def f1(self) -> float:
        return self.scored.total.f1()

    @property
    def pages(self) -> int:
        return sum(each.measured.pages for each in self.readings)

    @property
    def cpu(self) -> float:
        """Seconds a page."""
        return sum(each.cpu for each in self.readings) / max(1, self.pages)


def documents(folder: Path, most_pages: int) -> Iterator[Case]:
    for case in all_cases(folder, None):
        if case.path.suffix == ".pdf" and not case.fails:
            with pymupdf.open(case.path) as document:
                sound = all(text_layer(page, page_contents(page)).verdict == "sound" for page in document)
                if document.page_count <= most_pages and sound:
                    yield case


def made(case: Case, kind: str, seed: int) -> bytes:
    """The case's document in one kind: the same bytes for the same seed."""
    if kind == CLEAN:
        return case.path.read_bytes()
    with pymupdf.open(case.path) as document:
        if kind in (TWO_CLEAN, "two-up") and document.page_count == 1:
            _add_conditions(document)
        if kind == TWO_CLEAN:
            return pdf_bytes(document)
        chance = np.random.default_rng([seed, zlib.crc32(f"{kind} {case.path.name}".encode())])
        return WAYS[kind]([picture(page) for page in document], chance)


def picture(page: pymupdf.Page, dpi: int = DPI) -> Picture:
    pixels = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csRGB)
    return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3).copy()


def _add_conditions(document: pymupdf.Document) -> None:
    size = document[0].rect
    page = document.new_page(width=size.width, height=size.height)
    for row, line in enumerate(CONDITIONS):
        page.insert_text((62, 70 + 22 * row), line, fontsize=10)


def read(case: Case, kind: str, seed: int, keep: Path | None) -> Reading:
    content, contract = made(case, kind, seed), contract_of(case.schema)
    if keep:
        suffix = ".tiff" if kind.startswith("fax") else ".pdf"
        path = keep / kind.replace(" ", "-") / f"{case.path.stem}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    begun, cpu = time.perf_counter(), time.process_time()
    record = extract(content, contract, make_engine("embedded"), name=case.path.name)
    spent, seconds = time.process_time() - cpu, time.perf_counter() - begun
    scored = score(case.truth, record, contract)
    failure = record.issues[0].code if record.status == "failed" else None
    return Reading(Measured(case, scored, seconds, len(record.document.pages), failure), spent)


def read_all(cases: Sequence[Case], kind: str, seed: int, keep: Path | None, workers: int) -> Iterator[Reading]:
    """In the order of the cases."""
    if workers == 1:
        yield from (read(case, kind, seed, keep) for case in cases)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(partial(read, kind=kind, seed=seed, keep=keep), cases)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.degraded", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path, nargs="?", default=SAMPLES, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", help=f"of {', '.join(WAYS)}; all, if not given")
    parser.add_argument("--most-pages", type=int, default=4, metavar="N", help="of a document that is taken")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep what was made")
    parser.add_argument("--errors", type=int, default=0, metavar="N", help="print N values of each kind, not right")
    options = parser.parse_args(arguments)
    cases = list(documents(options.folder, options.most_pages))
    chosen = options.kinds.split(",") if options.kinds else list(WAYS)
    kinds = [CLEAN, *(["scan"] if "scan" not in chosen else []), *chosen]
    if "two-up" in kinds:
        kinds.insert(kinds.index("two-up"), TWO_CLEAN)
    begun = time.perf_counter()
    by_kind: dict[str, Kind] = {}
    print(f"{'kind':16}{'pages':>6}{'F1':>8}{'exact':>8}{'/ clean':>9}{'/ scan':>8}{'accepted':>10}{'CPU s/page':>12}")
    for kind in kinds:
        by_kind[kind] = Kind(kind, list(read_all(cases, kind, options.seed, options.keep, options.workers)))
        report(by_kind[kind], by_kind, options.errors)
    print(json.dumps(figures(by_kind, len(cases), time.perf_counter() - begun), ensure_ascii=False))
    return 0


def report(kind: Kind, by_kind: Mapping[str, Kind], errors: int) -> None:
    """A line, and of values that are not right as many."""
    counts, scan = kind.scored.total, by_kind.get("scan", kind)
    accepted = f"{counts.accepted_precision:.3f}" if counts.accepted else "-"
    print(
        f"{kind.name:16}{kind.pages:6}{kind.f1:8.3f}{counts.f1(exact=True):8.3f}"
        f"{kind.f1 / by_kind[against(kind.name)].f1:9.3f}{kind.f1 / scan.f1:8.3f}{accepted:>10}{kind.cpu:12.2f}",
        flush=True,
    )
    for line in worst([each.measured for each in kind.readings], errors):
        print("   ", line)


def figures(by_kind: Mapping[str, Kind], documents: int, seconds: float) -> dict[str, Any]:
    """What is reported as JSON. worst: the least ratio to the clean PDFs."""
    f1 = {name: kind.f1 for name, kind in by_kind.items()}
    made_worse = [name for name in f1 if name not in (CLEAN, TWO_CLEAN)]
    clean = {name: round(f1[name] / f1[against(name)], 4) for name in made_worse}
    return {
        "documents": documents,
        "f1": {name: round(value, 4) for name, value in f1.items()},
        "clean": clean,
        "scan": {name: round(f1[name] / f1["scan"], 4) for name in made_worse},
        "worst": min(clean.values()),
        "cpu_s_per_page": {name: round(kind.cpu, 2) for name, kind in by_kind.items()},
        "seconds": round(seconds),
    }


def against(kind: str) -> str:
    return TWO_CLEAN if kind == "two-up" else CLEAN


if __name__ == "__main__":
    raise SystemExit(main())
