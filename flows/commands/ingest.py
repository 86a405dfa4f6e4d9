"""`intaglio ingest`: runs a job as a Prefect flow, or directly, and shows what comes of it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.logs import LogForm, logging_to
from flows.metrics import metrics
from flows.ray_cluster import Cluster
from flows.report import Report
from flows.stopping import INTERRUPTED, stopping
from pipeline.batch import open_batch, run_batch
from pipeline.job import Job, Watch
from pipeline.redaction import NOTHING, Redaction


@dataclass(frozen=True, slots=True)
class Telling:
    """How a run tells of itself. log_file: None for standard error; metrics: as `flows.metrics.metrics` takes it;
    redaction: of what it prints."""

    quiet: bool = False
    as_json: bool = False
    log: LogForm = "off"
    log_file: Path | None = None
    metrics: str = ""
    redaction: Redaction = NOTHING

    @property
    def bar(self) -> bool:
        """Whether a bar can move: it would write over the lines of a log on the same terminal."""
        return not (self.quiet or self.as_json or (self.log != "off" and self.log_file is None))


def run(job: Job, telling: Telling, *, direct: bool, cluster: Cluster | None = None) -> int:
    """Returns the exit code. A run with nothing to do starts neither Prefect nor a worker. cluster: of Ray, where that
    is to read."""
    begun = time.monotonic()
    interrupted = True
    with (
        logging_to(telling.log, telling.log_file),
        metrics(telling.metrics) as measure,
        Report(job, telling.redaction, quiet=telling.quiet, as_json=telling.as_json, bar=telling.bar) as report,
    ):
        watch = Watch(report.hear).also(measure)
        heeded = stopping(watch.stop, lambda: report.reading, lambda: report.note("stopping"))
        with heeded, suppress(KeyboardInterrupt):
            if not direct:
                _run_as_flow(job, watch, report, cluster)
            elif cluster is not None:
                _run_on(cluster, job, watch)
            else:
                run_batch(job, watch)
            interrupted = watch.stop.is_set()
    report.show(time.monotonic() - begun, interrupted)
    if interrupted:
        return INTERRUPTED
    return 1 if report.failed else 0


def _run_on(cluster: Cluster, job: Job, watch: Watch) -> None:
    from flows.ray_run import read_with_ray

    with open_batch(job, watch) as batch:
        if batch.plan.todo:
            read_with_ray(batch, cluster, watch.stop)


def _run_as_flow(job: Job, watch: Watch, report: Report, cluster: Cluster | None) -> None:
    """The flow plans anew what is planned here: so it is the same flow when Prefect's own scheduler starts it."""
    with open_batch(job, watch) as batch:
        if not batch.plan.todo:
            return
    report.note("starting Prefect")
    from flows.server import prefect_api, prepare_environment

    prepare_environment()
    with prefect_api() as live:
        from flows.ingest import run_flow

        report.note("documents")
        run_flow(job, watch, live=live, cluster=cluster)
        report.note("ending Prefect")
