"""The Prefect flow `ingest`: one task for each shard of documents. All logic is in `pipeline`; this only wraps it.

Prefect watches runs; the ledger says what is done. So tasks are not cached, results are not kept, and nothing but
counts comes back from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import TerminationSignal
from prefect.states import Cancelled
from prefect.utilities.annotations import quote
from pydantic import SecretStr

from model.engine import EMBEDDED, EngineSpec
from pipeline.batch import open_batch
from pipeline.confidence.trust import DEFAULT, Trust
from pipeline.intake import Document
from pipeline.job import SECONDS, Job, Row, Watch
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits

SHARD = 256  # documents in a task: minutes of work, so that Prefect's few milliseconds do not count

_watch: ContextVar[Watch] = ContextVar("watch")  # no parameter: Prefect would send it to its server


class Stream:
    """The rows of a batch as they come, for tasks that each wait for documents of their own.

    Documents of later shards are read meanwhile, so that a slow one at the end of a shard keeps no worker waiting.
    """

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._early: dict[str, str] = {}

    def statuses(self, names: Sequence[str]) -> Counter[str]:
        """How many of these documents came to which status, once they all have; fewer where the batch was stopped."""
        early = [name for name in names if name in self._early]
        found = Counter(self._early.pop(name) for name in early)
        missing = set(names).difference(early)
        while missing and (row := next(self._rows, None)) is not None:
            if row.name in missing:
                missing.discard(row.name)
                found[row.status] += 1
            else:
                self._early[row.name] = row.status
        return found


@task(name="read-shard", task_run_name="documents {first}-{last}", cache_policy=NO_CACHE, persist_result=False)
def read_shard(stream: Stream, names: Sequence[str], first: int, last: int) -> dict[str, int]:
    """Returns how many of the named documents came to which status. first, last: their places in the run, from 1."""
    return dict(stream.statuses(names))


@flow(name="ingest", persist_result=False)
def ingest(
    places: list[str],
    schemas: list[str],
    out: Path,
    engine: EngineSpec = EMBEDDED,
    ledger: str = "",
    passwords: list[SecretStr] | None = None,
    workers: int | None = None,
    seconds: float = SECONDS,
    retry_failed: bool = False,
    trust: Trust = DEFAULT,
    traces: bool = True,
    limits: DocumentLimits = DEFAULT_LIMITS,
) -> Any:
    """Reads every document once and writes one JSON for each. Parameters as in `pipeline.job.Job`.

    Returns the counts by status; a run that was told to stop is Cancelled. Documents that fail do not fail the run.
    """
    job = Job(
        places=tuple(places),
        schemas=tuple(schemas),
        out=out,
        engine=engine,
        ledger=ledger,
        passwords=tuple(password.get_secret_value() for password in passwords or ()),
        workers=workers,
        seconds=seconds,
        retry_failed=retry_failed,
        trust=trust,
        traces=traces,
        limits=limits,
    )
    with open_batch(job, _watch.get(None)) as batch:
        rows = batch.read()
        quoted: Any = quote(Stream(rows))
        try:
            for first, shard in _shards(batch.plan.todo):
                names: Any = quote([document.name for document in shard])  # quoted: Prefect is not to look into them
                read_shard(quoted, names, first, first + len(shard) - 1)
        finally:
            rows.close()
    summary = batch.summary
    if summary.interrupted:
        return Cancelled(message=f"Stopped with {summary.left} documents left.")
    return dict(summary.statuses)


def run_flow(job: Job, watch: Watch) -> None:
    """Runs the flow for a job, here and now. Raises what the job raises, and KeyboardInterrupt when told to end."""
    token = _watch.set(watch)
    try:
        state: Any = ingest(
            places=list(job.places),
            schemas=list(job.schemas),
            out=job.out,
            engine=job.engine,
            ledger=job.ledger,
            passwords=[SecretStr(password) for password in job.passwords],
            workers=job.workers,
            seconds=job.seconds,
            retry_failed=job.retry_failed,
            trust=job.trust,
            traces=job.traces,
            limits=job.limits,
            return_state=True,
        )
    except TerminationSignal as error:  # Prefect's own handling of a scheduler's request to end
        raise KeyboardInterrupt from error
    finally:
        _watch.reset(token)
    if not state.is_cancelled():
        state.result(raise_on_failure=True)


def _shards(documents: Sequence[Document]) -> Iterator[tuple[int, Sequence[Document]]]:
    """(place of the first in the run, from 1; the documents) of each shard."""
    for start in range(0, len(documents), SHARD):
        yield start + 1, documents[start : start + SHARD]
