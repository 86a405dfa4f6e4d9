"""Field F1 of worse and worse pictures of the same pages, against the clean PDFs.

    python -m benchmarks.degraded [DIR] [--seed N] [--kinds a,b] [--most-pages N] [--workers N]
                                  [--keep DIR] [--errors N]

The PDFs with truth under DIR (the project's samples), none of more than `--most-pages`, are printed at 200 dpi and made
worse in each of the ways of `benchmarks.degrading`: rotated, skewed, faxed, photographed, pale, two pages to a scan,
stamped, at 100 dpi. The embedded engine reads each, and its field F1 (`intaglio evaluate`) is set against that of the
PDFs themselves, and against that of plain scans of them. Where a document has a single page, a page of general
conditions is added for `two-up`, in the clean copy too, against which alone that line is measured.

A table, then one last line of JSON: `f1` by kind, `clean` and `scan` the ratios to the two, `cpu_s_per_page`.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

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
    kind: str
    measured: Measured
    cpu: float


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
        name = keep / kind.replace(" ", "-") / case.path.with_suffix("" if "fax" not in kind else ".tiff").name
        name.parent.mkdir(parents=True, exist_ok=True)
        name.with_suffix(".tiff" if "fax" in kind else ".pdf").write_bytes(content)
    begun, cpu = time.perf_counter(), time.process_time()
    record = extract(content, contract, make_engine("embedded"), name=case.path.name)
    spent, seconds = time.process_time() - cpu, time.perf_counter() - begun
    scored = score(case.truth, record, contract)
    failure = record.issues[0].code if record.status == "failed" else None
    return Reading(kind, Measured(case, scored, seconds, len(record.document.pages), failure), spent)


def read_all(work: Sequence[tuple[Case, str]], seed: int, keep: Path | None, workers: int) -> Iterator[Reading]:
    """In the order of the work."""
    if workers == 1:
        yield from (read(case, kind, seed, keep) for case, kind in work)
        return
    with ProcessPoolExecutor(workers) as pool:
        cases, kinds = zip(*work, strict=True)
        yield from pool.map(read, cases, kinds, [seed] * len(work), [keep] * len(work))


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
    work = [(case, kind) for kind in kinds for case in cases]
    readings = list(read_all(work, options.seed, options.keep, options.workers))
    by_kind = {kind: [each for each in readings if each.kind == kind] for kind in kinds}
    report(by_kind, options.errors)
    return 0


def report(by_kind: dict[str, list[Reading]], errors: int) -> None:
    scores = {kind: joined(each.measured.score for each in found) for kind, found in by_kind.items()}
    f1 = {kind: scored.total.f1() for kind, scored in scores.items()}
    print(f"{'kind':16}{'pages':>6}{'F1':>8}{'exact':>8}{'/ clean':>9}{'/ scan':>8}{'accepted':>10}{'CPU s/page':>12}")
    cpu: dict[str, float] = {}
    for kind, found in by_kind.items():
        pages = sum(each.measured.pages for each in found)
        cpu[kind] = sum(each.cpu for each in found) / max(1, pages)
        print(
            f"{kind:16}{pages:6}{f1[kind]:8.3f}{scores[kind].total.f1(exact=True):8.3f}"
            f"{f1[kind] / f1[against(kind)]:9.3f}{f1[kind] / f1['scan']:8.3f}"
            f"{_accepted(scores[kind]):>10}{cpu[kind]:12.2f}"
        )
        for line in worst([each.measured for each in found], errors):
            print("   ", line)
    made_worse = [kind for kind in f1 if kind not in (CLEAN, TWO_CLEAN)]
    figures = {
        "documents": len(by_kind[CLEAN]),
        "f1": {kind: round(value, 4) for kind, value in f1.items()},
        "clean": {kind: round(f1[kind] / f1[against(kind)], 4) for kind in made_worse},
        "scan": {kind: round(f1[kind] / f1["scan"], 4) for kind in made_worse},
        "worst": round(min(f1[kind] / f1[against(kind)] for kind in made_worse), 4),
        "cpu_s_per_page": {kind: round(value, 2) for kind, value in cpu.items()},
    }
    print(json.dumps(figures, ensure_ascii=False))


def against(kind: str) -> str:
    return TWO_CLEAN if kind == "two-up" else CLEAN


def _accepted(scored: Score) -> str:
    """The share of accepted values that is right."""
    return f"{scored.total.accepted_precision:.3f}" if scored.total.accepted else "-"


if __name__ == "__main__":
    raise SystemExit(main())
