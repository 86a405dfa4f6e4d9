"""Field-level accuracy on a folder of documents with their truth beside them.

    python -m benchmarks.accuracy DIR [--schema S] [--engine embedded] [--fields a,b] [--words DIR] [--errors N]
                                      [--workers N]

The figures are those of `intaglio evaluate` (`docs/evaluation.md`), from documents as `pipeline.truth` finds them. This
program is for work on the embedded engine: it can look at some fields alone, it runs in one process that a profiler can
follow, and with `--words DIR` it keeps what was read on each page, under the document's sha256, so that the next run
costs no OCR; times are then not to be reported. The last line is one JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.engine import Engine, PageView
from pipeline.document import open_document
from pipeline.extract import extract_pages, failed_record
from pipeline.read import read_pages
from pipeline.score import score
from pipeline.scoring.figures import figures as figures_of
from pipeline.scoring.tally import Counts, Score, joined
from pipeline.serving import contract_of
from pipeline.truth import Case, find_cases
from schemas.errors import IntaglioError, UsageError
from schemas.page import PageText
from schemas.record import DocumentInfo, Record


@dataclass(frozen=True, slots=True)
class Result:
    """failed_well: for a case that must fail, whether it did so with the right code. seconds: from bytes to record."""

    case: Case
    score: Score
    seconds: float
    pages: int
    failure: str | None
    failed_well: bool | None = None


def all_cases(folder: Path, schema: str | None) -> tuple[Case, ...]:
    """Every document under the folder that has a truth. Raises UsageError for a truth that cannot be used."""
    found = find_cases(folder, [schema] if schema else [])
    for trouble in found.troubles:
        raise UsageError(trouble.reason)
    return found.cases


def make_engine(name: str) -> Engine:
    if name == "embedded":
        from model.embedded.engine import EmbeddedEngine

        return EmbeddedEngine()
    raise UsageError(f"there is no engine {name!r} to measure.", remedy="Use embedded.")


def measure(case: Case, engine_name: str, words: Path | None) -> Result:
    """The score of one document. A document that cannot be read, and is not meant to fail, misses everything."""
    contract = contract_of(case.schema)
    begun = time.perf_counter()
    record = read_record(case, engine_name, words)
    seconds = time.perf_counter() - begun
    failure = record.issues[0].code if record.status == "failed" else None
    result = Result(case, Score(), seconds, len(record.document.pages), failure)
    if case.fails:
        return replace(result, failed_well=failure == case.fails)
    return replace(result, score=score(case.truth, record, contract, case.evidence))


def read_record(case: Case, engine_name: str, words: Path | None) -> Record:
    """The record of a case's document. words: a folder that keeps what was read."""
    path, contract, engine = case.path, contract_of(case.schema), make_engine(engine_name)
    info = DocumentInfo(uri=str(path), sha256="", media_type="", bytes=0)
    try:
        info, pages = _read(path, words)
        return extract_pages(info, [PageView(page) for page in pages], contract, engine)
    except IntaglioError as error:
        return failed_record(info, error, contract, engine)


def _read(path: Path, words: Path | None) -> tuple[DocumentInfo, list[PageText]]:
    """The document's pages, from the folder `words` if they are there."""
    kept = words / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.pickle" if words else None
    if kept and kept.is_file():
        info, pages = pickle.loads(kept.read_bytes())
        return info, pages
    with open_document(path) as document:
        info = DocumentInfo(uri=str(path), sha256=document.sha256, media_type=document.media_type, bytes=document.size)
        pages = list(read_pages(document))
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps((info, pages)))
    return info, pages


def measure_all(cases: Sequence[Case], engine: str, words: Path | None, workers: int) -> Iterator[Result]:
    """Results in the order of the cases."""
    if workers == 1:
        yield from (measure(case, engine, words) for case in cases)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(measure, cases, [engine] * len(cases), [words] * len(cases))


def only(scored: Score, names: frozenset[str]) -> Score:
    """The score of some fields: by template, or by the field's own name wherever it is."""

    def wanted(template: str) -> bool:
        return template in names or template.removesuffix("/*").rsplit("/", 1)[-1] in names

    return replace(scored, outcomes=tuple(outcome for outcome in scored.outcomes if wanted(outcome.template)))


def table(scored: Score) -> str:
    """A line for each field, each list's rows, and all together."""
    lines = [
        f"{'field':44}{'right':>6}{'wrong':>6}{'missd':>6}{'invtd':>6}"
        f"{'P':>7}{'R':>7}{'F1':>7}{'F1 exact':>10}{'accepted':>10}{'coverage':>10}"
    ]
    lines += [_line(name, counts) for name, counts in scored.fields.items()]
    lines += [_line("all leaves", scored.total)]
    lines += [_line(f"rows {name}", counts, leaves=False) for name, counts in scored.row_lists.items()]
    return "\n".join(lines)


