"""What is different between two records of one document: fields one by one, issues, and whatever else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from schemas.record import FieldResult, Issue, Record, RecordStatus

What = Literal["new", "gone", "value", "status", "confidence", "evidence"]
_SIDES: tuple[Literal["value", "status", "confidence", "evidence"], ...] = ("value", "status", "confidence", "evidence")
_TOLD = {"fields", "issues", "status", "data"}  # in changes of their own


@dataclass(frozen=True, slots=True)
class Change:
    """A leaf that is not as it was. what: in which ways; `new` and `gone` stand alone."""

    pointer: str
    what: tuple[What, ...]
    before: FieldResult | None
    after: FieldResult | None


@dataclass(frozen=True, slots=True)
class Changes:
    """status: of the record, before and after. gone, new: issues. others: keys of the record that differ beside these;
    `data` is one where lists or objects without any leaf do. What it cost in seconds is no difference.
    """

    status: tuple[RecordStatus, RecordStatus]
    fields: tuple[Change, ...]
    gone: tuple[Issue, ...]
    new: tuple[Issue, ...]
    others: tuple[str, ...]

    @property
    def any(self) -> bool:
        return bool(self.fields or self.gone or self.new or self.others) or self.status[0] != self.status[1]


def changes(before: Record, after: Record) -> Changes:
    """What has changed from the one to the other, in the order of the data."""
    fields = tuple(_fields(before, after))
    return Changes(
        status=(before.status, after.status),
        fields=fields,
        gone=_less(before.issues, after.issues),
        new=_less(after.issues, before.issues),
        others=tuple(_others(before, after, told=bool(fields))),
    )


def _fields(before: Record, after: Record) -> Iterator[Change]:
    pointers = dict.fromkeys([*after.fields, *before.fields])
    for pointer in pointers:
        old, new = before.fields.get(pointer), after.fields.get(pointer)
        what: tuple[What, ...]
        if old is None or new is None:
            what = ("new",) if old is None else ("gone",)
        else:
            what = tuple(side for side in _SIDES if getattr(old, side) != getattr(new, side))
        if what:
            yield Change(pointer, what, old, new)


def _less(some: tuple[Issue, ...], others: tuple[Issue, ...]) -> tuple[Issue, ...]:
    """The issues that the others lack, counting those that are told several times."""
    left, found = Counter(issue.model_dump_json() for issue in others), []
    for issue in some:
        text = issue.model_dump_json()
        if left[text]:
            left[text] -= 1
        else:
            found.append(issue)
    return tuple(found)


def _others(before: Record, after: Record, told: bool) -> Iterator[str]:
    for key in Record.model_fields:
        old, new = getattr(before, key), getattr(after, key)
        if key == "usage":
            old, new = (usage.model_copy(update={"seconds": {}}) for usage in (old, new))
        if old != new and (key not in _TOLD or (key == "data" and not told)):
            yield key
