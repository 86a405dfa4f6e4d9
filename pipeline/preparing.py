"""What a batch, or a part of one, has to know before its first document is read."""

from __future__ import annotations

from collections.abc import Sequence

from model.needs import check_needs
from pipeline.confidence.model import fingerprint_of
from pipeline.discover import Routes
from pipeline.intake import Plan, Reader
from pipeline.job import MOST_ROWS, Job, Row, row_of
from pipeline.ledger import Ledger
from pipeline.runs import dead_runs, forget
from pipeline.serving import contract_of, engine_of
from pipeline.workers import Workers
from schemas.record import Record


def checked_contracts(job: Job, schemas: Sequence[str]) -> dict[str, str]:
    """Fingerprint by schema. Raises UsageError: there is no such schema, or the engine cannot do what it needs."""
    for schema in schemas:
        check_needs(engine_of(job.engine), contract_of(schema))
    return {schema: contract_of(schema).fingerprint for schema in schemas}


def reader_of(job: Job) -> Reader:
    """Engine and trust of a job. Raises UsageError for a calibration that cannot be used."""
    info = engine_of(job.engine).info
    return Reader(job.engine, job.trust, f"{info.fingerprint} {fingerprint_of(info.name, job.trust)}")


def readers_of(job: Job, count: int) -> Workers:
    """A pool of so many reader processes for a job's documents. Raises EngineUnavailable."""
    schemas = Routes.of(job.schemas).schemas
    return Workers(count, job.seconds, job.engine, traces=job.traces, limits=job.limits, schemas=schemas)


def free_dead(job: Job, ledger: Ledger) -> None:
    """Gives back what runs in this folder had in hand when they were killed, without waiting for their leases."""
    for owner in dead_runs(job.out):
        ledger.release(owner)
        forget(job.out, owner)


def earlier(plan: Plan, ledger: Ledger) -> tuple[Row, ...]:
    """The first documents of a plan that were done before."""
    shown = {done.entry.id: done for done in plan.done[:MOST_ROWS]}
    return tuple(
        row_of(shown[number].name, shown[number].schema, Record.model_validate_json(text))
        for number, text in ledger.records(shown)
    )
