"""The Prefect flow `review`: it pauses with a form until a person has looked through the queue.

It reads the ledger and nothing else, so that no engine and no graphics card waits with it: run it after `ingest`, or by
itself, as often as there is something in review. What a form says is kept like what `intaglio review` is told. What
cannot be kept, because a name or value is wrong or somebody else was faster, is told in the next form; the rest is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from prefect import flow
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import BaseModel, Field

from flows.commands.review import read_values
from flows.terminal import plain
from pipeline.job import Job
from pipeline.ledger_view import open_view
from pipeline.review.basis import basis_of
from pipeline.review.deciding import EVERYTHING, Decision
from pipeline.review.desk import Desk, open_desk
from pipeline.review.edits import Edits
from pipeline.review.queue import Doubtful, Ordering, Queue, Waiting, queue
from pipeline.versions import Reading
from schemas.errors import IntaglioError
from schemas.record import Record

HOURS = 24
LONGEST = 60  # characters of a value that a form shows
MOST_FIELDS = 8  # of a document that a form shows
POLL_SECONDS = 10


class Unanswered(IntaglioError):
    """A form waited for nothing."""


class Correction(BaseModel):
    """One value of one document."""

    document: str = Field(description="its name, as the list above has it")
    field: str = Field(description="/total, /items/2/quantity")
    value: str = Field("", description="12.50, 2026-01-31, or null where the document has no such value")
    delete: bool = Field(False, description="take the entry of the list out; the value is then not looked at")


class Decisions(RunInput):
    """The form."""

    by: str = Field(min_length=1, description="who says so")
    approve: list[str] = Field([], description="documents of which every value is right, corrections included")
    correct: list[Correction] = Field([], description="values that are wrong, and what they are")
    despite: list[str] = Field([], description="codes of issues that are let pass in the approved documents")
    note: str = Field("", description="why, for the history")
    more: bool = Field(True, description="show what is left after this")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a form. kept: documents by status; troubles: what could not be kept, in whole sentences."""

    kept: Counter[str] = field(default_factory=Counter)
    troubles: tuple[str, ...] = ()


@flow(name="review", persist_result=False)
def review_run(
    out: Path,
    ledger: str = "",
    contract: str = "",
    most: int = 20,
    order: Literal["worst", "easy", "name"] = "worst",
    hours: float = HOURS,
    poll_seconds: int = POLL_SECONDS,
) -> dict[str, int]:
    """Shows the queue of an output folder in a form, and keeps what is said, until nothing is left or wanted.

    ledger: as `intaglio review` takes it; contract: as it takes --schema. most: documents that a form shows. hours:
    that a form waits; then the run fails, and the queue stays. poll_seconds: between looks whether the form was
    sent.
    Returns how many decisions led to which status.
    """
    job = Job((), (), out, ledger=ledger)
    kept: Counter[str] = Counter()
    troubles: tuple[str, ...] = ()
    while True:
        shown = _look(job, most, order)
        if not shown.waiting and not troubles:
            return dict(kept)
        form = Decisions.with_initial_data(description=form_text(shown, troubles))
        try:
            said = pause_flow_run(wait_for_input=form, timeout=round(hours * 3600), poll_interval=poll_seconds)
        except FlowPauseTimeout as error:  # Prefect lets such a run end as Failed only
            left = len(shown.waiting) + shown.more
            raise Unanswered(
                f"nobody answered in {hours:g} hours; {left} documents stay in review.", remedy="Run it again."
            ) from error
        outcome = apply(job, said, shown, contract)
        kept, troubles = kept + outcome.kept, outcome.troubles
        if not troubles and not (said.more and (said.approve or said.correct)):
            return dict(kept)


def apply(job: Job, said: Decisions, shown: Queue, schema: str = "") -> Outcome:
    """Keeps what a form says. shown: what the person looked at, whose versions are the base of what they say."""
    bases = {waiting.name: waiting.version for waiting in shown.waiting}
    corrections: dict[str, list[Correction]] = {}
    for correction in said.correct:
        corrections.setdefault(correction.document, []).append(correction)
    kept: Counter[str] = Counter()
    troubles: list[str] = []
    with open_desk(job) as desk:
        for name in dict.fromkeys([*corrections, *said.approve]):
            try:
                kept[_decide(desk, job, name, said, corrections.get(name, []), bases.get(name), schema)] += 1
            except IntaglioError as error:
                troubles.append(str(error) if name in str(error) else f"{name}: {error}")
    return Outcome(kept, tuple(troubles))


def _decide(
    desk: Desk, job: Job, name: str, said: Decisions, corrections: Sequence[Correction], base: int | None, schema: str
) -> str:
    """The status that a document comes to. An approval and corrections of the same document are one version."""
    approved = name in said.approve
    decision = Decision(
        who=said.by,
        edits=_edits(desk.look(name), job, corrections, schema) if corrections else None,
        confirmed=EVERYTHING if approved else (),
        despite=tuple(said.despite) if approved else (),
        note=said.note,
    )
    return desk.decide(name, decision, base, schema).after.status


def _edits(reading: Reading, job: Job, corrections: Iterable[Correction], schema: str) -> Edits:
    contract = basis_of(Record.model_validate_json(reading.record), job.out, schema).contract
    lines = tuple(f"{each.field}={each.value}" for each in corrections if not each.delete)
    return Edits(read_values(lines, contract), tuple(each.field for each in corrections if each.delete))


def _look(job: Job, most: int, order: Literal["worst", "easy", "name"]) -> Queue:
    with open_view(job.ledger_url, job.ledger_output) as view:
        return queue(view, most, Ordering(order))


def form_text(shown: Queue, troubles: Sequence[str] = ()) -> str:
    """The queue in Markdown, with whatever comes from a document as code: it can neither format nor link."""
    total = len(shown.waiting) + shown.more
    lines = [f"**Not kept:** {_code(trouble, 500)}" for trouble in troubles]
    lines.append(
        f"**{total} document{'' if total == 1 else 's'} in review**" + (", the first here:" * bool(shown.more))
    )
    for waiting in shown.waiting:
        lines += _document(waiting)
    return "\n\n".join(lines)


def _document(waiting: Waiting) -> list[str]:
    lines = [f"### {_code(waiting.name, 200)}"]
    lines += [f"- {issue.severity} `{issue.code}`: {_code(issue.message, 200)}" for issue in waiting.issues]
    lines += [_field(each) for each in waiting.fields[:MOST_FIELDS]]
    if len(waiting.fields) > MOST_FIELDS:
        lines.append(f"- {len(waiting.fields) - MOST_FIELDS} more: `intaglio review list` has all")
    return ["\n".join([lines[0], "", *lines[1:]])]


def _field(each: Doubtful) -> str:
    value = "nothing" if each.value is None else _code(each.value, LONGEST)
    place = f", page {', '.join(map(str, each.pages))}" if each.pages else ""
    return f"- {_code(each.pointer, 100)} = {value} ({each.confidence:.2f}{place}): {_code(each.why[0], 200)}"


def _code(text: str, most: int) -> str:
    """As a code span, which only a backtick or a line end could leave."""
    return f"`{plain(text[:most]).replace('`', chr(0x2019)).strip() or ' '}`"
