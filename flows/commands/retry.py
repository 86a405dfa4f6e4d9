"""`intaglio retry`: failed documents are to be done again by the next run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from flows.terminal import console, plain
from pipeline.job import Job
from pipeline.ledger_view import Failure
from pipeline.retry import mark_failed
from schemas.errors import UsageError

MOST_NAMED = 10  # documents; more are counted


def run(
    folder: Path, ledger: str, codes: Sequence[str], documents: Sequence[str], *, failed: bool, as_json: bool
) -> int:
    """Marks them and says which; returns the exit code."""
    if not (failed or codes or documents):
        raise UsageError(
            "nothing says which documents to try again.", remedy="Add --failed for all that failed, or --code CODE."
        )
    marked = mark_failed(Job((), (), folder, ledger=ledger), codes, documents)
    if as_json:
        print(json.dumps(_told(folder, marked), ensure_ascii=False))
    else:
        for line in _lines(folder, marked):
            console().print(Text(line), soft_wrap=True)
    return 0


def _lines(folder: Path, marked: Sequence[Failure]) -> list[str]:
    if not marked:
        return [f"{plain(str(folder))}: no document has failed; there is nothing to try again."]
    names = ", ".join(plain(failure.name) for failure in marked[:MOST_NAMED])
    more = f" and {len(marked) - MOST_NAMED} more" if len(marked) > MOST_NAMED else ""
    count = "1 document is" if len(marked) == 1 else f"{len(marked)} documents are"
    lines = [f"{count} to be tried again: {names}{more}.", "Now give the same `intaglio ingest` as before."]
    if any(failure.code == "encrypted-document" for failure in marked):
        lines.append("Some need a password: add --password.")
    return lines


def _told(folder: Path, marked: Sequence[Failure]) -> dict[str, object]:
    """For programs."""
    return {
        "folder": str(folder),
        "marked": len(marked),
        "codes": dict(Counter(failure.code for failure in marked)),
        "documents": [failure.name for failure in marked],
    }
