"""What makes an output folder whole: its JSON files and its JSONL are what the ledger says.

The ledger is the truth. A run that is killed may leave a record without its file; the next run writes it, without
reading the document again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from pipeline.job import Job
from pipeline.ledger import CHUNK, Ledger
from pipeline.sinks import record_path, write_atomically, write_lines
from schemas.record import Record


def restore_files(job: Job, ledger: Ledger) -> int:
    """Makes the JSON files what the ledger says: missing ones are written again, those of no document removed.

    Returns how many were missing.
    """
    holders = ledger.holders()
    kept = {seen.place for seen in holders.values()}
    unwanted = [seen for seen in ledger.sources() if seen.written is not None and seen.place not in kept]
    for seen in unwanted:
        record_path(job.out, seen.name).unlink(missing_ok=True)
    ledger.wrote([(seen.place, None) for seen in unwanted])
    missing = [
        number
        for number, seen in holders.items()
        if seen.written != number or not record_path(job.out, seen.name).exists()
    ]
    records = ledger.records(missing)
    while chunk := list(islice(records, CHUNK)):
        for number, text in chunk:
            write_record(job, holders[number].name, Record.model_validate_json(text))
        ledger.wrote([(holders[number].place, number) for number, _ in chunk])
    return len(missing)


def write_record(job: Job, name: str, record: Record) -> None:
    """One record as its JSON file. name: of its output."""
    write_atomically(record_path(job.out, name), record.model_dump_json(indent=2), job.out)


def write_jsonl(job: Job, ledger: Ledger) -> None:
    """All records of the output folder, one a line, in the order of their names; nothing where it lacks nothing."""
    if ledger.complete() and job.jsonl.exists():
        return
    state = ledger.state()
    write_lines(job.jsonl, _lines(ledger))
    ledger.completed(state)


def _lines(ledger: Ledger) -> Iterable[str]:
    holders = ledger.holders()
    ordered: Sequence[int] = sorted(holders, key=lambda number: holders[number].name)
    return (text for _, text in ledger.records(ordered))
