"""`intaglio replay`: a record made again from its trace, and what is different about it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.terminal import COLOURS, console, plain
from pipeline.changes import Change, Changes, changes
from pipeline.records import read_record
from pipeline.replay import replay
from pipeline.sinks import write_atomically
from pipeline.trace_file import find_trace, read_trace
from schemas.errors import OutputUnwritable, UsageError
from schemas.record import FieldResult, Issue, Record
from schemas.registry import load_contract

LONGEST = 60  # characters of a value that are shown
MOST_ROWS = 200  # fields that a table shows; --json has all of them


def run(path: Path, schema: str, trace: Path | None, out: Path | None, *, as_json: bool) -> int:
    """Prints what changed; returns the exit code. Raises UsageError, before any work, for a file that is there."""
    if out is not None and out.exists():
        raise OutputUnwritable(f"{out} is there already.", remedy="Name a new file with --out.")
    record = read_record(path)
    if record.status == "failed":
        raise UsageError(f"{path} is the record of a document that failed: there is nothing to replay.")
    kept = read_trace(trace or find_trace(path, record))
    again = replay(record, kept, load_contract(schema) if schema else None)
    found = changes(record, again.record)
    if out is not None:
        write_atomically(out, again.record.model_dump_json(indent=2))
    if again.remark:
        print(f"intaglio: {plain(again.remark)}", file=sys.stderr)
    if as_json:
        print(json.dumps(_told(found, again.remark), ensure_ascii=False))
    else:
        _show(console(), record, found)
    return 1 if found.any else 0


def _show(screen: Console, record: Record, found: Changes) -> None:
    screen.print(_heading(record, found))
    if found.fields:
        screen.print(_table(found.fields[:MOST_ROWS]))
    if len(found.fields) > MOST_ROWS:
        screen.print(Text(f"{len(found.fields) - MOST_ROWS} more fields are different; --json lists all."))
    for word, issues in (("gone", found.gone), ("new", found.new)):
        for issue in issues:
            screen.print(
                Text(f"{word} {issue.severity}: {plain(issue.message)}", style="dim" if word == "gone" else "")
            )
    if found.others:
        screen.print(Text(f"Also different: {', '.join(found.others)}."))


def _heading(record: Record, found: Changes) -> Text:
    heading = Text(f"{plain(record.document.uri)}  {record.contract.name} by {record.engine.name}  ")
    before, after = found.status
    heading.append(before, style=COLOURS[before])
    if after != before:
        heading.append(" → ").append(after, style=COLOURS[after])
    if not found.any:
        return heading.append(f"  nothing changed in {len(record.fields)} fields")
    count = len(found.fields)
    return heading.append(f"  {count} of {len(record.fields)} field{'' if count == 1 else 's'} changed")


def _table(fields: tuple[Change, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("field", "what", "before", "after", "confidence", "status"):
        table.add_column(title, justify="right" if title == "confidence" else "left", overflow="fold")
    for change in fields:
        sides = change.before, change.after
        table.add_row(
            Text(plain(change.pointer)),
            Text(", ".join(change.what)),
            *(Text(_value(side, change)) for side in sides),
            Text(_pair(*(f"{side.confidence:.2f}" if side else "–" for side in sides))),
            Text(_pair(*(side.status if side else "–" for side in sides))),
        )
    return table


def _value(side: FieldResult | None, change: Change) -> str:
    """The value; where only its evidence changed, the pages and words of that."""
    if side is None:
        return ""
    if change.what == ("evidence",):
        return plain("; ".join(f"p{item.page} {item.text}" for item in side.evidence))[:LONGEST] or "no evidence"
    return plain("null" if side.value is None else side.value)[:LONGEST]


def _pair(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _told(found: Changes, remark: str) -> dict[str, Any]:
    """For programs."""
    return {
        "changed": found.any,
        "status": {"before": found.status[0], "after": found.status[1]},
        "fields": [
            {
                "pointer": change.pointer,
                "what": change.what,
                "before": change.before and change.before.model_dump(mode="json"),
                "after": change.after and change.after.model_dump(mode="json"),
            }
            for change in found.fields
        ],
        "issues": {"gone": _issues(found.gone), "new": _issues(found.new)},
        "others": found.others,
        "remark": remark,
    }


def _issues(issues: tuple[Issue, ...]) -> list[dict[str, Any]]:
    return [issue.model_dump(mode="json") for issue in issues]
