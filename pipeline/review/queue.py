"""The queue: documents in review, in the order in which a person should look at them, and what is doubtful of each."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from pydantic_core import from_json

from pipeline.ledger_view import Kept, LedgerView, Wanted
from pipeline.versions import Earlier, earlier_readings
from schemas.pointer import resolve
from schemas.record import FieldResult, Issue, Record

Order = Literal["worst", "easy", "name"]
WEAK = 0.7  # of evidence or a token, below which it is told to be weak


@dataclass(frozen=True, slots=True)
class Ordering:
    """worst: most errors first, then by how many wrong values are to be expected, the sum of 1 - confidence over those
    in review. easy: fewest errors and values in review first. name: by name.

    value: JSON Pointer of a number; the largest come first, and documents without one last, in that order.
    """

    order: Order = "worst"
    value: str = ""

    def key(self, name: str, record: dict[str, Any]) -> tuple[Any, ...]:
        """record: as JSON has it."""
        doubts = [1 - told["confidence"] for told in record["fields"].values() if told["status"] == "review"]
        errors = sum(issue["severity"] == "error" and not issue.get("despite") for issue in record["issues"])
        worth = _number(resolve(record["data"], self.value)) if self.value else None
        first = (worth is None, -(worth or 0)) if self.value else ()
        match self.order:
            case "worst":
                return (*first, -errors, -round(sum(doubts), 3), name)
            case "easy":
                return (*first, errors + len(doubts), name)
        return (*first, name)


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A value for a person to look at. pages: where it stands; why: in words, the strongest first."""

    pointer: str
    value: str | None
    confidence: float
    pages: tuple[int, ...]
    required: bool
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document in the queue. version: of its record, as `--base` takes it. fields: the least sure first.

    issues: those that a person did not let pass, errors first. earlier: readings of it that persons have changed.
    """

    name: str
    uri: str
    schema: str
    version: int
    fields: tuple[Doubtful, ...]
    issues: tuple[Issue, ...]
    earlier: tuple[Earlier, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """waiting: the first ones; more: how many others are in review. earlier: changed readings that are the newest no
    more, of all documents.
    """

    waiting: tuple[Waiting, ...]
    more: int = 0
    earlier: tuple[Earlier, ...] = field(default=())


def queue(view: LedgerView, most: int, ordering: Ordering = Ordering()) -> Queue:
    """most: documents that are given. Only so many records are in memory at a time."""
    earlier = earlier_readings(view.connection, view.output)
    count = 0

    def keyed() -> Iterator[tuple[tuple[Any, ...], Kept]]:
        nonlocal count
        for kept in view.documents(Wanted(("review",))):
            count += 1
            yield ordering.key(kept.name, from_json(kept.record)), kept

    first = heapq.nsmallest(most, keyed(), key=lambda pair: pair[0])
    waiting = tuple(_waiting(kept, [each for each in earlier if each.name == kept.name]) for _, kept in first)
    return Queue(waiting, count - len(waiting), tuple(earlier))


def _waiting(kept: Kept, earlier: list[Earlier]) -> Waiting:
    record = Record.model_validate_json(kept.record)
    open_issues = [issue for issue in record.issues if not issue.despite]
    return Waiting(
        name=kept.name,
        uri=record.document.uri,
        schema=record.contract.name,
        version=record.version,
        fields=tuple(doubtful(record)),
        issues=tuple(sorted(open_issues, key=lambda issue: issue.severity != "error")),
        earlier=tuple(earlier),
    )


def doubtful(record: Record) -> list[Doubtful]:
    """Values in review, and required ones that are missing; those first, then the least sure."""
    missing = {pointer for issue in record.issues if issue.code == "missing" for pointer in issue.pointers}
    found = []
    for pointer, told in record.fields.items():
        lacks = pointer in missing and told.value is None and not told.settled
        if told.status == "review" or lacks:
            pages = tuple(sorted({evidence.page for evidence in told.evidence}))
            confidence = 0.0 if lacks else told.confidence
            found.append(Doubtful(pointer, told.value, confidence, pages, lacks, tuple(_why(pointer, told, record))))
    return sorted(found, key=lambda each: (not each.required, each.confidence))


def _why(pointer: str, told: FieldResult, record: Record) -> Iterator[str]:
    """From what is known of the value, as `pipeline.confidence.signals` names it."""
    signals = told.signals
    if told.value is None:
        yield "required, and not found"
        return
    about = (issue.code for issue in record.issues if pointer in issue.pointers and not issue.despite)
    yield from dict.fromkeys(about)
    if signals.get("disagreed"):
        yield "asked again, the engine said something else"
    if signals.get("derived"):
        yield "worked out from other values, not printed"
    elif not told.evidence:
        yield "no words on the pages state it"
    elif not signals.get("by_value") and signals:
        yield "the words there say something like it, not the same"
    if signals.get("faint", 0.0) > 1 - WEAK:
        yield "its words are hard to read"
    if signals.get("shared"):
        yield "the same words state another field"
    if 0 < signals.get("token_least", 1.0) < WEAK:
        yield "the engine wavered"
    if told.steps:
        yield f"looked at again ({', '.join(told.steps)})"
    yield f"not sure enough for a precision of {record.precision:g}"


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
