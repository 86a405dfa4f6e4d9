"""`intaglio review truth`: what persons said of records, as truth."""

from __future__ import annotations

from rich.text import Text

from flows.terminal import console, plain
from pipeline.job import Job
from pipeline.ledger_view import open_view
from pipeline.review.truth_files import Wanted, Written, write_truths
from schemas.errors import UsageError


def run(ledger: str, wanted: Wanted) -> int:
    """Writes the files; returns the exit code. Raises UsageError where there is nothing to write."""
    job = Job((), (), wanted.out, ledger=ledger)
    screen = console()
    written: list[Written] = []
    failed = 0
    with open_view(job.ledger_url, job.ledger_output) as view:
        for each in write_truths(view, wanted):
            if isinstance(each, Written):
                written.append(each)
            else:
                failed += 1
                screen.print(Text(plain(f"Left out {each.name}: {each.reason}"), style="yellow"), soft_wrap=True)
    if not written and not failed:
        raise UsageError(
            f"nobody has approved or corrected a record in {wanted.out}.",
            remedy="Do so with `intaglio review approve` or `intaglio review correct`.",
        )
    for remark in dict.fromkeys(each.remark for each in written if each.remark):
        screen.print(Text(plain(remark), style="yellow"), soft_wrap=True)
    values = sum(each.values for each in written)
    parts = sum(not each.whole for each in written)
    some = f", {parts} of them with what was settled alone" if parts else ""
    screen.print(Text(plain(f"{len(written)} truths with {values} values in {wanted.to}{some}.")), soft_wrap=True)
    screen.print(Text(plain(f"Next: intaglio evaluate {wanted.to}")), soft_wrap=True)
    return 1 if failed else 0
