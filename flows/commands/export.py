"""`intaglio export`: records of a ledger as one file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.terminal import plain
from pipeline.export import csv_lines, jsonl, parquet
from pipeline.flat import table_of
from pipeline.job import Job
from pipeline.kept_contracts import choose, names_of, only, schema_of
from pipeline.ledger_view import LedgerView, Wanted, open_view
from pipeline.sinks import JSONL, OWN_FOLDER, write_bytes
from schemas.errors import OutputUnwritable, UsageError

STANDARD_OUTPUT = "-"


@dataclass(frozen=True, slots=True)
class Exporting:
    """What a user asks for, as the options have it. rows: the list whose entries are rows."""

    folder: Path
    ledger: str
    form: str
    out: str
    since: str
    statuses: tuple[str, ...]
    schema: str
    rows: str
    only_data: bool


def run(wanted: Exporting) -> int:
    """Writes the file; returns the exit code. Raises UsageError before anything is written."""
    _check(wanted)
    since = _seconds(wanted.since) if wanted.since else None
    job = Job((), (), wanted.folder, ledger=wanted.ledger)
    with open_view(job.ledger_url, job.ledger_output) as view:
        parts = _parts(wanted, view, since)
        if wanted.out == STANDARD_OUTPUT:
            return _print(parts)
        _check_place(Path(wanted.out), wanted.folder, view.file)
        write_bytes(Path(wanted.out), parts)
    return 0


def _parts(wanted: Exporting, view: LedgerView, since: float | None) -> Iterator[bytes]:
    names = names_of(view, view.groups())
    table = wanted.form != "jsonl"
    chosen = choose(wanted.schema, names) if wanted.schema else only(names) if table else None
    documents = view.documents(Wanted(wanted.statuses, since, chosen.fingerprint if chosen else ""))
    if chosen is None or not table:
        return jsonl(documents, only_data=wanted.only_data)
    columns = table_of(schema_of(chosen, view, wanted.folder).root, wanted.rows)
    return (csv_lines if wanted.form == "csv" else parquet)(documents, columns)


def _check(wanted: Exporting) -> None:
    table = wanted.form != "jsonl"
    if wanted.only_data and table:
        raise UsageError("--data is for jsonl; a table holds the data anyway.", remedy="Leave it out.")
    if wanted.rows and not table:
        raise UsageError("--list is for a table; a line of jsonl is a whole record.", remedy="Add --format csv.")
    if wanted.out == STANDARD_OUTPUT and wanted.form == "parquet" and sys.stdout.isatty():
        raise UsageError("a terminal cannot show Parquet.", remedy="Name a file with --out.")


def _check_place(path: Path, folder: Path, ledger: Path | None) -> None:
    """What `ingest` wrote is not to be overwritten: the ledger, the lines of all records, the records."""
    place, own = path.resolve(), folder.resolve()
    records = place.is_relative_to(own) and (place.name == JSONL or place.suffix == ".json")
    if place.is_dir():
        raise OutputUnwritable(f"{path} is a folder.", remedy="Name a file in it with --out.")
    if records or place.is_relative_to(own / OWN_FOLDER) or (ledger is not None and place == ledger.resolve()):
        raise OutputUnwritable(f"{path} is where `ingest` keeps its own files.", remedy="Name another with --out.")


def _seconds(text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date or time.", remedy="Write 2026-01-31 or 2026-01-31T08:00:00Z.") from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _print(parts: Iterable[bytes]) -> int:
    """To standard output. To a terminal, without what a document could command it with."""
    shown = sys.stdout.isatty()
    stream = sys.stdout.buffer
    try:
        for part in parts:
            stream.write(_visible(part) if shown else part)
        stream.flush()
    except BrokenPipeError:  # whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _visible(part: bytes) -> bytes:
    return "\n".join(plain(line) for line in part.decode().split("\n")).encode()
