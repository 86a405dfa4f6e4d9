"""`intaglio review list`: the queue."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.commands.review_page import run as write_page
from flows.terminal import console, plain
from pipeline.job import Job
from pipeline.ledger_view import open_view
from pipeline.review.queue import Ordering, Queue, Waiting, queue
from pipeline.sinks import record_path
from schemas.errors import IntaglioError

LONGEST = 60  # characters of a value that are shown
MOST_FIELDS = 12  # of a document
MOST_ISSUES = 6
PAGE_SECONDS = 300.0  # that the pictures of one page may take


def run(folder: Path, ledger: str, most: int, ordering: Ordering, pages: Path | None, *, as_json: bool) -> int:
    """Prints it; returns the exit code."""
    job = Job((), (), folder, ledger=ledger)
    with open_view(job.ledger_url, job.ledger_output) as view:
        found = queue(view, most, ordering)
    if as_json:
        print(json.dumps(_told(found), ensure_ascii=False))
    else:
        _show(console(), folder, found)
    if pages is not None:
        for waiting in found.waiting:
            _write_page(folder, waiting.name, pages, quiet=as_json)
    return 0


def _write_page(folder: Path, name: str, pages: Path, quiet: bool) -> None:
    """A document whose page cannot be made keeps nobody from the others."""
    target = pages / f"{name}.html"
    try:
        write_page(record_path(folder, name), target, "", (), PAGE_SECONDS, every=False, quiet=quiet)
    except IntaglioError as error:
        if not quiet:
            console().print(Text(plain(f"{name} has no page: {error}")), soft_wrap=True)


def _show(screen: Console, folder: Path, found: Queue) -> None:
    total = len(found.waiting) + found.more
    what = f"{total} document{'' if total == 1 else 's'} in review"
    more = f", the first {len(found.waiting)} of them here; --most shows more" if found.more else ""
    screen.print(Text(f"{plain(str(folder))}: {what}{more}."), soft_wrap=True)
    for waiting in found.waiting:
        _show_document(screen, waiting)
    shown = {waiting.name for waiting in found.waiting}
    for each in found.earlier:
        if each.name not in shown:
            screen.print(Text(f"{plain(each.name)}: {_EARLIER.format(each.number, plain(each.who))}"), soft_wrap=True)
    if found.waiting:
        screen.print(Text("Say what is right: intaglio review approve, or intaglio review correct."))


def _show_document(screen: Console, waiting: Waiting) -> None:
    heading = Text(f"\n{plain(waiting.name)}", style="bold")
    heading.append(f"  {plain(waiting.schema)}, version {waiting.version}", style="not bold")
    screen.print(heading, soft_wrap=True)
    for each in waiting.earlier:
        screen.print(Text(_EARLIER.format(each.number, plain(each.who)), style="yellow"), soft_wrap=True)
    for issue in waiting.issues[:MOST_ISSUES]:
        colour = "red" if issue.severity == "error" else "yellow"
        screen.print(Text(f"{issue.severity} {issue.code}: {plain(issue.message)}", style=colour), soft_wrap=True)
    if len(waiting.issues) > MOST_ISSUES:
        screen.print(Text(f"{len(waiting.issues) - MOST_ISSUES} more issues; intaglio show lists all."))
    if waiting.fields:
        screen.print(_table(waiting))


def _table(waiting: Waiting) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("field", "value", "confidence", "page", "why"):
        table.add_column(title, justify="right" if title in ("confidence", "page") else "left", overflow="fold")
    for each in waiting.fields[:MOST_FIELDS]:
        table.add_row(
            Text(plain(each.pointer)),
            Text("–" if each.value is None else plain(each.value)[:LONGEST]),
            Text(f"{each.confidence:.2f}"),
            Text(", ".join(map(str, each.pages)) or "–"),
            Text(each.why[0] if each.why else ""),
        )
    if len(waiting.fields) > MOST_FIELDS:
        table.caption = f"{len(waiting.fields) - MOST_FIELDS} more; --json has all"
    return table


def _told(found: Queue) -> dict[str, Any]:
    """For programs."""
    return {
        "in_review": len(found.waiting) + found.more,
        "documents": [
            asdict(waiting) | {"issues": [issue.model_dump(mode="json") for issue in waiting.issues]}
            for waiting in found.waiting
        ],
        "earlier": [asdict(each) for each in found.earlier],
    }


_EARLIER = "a newer reading exists; version {} of the earlier one is by {}, see intaglio review history"