def _line(name: str, counts: Counts, leaves: bool = True) -> str:
    verdicts = "".join(f"{n:6}" for n in (counts.right, counts.wrong, counts.missed, counts.invented))
    shares = _share(counts.precision(), counts.found) + _share(counts.recall(), counts.labelled)
    shares += f"{counts.f1():7.3f}"
    if leaves:
        shares += f"{counts.f1(exact=True):10.3f}"
        shares += _share(counts.accepted_precision, counts.accepted, 10) + _share(counts.coverage, counts.labelled, 10)
    return f"{name if len(name) <= 44 else '…' + name[-43:]:44}{verdicts}{shares}"


def _share(value: float, whole: int, width: int = 7) -> str:
    """A dash for a share of nothing."""
    return f"{value:{width}.3f}" if whole else f"{'-':>{width}}"


def figures(results: Sequence[Result], scored: Score) -> dict[str, Any]:
    """What is reported as JSON; shares are rounded to four digits, shares of nothing are left out."""
    total, rows, grounding, trust = scored.total, scored.rows, scored.grounding, figures_of(scored)
    shares = {
        "precision": total.precision(),
        "recall": total.recall(),
        "f1": total.f1(),
        "f1_exact": total.f1(exact=True),
        "mean_f1": scored.mean_f1(),
        "mean_f1_exact": scored.mean_f1(exact=True),
        **({"accepted_precision": total.accepted_precision} if total.accepted else {}),
        "coverage": total.coverage,
        **({"coverage_at_99": trust.coverage_at_target} if trust.coverage_at_target is not None else {}),
        **({"yield_at_99": trust.yield_at_target} if trust.yield_at_target is not None else {}),
        **({"ece": trust.ece} if trust.ece is not None else {}),
        **({"anls": trust.anls} if trust.anls is not None else {}),
        **({"row_f1": rows.f1()} if scored.row_outcomes else {}),
        **({"word_f1": grounding.word_f1, "page_f1": grounding.page_f1} if grounding.located else {}),
    }
    expected = [result.failed_well for result in results if result.failed_well is not None]
    return {
        "documents": len(results),
        "pages": sum(result.pages for result in results),
        "leaves": total.labelled,
        "accepted": total.accepted,
        **{name: round(share, 4) for name, share in shares.items()},
        "fields": {name: round(counts.f1(), 4) for name, counts in scored.fields.items()},
        "fields_exact": {name: round(counts.f1(exact=True), 4) for name, counts in scored.fields.items()},
        "rows": {name: round(counts.f1(), 4) for name, counts in scored.row_lists.items()},
        "outside_schema": scored.outside,
        "failed": sum(result.failure is not None and result.failed_well is None for result in results),
        "must_fail": len(expected),
        "failed_well": sum(expected),
        "seconds": round(sum(result.seconds for result in results), 2),
    }


def worst(results: Sequence[Result], limit: int) -> Iterator[str]:
    """The first outcomes that are not right: accepted ones before the others, for they are the broken promises."""
    faults = [
        (result.case.path.name, outcome)
        for result in results
        for outcome in result.score.outcomes
        if outcome.verdict != "right"
    ]
    faults.sort(key=lambda fault: fault[1].status != "accepted")
    for name, outcome in faults[:limit]:
        pointer = outcome.truth_pointer or outcome.found_pointer
        yield (
            f"{name:28} {outcome.verdict:8} {pointer}: expected {_short(outcome.expected)}, "
            f"got {_short(outcome.got)} ({outcome.status or 'absent'})"
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.accuracy", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--schema", help="a schema's name, module:Model, or file, in place of the truth's own")
    parser.add_argument("--engine", default="embedded")
    parser.add_argument("--fields", default="", help="score these alone: names or /lines/*/amount, by comma")
    parser.add_argument("--words", type=Path, help="keep the words that were read in this folder")
    parser.add_argument("--errors", type=int, default=0, metavar="N", help="print N values that are not right")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        cases = all_cases(options.folder, options.schema)
        results = list(measure_all(cases, options.engine, options.words, options.workers))
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if options.fields:
        names = frozenset(options.fields.split(","))
        results = [replace(result, score=only(result.score, names)) for result in results]
    scored = joined(result.score for result in results)
    report(results, scored, options.errors)
    return 0


def report(results: Sequence[Result], scored: Score, errors: int) -> None:
    print(table(scored))
    for result in results:
        if result.failed_well is False:
            print(f"{result.case.path.name}: was to fail with {result.case.fails}, but gave {result.failure}")
        elif result.failure and not result.failed_well:
            print(f"{result.case.path.name}: failed with {result.failure}")
    for line in worst(results, errors):
        print(line)
    print(json.dumps(figures(results, scored), ensure_ascii=False))


if __name__ == "__main__":
    raise SystemExit(main())
