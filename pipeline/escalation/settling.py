"""Several readings of one value made one: the best stated one, then what most readings give, then the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.values.text import squash
from pipeline.escalation.readings import Reading
from pipeline.ground import Grounded
from pipeline.joining.entries import Source, set_value
from schemas.pointer import resolve


@dataclass(frozen=True, slots=True)
class Settled:
    """A value after all its readings. agreed: more than one gives it; disagreed: one gives something else. other: what
    another says that is as well stated and said as often, None where it is settled.
    """

    value: Any
    grounded: Grounded
    source: Source
    agreed: bool
    disagreed: bool
    other: Any = None


def settled(readings: Sequence[Reading]) -> Settled | None:
    """readings: the first one, then the later ones; a null says that the value is not there. None where all are null.

    A null never takes a value away, that is for a person to do; and what no words state does not fill a null.
    """
    sides: list[list[Reading]] = []
    for reading in readings:
        side = next((side for side in sides if same(side[0].value, reading.value)), None)
        if side is None:
            sides.append(side := [])
        side.append(reading)
    was_missing = readings[0].value is None
    stated = [side for side in sides if any(reading.grounded.evidence for reading in side)]
    told = [side for side in sides if side[0].value is not None and (not was_missing or side in stated)]
    if not told:
        return None
    best = max(told, key=_standing)
    kept = max(best, key=lambda reading: min((item.score for item in reading.grounded.evidence), default=0.0))
    others = [side for side in sides if side is not best and not (was_missing and side is sides[0])]
    equal = [side for side in told if side is not best and _standing(side) == _standing(best)]
    return Settled(
        value=best[0].value,
        grounded=kept.grounded,
        source=best[0].source._replace(agreed=len(best) > 1, disagreed=bool(others)),
        agreed=len(best) > 1,
        disagreed=bool(others),
        other=equal[0][0].value if equal else None,
    )


def same(one: Any, other: Any) -> bool:
    """Whether two readings give the same value: of texts, the same letters and digits."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other or squash(one) == squash(other) != ""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def put_value(data: Any, pointer: str, value: Any) -> None:
    """Puts a value at a pointer through objects, and through entries of lists that are there."""
    steps = pointer.split("/")
    for place in range(len(steps) - 1, 0, -1):
        holder = resolve(data, "/".join(steps[:place]))
        if isinstance(holder, list):
            rest = steps[place:]
            if len(rest) == 1:
                holder[int(rest[0])] = value
                return
            data, pointer = holder[int(rest[0])], "/" + "/".join(rest[1:])
            break
    set_value(data, pointer, value)


def _standing(side: Sequence[Reading]) -> tuple[float, int]:
    return round(max(reading.score for reading in side), 2), len(side)
