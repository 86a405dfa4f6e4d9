"""What a run shows: progress while it works, and a table when it is done."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from flows.commands.show import COLOURS, plain
from pipeline.batch import Plan
from pipeline.workers import Outcome
from schemas.record import Record

ROWS = 40  # documents in the table; more are counted only


@dataclass
class Tally:
    """What a run has come to so far. skipped: done in an earlier run; same: bytes that another document has."""

    plan: Plan
    records: list[tuple[str, str, Record]] = field(default_factory=list)
    pages: int = 0

    def add(self, outcome: Outcome) -> None:
        source = outcome.assignment.source.name
        slim = outcome.record.model_copy(update={"data": None}) if len(self.records) >= ROWS else outcome.record
        self.records.append((source, outcome.assignment.schema, slim))
        self.pages += len(outcome.record.document.pages)

    @property
    def by_status(self) -> Counter[str]:
        """Documents by status, those of earlier runs included."""
        earlier = Counter(entry.status for entry in self.plan.done.values())
        return earlier + Counter(record.status for _, _, record in self.records)

    @property
    def exit_code(self) -> int:
        return 1 if self.by_status["failed"] else 0


class Bar:
    """A progress bar on standard error: documents, pages, rate, time left, failures."""

    def __init__(self, total: int, shown: bool) -> None:
        self.progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not shown,
        )
        self.task: TaskID = self.progress.add_task("documents", total=total, note="")
        self.pages = self.failed = 0

    def advance(self, outcome: Outcome) -> None:
        self.pages += len(outcome.record.document.pages)
        self.failed += outcome.record.status == "failed"
        elapsed = self.progress.tasks[0].elapsed or 0.0
        rate = f", {self.pages / elapsed:.1f} pages/s" if elapsed > 1 else ""
        failed = f", {self.failed} failed" if self.failed else ""
        self.progress.update(self.task, advance=1, note=f"{self.pages} pages{rate}{failed}")

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()


def print_summary(tally: Tally, jsonl: Path, seconds: float, as_json: bool) -> None:
    """The table and the counts, or the counts as JSON."""
    if as_json:
        print(json.dumps(summary(tally, jsonl, seconds)))
        return
    console = Console()
    if 0 < len(tally.records) <= ROWS:
        console.print(_table(tally))
    counts = ", ".join(f"{count} {status}" for status, count in sorted(tally.by_status.items()))
    earlier = f", {len(tally.plan.done)} done before" if tally.plan.done else ""
    console.print(
        Text(f"{tally.plan.documents} documents: {counts or 'none'}{earlier}; {tally.pages} pages in {seconds:.1f} s.")
    )
    for name, other in sorted(tally.plan.same.items())[:ROWS]:
        console.print(Text(f"{plain(name)} has the same bytes as {plain(other)}; it is read once."))
    console.print(Text(f"JSON: {tally.plan.job.out}/  one file a document; all of them: {jsonl}"))


def summary(tally: Tally, jsonl: Path, seconds: float) -> dict[str, object]:
    """The counts of a run, for programs."""
    return {
        "documents": tally.plan.documents,
        "read": len(tally.records),
        "done_before": len(tally.plan.done),
        "same": len(tally.plan.same),
        "pages": tally.pages,
        "seconds": round(seconds, 3),
        **{status: tally.by_status[status] for status in ("accepted", "review", "failed")},
        "out": str(tally.plan.job.out),
        "jsonl": str(jsonl),
    }


def _table(tally: Tally) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("document", "schema", "pages", "status", "accepted", "review", "what to look at"):
        table.add_column(
            title, justify="right" if title in ("pages", "accepted", "review") else "left", overflow="fold"
        )
    for name, schema, record in sorted(tally.records, key=lambda row: row[0]):
        fields = Counter(result.status for result in record.fields.values())
        table.add_row(
            Text(plain(name)),
            Text(schema),
            str(len(record.document.pages)),
            Text(record.status, style=COLOURS[record.status]),
            str(fields["accepted"]),
            str(fields["review"]),
            Text(_look(record)),
        )
    return table


def _look(record: Record) -> str:
    """The first issue in short, and how many more there are."""
    if not record.issues:
        return ""
    first = plain(record.issues[0].message).removeprefix(f"{record.document.uri}: ")
    more = f" (+{len(record.issues) - 1})" if len(record.issues) > 1 else ""
    return (first if len(first) <= 90 else first[:89] + "…") + more
