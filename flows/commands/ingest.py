"""`intaglio ingest`: runs a job as a Prefect flow, or directly, and shows what comes of it."""

from __future__ import annotations

import time
from contextlib import suppress

from flows.report import Report
from flows.stopping import INTERRUPTED, stopping
from pipeline.batch import open_batch, run_batch
from pipeline.job import Job, Watch
from pipeline.redaction import NOTHING, Redaction


def run(job: Job, redaction: Redaction = NOTHING, *, direct: bool, quiet: bool, as_json: bool) -> int:
    """Returns the exit code. A run with nothing to do starts neither Prefect nor a worker."""
    begun = time.monotonic()
    interrupted = True
    with Report(job, redaction, quiet=quiet, as_json=as_json) as report:
        watch = Watch(report.hear)
        heeded = stopping(watch.stop, lambda: report.reading, lambda: report.note("stopping"))
        with heeded, suppress(KeyboardInterrupt):
            if direct:
                run_batch(job, watch)
            else:
                _run_as_flow(job, watch, report)
            interrupted = watch.stop.is_set()
    report.show(time.monotonic() - begun, interrupted)
    if interrupted:
        return INTERRUPTED
    return 1 if report.failed else 0


def _run_as_flow(job: Job, watch: Watch, report: Report) -> None:
    """The flow plans anew what is planned here: so it is the same flow when Prefect's own scheduler starts it."""
    with open_batch(job, watch) as batch:
        if not batch.plan.todo:
            return
    report.note("starting Prefect")
    from flows.server import prefect_api, prepare_environment

    prepare_environment()
    with prefect_api():
        from flows.ingest import run_flow

        report.note("documents")
        run_flow(job, watch)
        report.note("ending Prefect")
