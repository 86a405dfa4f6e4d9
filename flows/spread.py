"""A run spread over machines: a parent plans and waits, workers elsewhere read shards, and one ledger joins them.

Nothing but numbers of the ledger goes to a shard's run, and nothing but counts comes back: what is done stands in the
ledger. So a run that dies is simply submitted again, and reads what is left of its shard.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from prefect import flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Cancelling

from flows.metrics import METRICS, metrics
from flows.parameters import IngestParameters
from flows.telling import Teller
from pipeline.batch import Batch
from pipeline.job import Watch
from pipeline.shards import Shard, open_shard, shards_of
from schemas.errors import IntaglioError, UsageError

MOST_TRIES = 3  # of a shard whose runs end without having done it
LOOK_SECONDS = 2.0  # between looks at the runs


class ShardsFailed(IntaglioError):
    """Runs of shards ended without doing their documents, again and again."""

    retryable = True


@dataclass(frozen=True, slots=True)
class _Task:
    """A shard to be submitted. number: of the shard, from 1; tries: runs that it has had."""

    number: int
    shard: Shard
    tries: int = 0


@flow(name="shard", flow_run_name="{job.title} {number}", persist_result=False)
def shard(job: IngestParameters, schema_name: str, documents: list[list[int]], number: int = 1) -> Any:
    """Reads documents that another run has planned, by their numbers in the ledger, and returns the counts by status.

    For `ingest` with `spread`, which submits it; it is not meant to be run by hand.
    """
    part = Shard(schema_name, tuple(tuple(ids) for ids in documents))
    with metrics(os.environ.get(METRICS, "")) as measure:
        teller = Teller(job.job(), measure, live=True)
        with open_shard(job.job(), part, Watch(teller.hear)) as batch:
            for _ in batch.read():
                pass
    if batch.summary.interrupted:
        return Cancelled(message=f"Stopped with {batch.summary.left} documents left.")
    return dict(batch.summary.statuses)


def spread(batch: Batch, job: IngestParameters, stop: threading.Event) -> None:
    """Has the job's deployment `spread` read what a batch has to do, and waits for it; stops when told to.

    Raises UsageError where there is no such deployment, ShardsFailed where shards are left after `MOST_TRIES`.
    However it ends, no run that it submitted goes on.
    """
    shards = shards_of(batch.plan, batch.ledger, job.shard)
    waiting = deque(_Task(number, part) for number, part in enumerate(shards, 1))
    failed: list[str] = []
    with _submitted() as runs:
        while (waiting or runs.tasks) and not stop.is_set():
            while waiting and len(runs.tasks) < job.at_once:
                runs.submit(job, waiting.popleft())
            stop.wait(LOOK_SECONDS)
            for task, run in runs.ended():
                if not _is_done(run):
                    _again(task, run, waiting, failed)
            batch.collect()
    if failed and not stop.is_set():
        raise ShardsFailed(
            f"{len(failed)} of {len(shards)} shards are not done: {failed[0]}.",
            remedy="What is done is kept; the same run again does the rest.",
        )


def _is_done(run: FlowRun | None) -> bool:
    return run is not None and run.state is not None and run.state.is_completed()


def _again(task: _Task, run: FlowRun | None, waiting: deque[_Task], failed: list[str]) -> None:
    """Submits a shard once more, but not for ever."""
    state = run.state if run is not None else None
    what = f"the run of shard {task.number} is {state.type.value.lower() if state else 'gone'}"
    if task.tries < MOST_TRIES:
        get_run_logger().warning("%s; it is submitted again", what)
        waiting.append(task)
    else:
        failed.append(f"{what}{f', {state.message}' if state and state.message else ''}")


class _Runs:
    """Runs of shards that were submitted and have not ended."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self._client = client
        self.tasks: dict[UUID, _Task] = {}

    def submit(self, job: IngestParameters, task: _Task) -> None:
        parameters = {
            "job": job.model_dump(mode="json"),
            "schema_name": task.shard.schema,
            "documents": [list(ids) for ids in task.shard.documents],
            "number": task.number,
        }
        try:
            run: Any = run_deployment(job.spread, parameters=parameters, timeout=0)
        except ObjectNotFound as error:
            raise UsageError(
                f"there is no deployment {job.spread}.", remedy="Deploy `shard`; docs/deployments.md says how."
            ) from error
        self.tasks[run.id] = replace(task, tries=task.tries + 1)

    def ended(self) -> Iterator[tuple[_Task, FlowRun | None]]:
        """Those that have ended since the last look; None for a run that somebody has deleted."""
        found = {run.id: run for run in self._read(list(self.tasks))}
        for number in list(self.tasks):
            run = found.get(number)
            if run is None or (run.state is not None and run.state.is_final()):
                yield self.tasks.pop(number), run

    def cancel(self) -> None:
        """All that have not ended. A worker ends those that are under way, and keeps what they have done."""
        for number in self.tasks:
            with suppress(Exception):  # it has ended, or the server is gone: there is nothing more that we could do
                self._client.set_flow_run_state(number, Cancelling())

    def _read(self, numbers: Sequence[UUID]) -> list[FlowRun]:
        if not numbers:
            return []
        return self._client.read_flow_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(numbers))), limit=200
        )


@contextmanager
def _submitted() -> Iterator[_Runs]:
    with get_client(sync_client=True) as client:
        runs = _Runs(client)
        try:
            yield runs
        finally:
            runs.cancel()
