"""The report of a run: what it read, how fast, and what it cost. One JSON file for each run, beside the ledger.

It says nothing of single documents: the ledger does. Nobody needs it to go on: it is for people, and for programs that
watch over runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pipeline.discover import is_url
from pipeline.prices import Cost, Prices
from pipeline.sinks import OWN_FOLDER, write_atomically
from pipeline.tally import Totals
from schemas.errors import UsageError
from schemas.record import EngineInfo

FOLDER = "reports"  # in `OWN_FOLDER`
SUFFIX = ".report"  # it is JSON; but whoever looks for `*.json` in the output folder is to find records alone
MOST_KEPT = 1000  # runs of one folder; the oldest goes first
_TIME = "%Y%m%dT%H%M%SZ"

State = Literal["completed", "interrupted", "failed"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a later Intaglio may say more


class SchemaUsed(_Model):
    """given: as the user named it."""

    given: str
    name: str
    fingerprint: str


class Documents(_Model):
    """found: distinct contents, which done_before, read, elsewhere and left sum up to; elsewhere: that other runs have
    read since this one was planned. same: further sources with the same bytes. accepted, review, failed: of those read.
    """

    found: int
    same: int
    done_before: int
    read: int
    elsewhere: int
    left: int
    accepted: int
    review: int
    failed: int


class RunReport(_Model):
    """What a run came to. Times of day are UTC; all seconds are measured by a clock that nobody sets."""

    report_version: int = 1
    run: str = Field(description="its name: when it began, and six digits that tell it from others of that second")
    state: State
    error: str = Field("", description="code of the error that ended it")
    started: AwareDatetime
    ended: AwareDatetime
    sources: tuple[str, ...] = Field(description="as the user named them; of a URL neither user nor query")
    schemas: tuple[SchemaUsed, ...]
    engine: EngineInfo
    reader: str = Field(description="fingerprint of all that can change a record: what the ledger keeps records under")
    workers: int = Field(description="reader processes")
    documents: Documents
    failures: dict[str, int] = Field(description="failed documents by code")
    pages: int
    values: dict[str, int] = Field(description="how many were accepted, and how many are in review")
    tokens: dict[str, int] = Field(description="input and output, as the engine counts them")
    escalations: int = Field(description="asks beyond the first")
    unasked: int = Field(description="doubtful values that no ask was left for")
    seconds: float = Field(description="from start to end")
    reading_seconds: float = Field(description="of those, with readers at work, their start included")
    stage_seconds: dict[str, float] = Field(description="by stage, of all readers together; `mask` is a part of `ask`")
    documents_per_second: float | None
    pages_per_second: float | None
    pages_per_minute: float | None
    engine_busy_share: float | None = Field(description="seconds of `ask`, over reading seconds times readers")
    prices: Prices
    cost: Cost | None = Field(None, description="None where no price was given")

    def priced(self, prices: Prices) -> RunReport:
        """The same run at other prices."""
        cost = prices.cost(self.seconds, self.tokens["input"], self.tokens["output"], self.pages)
        return self.model_copy(update={"prices": prices, "cost": cost})


def figures(totals: Totals, seconds: float, reading_seconds: float, workers: int) -> dict[str, object]:
    """Those fields of a report that follow from totals and times."""

    def rate(count: float) -> float | None:
        return round(count / reading_seconds, 4) if reading_seconds else None

    reading = reading_seconds * workers
    return {
        "failures": dict(sorted(totals.failures.items())),
        "pages": totals.pages,
        "values": {status: totals.values[status] for status in ("accepted", "review")},
        "tokens": {way: totals.tokens[way] for way in ("input", "output")},
        "escalations": totals.escalations,
        "unasked": totals.unasked,
        "seconds": round(seconds, 3),
        "reading_seconds": round(reading_seconds, 3),
        "stage_seconds": {stage: round(spent, 3) for stage, spent in sorted(totals.seconds.items())},
        "documents_per_second": rate(totals.statuses.total()),
        "pages_per_second": rate(totals.pages),
        "pages_per_minute": rate(60 * totals.pages),
        "engine_busy_share": round(min(1.0, totals.seconds["ask"] / reading), 4) if reading else None,
    }


def run_name(started: datetime) -> str:
    """Names sort as their runs began."""
    return f"{started.astimezone(UTC).strftime(_TIME)}-{secrets.token_hex(3)}"


def shown_source(place: str) -> str:
    """A place as the user named it; of a URL no user, password or query, which may be a key to it."""
    if not is_url(place):
        return place
    parts = urlsplit(place)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def write_report(folder: Path, report: RunReport) -> Path:
    """Puts it beside the ledger of the output folder, and takes the oldest away where there are too many.

    Raises OutputUnwritable.
    """
    path = _folder(folder) / f"{report.run}{SUFFIX}"
    write_atomically(path, report.model_dump_json(indent=2))
    for old in sorted(path.parent.glob(f"*{SUFFIX}"))[:-MOST_KEPT]:
        old.unlink(missing_ok=True)
    return path


def read_reports(folder: Path, run: str = "") -> Iterator[RunReport]:
    """Reports of the runs into an output folder, the newest first. run: the name of one, or how it begins.

    Raises UsageError: there is none, or one that cannot be read.
    """
    found = sorted(_folder(folder).glob(f"*{SUFFIX}"), reverse=True)
    wanted = [path for path in found if path.name.startswith(run)]
    if not wanted:
        what = f"no report of a run {run!r}" if found else "no report of a run"
        raise UsageError(
            f"{folder} has {what}.",
            remedy="`intaglio report FOLDER --all` lists them." if found else "Name the folder that ingest wrote to.",
        )
    for path in wanted:
        try:
            yield RunReport.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{path} is no report of a run: {reason}.", remedy="Take that file away.") from error


def _folder(folder: Path) -> Path:
    return folder / OWN_FOLDER / FOLDER
