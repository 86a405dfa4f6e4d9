"""A run spread over machines: a parent plans and waits, workers elsewhere read shards, and one ledger joins them.

Nothing but numbers of the ledger goes to a shard's run, and nothing but counts comes back: what is done stands in the
ledger. So a run that dies is simply submitted again, and reads what is left of its shard.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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

from flows.handing import Handout, Task
from flows.metrics import METRICS, metrics
from flows.parameters import IngestParameters
from flows.telling import Teller
from pipeline.batch import Batch
from pipeline.job import Watch
from pipeline.shards import Shard, open_shard, shards_of
from schemas.errors import UsageError

LOOK_SECONDS = 2.0  # between looks at the runs


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

    Raises UsageError where there is no such deployment, ShardsFailed where shards come back undone again and again.
    However it ends, no run that it submitted goes on.
    """
    handout = Handout(shards_of(batch.plan, batch.ledger, job.shard), get_run_logger().warning)
    with _submitted() as runs:
        while (handout.waits or runs.tasks) and not stop.is_set():
            while handout.waits and len(runs.tasks) < job.at_once:
                runs.submit(job, handout.next())
            stop.wait(LOOK_SECONDS)
            for task, run in runs.ended():
                if not _is_done(run):
                    state = run.state if run is not None else None
                    what = f"the run of shard {task.number} is {state.type.value.lower() if state else 'gone'}"
                    handout.again(task, what, (state and state.message) or "")
            batch.collect()
    if not stop.is_set():
        handout.check()


def _is_done(run: FlowRun | None) -> bool:
    return run is not None and run.state is not None and run.state.is_completed()


class _Runs:
    """Runs of shards that were submitted and have not ended."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self._client = client
        self.tasks: dict[UUID, Task] = {}

    def submit(self, job: IngestParameters, task: Task) -> None:
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
        self.tasks[run.id] = task

    def ended(self) -> Iterator[tuple[Task, FlowRun | None]]:
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
