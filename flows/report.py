"""What a run shows: progress while it works, and a table when it is done."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from flows.run_lines import run_lines
from flows.terminal import COLOURS, console, plain
from pipeline.job import MOST_ROWS, Event, Job, Note, Planned, Row, Summary
from pipeline.redaction import NOTHING, Redaction

LONGEST_ISSUE = 90  # characters


class Report:
    """Listens to a batch. Progress goes to standard error, results to standard output."""

    def __init__(self, job: Job, redaction: Redaction = NOTHING, *, quiet: bool, as_json: bool, bar: bool) -> None:
        self.job = job
        self.redaction = redaction
        self.quiet = quiet
        self.as_json = as_json
        self.reading = False
        self.rows: dict[str, Row] = {}
        self.pages = 0
        self.failures = 0
        self.restored = 0
        self.summary: Summary | None = None
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not bar or not sys.stderr.isatty(),
            transient=True,
        )
        self.bar = self.progress.add_task("looking", total=None, note="")

    def hear(self, event: Event) -> None:
        """Takes in what the batch tells, and moves the bar."""
        if isinstance(event, Planned):
            self.restored += event.restored
            self.rows.update((row.name, row) for row in event.earlier)
            self.progress.update(self.bar, total=event.todo)
        elif isinstance(event, Row):
            self._advance(event)
        elif isinstance(event, Note):
            self.note(event.text)
        else:
            self.summary = event

    def note(self, text: str) -> None:
        """Says what is going on, before the bar."""
        self.progress.update(self.bar, description=text)

    @property
    def failed(self) -> bool:
        return self.summary is not None and self.summary.statuses["failed"] > 0

    def show(self, seconds: float, interrupted: bool) -> None:
        """What came of it, once the bar is gone."""
        if self.summary is None:
            print("Interrupted before anything was read.", file=sys.stderr)
        elif self.as_json:
            print(json.dumps(self._counts(self.summary, seconds, interrupted)))
        elif not self.quiet:
            self._print(self.summary, seconds)
        if self.summary is not None and interrupted:
            left = self.summary.left
            print(
                f"Interrupted with {left} documents left. What was done is kept; the same command goes on.",
                file=sys.stderr,
            )

    def __enter__(self) -> Report:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def _advance(self, row: Row) -> None:
        self.reading = True
        self.note("documents")
        self.pages += 0 if row.elsewhere else row.pages
        self.failures += row.status == "failed"
        if len(self.rows) <= MOST_ROWS:
            self.rows[row.name] = row
        elapsed = self.progress.tasks[0].elapsed or 0.0
        rate = f", {self.pages / elapsed:.1f} pages/s" if elapsed > 1 else ""
        failures = f", {self.failures} failed" if self.failures else ""
        self.progress.update(self.bar, advance=1, note=f"{self.pages} pages{rate}{failures}")

    def _print(self, summary: Summary, seconds: float) -> None:
        screen = console()
        if 0 < len(self.rows) == summary.statuses.total() <= MOST_ROWS:
            screen.print(_table([self._redacted(row) for row in self.rows.values()]))
        for line in self._lines(summary, seconds):
            screen.print(Text(line), soft_wrap=True)

    def _lines(self, summary: Summary, seconds: float) -> list[str]:
        """The counts, in words."""
        counts = ", ".join(f"{count} {status}" for status, count in sorted(summary.statuses.items()))
        before = summary.statuses.total() - summary.read - summary.elsewhere
        lines = []
        if before == summary.documents:
            again = " Failed ones are tried again with --retry-failed." if self.failed else ""
            lines.append(f"Nothing to do: {_documents(before)} done before ({counts}).{again}")
        else:
            earlier = f", {before} of them before" if before else ""
            earlier += f", {summary.elsewhere} by other runs meanwhile" if summary.elsewhere else ""
            took = f"{_documents(summary.read)} and {summary.pages} pages read in {seconds:.1f} s"
            lines.append(f"{_documents(summary.documents)}: {counts or 'none done'}{earlier}. {took}.")
        if summary.report is not None:
            lines += run_lines(summary.report)
        if self.restored:
            lines.append(f"{self.restored} JSON files were missing and are written again.")
        same = [
            f"{self._named(name)} has the same bytes as {self._named(other)}"
            for name, other in sorted(summary.same.items())
        ]
        lines += [f"{text}: one record." for text in same[:MOST_ROWS]]
        if len(same) > MOST_ROWS:
            lines.append(f"{len(same) - MOST_ROWS} more have the bytes of another: one record.")
        lines.append(f"JSON: {plain(str(self.job.out))}/, one file a document; all of them in {self.job.jsonl.name}.")
        return lines

    def _named(self, name: str) -> str:
        return plain(self.redaction.text(name))

    def _redacted(self, row: Row) -> Row:
        blot = self.redaction.text
        return replace(row, name=blot(row.name), uri=blot(row.uri), issues=tuple(map(blot, row.issues)))

    def _counts(self, summary: Summary, seconds: float, interrupted: bool) -> dict[str, object]:
        """For programs."""
        return {
            "documents": summary.documents,
            "read": summary.read,
            "done_before": summary.statuses.total() - summary.read - summary.elsewhere,
            "done_elsewhere": summary.elsewhere,
            "left": summary.left,
            "same": len(summary.same),
            **{status: summary.statuses[status] for status in ("accepted", "review", "failed")},
            "pages": summary.pages,
            "seconds": round(seconds, 3),
            "interrupted": interrupted,
            "out": str(self.job.out),
            "jsonl": str(self.job.jsonl),
            "report": None if summary.report is None else summary.report.model_dump(mode="json"),
        }


def _documents(count: int) -> str:
    return f"{count} document{'' if count == 1 else 's'}"


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("document", "schema", "pages", "status", "accepted", "review", "what to look at"):
        numeric = title in ("pages", "accepted", "review")
        table.add_column(title, justify="right" if numeric else "left", overflow="fold")
    for row in sorted(rows, key=lambda row: row.name):
        table.add_row(
            Text(plain(row.name)),
            Text(plain(row.schema)),
            str(row.pages),
            Text(row.status, style=COLOURS[row.status]),
            str(row.accepted),
            str(row.review),
            Text(_look(row)),
        )
    return table


def _look(row: Row) -> str:
    """The first issue in short, and how many more there are."""
    if not row.issues:
        return ""
    first = plain(row.issues[0]).removeprefix(f"{plain(row.uri)}: ")
    more = f" (+{len(row.issues) - 1})" if len(row.issues) > 1 else ""
    return (first if len(first) <= LONGEST_ISSUE else first[: LONGEST_ISSUE - 1] + "…") + more
