"""What is to be trusted: a confidence and a status for every leaf, and one status for the record.

What is known of a value (`pipeline.confidence.signals`) is made one calibrated number (`pipeline.confidence.model`). A
value is accepted when that number reaches the threshold for the precision that is wanted, words on the page state it,
and no check speaks against it; a check that proves a value speaks for it even where another fails. Everything else that
was found goes to review.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.confidence.model import Judge
from pipeline.confidence.signals import Checked, Observer
from pipeline.ground import Grounded
from pipeline.joining.entries import Source
from schemas.contract import Contract
from schemas.field import Field
from schemas.formats import leaf_values
from schemas.page import PageText
from schemas.pointer import leaves
from schemas.record import FieldResult, Issue, RecordStatus

SPEAKS_AGAINST = frozenset(("check-failed", "suspect", "invalid", "disputed", "cut-off"))


def check_fields(
    data: Any,
    contract: Contract,
    grounds: Mapping[str, Grounded],
    sources: Mapping[str, Source],
    pages: Sequence[PageText],
    judge: Judge,
    known: Sequence[Issue] = (),
) -> tuple[dict[str, FieldResult], list[Issue]]:
    """Results by JSON Pointer for every leaf, and the issues that validation and checks raise.

    grounds, sources: by pointer, where each value stands and how the engine came to it. known: issues that are known
    already; values that they are about are doubted.
    """
    issues = list(contract.validate(data))
    checked = _run_checks(data, contract, issues, known)
    observer = Observer(data, contract.root, grounds, sources, pages)
    fields = {}
    for pointer, value in leaves(data):
        grounded = grounds.get(pointer)
        signals = observer.signals(pointer, value, checked) if value is not None else {}
        fields[pointer] = _field(value, grounded, signals, judge)
    return fields, issues


def recheck_fields(
    data: Any,
    contract: Contract,
    fields: Mapping[str, FieldResult],
    judge: Judge,
    known: Sequence[Issue],
    let_pass: Callable[[Issue], Issue],
) -> tuple[dict[str, FieldResult], list[Issue]]:
    """The same of data that a person has changed: what is known of a value stays, but for what checks say of it now.

    fields: by pointer, what is known; those that a person settled are not judged. known: as for `check_fields`.
    let_pass: gives an issue back, with the name of who let it pass if somebody did; such a one doubts nothing.
    """
    issues = [let_pass(issue) for issue in contract.validate(data)]
    checked = _run_checks(data, contract, issues, known, let_pass)
    return {pointer: _judged_anew(pointer, field, checked, judge) for pointer, field in fields.items()}, issues


def _judged_anew(pointer: str, field: FieldResult, checked: Checked, judge: Judge) -> FieldResult:
    if field.settled or field.value is None:
        return field
    now = {"proved": round(checked.proved.get(pointer, 0.0), 4), "doubted": float(pointer in checked.doubted)}
    signals = {name: signal for name, signal in {**field.signals, **now}.items() if signal}
    if signals == field.signals:
        return field
    confidence = judge.confidence(signals)
    status = "accepted" if judge.accepts(confidence, signals) else "review"
    return field.model_copy(update={"signals": signals, "confidence": confidence, "status": status})


def _as_it_is(issue: Issue) -> Issue:
    return issue


def _run_checks(
    data: Any,
    contract: Contract,
    issues: list[Issue],
    known: Sequence[Issue],
    let_pass: Callable[[Issue], Issue] = _as_it_is,
) -> Checked:
    """What the checks say; those that fail become issues. A value that one check proves and another doubts is neither:
    the fault is more likely another operand's. What is disputed or misformed is doubted all the same.
    """
    against = (issue for issue in (*issues, *known) if issue.code in SPEAKS_AGAINST and not issue.despite)
    own = {pointer for issue in against for pointer in issue.pointers}
    proved: dict[str, float] = {}
    failed: set[str] = set()
    for result in contract.run_checks(data):
        if not result.passed:
            issues.append(issue := let_pass(result.issue()))
            failed.update(() if issue.despite else result.pointers)
        elif result.proves:
            proved.update({at: max(result.strength, proved.get(at, 0.0)) for at in result.pointers})
    return Checked(proved, own | (failed - proved.keys()))


def _field(value: Any, grounded: Grounded | None, signals: dict[str, float], judge: Judge) -> FieldResult:
    if value is None:
        return FieldResult(value=None, confidence=1.0, status="absent")
    confidence = judge.confidence(signals)
    return FieldResult(
        value=text_of(value),
        evidence=grounded.evidence if grounded else (),
        confidence=confidence,
        status="accepted" if judge.accepts(confidence, signals) else "review",
        signals=signals,
    )


def record_status(
    data: Any, contract: Contract, fields: Mapping[str, FieldResult], issues: Sequence[Issue]
) -> RecordStatus:
    """`accepted` if every value that the schema requires is, and nothing speaks against the record; else `review`.

    Optional values may be in review then, each for itself. Where the schema requires nothing, every value found counts.
    What a person let pass speaks against nothing, and where a person settled every value, nothing is left to doubt.
    """
    if any(issue.severity == "error" and not issue.despite for issue in issues) or any(
        "doubted" in field.signals for field in fields.values()
    ):
        return "review"
    if fields and all(field.settled for field in fields.values()):
        return "accepted"
    found = {pointer: result for pointer, result in fields.items() if result.status != "absent"}
    required = set(required_leaves(contract.root))
    at = {pointer for pointer, node, _ in leaf_values(contract.root, data) if node.pointer in required}
    counted = [result for pointer, result in found.items() if pointer in at or not required]
    return "accepted" if counted and all(result.status == "accepted" for result in counted) else "review"


def required_leaves(node: Field) -> Iterator[str]:
    """Pointers of the leaves that the schema requires, with all that they stand in."""
    if node.item is not None:
        yield from required_leaves(node.item)
    elif node.children:
        for child in node.children:
            if child.required:
                yield from required_leaves(child)
    else:
        yield node.pointer


def text_of(value: Any) -> str:
    """A value that is not null as its field result has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
