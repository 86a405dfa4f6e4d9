"""`intaglio deploy`: leaves a job with Prefect's server, which starts it by the clock or for new files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from flows.server import prefect_api, prepare_environment
from pipeline.addresses import is_url
from pipeline.discover import Routes
from pipeline.job import Job
from pipeline.serving import contract_of, engine_of
from schemas.errors import UsageError

POOL = "intaglio"  # of workers with an engine
LIGHT_POOL = "intaglio-light"  # of workers that only look
SETTLE = 10.0  # seconds in which a file must not change before it is taken
EVERY = 60.0  # seconds between looks


@dataclass(frozen=True, slots=True)
class When:
    """cron: a cron expression in UTC, or empty. watch: whether to look for new files every so many seconds."""

    cron: str = ""
    watch: bool = False
    every: float = EVERY


def run(job: Job, name: str, when: When, pool: str) -> int:
    """Returns the exit code. Raises UsageError before anything is deployed."""
    if when.cron and when.watch:
        raise UsageError("--cron and --watch say two things.", remedy="Give one, or deploy twice under two names.")
    for schema in Routes.of(job.schemas).schemas:
        contract_of(schema)
    engine_of(job.engine)
    prepare_environment()
    _require_server()
    with prefect_api():
        for line in _deploy(_anywhere(job), name, when, pool):
            print(line)
    return 0


def _require_server() -> None:
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise UsageError(
            "no Prefect server is known that could start runs.",
            remedy="Start one, `prefect server start`, and name it: "
            "`prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api`.",
        )


def _anywhere(job: Job) -> Job:
    """The job with places that do not depend on where a worker runs."""
    places = tuple(place if is_url(place) else os.path.abspath(place) for place in job.places)  # noqa: PTH100 - globs
    return replace(job, places=places, out=job.out.absolute())


def _deploy(job: Job, name: str, when: When, pool: str) -> Iterator[str]:
    """Deploys, and says what comes next."""
    from flows.ingest import ingest
    from flows.parameters import IngestParameters
    from flows.watch import watch

    shown = IngestParameters.of(job)
    if (shown.job().places, shown.ledger, shown.url) != (job.places, job.ledger, job.engine.url):
        raise UsageError(
            "a place, the ledger or the server is given with credentials, and Prefect would keep them.",
            remedy="Give them in the environment of the worker; docs/deployments.md says how.",
        )
    said = shown.model_dump(mode="json", exclude_defaults=True)
    _make_pool(pool, 1)
    at = _apply(ingest, name, {"job": said}, pool, "ENQUEUE", {"cron": when.cron} if when.cron else {})
    yield f"Deployed ingest/{name}{f', started by cron {when.cron!r} in UTC' if when.cron else ''}."
    workers = [f"prefect worker start --pool {pool} --limit 1     # one for each GPU"]
    if when.watch:
        parameters = {"job": {**said, "settle": SETTLE}, "then": f"ingest/{name}"}
        _make_pool(LIGHT_POOL, None)
        _apply(watch, name, parameters, LIGHT_POOL, "CANCEL_NEW", {"interval": timedelta(seconds=when.every)})
        yield f"Deployed watch/{name}, which looks every {when.every:g} s and starts ingest/{name} for what is new."
        workers.append(f"prefect worker start --pool {LIGHT_POOL}       # one, anywhere that sees the files")
    yield "Next, on the machine that is to read, with INTAGLIO_PASSWORDS and the like in its environment:"
    yield from (f"  {worker}" for worker in workers)
    yield f"Run it now:  prefect deployment run 'ingest/{name}'"
    yield f"Look at it:  {_page(at)}"


def _apply(flow: Any, name: str, parameters: dict[str, Any], pool: str, collision: str, schedule: Any) -> Any:
    """Its id."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.deployments.runner import DeploymentApplyError
    from prefect.runner.storage import LocalStorage
    from prefect.types.entrypoint import EntrypointType

    deployment = flow.to_deployment(
        name,
        parameters=parameters,
        work_pool_name=pool,
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=collision),
        entrypoint_type=EntrypointType.MODULE_PATH,
        tags=["intaglio"],
        **schedule,
    )
    # Schemas in files are found from here. Without a step that says where to work, a worker would copy the folder that
    # it runs in, documents and all, for every run.
    deployment.storage = LocalStorage(str(Path.cwd()))
    try:
        return deployment.apply()
    except DeploymentApplyError as error:
        raise UsageError(f"Prefect does not take it: {error}.", remedy="Check --name and --cron.") from error


def _make_pool(name: str, limit: int | None) -> None:
    """A process pool, where there is none of this name yet."""
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type="process", concurrency_limit=limit))
        except ObjectAlreadyExists:
            return


def _page(deployment: Any) -> str:
    from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL

    url = PREFECT_UI_URL.value() or str(PREFECT_API_URL.value()).removesuffix("/api")
    return f"{url}/deployments/deployment/{deployment}"
