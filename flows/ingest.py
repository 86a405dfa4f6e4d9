"""The Prefect flow `ingest`: one task for each shard of documents. All logic is in `pipeline`; this only wraps it.

Prefect watches runs; the ledger says what is done. So tasks are not cached, results are not kept, and nothing but
counts comes back from them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import TerminationSignal
from prefect.states import Cancelled, Completed
from prefect.tasks import exponential_backoff
from prefect.utilities.annotations import quote

from flows.metrics import METRICS, metrics
from flows.parameters import IngestParameters
from flows.ray_cluster import Cluster
from flows.ray_run import read_with_ray
from flows.spread import spread
from flows.telling import Teller
from pipeline.batch import Batch, open_batch
from pipeline.intake import Document
from pipeline.job import Job, Row, Watch
from schemas.errors import NoDocuments

SHARD = 256  # documents in a task: minutes of work, so that Prefect's few milliseconds do not count
RETRIES = 3  # of a shard, where its trouble may pass
FIRST_PAUSE = 10  # seconds before the first of them; each is twice the one before


@dataclass(frozen=True, slots=True)
class Here:
    """A job that this process wants done itself, and what may not be a parameter: Prefect would send it to its server.

    live: whether anybody hears of single documents.
    """

    job: Job
    watch: Watch
    live: bool


_here: ContextVar[Here | None] = ContextVar("here", default=None)


class Stream:
    """The rows of a batch as they come, for tasks that each wait for documents of their own.

    Documents of later shards are read meanwhile, so that a slow one at the end of a shard keeps no worker waiting.
    read: gives the rows of what is left; it is called anew after an error.
    """

    def __init__(self, read: Callable[[], Generator[Row, None, None]]) -> None:
        self._read = read
        self._rows: Generator[Row, None, None] | None = None
        self._come: dict[str, str] = {}

    def statuses(self, names: Sequence[str]) -> Counter[str]:
        """How many of these documents came to which status, once they all have; fewer where the batch was stopped."""
        missing = set(names).difference(self._come)
        while missing and (row := self._next()) is not None:
            self._come[row.name] = row.status
            missing.discard(row.name)
        return Counter(self._come.pop(name) for name in names if name in self._come)

    def close(self) -> None:
        if self._rows is not None:
            self._rows.close()

    def _next(self) -> Row | None:
        self._rows = self._rows or self._read()
        try:
            return next(self._rows, None)
        except Exception:
            self._rows = None
            raise


def may_pass(task: Any, run: Any, state: Any) -> bool:
    """Whether trying a task again may help, as its error says itself."""
    return bool(getattr(state.result(raise_on_failure=False), "retryable", False))


@task(
    name="read-shard",
    task_run_name="documents {first}-{last}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=RETRIES,
    retry_delay_seconds=exponential_backoff(FIRST_PAUSE),
    retry_jitter_factor=0.5,
    retry_condition_fn=may_pass,
)
def read_shard(stream: Stream, names: Sequence[str], first: int, last: int) -> dict[str, int]:
    """Returns how many of the named documents came to which status. first, last: their places in the run, from 1."""
    return dict(stream.statuses(names))


@task(name="read-with-ray", cache_policy=NO_CACHE, persist_result=False)
def by_ray(batch: Any, cluster: Cluster, stop: Any, shard: int) -> dict[str, int]:
    """Has the actors of a Ray cluster read it all. Returns how many documents came to which status."""
    read_with_ray(batch, cluster, stop, shard)
    return dict(batch.summary.statuses)


@flow(name="ingest", flow_run_name="{job.title}", persist_result=False)
def ingest(job: IngestParameters) -> Any:
    """Reads every document once and writes one JSON for each; what was done before is not done again.

    Returns the counts by status; a run that was told to stop is Cancelled. Documents that fail do not fail the run.
    """
    here = _here.get()
    if here is not None:
        return _ingest(here, job)
    try:
        with metrics(os.environ.get(METRICS, "")) as measure:
            return _ingest(Here(job.job(), Watch(measure), live=True), job)
    except NoDocuments as error:  # as in every folder that is emptied once its documents are read
        return Completed(message=f"Nothing to do: {error}")


def _ingest(here: Here, parameters: IngestParameters) -> Any:
    teller = Teller(here.job, here.watch.listen, live=here.live)
    with open_batch(here.job, Watch(teller.hear, here.watch.stop)) as batch:
        if parameters.spread:
            spread(batch, parameters, here.watch.stop)
        elif cluster := parameters.cluster:
            by_ray(quote(batch), cluster, quote(here.watch.stop), parameters.shard)
        else:
            _read(batch)
    summary = batch.summary
    if summary.interrupted:
        return Cancelled(message=f"Stopped with {summary.left} documents left.")
    return dict(summary.statuses)


def _read(batch: Batch) -> None:
    """Reads in this process, a task for each shard."""
    stream = Stream(batch.read)
    quoted: Any = quote(stream)
    try:
        for first, shard in _shards(batch.plan.todo):
            names: Any = quote([document.name for document in shard])  # quoted: Prefect is not to look into them
            read_shard(quoted, names, first, first + len(shard) - 1)
    finally:
        stream.close()


def run_flow(job: Job, watch: Watch, *, live: bool, cluster: Cluster | None = None) -> None:
    """Runs the flow for a job, here and now. Raises what the job raises, and KeyboardInterrupt when told to end.

    live: whether anybody may hear of single documents, as on a server that stays when the run is over. cluster: of Ray,
    where that is to read.
    """
    token = _here.set(Here(job, watch, live))
    try:
        state: Any = ingest(IngestParameters.of(job).on(cluster), return_state=True)
    except TerminationSignal as error:  # Prefect's own handling of a scheduler's request to end
        raise KeyboardInterrupt from error
    finally:
        _here.reset(token)
    if not state.is_cancelled():
        state.result(raise_on_failure=True)


def _shards(documents: Sequence[Document]) -> Iterator[tuple[int, Sequence[Document]]]:
    """(place of the first in the run, from 1; the documents) of each shard."""
    for start in range(0, len(documents), SHARD):
        yield start + 1, documents[start : start + SHARD]
