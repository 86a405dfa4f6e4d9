"""What is to be trusted: a confidence and a status for every leaf, and one status for the record.

A value is accepted when the engine is sure of it, words on the page state it, and no check speaks against it; an
arithmetic check that holds speaks for all values that take part, even where another fails. Everything else that was
found goes to review.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from model.engine import Finding
from schemas.contract import Contract
from schemas.pointer import leaves
from schemas.record import Evidence, FieldResult, Issue, RecordStatus

ACCEPT = 0.86
UNKNOWN = 0.5  # confidence in a value whose engine gives none
PROVED = 0.5  # share of the doubt that a passed arithmetic check takes away


def check_fields(
    data: Any,
    contract: Contract,
    evidence: Mapping[str, Sequence[Evidence]],
    findings: Mapping[str, Finding],
) -> tuple[dict[str, FieldResult], list[Issue]]:
    """Results by JSON Pointer for every leaf, and the issues that validation and the contract's checks raise."""
    issues = list(contract.validate(data))
    proved: set[str] = set()
    for result in contract.run_checks(data):
        if result.passed:
            proved.update(result.pointers if result.proves else ())
        else:
            issues.append(result.issue())
    # A value that one check proves and another doubts is neither: the fault is more likely another operand's.
    doubted = {pointer for issue in issues for pointer in issue.pointers} - proved
    fields = {
        pointer: _field(
            value, tuple(evidence.get(pointer, ())), findings.get(pointer), pointer in proved, pointer in doubted
        )
        for pointer, value in leaves(data)
    }
    return fields, issues


def _field(
    value: Any, evidence: tuple[Evidence, ...], finding: Finding | None, proved: bool, doubted: bool
) -> FieldResult:
    if value is None:
        return FieldResult(value=None, confidence=1.0, status="absent")
    confidence = finding.confidence if finding else UNKNOWN
    confidence *= min((item.score for item in evidence), default=0.6)
    if finding and finding.words:
        confidence *= min(1.0, 0.3 + 0.75 * min(word.confidence for word in finding.words))
    if proved:
        confidence += (1 - confidence) * PROVED
    if doubted:
        confidence = min(confidence, 0.5)
    confidence = round(max(0.0, min(confidence, 0.99)), 3)
    accepted = confidence >= ACCEPT and bool(evidence)
    return FieldResult(
        value=_text(value), evidence=evidence, confidence=confidence, status="accepted" if accepted else "review"
    )


def record_status(fields: Mapping[str, FieldResult], issues: Sequence[Issue]) -> RecordStatus:
    """`accepted` if every value found is, and nothing speaks against the record; else `review`."""
    if any(issue.severity == "error" for issue in issues):
        return "review"
    values = [result for result in fields.values() if result.status != "absent"]
    return "accepted" if values and all(result.status == "accepted" for result in values) else "review"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
