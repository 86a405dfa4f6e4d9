"""What a user asks of a batch, and what the batch tells while it works."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL

from model.engine import EMBEDDED, EngineSpec
from pipeline.confidence.trust import DEFAULT, Trust
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits
from pipeline.prices import FREE, Prices
from pipeline.sinks import JSONL, OWN_FOLDER
from schemas.record import Record, Usage

if TYPE_CHECKING:
    from pipeline.run_report import RunReport

SECONDS = 300.0  # that one document may take
MOST_ROWS = 40  # documents that a table shows; more are counted only


@dataclass(frozen=True, slots=True)
class Job:
    """places: folders, files, globs, URLs. schemas: as `Routes.of` takes them. out: folder for the JSON.

    ledger: a database URL, by default SQLite in `out`. workers: reader processes, by default one for each core.
    seconds: the most that one document may take. retry_failed: whether documents that failed for good are tried again.
    trust: what is asked of accepted values; records made under another are made anew. traces: whether what made each
    record is kept, for replays. prices: what machine and tokens cost, for the report of the run. settle: files that
    changed in the last so many seconds, and still do, are left out. limits: what else one document may take.
    """

    places: tuple[str, ...]
    schemas: tuple[str, ...]
    out: Path
    engine: EngineSpec = EMBEDDED
    ledger: str = ""
    passwords: tuple[str, ...] = field(default=(), repr=False)
    workers: int | None = None
    seconds: float = SECONDS
    retry_failed: bool = False
    trust: Trust = DEFAULT
    traces: bool = True
    prices: Prices = FREE
    settle: float = 0.0
    limits: DocumentLimits = DEFAULT_LIMITS

    @property
    def ledger_url(self) -> str | URL:
        return self.ledger or URL.create("sqlite", database=str(self.out.absolute() / OWN_FOLDER / "ledger.sqlite"))

    @property
    def ledger_output(self) -> str:
        """How a ledger that several jobs share tells this one's folder; its own ledger may move with the folder."""
        return str(self.out.absolute()) if self.ledger else ""

    @property
    def jsonl(self) -> Path:
        return self.out / JSONL


@dataclass(frozen=True, slots=True)
class Row:
    """A document whose record is kept. name: of its output; accepted, review: how many fields are.

    code: of its first issue where it failed. usage: what reading it cost. elsewhere: it was another run that read it.
    """

    name: str
    uri: str
    schema: str
    status: str
    pages: int
    accepted: int
    review: int
    issues: tuple[str, ...]
    elsewhere: bool = False
    code: str = ""
    usage: Usage = field(default_factory=Usage)


def row_of(name: str, schema: str, record: Record, *, elsewhere: bool = False) -> Row:
    """What a batch tells of a record."""
    fields = Counter(result.status for result in record.fields.values())
    return Row(
        name=name,
        uri=record.document.uri,
        schema=schema,
        status=record.status,
        pages=len(record.document.pages),
        accepted=fields["accepted"],
        review=fields["review"],
        issues=tuple(issue.message for issue in record.issues),
        elsewhere=elsewhere,
        code=record.issues[0].code if record.status == "failed" and record.issues else "",
        usage=record.usage,
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """Before the first document is read. earlier: the first `MOST_ROWS` documents that were done before.

    restored: how many JSON files were missing and are there again.
    """

    documents: int
    todo: int
    earlier: tuple[Row, ...]
    restored: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a job has come to, told when all is in place.

    statuses: of all its documents, those of other runs included. read, pages: in this run. elsewhere: in other runs,
    since this one was planned. same: names of documents by those that have the same bytes. interrupted: it was told to
    stop before it was done. report: of a run that has ended, and that read something or meant to.
    """

    documents: int
    read: int
    pages: int
    statuses: Counter[str]
    same: dict[str, str]
    interrupted: bool
    elsewhere: int = 0
    report: RunReport | None = None

    @property
    def left(self) -> int:
        """Documents that no run has read yet."""
        return self.documents - self.statuses.total()


@dataclass(frozen=True, slots=True)
class Note:
    """What is going on, for whoever waits."""

    text: str


Event = Planned | Row | Summary | Note
Listener = Callable[[Event], None]


def unheard(event: Event) -> None:
    """The listener of a batch that nobody watches."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears of a batch's progress, and how it is told to stop: what is done is kept, nothing new is begun."""

    listen: Listener = unheard
    stop: threading.Event = field(default_factory=threading.Event)

    def also(self, *listeners: Listener) -> Watch:
        """The same, and these listeners hear of everything first."""

        def tell(event: Event) -> None:
            for listen in (*listeners, self.listen):
                listen(event)

        return Watch(tell, self.stop)
