"""Whether a value that no words state follows from values that words do state, or from the look of the page."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import permutations
from typing import Any

from pipeline.grounding.amounts import decimal
from pipeline.grounding.printed import UNPRINTED, is_number
from schemas.field import Field
from schemas.pointer import resolve

MOST_OPERANDS = 12  # numbers of an object that are tried as operands


def is_derived(pointer: str, node: Field | None, value: Any, data: Any) -> bool:
    """True for what is said about a page, for a choice among given values, a yes or no, and a number that is a sum,
    difference, product, share or count of others in the data.
    """
    if isinstance(value, bool):
        return True
    if node is not None and (node.format in UNPRINTED or node.choices):
        return True
    if not is_number(value):
        return False
    wanted = decimal(value)
    return wanted is not None and any(wanted == result for result in _results(pointer, data))


def _results(pointer: str, data: Any) -> Iterator[Decimal]:
    """Sums of the columns of lists beside or above the value, their counts, and arithmetic on the values beside it."""
    name, at = pointer.rpartition("/")[2], pointer.rpartition("/")[0]
    beside = _numbers(resolve(data, at) if at else data, name)
    for one, other in permutations(beside[:MOST_OPERANDS], 2):
        yield from (one + other, one - other, one * other, (one * other / 100).quantize(Decimal("0.01")))
    while True:
        yield from _columns(resolve(data, at) if at else data)
        if not at:
            return
        at = at.rpartition("/")[0]


def _numbers(item: Any, but: str) -> list[Decimal]:
    values = item.items() if isinstance(item, dict) else ()
    found = (decimal(value) for name, value in values if name != but and is_number(value))
    return [number for number in found if number is not None]


def _columns(item: Any) -> Iterator[Decimal]:
    for rows in item.values() if isinstance(item, dict) else ():
        if isinstance(rows, list) and rows:
            yield Decimal(len(rows))
            names = {name for row in rows if isinstance(row, dict) for name, value in row.items() if is_number(value)}
            for name in names:
                column = (decimal(row.get(name)) for row in rows if isinstance(row, dict) and is_number(row.get(name)))
                yield sum((number for number in column if number is not None), Decimal(0))
