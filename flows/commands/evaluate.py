"""`intaglio evaluate`: how good the records of a folder are, by the truth beside its documents."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EISDIR
from os import strerror
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from flows.evaluation_page import evaluation_page
from flows.evaluation_report import Section, comparison_sections, fault_section, faults, sections
from flows.evaluation_words import headline, warnings
from flows.stopping import INTERRUPTED, stopping
from flows.terminal import console, plain
from model.engine import EngineSpec
from pipeline.comparison import Comparison, compare
from pipeline.confidence.trust import DEFAULT, Trust
from pipeline.evaluate import Evaluated, Evaluation, Records, evaluate
from pipeline.evaluation_file import load_evaluation, to_json
from pipeline.sinks import write_atomically
from pipeline.truth import Cases, Trouble, find_cases
from schemas.errors import OutputUnwritable

MOST = 20  # faults, flips and warnings of a kind that a terminal shows


@dataclass(frozen=True, slots=True)
class Evaluating:
    """What is to be evaluated, and what of it is to be kept. records: a folder that ingest wrote, else all is read."""

    folder: Path
    schemas: tuple[str, ...]
    engine: EngineSpec
    records: Path | None = None
    json: Path | None = None
    html: Path | None = None
    compare: Path | None = None
    workers: int | None = None
    seconds: float = 300.0
    passwords: tuple[str, ...] = ()
    trust: Trust = DEFAULT


def run(job: Evaluating, *, quiet: bool) -> int:
    """Returns the exit code. What is done when Ctrl-C comes is shown and kept all the same; a second one ends all."""
    old = load_evaluation(job.compare) if job.compare else None
    _check_writable(job)
    found = find_cases(job.folder, job.schemas)
    results: list[Evaluated | Trouble] = []
    stop = threading.Event()
    with _progress(quiet, len(found.cases)) as progress, stopping(stop):
        for result in _results(job, found, stop):
            results.append(result)
            progress.advance(progress.task_ids[0])
            if stop.is_set():
                break
    interrupted = stop.is_set() and len(results) < len(found.cases)
    if not results:
        print("Interrupted before anything was read.", file=sys.stderr)
        return INTERRUPTED
    evaluation = _evaluation(found, results)
    comparison = compare(old, evaluation) if old else None
    _keep(job, evaluation, comparison)
    if not quiet:
        _print(job, evaluation, comparison)
    if interrupted:
        return INTERRUPTED
    return 0 if evaluation.clean else 1


def _results(job: Evaluating, found: Cases, stop: threading.Event) -> Iterator[Evaluated | Trouble]:
    if job.records is None:
        yield from evaluate(found.cases, job.engine, job.seconds, job.workers, job.passwords, job.trust, stop)
    else:
        yield from map(Records(job.records).judge, found.cases)


def _evaluation(found: Cases, results: list[Evaluated | Trouble]) -> Evaluation:
    documents = [result for result in results if isinstance(result, Evaluated)]
    return Evaluation(
        documents=tuple(sorted(documents, key=lambda document: document.name)),
        without_truth=found.without_truth,
        troubles=found.troubles + tuple(result for result in results if isinstance(result, Trouble)),
        left=len(found.cases) - len(results),
    )


def _keep(job: Evaluating, evaluation: Evaluation, comparison: Comparison | None) -> None:
    if job.json:
        write_atomically(job.json, to_json(evaluation, comparison))
    if job.html:
        write_atomically(job.html, evaluation_page(evaluation, comparison))


def _check_writable(job: Evaluating) -> None:
    """Raises OutputUnwritable before any work is done, which may take hours."""
    for path in filter(None, (job.json, job.html)):
        try:
            if path.is_dir():
                raise IsADirectoryError(EISDIR, strerror(EISDIR))
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise OutputUnwritable(
                f"{path} cannot be written: {error.strerror}.", remedy="Give another file with --json or --html."
            ) from error


def _progress(quiet: bool, documents: int) -> Progress:
    progress = Progress(
        TextColumn("documents"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet or not sys.stderr.isatty(),
        transient=True,
    )
    progress.add_task("", total=documents)
    return progress


def _print(job: Evaluating, evaluation: Evaluation, comparison: Comparison | None) -> None:
    screen = console()
    tables = sections(evaluation, MOST)
    broken = [fault for found in faults(evaluation).values() for fault in found if fault.outcome.status == "accepted"]
    if broken:
        tables.append(fault_section("Accepted, and not right", broken, MOST))
    if comparison is not None:
        tables += comparison_sections(comparison, MOST)
    for section in tables:
        screen.print(_table(section.within(screen.width)), "")
    for line in warnings(evaluation, MOST):
        screen.print(Text(plain(line), style="yellow"), soft_wrap=True)
    for line in headline(evaluation):
        screen.print(Text(plain(line)), soft_wrap=True)
    kept = [plain(str(path)) for path in (job.json, job.html) if path]
    screen.print(Text(f"Kept in {' and '.join(kept)}." if kept else "Keep them with --json FILE and --html FILE."))


def _table(section: Section) -> Table:
    table = Table(
        title=section.title, title_justify="left", title_style="bold", box=None, pad_edge=False, caption_justify="left"
    )
    for number, title in enumerate(section.head):
        is_text = number < section.texts
        table.add_column(title, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for row in section.rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    table.caption = section.note or None
    return table
