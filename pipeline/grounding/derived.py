"""Whether a value that no words state follows from values that words do state, or from the look of the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from decimal import Decimal
from itertools import permutations
from typing import Any

from pipeline.grounding.amounts import decimal
from pipeline.grounding.printed import UNPRINTED, is_number
from schemas.field import Field
from schemas.pointer import escaped, resolve

MOST_OPERANDS = 12  # numbers of an object that are tried as operands


def totals(data: Any) -> frozenset[Decimal]:
    """The number of rows of every list in the data, and the sum of each of its columns."""
    found: set[Decimal] = set()
    for item in _inside(data):
        if isinstance(item, list) and item:
            found.add(Decimal(len(item)))
            columns: defaultdict[str, Decimal] = defaultdict(Decimal)
            for row in item:
                for name, number in _numbers(row).items():
                    columns[name] += number
            found.update(columns.values())
    return frozenset(found)


def is_derived(pointer: str, node: Field | None, value: Any, data: Any, sums: Collection[Decimal]) -> bool:
    """True for what is said about a page, for a choice among given values, a yes or no, and a number that is one of the
    sums, or a sum, difference, product or share of two numbers beside it.
    """
    if isinstance(value, bool):
        return True
    if node is not None and (node.format in UNPRINTED or node.choices):
        return True
    wanted = decimal(value) if is_number(value) else None
    return wanted is not None and (wanted in sums or wanted in _results(pointer, data))


def _results(pointer: str, data: Any) -> Iterator[Decimal]:
    above, _, name = pointer.rpartition("/")
    beside = [number for other, number in _numbers(resolve(data, above)).items() if escaped(other) != name]
    for one, other in permutations(beside[:MOST_OPERANDS], 2):
        yield from (one + other, one - other, one * other, (one * other / 100).quantize(Decimal("0.01")))


def _inside(item: Any) -> Iterator[Any]:
    yield item
    for inner in item.values() if isinstance(item, dict) else item if isinstance(item, list) else ():
        if isinstance(inner, dict | list):
            yield from _inside(inner)


def _numbers(item: Any) -> dict[str, Decimal]:
    values = item.items() if isinstance(item, dict) else ()
    found = {str(name): decimal(value) for name, value in values if is_number(value)}
    return {name: number for name, number in found.items() if number is not None}
