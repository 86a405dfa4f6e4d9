"""Parts of a planned job for other processes, on this machine or others, that share its output folder and its ledger.

A shard holds nothing but identifiers: what its documents are stands in the ledger, where planning put it. Whoever opens
it neither looks for documents nor hashes them again. The run that planned finishes: it takes in what came of the shards
(`Batch.collect`) and writes the JSONL.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.addresses import is_url
from pipeline.batch import Batch
from pipeline.discover import Source
from pipeline.intake import Document, Done, Plan, Policy, Reader
from pipeline.job import Job, Note, Planned, Watch
from pipeline.ledger import Key, Ledger, Seen
from pipeline.logs import log
from pipeline.preparing import checked_contracts, free_dead, reader_of
from pipeline.running import Run
from pipeline.runs import at_work
from pipeline.serving import Assignment
from pipeline.workers import Workers
from schemas.errors import UsageError

SHARD = 256  # documents: minutes of work, so that what handing it out costs does not count


@dataclass(frozen=True, slots=True)
class Shard:
    """Documents that one schema reads. Its parts are plain numbers and text, so that it can be sent as JSON.

    schema: as the job names it. documents: for each the ids, in the ledger's sources, of all that have its bytes, the
    one under whose name its record is kept first.
    """

    schema: str
    documents: tuple[tuple[int, ...], ...]


def shards_of(plan: Plan, ledger: Ledger, size: int = SHARD) -> list[Shard]:
    """All that the plan has left to do. size: the most documents of one shard."""
    numbers = {seen.place: number for number, seen in ledger.numbered().items()}
    by_schema: dict[str, list[tuple[int, ...]]] = {}
    for document in plan.todo:
        ids = tuple(numbers[place] for place in document.copies)
        by_schema.setdefault(document.assignment.schema, []).append(ids)
    return [
        Shard(schema, tuple(documents[start : start + size]))
        for schema, documents in by_schema.items()
        for start in range(0, len(documents), size)
    ]


@contextmanager
def open_shard(job: Job, shard: Shard, watch: Watch | None = None, pool: Workers | None = None) -> Iterator[Batch]:
    """A batch of just these documents. What the ledger has of them by now is not read again.

    job: the same settings as the one that was planned had, with the same output folder and ledger; its places are not
    looked at. A document that has vanished since gets a failed record that says so. The JSONL is left to the run that
    planned. pool: of readers for the job (`pipeline.preparing.readers_of`), which serves one shard after another and so
    keeps its engine; the run that planned then reports for all of them. Raises UsageError: a setting is wrong, or the
    ledger does not know a document.
    """
    run = Run(job)
    watch = (watch or Watch()).also(run.tally.hear, log)
    contract = checked_contracts(job, [shard.schema])[shard.schema]
    reader = reader_of(job)
    told = watch.listen
    with (
        at_work(job.out) as owner,
        Ledger(job.ledger_url, job.ledger_output, lambda text: told(Note(text))) as ledger,
    ):
        free_dead(job, ledger)
        plan = _plan(job, shard, contract, reader, ledger)
        watch.listen(Planned(plan.documents, len(plan.todo), (), 0))
        batch = Batch(job, plan, ledger, watch, owner, run, pool)
        try:
            with run.noticed():
                yield batch
        finally:
            batch.close()
            if pool is None:
                run.end(batch.summary, reader)
            watch.listen(batch.summary)


def _plan(job: Job, shard: Shard, contract: str, reader: Reader, ledger: Ledger) -> Plan:
    known = ledger.numbered([number for ids in shard.documents for number in ids])
    groups = [_group(ids, known) for ids in shard.documents]
    keys = [Key(group[0].sha256, contract, reader.fingerprint) for group in groups]
    entries = ledger.entries(keys)
    policy = Policy(job.retry_failed, job.passwords)
    todo: list[Document] = []
    done: list[Done] = []
    adopted: list[tuple[int, tuple[str, ...]]] = []
    for group, key in zip(groups, keys, strict=True):
        first, entry = group[0], entries.get(key)
        copies = tuple(seen.place for seen in group)
        if entry is not None and not policy.again(entry):
            done.append(Done(first.name, shard.schema, entry))
            adopted.append((entry.id, copies))
        else:
            source = source_of(first)
            assignment = Assignment(source, shard.schema, reader.engine, key.sha256, job.passwords, reader.trust)
            todo.append(Document(assignment, key, first.name, copies, None if entry is None else entry.attempts))
    ledger.adopt(adopted)
    return Plan(tuple(todo), tuple(done))


def _group(ids: Sequence[int], known: dict[int, Seen]) -> list[Seen]:
    missing = [number for number in ids if number not in known]
    if missing:
        raise UsageError(
            f"the ledger has no source {missing[0]} of this output folder.",
            remedy="Give the same --out and --ledger as the run that planned it.",
        )
    return [known[number] for number in ids]


def source_of(seen: Seen) -> Source:
    """A source as the ledger has it: by its absolute path, or its URL."""
    return Source(seen.place if is_url(seen.place) else _path(seen.place), seen.name, seen.place)


def _path(place: str) -> str:
    """The path of a place. In its text, bytes that are no UTF-8 stand as `\\xff`."""
    if Path(place).exists() or "\\x" not in place:
        return place
    plain = re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), place.encode())
    return os.fsdecode(plain)
