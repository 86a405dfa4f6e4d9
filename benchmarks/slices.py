"""Whole documents asked for in slices, against one ask for everything, over a simulated engine.

    python -m benchmarks.slices [--rows N ...] [--seeds N]

The engine is `benchmarks.simulator`: it knows the truth of a generated document and fails at long replies at the stated
rates. The one ask is put to it directly, and of a reply that is cut off or goes in circles the rows that are whole
count. In slices is whatever `pipeline.extract.extract_pages` makes of the same engine, pages and contract.

For each number of rows, by the mean over documents of both kinds (rows that name their section, groups that hold rows):

    recall_sliced, precision_sliced  rows that are right in every field, over those printed, over those given
    recall_one_ask                   the same of the one ask
    recall_one_ask_unlimited         the same where a reply may be as long as it likes: what the output limit alone
                                     does not explain
    worst_recall_sliced, worst_precision_sliced  of one document
    lost                             rows missed in slices, per document
    lost_untold                      the same, of documents whose record has no issue
    failed                           share of documents that have no record
    asks                             that `extract_pages` put, per document
    cpu_s                            its CPU seconds per document, less those of the simulation

The same by kind under `1000_rows` and `1000_groups`. A row counts with the fields of its group; in the documents with
groups, each group counts as a row too. And once:

    time_ratio   simulated seconds of one ask for all of a document of 2,000 rows on some 100 pages, over those in
                 slices with all that was asked again. The one ask has no limit and no failure. By `benchmarks.costs`
                 on a 24 GB card; 0 where there is no record
    time_ratio_48gb  the same where memory lets more replies be written at once
    times_read       how often the slices had the document read: it should be once, as for the one ask
    recall_2000, precision_2000  of that document, in slices

A table, then one last line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pydantic_core

from benchmarks.costs import Card
from benchmarks.failures import PERFECT, Failures
from benchmarks.long_documents import LongDocument, long_document
from benchmarks.simulator import GEMMA, Simulator
from benchmarks.statements import KINDS, Kind
from model.engine import Ask, PageView
from model.gemma.sizes import GB
from pipeline.confidence.trust import Trust
from pipeline.extract import extract_pages
from schemas.errors import IntaglioError
from schemas.page import Box
from schemas.record import DocumentInfo

if TYPE_CHECKING:
    from PIL.Image import Image

ROWS = {10: 8, 100: 6, 1000: 3, 5000: 2}  # how many documents of each kind
LONG = 2000  # rows of the document that time is taken of
CARD, LARGE_CARD = Card(), Card(48 * GB)
UNLIMITED = replace(GEMMA, output_tokens=None)
SLICES_ALONE = Trust(escalations=0)  # what is doubtful is not asked for again: that is not what is measured here


@dataclass(frozen=True, slots=True)
class Shares:
    """Of rows that are right in every field: over those printed, and over those given."""

    recall: float
    precision: float


@dataclass(frozen=True, slots=True)
class Sliced:
    """What `extract_pages` made of one document. cpu_seconds: less those of the simulation. stages: wall seconds.
    failure: why there is no record.
    """

    data: Any
    cpu_seconds: float = 0.0
    issues: int = 0
    stages: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document. asks: that its slices took."""

    record: Sliced
    sliced: Shares
    one_ask: Shares
    one_ask_unlimited: Shares
    lost: int
    asks: int


def views(document: LongDocument) -> tuple[PageView, ...]:
    return tuple(PageView(page, image=_unseen) for page in document.pages)


def _unseen(pixels: int, region: Box) -> Image:
    raise AssertionError("the simulator looks at no picture")


def one_ask(document: LongDocument, simulator: Simulator) -> Any:
    """All of a document in one reply: of one that is not whole, what is. Pages too many to say their words are seen
    alone."""
    ask = Ask("document", document.contract, views(document))
    if simulator.count(ask) > (GEMMA.context_tokens or 0):
        ask = replace(ask, pages=tuple(replace(view, with_words=False) for view in ask.pages))
    (answer,) = simulator.answer([ask])
    return pydantic_core.from_json(answer.json_text, allow_partial=answer.finish != "stop")


def in_slices(document: LongDocument, simulator: Simulator) -> Sliced:
    info = DocumentInfo(uri="statement", sha256="0" * 64, media_type="application/pdf", bytes=1)
    begun, before = time.process_time(), simulator.cpu_seconds
    try:
        record = extract_pages(info, views(document), document.contract, simulator, trust=SLICES_ALONE)
    except IntaglioError as error:
        return Sliced({}, failure=str(error))
    cpu_seconds = time.process_time() - begun - (simulator.cpu_seconds - before)
    return Sliced(record.data, cpu_seconds, len(record.issues), record.usage.seconds)


