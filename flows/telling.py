"""What Prefect is told of a batch: its progress, a table of results, what is in review, and events for automations.

Few calls, however many documents there are: Prefect's server takes milliseconds for each. That it cannot be told
something never costs the batch anything.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.events import emit_event
from prefect.logging import get_run_logger

from flows.terminal import plain
from pipeline.job import Event, Job, Listener, Planned, Row, Summary
from pipeline.sinks import record_path

MOST_SHOWN = 100  # documents in the table of results
MOST_LINKS = 500  # records that are in review
PROGRESS_SECONDS = 5.0  # at least, from one progress to the next
EVENT_SECONDS = 1.0  # at least, from one event of a kind to the next; documents that come meanwhile are put together
MOST_IN_EVENT = 50  # documents that one event names
_LEAST_SHOWN = ("failed", "review", "accepted")


class Teller:
    """Hears a batch's events, and hands them on to the listener.

    live: whether there is anybody to hear of single documents: a line in the log for each, and events.
    """

    def __init__(self, job: Job, listen: Listener, *, live: bool) -> None:
        self._job = job
        self._listen = listen
        self._live = live
        self._log = get_run_logger()
        self._rows: dict[str, list[Row]] = {status: [] for status in _LEAST_SHOWN}
        self._pending: dict[str, list[Row]] = {status: [] for status in _LEAST_SHOWN}
        self._counted = 0
        self._todo = 0
        self._progress: Any = None
        self._progress_told = 0.0
        self._events_told = 0.0

    def hear(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._begin(event)
        elif isinstance(event, Row):
            self._take(event)
        elif isinstance(event, Summary):
            self._end(event)
        self._listen(event)

    def _begin(self, planned: Planned) -> None:
        self._todo = planned.todo
        if self._live:
            self._log.info("%d documents, %d of them to be read", planned.documents, planned.todo)
        if planned.todo:
            what = f"{planned.todo} documents to read into {_escaped(str(self._job.out))}"
            self._progress = _untroubled(lambda: create_progress_artifact(0.0, "intaglio-progress", what))
            self._progress_told = time.monotonic()

    def _take(self, row: Row) -> None:
        self._counted += 1
        most = MOST_LINKS if row.status == "review" else MOST_SHOWN
        if len(self._rows[row.status]) < most:
            self._rows[row.status].append(row)
        now = time.monotonic()
        if self._progress is not None and now - self._progress_told >= PROGRESS_SECONDS:
            self._tell_progress()
        if self._live and not row.elsewhere:  # else the run that read it tells
            self._log.info("%s: %s", plain(row.name), _in_short(row))
            self._pending[row.status].append(row)
            if now - self._events_told >= EVENT_SECONDS:
                self._emit()

    def _tell_progress(self) -> None:
        self._progress_told = time.monotonic()
        share = 100.0 * self._counted / max(self._todo, 1)
        _untroubled(lambda: update_progress_artifact(self._progress, min(share, 100.0)))

    def _emit(self) -> None:
        """One event for each status that documents have come to since the last."""
        self._events_told = time.monotonic()
        for status, rows in self._pending.items():
            if rows:
                payload = event_payload(self._job, rows)
                resource = resource_of(self._job)
                emit_event(event=f"intaglio.document.{status}", resource=resource, payload=payload)
                rows.clear()

    def _end(self, summary: Summary) -> None:
        if self._live:
            self._emit()
            self._log.info("%s", _counts(summary))
        if self._progress is not None:
            self._tell_progress()
        if self._counted:
            shown = [row for status in _LEAST_SHOWN for row in self._rows[status]][:MOST_SHOWN]
            table = [_cells(self._job, row) for row in shown]
            what = f"{_counts(summary)} {_out_of(len(table), self._counted)}".strip()
            _untroubled(lambda: create_table_artifact(table, "intaglio-results", what))
        if self._rows["review"]:
            text = review_list(self._job, self._rows["review"], summary.statuses["review"])
            _untroubled(lambda: create_markdown_artifact(text, "intaglio-review", "Records to look at"))


def resource_of(job: Job) -> dict[str, str]:
    """What the events are about: the output folder. Automations match `intaglio.output.*`, or one of them."""
    place = str(job.out.absolute())
    number = hashlib.sha256(place.encode()).hexdigest()[:16]
    return {
        "prefect.resource.id": f"intaglio.output.{number}",
        "prefect.resource.name": place,
        "intaglio.schemas": ", ".join(job.schemas),
    }


def event_payload(job: Job, rows: Sequence[Row]) -> dict[str, Any]:
    """How many documents came to a status, and the first of them; never what they say."""
    return {
        "count": len(rows),
        "documents": [
            {"name": row.name, "uri": row.uri, "schema": row.schema, "record": _record(job, row)}
            for row in rows[:MOST_IN_EVENT]
        ],
    }


def review_list(job: Job, rows: Sequence[Row], count: int) -> str:
    """The records in review as Markdown. Names of documents are hostile: none can be more than text."""
    lines = [f"{count} records in `{_code(str(job.out))}` are to be looked at.", ""]
    for row in sorted(rows, key=lambda row: row.name):
        path = record_path(job.out, row.name).absolute()
        lines.append(
            f"- [{_escaped(row.name)}]({path.as_uri()}): {row.review} values; `intaglio show '{_code(str(path))}'`"
        )
    if count > len(rows):
        lines += ["", f"{count - len(rows)} more: `intaglio status '{_code(str(job.out))}'`"]
    return "\n".join(lines)


def _cells(job: Job, row: Row) -> dict[str, Any]:
    return {
        "document": plain(row.name),
        "status": row.status,
        "schema": plain(row.schema),
        "pages": row.pages,
        "accepted": row.accepted,
        "in review": row.review,
        "record": plain(_record(job, row)),
    }


def _record(job: Job, row: Row) -> str:
    return str(record_path(job.out, row.name).absolute())


def _in_short(row: Row) -> str:
    if row.status == "failed":
        return "failed"
    return f"{row.status}, {row.pages} pages, {row.accepted} values accepted, {row.review} in review"


def _counts(summary: Summary) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in sorted(summary.statuses.items())) or "none done"
    left = f", {summary.left} left" if summary.left else ""
    return f"{summary.documents} documents: {counts}{left}; {summary.read} read in this run."


def _out_of(shown: int, read: int) -> str:
    return f"The first {shown} of them, failed ones first." if shown < read else ""


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    safe = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|~" else char for char in safe)


def _code(text: str) -> str:
    """Text for between backticks, which may hold none."""
    return plain(text).replace("`", "'")


def _untroubled(call: Callable[[], Any]) -> Any:
    """What the call gives; None where Prefect's server cannot be told, which is not the batch's trouble."""
    with suppress(Exception):
        return call()
    return None
