"""What a run has come to so far, in numbers alone: no names and no words of documents."""

from __future__ import annotations

import threading
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field, replace

from pipeline.job import Event, Planned, Row


@dataclass(frozen=True, slots=True)
class Totals:
    """Of the documents that a run has read.

    statuses: their number by status; failures: of the failed ones by code. values: how many are `accepted` and in
    `review`. tokens: `input` and `output`. seconds: by stage, as `schemas.record.Usage` has them, of all readers
    together. escalations: asks beyond the first. unasked: doubtful values that no ask was left for. waiting: documents
    that are being read or wait for it.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    pages: int = 0
    escalations: int = 0
    unasked: int = 0
    waiting: int = 0


class Tally:
    """Listens to a batch, and says from any thread what it has come to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals = Totals()

    def hear(self, event: Event) -> None:
        """Takes in what the batch tells."""
        with self._lock:
            if isinstance(event, Planned):
                self._totals = replace(self._totals, waiting=event.todo)
            elif isinstance(event, Row) and event.elsewhere:
                self._totals = replace(self._totals, waiting=self._totals.waiting - 1)
            elif isinstance(event, Row):
                self._totals = _with(self._totals, event)

    def totals(self) -> Totals:
        """As they are now; they stay so."""
        with self._lock:
            return deepcopy(self._totals)


def _with(totals: Totals, row: Row) -> Totals:
    """The totals with a document more. Their counters are the same, and grow."""
    usage = row.usage
    totals.statuses[row.status] += 1
    if row.code:
        totals.failures[row.code] += 1
    totals.values.update(accepted=row.accepted, review=row.review)
    totals.tokens.update(input=usage.prompt_tokens, output=usage.output_tokens)
    totals.seconds.update(usage.seconds)
    return replace(
        totals,
        pages=totals.pages + row.pages,
        escalations=totals.escalations + usage.escalations,
        unasked=totals.unasked + usage.unasked,
        waiting=totals.waiting - 1,
    )
