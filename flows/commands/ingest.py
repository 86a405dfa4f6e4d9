"""`intaglio ingest`: plans the batch, and runs it as a Prefect flow, or directly."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence

from flows.report import Bar, Tally, print_summary
from pipeline.batch import Job, Plan, open_output, plan_batch, restore_files, run_batch, write_all
from pipeline.ledger import Ledger
from pipeline.workers import Assignment, Outcome, Workers

INTERRUPTED = 130
Read = Callable[[Sequence[Assignment]], Iterator[Outcome]]


def run(job: Job, *, direct: bool, quiet: bool, as_json: bool) -> int:
    """Returns the exit code. A run with nothing to do never starts Prefect nor a worker."""
    begun = time.monotonic()
    open_output(job)
    with Ledger(job.ledger_url) as ledger:
        plan = plan_batch(job, ledger)
        tally = Tally(plan)
        restored = restore_files(plan, ledger)
        if restored and not quiet:
            print(f"{restored} missing file{'' if restored == 1 else 's'} written again.", file=sys.stderr)
        code = _work(plan, ledger, tally, direct=direct, quiet=quiet or as_json) if plan.todo else 0
        jsonl = write_all(plan, ledger)
    if code == INTERRUPTED:
        left = len(plan.todo) - len(tally.records)
        print(
            f"Interrupted: {len(tally.records)} done and kept, {left} left. The same command goes on.", file=sys.stderr
        )
        return code
    if not plan.todo and not quiet and not as_json:
        print(f"Nothing to do: all {plan.documents} documents are in the ledger.")
    if not quiet or as_json:
        print_summary(tally, jsonl, time.monotonic() - begun, as_json)
    return tally.exit_code


def _work(plan: Plan, ledger: Ledger, tally: Tally, *, direct: bool, quiet: bool) -> int:
    job = plan.job
    workers = Workers(min(job.workers, len(plan.todo)), job.seconds)
    with workers, Bar(len(plan.todo), shown=not quiet) as bar:

        def read(assignments: Sequence[Assignment]) -> Iterator[Outcome]:
            for outcome in run_batch(plan, assignments, ledger, workers):
                tally.add(outcome)
                bar.advance(outcome)
                yield outcome

        try:
            if direct:
                for _ in read(plan.todo):
                    pass
            else:
                from flows.ingest import run_flow

                run_flow(plan, read)
        except KeyboardInterrupt:
            return INTERRUPTED
    return 0
