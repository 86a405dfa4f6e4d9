"""The Prefect flow `ingest`: one task for each shard of documents. All logic is in `pipeline`; this only wraps it.

Prefect watches runs; the ledger says what is done. So tasks are not cached, results are not kept, and nothing but
counts comes back from them.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar

# Read by Prefect when it is imported: a cold server takes up to a minute on a small machine, and it talks a lot.
_DEFAULTS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_SHOW_BANNER": "false",
}
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)

from prefect import flow, task  # noqa: E402 - after its settings
from prefect.cache_policies import NO_CACHE  # noqa: E402

from pipeline.batch import Plan  # noqa: E402
from pipeline.workers import Assignment, Outcome  # noqa: E402

SHARD = 256  # documents in a task: minutes of work, so that Prefect's few milliseconds do not count
Read = Callable[[Sequence[Assignment]], Iterator[Outcome]]

_work: ContextVar[tuple[Sequence[Assignment], Read]] = ContextVar("work")


@task(name="ingest-shard", cache_policy=NO_CACHE, persist_result=False)
def ingest_shard(first: int, last: int) -> dict[str, int]:
    """Reads documents `first` to `last` of the run's list. Returns how many came to which status."""
    assignments, read = _work.get()
    return dict(Counter(outcome.record.status for outcome in read(assignments[first:last])))


@flow(name="ingest", flow_run_name="{label}", persist_result=False, validate_parameters=False)
def ingest(label: str, documents: int) -> dict[str, int]:
    """Reads the run's documents shard by shard. Returns how many came to which status."""
    total: Counter[str] = Counter()
    for first in range(0, documents, SHARD):
        total.update(ingest_shard(first, min(first + SHARD, documents)))
    return dict(total)


def run_flow(plan: Plan, read: Read) -> dict[str, int]:
    """Runs the flow over a plan's documents, on the user's Prefect server, or on one that lives as long as the run."""
    logging.getLogger("prefect").setLevel(logging.CRITICAL)
    label = f"{plan.job.places[0]} by {plan.job.schemas[0]}"
    token = _work.set((plan.todo, read))
    try:
        counts: dict[str, int] = ingest(label[:200], len(plan.todo))
        return counts
    finally:
        _work.reset(token)
