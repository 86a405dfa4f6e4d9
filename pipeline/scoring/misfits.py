"""Where a truth does not fit its schema: the figures would be unfair there, and its author wants to know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.scoring.alignment import child_of, fits
from pipeline.scoring.forms import form, reading_of
from schemas.contract import Contract
from schemas.field import Field
from schemas.pointer import escaped, leaves, resolve

_WANTED = {"number": "number", "integer": "number", "boolean": "flag"}
_NAMES = {"number": "a number", "flag": "true or false", "date": "a date", "time": "a time"}
_OPEN = Field(name="", pointer="", kind="any")


@dataclass(frozen=True, slots=True)
class Misfit:
    """pointer: into the truth; template: the same with `*` for list indices. scored: whether the leaf counts all the
    same; what the schema lacks does not.
    """

    pointer: str
    template: str
    reason: str
    scored: bool = False


def misfits(truth: Any, contract: Contract, evidence: Iterable[str] = ()) -> tuple[Misfit, ...]:
    """Everything in the truth that the contract does not describe, or that no value of its field could ever equal.

    evidence: the pointers whose places the truth has; one that leads to no value is a misfit too.
    """
    issues = contract.validate(truth)
    invalid = {pointer for issue in issues if issue.code == "invalid" for pointer in issue.pointers}
    found = [misfit for misfit in _misfits(truth, contract.root, "", "") if not misfit.scored or _sure(misfit, invalid)]
    astray = [pointer for pointer in evidence if resolve(truth, pointer) is None]
    reason = "its place is given, but the truth has no value there"
    return (*found, *(Misfit(pointer, pointer, reason) for pointer in astray))


def _sure(misfit: Misfit, invalid: set[str]) -> bool:
    """A schema may allow more than the field tells: a number or a text. Of what a date is, JSON Schema says nothing."""
    return misfit.pointer in invalid or misfit.reason in (_not("date"), _not("time"))


def _misfits(value: Any, node: Field, pointer: str, template: str) -> Iterator[Misfit]:
    if value is None:
        return
    if not fits(value, node):
        yield Misfit(pointer, template, f"the schema has {_shape(node)} here, the truth {_shape_of(value)}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            child, step = child_of(node, key), escaped(str(key))
            if child is not None:
                yield from _misfits(inner, child, f"{pointer}/{step}", f"{template}/{step}")
            elif any(True for _ in leaves(inner)):
                yield Misfit(f"{pointer}/{step}", f"{template}/{step}", "the schema has no such field")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _misfits(inner, node.item or _OPEN, f"{pointer}/{index}", f"{template}/*")
    elif reason := _never_equal(value, node):
        yield Misfit(pointer, template, reason, scored=True)


def _never_equal(value: Any, node: Field) -> str:
    """Why no value that the schema allows can be the same as this one; empty where one can."""
    reading = reading_of(node)
    found = form(value, reading)
    if found is None or node.kind == "any":
        return ""
    if node.choices:
        allowed = [form(choice, reading) for choice in node.choices]
        return "" if found in allowed else f"it is none of {', '.join(map(str, node.choices))}"
    wanted = _WANTED.get(node.kind) or (reading if reading in _NAMES else None)
    if wanted is None:
        return "it is true or false, where the schema has a text" if found.kind == "flag" else ""
    return "" if found.kind == wanted else _not(wanted)


def _not(wanted: str) -> str:
    return f"it is not {_NAMES[wanted]}"


def _shape(node: Field) -> str:
    return {"object": "an object", "array": "a list"}.get(node.kind, "a single value")


def _shape_of(value: Any) -> str:
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a single value"
