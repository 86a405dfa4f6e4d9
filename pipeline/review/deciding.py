"""From a record and what a person says of it to the record that follows: edited, grounded and checked anew.

What the person did not speak of stays as it was, but that checks run over the new data, so that a value that a
correction proves right may leave the review, and one that it contradicts may enter it. What the person set or confirmed
is accepted, whatever the engine thought. A value that was set is looked for among the words of the pages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model.engine import Finding
from pipeline.check import SPEAKS_AGAINST, recheck_fields, record_status, text_of
from pipeline.ground import Grounded, grounded
from pipeline.review.basis import Basis
from pipeline.review.edits import Edited, Edits, edited, unedited
from pipeline.versions import Change, Replaced
from schemas.errors import UsageError
from schemas.pointer import leaves, resolve
from schemas.record import FieldResult, Issue, Record

VALIDATED = frozenset(("missing", "invalid"))
CHECKED = VALIDATED | {"suspect", "check-failed"}  # codes that are found anew; others tell of what the engine did
EVERYTHING = ("",)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says. edits: what has to change. confirmed: pointers of what is right, with all that lies under
    them; `EVERYTHING` for the whole record. despite: codes of issues that are let pass. note: for whoever reads on.
    """

    who: str
    edits: Edits | None = None
    confirmed: tuple[str, ...] = ()
    despite: tuple[str, ...] = ()
    note: str = ""


def decided(record: Record, decision: Decision, basis: Basis) -> tuple[Record, Change]:
    """The record that follows, and what it is about.

    Raises UsageError: the record has no such fields, entries or issues, a value is not of its field's type, or nothing
    would change.
    """
    if record.status == "failed":
        raise UsageError(
            f"{record.document.uri} could not be read, so that there are no values to speak of.",
            remedy="Read it again: `intaglio ingest` with --retry-failed.",
        )
    root = basis.contract.root
    now = edited(record.data, decision.edits, root) if decision.edits else unedited(record.data)
    confirmed = _confirmed(now, decision.confirmed) | now.stated
    fields = _fields(record, now, confirmed, basis)
    passing = _Passing(record, now, decision)
    known = [issue for old in record.issues if (issue := passing.carried(old, fields, basis)) is not None]
    fields, issues = recheck_fields(now.data, basis.contract, fields, basis.judge, known, passing)
    told = {(issue.code, issue.pointers) for issue in known}
    issues = [*(issue for issue in issues if (issue.code, issue.pointers) not in told), *known]
    passing.check(issues)
    after = record.model_copy(
        update={
            "data": now.data,
            "fields": fields,
            "issues": tuple(issues),
            "status": record_status(now.data, basis.contract, fields, issues),
            "version": record.version + 1,
        }
    )
    change = _change(record, now, fields, confirmed, decision)
    if (after.data, after.fields, after.issues) == (record.data, record.fields, record.issues):
        raise UsageError("nothing would change: the record says so already.")
    return after, change


def _confirmed(now: Edited, pointers: Iterable[str]) -> frozenset[str]:
    """The leaves at and under the pointers. Raises UsageError for one without any."""
    found: set[str] = set()
    known = [pointer for pointer, _ in leaves(now.data)]
    for pointer in pointers:
        below = [leaf for leaf in known if is_within(leaf, pointer)]
        if not below:
            raise UsageError(f"the record has no field {pointer}.", remedy="Name fields as `intaglio show` does.")
        found.update(below)
    return frozenset(found)


def is_within(pointer: str, other: str) -> bool:
    """Whether a pointer leads to the other's place, or to what lies under it."""
    return pointer == other or pointer.startswith(f"{other}/")


def _fields(record: Record, now: Edited, confirmed: Collection[str], basis: Basis) -> dict[str, FieldResult]:
    grounds = _grounds(now, basis)
    fields = {}
    for pointer, value in leaves(now.data):
        origin = now.origins.get(pointer)
        known = record.fields.get(origin) if origin is not None else None
        if origin is None:
            fields[pointer] = _corrected(value, grounds.get(pointer))
        elif known is None:
            fields[pointer] = FieldResult(
                value=None if value is None else text_of(value),
                confidence=1.0 if value is None else 0.0,
                status="absent" if value is None else "review",
            )
        else:
            fields[pointer] = known
        if pointer in confirmed and not fields[pointer].settled:
            fields[pointer] = _settled(fields[pointer])
    return fields


