"""`intaglio review history`: the versions of a record."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from flows.commands.review import MOST, change_lines
from flows.terminal import COLOURS, console, plain
from pipeline.job import Job
from pipeline.ledger_view import open_view
from pipeline.review.desk import find, history
from pipeline.versions import Version, earlier_readings, record_at, versions_of
from schemas.errors import UsageError
from schemas.record import Record


def run(folder: Path, ledger: str, name: str, version: int | None, *, as_json: bool) -> int:
    """Prints it, or one version's record; returns the exit code."""
    job = Job((), (), folder, ledger=ledger)
    with open_view(job.ledger_url, job.ledger_output) as view:
        reading = find(view.connection, view.output, name)
        if version is not None:
            text = record_at(view.connection, reading.document, version)
            if text is None:
                raise UsageError(f"there is no version {version} of {name}.", remedy=f"The newest is {reading.number}.")
            print(Record.model_validate_json(text).model_dump_json(indent=2))
            return 0
        versions = history(view.connection, reading)
        others = [each for each in earlier_readings(view.connection, view.output) if each.name == reading.name]
        earlier = {each.document: versions_of(view.connection, each.document) for each in others}
    if as_json:
        told = {
            "document": reading.name,
            "versions": list(map(_told, versions)),
            "earlier": [list(map(_told, found)) for found in earlier.values()],
        }
        print(json.dumps(told, ensure_ascii=False))
        return 0
    _show(reading.name, versions)
    for found in earlier.values():
        _show(f"an earlier reading of {reading.name}", found)
    return 0


def _show(name: str, versions: list[Version]) -> None:
    screen = console()
    screen.print(Text(plain(name), style="bold"), soft_wrap=True)
    for version in versions:
        who = plain(version.who) or "as it was read"
        line = Text(f"{version.number:>3}  {_time(version.at)}  {who}  ")
        screen.print(line.append(version.status, style=COLOURS[version.status]), soft_wrap=True)
        for changed in change_lines(version.change)[:MOST]:
            screen.print(Text(f"       {changed}"), soft_wrap=True)
        if version.change.note:
            screen.print(Text(f"       “{plain(version.change.note)}”"), soft_wrap=True)


def _told(version: Version) -> dict[str, Any]:
    return asdict(version) | {"at": _time(version.at), "change": version.change.model_dump(mode="json")}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
