"""Which values are worth asking for again: those in review that a closer look can settle, and missing ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.check import required_leaves
from pipeline.ground import Basis, Grounded
from pipeline.grounding.printed import UNPRINTED
from pipeline.joining.entries import Source
from schemas.contract import Contract
from schemas.field import Field
from schemas.formats import leaf_values
from schemas.record import FieldResult, Issue

PROSE = 12  # words from which a text that no words state is the engine's own wording

Kind = Literal["value", "missing", "null"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a document so far. told: issues of assembling it; issues: those of validation and checks."""

    data: Any
    sources: Mapping[str, Source]
    grounds: Mapping[str, Grounded]
    fields: dict[str, FieldResult]
    issues: list[Issue]
    told: list[Issue]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A leaf to ask for again. row: JSON Pointer of the innermost entry of a list that it is in; empty elsewhere.

    kind: `missing` is a null that the schema does not allow, `null` one that it does.
    """

    pointer: str
    field: Field
    row: str
    kind: Kind
    required: bool
    confidence: float

    @property
    def wanted(self) -> str:
        """What is asked for: pointer in the contract of the leaf, or of the outermost list that it is in."""
        return self.field.pointer.partition("/*")[0]

    @property
    def urgency(self) -> tuple[bool, bool, float]:
        """The least goes first: the required ones, then those that may be null last, then the least sure."""
        return not self.required, self.kind == "null", self.confidence


def row_of(pointer: str, field: Field) -> str:
    """The innermost entry, an object of a list, that a leaf is in; a list of plain values has none of its own."""
    steps = field.pointer.split("/")
    stars = [place for place, step in enumerate(steps[:-1]) if step == "*"]
    return "/".join(pointer.split("/")[: stars[-1] + 1]) if stars else ""


def doubts(known: Known, contract: Contract) -> Iterator[Doubt]:
    """In the order of the data. What no reading can settle is left out: a value that is worked out from others, what
    pages do not print, what a bound of the engine cut off, and prose of the engine's own.

    A null that the schema allows may be right: only those of required fields outside of lists are doubtful.
    """
    required = frozenset(required_leaves(contract.root))
    missing = {at for issue in known.issues if issue.code == "missing" for at in issue.pointers}
    cut = {at for issue in known.told if issue.code == "cut-off" for at in issue.pointers}
    for pointer, node, value in leaf_values(contract.root, known.data):
        if node.kind in ("object", "array") or node.format in UNPRINTED or pointer in cut:
            continue
        needed, row = node.pointer in required, row_of(pointer, node)
        if value is None:
            if pointer in missing or (needed and "*" not in node.pointer):
                yield Doubt(pointer, node, row, "missing" if pointer in missing else "null", needed, 0.0)
        elif known.fields[pointer].status == "review" and _can_be_settled(value, known.grounds.get(pointer)):
            yield Doubt(pointer, node, row, "value", needed, known.fields[pointer].confidence)


def _can_be_settled(value: Any, grounded: Grounded | None) -> bool:
    if grounded is None or grounded.evidence:
        return True
    prose = isinstance(value, str) and len(value.split()) > PROSE
    return grounded.basis is not Basis.DERIVED and not prose
