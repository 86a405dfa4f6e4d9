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
    """pointer: into the truth. scored: whether the leaf counts all the same; what the schema lacks does not."""

    pointer: str
    reason: str
    scored: bool = False


def misfits(truth: Any, contract: Contract, evidence: Iterable[str] = ()) -> tuple[Misfit, ...]:
    """Everything in the truth that the contract does not describe, or that no value of its field could ever equal.

    evidence: the pointers whose places the truth has; one that leads to no value is a misfit too.
    """
    astray = [pointer for pointer in evidence if resolve(truth, pointer) is None]
    reason = "its place is given, but the truth has no value there"
    return (*_misfits(truth, contract.root, ""), *(Misfit(pointer, reason) for pointer in astray))


def _misfits(value: Any, node: Field, pointer: str) -> Iterator[Misfit]:
    if value is None:
        return
    if not fits(value, node):
        yield Misfit(pointer, f"the schema has {_shape(node)} here, the truth {_shape_of(value)}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            child, step = child_of(node, key), f"{pointer}/{escaped(str(key))}"
            if child is not None:
                yield from _misfits(inner, child, step)
            elif any(True for _ in leaves(inner)):
                yield Misfit(step, "the schema has no such field")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _misfits(inner, node.item or _OPEN, f"{pointer}/{index}")
    elif reason := _never_equal(value, node):
        yield Misfit(pointer, reason, scored=True)


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
    return "" if found.kind == wanted else f"it is not {_NAMES[wanted]}"


def _shape(node: Field) -> str:
    return {"object": "an object", "array": "a list"}.get(node.kind, "a single value")


def _shape_of(value: Any) -> str:
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a single value"
