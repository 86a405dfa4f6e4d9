"""The Prefect flow `watch`: looks into places every minute or so, and starts a deployment of `ingest` for what is new.

It is a flow of its own so that looking needs no GPU, waits for none, and leaves no run of `ingest` that did nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from prefect import flow, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed

from flows.parameters import IngestParameters
from pipeline.batch import open_batch
from pipeline.job import Job
from schemas.errors import NoDocuments, UsageError

_UNDER_WAY = (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)


@flow(name="watch", flow_run_name="{job.title}", persist_result=False)
def watch(job: IngestParameters, then: str = "ingest/inbox") -> Any:
    """Starts the deployment `then` with this job if there is anything to read; loads no engine, and reads nothing.

    Files that are still being written, by the job's `settle`, are not counted, and the run that is started leaves them
    out too. While a run of `then` is under way nothing is started: what is new then, the next look finds.
    """
    waiting = count_waiting(job.job())
    if not waiting:
        return Completed(message="Nothing new.")
    if is_under_way(then):
        return Completed(message=f"{waiting} documents wait for the run of {then} that is under way.")
    run: Any = run_deployment(then, parameters={"job": job.model_dump(mode="json")}, timeout=0, as_subflow=False)
    return Completed(message=f"{waiting} new documents: started {run.name} of {then}.")


def count_waiting(job: Job) -> int:
    """Documents that a run of the job would read now for the first time, or after a failure that may have passed.

    Not those that are tried whenever a run is asked to, though they may fail each time: they would start one for ever.
    """
    try:
        with open_batch(replace(job, passwords=(), retry_failed=False)) as batch:
            return len(batch.plan.todo)
    except NoDocuments:
        return 0


def is_under_way(deployment: str) -> bool:
    """Whether a run of it is at work or due; those that are scheduled for later do not count.

    Raises UsageError where there is no such deployment.
    """
    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name(deployment)
        except ObjectNotFound as error:
            raise UsageError(
                f"there is no deployment {deployment}.", remedy="Deploy it, or name another in `then`."
            ) from error
        under_way = FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(_UNDER_WAY))),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
        )
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[found.id]))
        return bool(client.read_flow_runs(flow_run_filter=under_way, deployment_filter=mine, limit=1))
