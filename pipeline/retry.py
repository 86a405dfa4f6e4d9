"""Failed documents that are to be tried again: marked in the ledger, for the next run of the same job."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.job import Job
from pipeline.ledger import Ledger
from pipeline.ledger_view import Failure, open_view
from schemas.errors import UsageError

MOST_NAMED = 5  # names that an error lists


def mark_failed(job: Job, codes: Sequence[str] = (), names: Sequence[str] = ()) -> list[Failure]:
    """Has the failed documents of a job's folder tried again by its next run, also those that failed for good.

    codes, names: only those that failed so, or are called so; none means all. Returns those that were marked.
    Raises LedgerUnreadable where there is no ledger, UsageError for a name or code of no failed document: a mistyped
    one should not be taken for nothing to do.
    """
    with open_view(job.ledger_url, job.ledger_output) as view:
        failures = view.failures()
    _check(names, {failure.name for failure in failures}, "document", job)
    _check(codes, {failure.code for failure in failures}, "code", job)
    wanted = [
        failure for failure in failures if (not codes or failure.code in codes) and (not names or failure.name in names)
    ]
    if wanted:
        with Ledger(job.ledger_url, job.ledger_output) as ledger:
            ledger.retry([failure.id for failure in wanted])
    return wanted


def _check(given: Sequence[str], known: set[str], what: str, job: Job) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        there = sorted(known)
        more = f" and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
        said = f"There are: {', '.join(there[:MOST_NAMED])}{more}." if there else "No document has failed."
        raise UsageError(f"no failed document of {job.out} has the {what} {unknown[0]!r}.", remedy=said)
