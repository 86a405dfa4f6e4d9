"""`intaglio status`: how a folder's documents stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.terminal import COLOURS, console, plain
from pipeline.job import Job
from pipeline.ledger_view import open_view
from pipeline.standing import Share, Standing, standing

STATUSES = ("accepted", "review", "failed")
LONGEST = 200  # characters of a reason that are shown


def run(folder: Path, ledger: str, most: int, *, as_json: bool) -> int:
    """Prints it; returns the exit code."""
    job = Job((), (), folder, ledger=ledger)
    with open_view(job.ledger_url, job.ledger_output) as view:
        found = standing(view, folder, most)
    if as_json:
        print(json.dumps(_told(folder, found), ensure_ascii=False))
    else:
        _show(console(), folder, found)
    return 0


def _show(screen: Console, folder: Path, found: Standing) -> None:
    for line in _lines(folder, found):
        screen.print(Text(line), soft_wrap=True)
    for title, shares in (("schema", found.schemas), ("engine", found.engines)):
        if shares:
            screen.print(_shares(title, shares))
    _show_failed(screen, found)
    _show_review(screen, found)


def _lines(folder: Path, found: Standing) -> list[str]:
    total = found.statuses.total()
    counts = ", ".join(f"{found.statuses[status]} {status}" for status in STATUSES if found.statuses[status])
    written = f" Last written {_time(found.updated)}." if found.updated is not None else ""
    lines = [f"{plain(str(folder))}: {_documents(total)}{f': {counts}' if counts else ''}.{written}"]
    waiting = found.waiting.count
    if found.running:
        who = f"{len(found.runs)} runs are" if len(found.runs) > 1 else "A run is"
        lines.append(f"{who} at work, {_documents(waiting)} being read or waiting{_first(found)}.")
    elif waiting:
        lines.append(
            f"No run is at work; {_documents(waiting)} left{_first(found)}. The same `intaglio ingest` goes on."
        )
    else:
        lines.append("No run is at work, and nothing is left.")
    return lines


def _first(found: Standing) -> str:
    """The first few that wait, by name."""
    names = found.waiting.names[:3]
    more = "…" if found.waiting.count > len(names) else ""
    return f": {', '.join(map(plain, names))}{more}" if names else ""


def _shares(title: str, shares: Sequence[Share]) -> Table:
    table = _table(title, "fingerprint", *STATUSES)
    for share in shares:
        counts = [Text(str(share.statuses[status])) for status in STATUSES]
        table.add_row(Text(plain(share.name)), Text(plain(share.fingerprint)), *counts)
    return table


def _show_failed(screen: Console, found: Standing) -> None:
    if not found.failed:
        return
    table = _table("failed", "code", "attempts", "what happened, and what to do")
    for document in found.failed:
        told = f"{plain(document.message)[:LONGEST]} → {document.remedy}"
        table.add_row(
            Text(plain(document.document)),
            Text(plain(document.code), style=COLOURS["failed"]),
            Text(str(document.attempts)),
            Text(told),
        )
    screen.print(table)
    _show_rest(screen, found.statuses["failed"] - len(found.failed), "failed")
    if found.statuses["failed"] > len(found.failed):
        screen.print(Text(", ".join(f"{count} {plain(code)}" for code, count in found.codes.most_common())))


def _show_review(screen: Console, found: Standing) -> None:
    if not found.review:
        return
    table = _table("in review", "why")
    for document in found.review:
        more = f" (+{document.more})" if document.more else ""
        table.add_row(Text(plain(document.document)), Text(plain(document.reason)[:LONGEST] + more))
    screen.print(table)
    _show_rest(screen, found.statuses["review"] - len(found.review), "in review")


def _show_rest(screen: Console, count: int, what: str) -> None:
    if count > 0:
        screen.print(Text(f"{count} more {what}; --most names more of them."))


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in titles:
        numeric = title in (*STATUSES[:2], "attempts") or (title == "failed" and title != titles[0])
        table.add_column(title, justify="right" if numeric else "left", overflow="fold")
    return table


def _told(folder: Path, found: Standing) -> dict[str, Any]:
    """For programs."""
    return {
        "folder": str(folder),
        "documents": found.statuses.total(),
        **_counts(found.statuses),
        "updated": None if found.updated is None else _time(found.updated),
        "running": found.running,
        "runs": [run._asdict() for run in found.runs],
        "waiting": {"count": found.waiting.count, "documents": found.waiting.names},
        "schemas": [_share(share) for share in found.schemas],
        "engines": [_share(share) for share in found.engines],
        "codes": dict(found.codes),
        "in_review": [asdict(document) for document in found.review],
        "failures": [asdict(document) for document in found.failed],
    }


def _share(share: Share) -> dict[str, Any]:
    return {"name": share.name, "fingerprint": share.fingerprint, **_counts(share.statuses)}


def _counts(statuses: Any) -> dict[str, int]:
    return {status: statuses[status] for status in STATUSES}


def _documents(count: int) -> str:
    return f"{count} document{'' if count == 1 else 's'}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
