"""A batch: many documents, each done once. The ledger says what is done; this does the rest, and loses nothing.

Order of writing, for every document: its trace and its JSON file, each whole or not at all, then the ledger's row. A
run that dies in between does that document again, to the same files; a row whose file is missing gets it back without
any work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from model.needs import check_needs
from pipeline.confidence.model import fingerprint_of
from pipeline.discover import Routes, discover
from pipeline.intake import Document, Plan, Policy, Reader, take_in
from pipeline.job import MOST_ROWS, Job, Planned, Row, Summary, Watch
from pipeline.ledger import Ledger
from pipeline.serving import Outcome, contract_of, engine_of
from pipeline.sinks import output_folder, record_path, write_atomically, write_bytes, write_lines
from pipeline.trace_file import trace_path
from pipeline.workers import Workers, cores
from schemas.record import Record


def run_batch(job: Job, watch: Watch | None = None) -> Summary:
    """Does a whole job. Raises UsageError, before any work, for what is wrong with it.

    It starts processes: a program of your own calls it under `if __name__ == "__main__":`.
    """
    with open_batch(job, watch) as batch:
        for _ in batch.read():
            pass
    return batch.summary


class Batch:
    """A job under way. `plan` says what there is to do, `read` does it; `summary` counts at any time."""

    def __init__(self, job: Job, plan: Plan, ledger: Ledger, watch: Watch) -> None:
        self.job = job
        self.plan = plan
        self._ledger = ledger
        self._watch = watch
        self._statuses = Counter(done.entry.status for done in plan.done)
        self._read = 0
        self._pages = 0

    def read(self) -> Generator[Row, None, None]:
        """Reads what is left, and gives out a document once its record is in its file and in the ledger."""
        if not self.plan.todo:
            return
        documents = {id(document.assignment): document for document in self.plan.todo}
        most = engine_of(self.job.engine).limits.processes or len(documents)
        count = min(self.job.workers or cores(), most, len(documents))
        job = self.job
        with Workers(count, job.seconds, job.engine, traces=job.traces, limits=job.limits) as workers:
            for outcome in workers.read([document.assignment for document in self.plan.todo], self._watch.stop):
                row = self._keep(documents[id(outcome.assignment)], outcome)
                self._statuses[row.status] += 1
                self._read += 1
                self._pages += row.pages
                self._watch.listen(row)
                yield row

    @property
    def summary(self) -> Summary:
        left = self.plan.documents - self._statuses.total()
        return Summary(
            documents=self.plan.documents,
            read=self._read,
            pages=self._pages,
            statuses=Counter(self._statuses),
            same=self.plan.same,
            interrupted=left > 0,
        )

    def _keep(self, document: Document, outcome: Outcome) -> Row:
        record = outcome.record
        if outcome.trace:
            write_bytes(trace_path(self.job.out, record), [outcome.trace], self.job.out)
        path = record_path(self.job.out, document.name)
        write_atomically(path, record.model_dump_json(indent=2), self.job.out)
        key = document.key
        if record.document.sha256:  # it may have changed since it was planned
            key = key._replace(sha256=record.document.sha256)
        text = record.model_dump_json()
        self._ledger.save(key, text, record.status, outcome.code, outcome.retryable, document.copies)
        return _row(document.name, document.assignment.schema, record)


@contextmanager
def open_batch(job: Job, watch: Watch | None = None) -> Iterator[Batch]:
    """Plans a job and holds its output folder; on the way out, also after an error, what was done is all in place.

    Raises UsageError before any work: a source or schema that does not exist, an engine that cannot do what a schema
    needs, an output that cannot be written.
    """
    watch = watch or Watch()
    routes = Routes.of(job.schemas)
    contracts = {schema: contract_of(schema).fingerprint for schema in routes.schemas}
    reader = reader_of(job)
    for schema in routes.schemas:
        check_needs(engine_of(job.engine), contract_of(schema))
    routed = routes.assign(discover(job.places))
    with output_folder(job.out), Ledger(job.ledger_url, job.ledger_output) as ledger:
        plan = take_in(routed, contracts, reader, Policy(job.retry_failed, job.passwords), ledger)
        restored = restore_files(job, ledger)
        watch.listen(Planned(plan.documents, len(plan.todo), _earlier(plan, ledger), restored))
        batch = Batch(job, plan, ledger, watch)
        try:
            yield batch
        finally:
            if batch.summary.read:
                restore_files(job, ledger)
            write_jsonl(job, ledger)
            watch.listen(batch.summary)


def reader_of(job: Job) -> Reader:
    """Engine and trust of a job. Raises UsageError for a calibration that cannot be used."""
    info = engine_of(job.engine).info
    return Reader(job.engine, job.trust, f"{info.fingerprint} {fingerprint_of(info.name, job.trust)}")


def restore_files(job: Job, ledger: Ledger) -> int:
    """Makes the JSON files what the ledger says: missing ones are written again, those of no document removed.

    Returns how many were missing.
    """
    holders = ledger.holders()
    kept = {seen.place for seen in holders.values()}
    for seen in ledger.sources():
        if seen.written is not None and seen.place not in kept:
            record_path(job.out, seen.name).unlink(missing_ok=True)
            ledger.wrote(seen.place, None)
    missing = [
        number
        for number, seen in holders.items()
        if seen.written != number or not record_path(job.out, seen.name).exists()
    ]
    for number, text in ledger.records(missing):
        pretty = Record.model_validate_json(text).model_dump_json(indent=2)
        write_atomically(record_path(job.out, holders[number].name), pretty, job.out)
        ledger.wrote(holders[number].place, number)
    return len(missing)


def write_jsonl(job: Job, ledger: Ledger) -> None:
    """All records of the output folder, one a line, in the order of their names; nothing where it lacks nothing."""
    if ledger.complete() and job.jsonl.exists():
        return
    holders = ledger.holders()
    ordered = sorted(holders, key=lambda number: holders[number].name)
    write_lines(job.jsonl, (text for _, text in ledger.records(ordered)))
    ledger.completed()


def _earlier(plan: Plan, ledger: Ledger) -> tuple[Row, ...]:
    shown = {done.entry.id: done for done in plan.done[:MOST_ROWS]}
    return tuple(
        _row(shown[number].name, shown[number].schema, Record.model_validate_json(text))
        for number, text in ledger.records(shown)
    )


def _row(name: str, schema: str, record: Record) -> Row:
    fields = Counter(result.status for result in record.fields.values())
    return Row(
        name=name,
        uri=record.document.uri,
        schema=schema,
        status=record.status,
        pages=len(record.document.pages),
        accepted=fields["accepted"],
        review=fields["review"],
        issues=tuple(issue.message for issue in record.issues),
    )