def _grounds(now: Edited, basis: Basis) -> Mapping[str, Grounded]:
    """Where the changed values stand. Those that did not change are not searched for."""
    changed = set(now.changed)
    if not changed or not basis.pages:
        return {}
    here = basis.pages[0].number
    placed = {pointer: Finding(here, (), 1.0) for pointer, _ in leaves(now.data) if pointer not in changed}
    return grounded(now.data, basis.pages, placed, basis.contract.root)


def _corrected(value: Any, ground: Grounded | None) -> FieldResult:
    return FieldResult(
        value=None if value is None else text_of(value),
        evidence=ground.evidence if ground and value is not None else (),
        confidence=1.0,
        status="absent" if value is None else "accepted",
        settled="corrected",
    )


def _settled(field: FieldResult) -> FieldResult:
    signals = {name: signal for name, signal in field.signals.items() if name != "doubted"}
    status = "absent" if field.value is None else "accepted"
    return field.model_copy(
        update={"signals": signals, "confidence": 1.0, "status": status, "settled": "confirmed"},
    )


class _Passing:
    """What becomes of issues: who let them pass, now or before, and which are told on."""

    def __init__(self, record: Record, now: Edited, decision: Decision) -> None:
        self._now, self._decision, self._codes = now, decision, set(decision.despite)
        self._places = {old: new for new, old in now.origins.items()}
        self._changed = set(now.changed)
        self._before = {
            (issue.code, self._moved(issue.pointers)): issue.despite for issue in record.issues if issue.despite
        }

    def __call__(self, issue: Issue) -> Issue:
        """With the name of who let it pass: now, or before, where nothing that it is about has changed since."""
        who = self._before.get((issue.code, issue.pointers), "") if not self._touched(issue) else ""
        who = self._decision.who if issue.code in self._codes else who or issue.despite
        return issue if who == issue.despite else issue.model_copy(update={"despite": who})

    def carried(self, issue: Issue, fields: Mapping[str, FieldResult], basis: Basis) -> Issue | None:
        """The issue as it is told on; None where it is found anew, or where a person has settled what it is about.

        Where a model's own validators are not at hand, what they said stays, unless it is about what has changed.
        """
        if issue.code in CHECKED and (basis.whole or issue.code not in VALIDATED):
            return None
        pointers = self._moved(issue.pointers)
        if issue.code in VALIDATED and any(self._is_changed(pointer) for pointer in issue.pointers):
            return None
        if issue.code in SPEAKS_AGAINST and issue.pointers:
            about = [pointer for pointer in pointers if pointer in fields]
            if all(fields[pointer].settled for pointer in about) and len(about) == len(pointers):
                return None
        return self(issue if pointers == issue.pointers else issue.model_copy(update={"pointers": pointers}))

    def check(self, issues: Iterable[Issue]) -> None:
        """Raises UsageError for a code that no issue has."""
        codes = {issue.code: None for issue in issues}
        if missing := [code for code in self._decision.despite if code not in codes]:
            known = f"Its issues are {', '.join(codes)}." if codes else "It has no issues."
            raise UsageError(f"the record has no issue {missing[0]}.", remedy=known)

    def _moved(self, pointers: Iterable[str]) -> tuple[str, ...]:
        """Where these are now; what is gone is left out."""
        return tuple(self._moved_each(pointers))

    def _moved_each(self, pointers: Iterable[str]) -> Iterator[str]:
        for pointer in pointers:
            if pointer in self._places:
                yield self._places[pointer]
            elif not pointer or pointer in self._changed or resolve(self._now.data, pointer) is not None:
                yield pointer

    def _touched(self, issue: Issue) -> bool:
        return any(pointer in self._changed for pointer in issue.pointers)

    def _is_changed(self, pointer: str) -> bool:
        """Whether what an earlier issue is about is another value now, or none."""
        return bool(pointer) and pointer not in self._places


def _change(
    record: Record, now: Edited, fields: Mapping[str, FieldResult], confirmed: Collection[str], decision: Decision
) -> Change:
    values = {
        pointer: Replaced(before=resolve(record.data, pointer), after=resolve(now.data, pointer))
        for pointer in now.changed
        if resolve(now.data, pointer) is not None or resolve(record.data, pointer) is not None
    }
    kept = set(now.origins.values())
    gone = {at: value for at, value in leaves(record.data) if at not in kept and at not in values and value is not None}
    return Change(
        kind="correct" if decision.edits else "approve",
        values=values,
        deleted=gone,
        confirmed=decision.confirmed or tuple(pointer for pointer in fields if pointer in confirmed),
        moved=now.moved,
        despite=decision.despite,
        note=decision.note,
    )