def compare(document: LongDocument, failures: Failures, seed: int) -> Outcome:
    simulator = Simulator(document, failures, seed)
    record = in_slices(document, simulator)
    return Outcome(
        record=record,
        sliced=shares(document, record.data),
        one_ask=shares(document, one_ask(document, Simulator(document, failures, seed))),
        one_ask_unlimited=shares(document, one_ask(document, Simulator(document, failures, seed, UNLIMITED))),
        lost=(counted(document, document.truth) - counted(document, record.data)).total(),
        asks=len(simulator.asked),
    )


def shares(document: LongDocument, data: Any) -> Shares:
    wanted, found = counted(document, document.truth), counted(document, data)
    right = (wanted & found).total()
    return Shares(right / wanted.total(), right / found.total() if found else 0.0)


def counted(document: LongDocument, data: Any) -> Counter[str]:
    """How often each row is there, by all of its fields: equal rows on different lines are several."""
    return Counter(json.dumps(row, sort_keys=True) for row in _rows(document.kind, data))


def _rows(kind: Kind, data: Any) -> Iterator[Any]:
    entries = (data or {}).get(kind) or []
    if kind == "rows":
        yield from entries
        return
    for entry in entries:
        head = {name: value for name, value in entry.items() if name != "rows"}
        yield head
        yield from ([head, row] for row in entry.get("rows") or [])


def time_ratios(failures: Failures) -> dict[str, float]:
    document = long_document(LONG)
    whole, sliced = Simulator(document, PERFECT, limits=UNLIMITED), Simulator(document, failures)
    one_ask(document, whole)
    record = in_slices(document, sliced)
    if record.failure:
        print(f"no record of {LONG} rows: {record.failure}")
    one, many = whole.seconds_on(CARD), sliced.seconds_on(CARD)
    result = shares(document, record.data)
    return {
        "pages": len(document.pages),
        "recall_2000": result.recall,
        "precision_2000": result.precision,
        "seconds_one_ask": one,
        "seconds_sliced": many,
        "asks_sliced": len(sliced.asked),
        "times_read": sum(call.read for call in sliced.calls),
        "time_ratio": 0.0 if record.failure else one / many,
        "time_ratio_48gb": 0.0 if record.failure else whole.seconds_on(LARGE_CARD) / sliced.seconds_on(LARGE_CARD),
    }


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    sliced = [outcome.sliced for outcome in outcomes]
    untold = [outcome for outcome in outcomes if not outcome.record.issues and not outcome.record.failure]
    return {
        "recall_sliced": fmean(each.recall for each in sliced),
        "precision_sliced": fmean(each.precision for each in sliced),
        "worst_recall_sliced": min(each.recall for each in sliced),
        "worst_precision_sliced": min(each.precision for each in sliced),
        "recall_one_ask": fmean(outcome.one_ask.recall for outcome in outcomes),
        "recall_one_ask_unlimited": fmean(outcome.one_ask_unlimited.recall for outcome in outcomes),
        "lost": fmean(outcome.lost for outcome in outcomes),
        "lost_untold": fmean(outcome.lost for outcome in untold) if untold else 0.0,
        "failed": fmean(bool(outcome.record.failure) for outcome in outcomes),
        "asks": fmean(outcome.asks for outcome in outcomes),
        "cpu_s": fmean(outcome.record.cpu_seconds for outcome in outcomes),
    }


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """A line for each figure, a column for each kind and number of rows."""
    lines = [f"{'':26}" + "".join(f"{name:>14}" for name in found)]
    for name in next(iter(found.values())):
        lines.append(f"{name:26}" + "".join(f"{each[name]:14.4f}" for each in found.values()))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.slices", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=list(ROWS), help="numbers of rows")
    parser.add_argument("--seeds", type=int, help="documents of each kind; by default fewer of the longer ones")
    options = parser.parse_args(arguments)
    failures = Failures()
    print("failures:", ", ".join(f"{name} {value}" for name, value in asdict(failures).items()))
    found: dict[str, Any] = {}
    for rows in options.rows:
        seeds = range(options.seeds or ROWS.get(rows, 1))
        by_kind = {kind: [compare(long_document(rows, kind, seed), failures, seed) for seed in seeds] for kind in KINDS}
        found[str(rows)] = figures(list(chain.from_iterable(by_kind.values())))
        found |= {f"{rows}_{kind}": figures(outcomes) for kind, outcomes in by_kind.items()}
        for outcome in chain.from_iterable(by_kind.values()):
            if outcome.record.failure:
                print(f"no record of {rows} rows: {outcome.record.failure}")
        stages = ", ".join(f"{name} {taken}" for name, taken in by_kind["rows"][0].record.stages.items())
        print(f"seconds of {rows} rows by stage, the simulation's included: {stages or 'no record'}")
    print(table(found))
    times = time_ratios(failures)
    for name, value in times.items():
        print(f"{name:26} {value:12.3f}")
    found |= times
    print(json.dumps(found, default=float))
    return 0


if __name__ == "__main__":
    sys.exit(main())
