"""Checks that a schema does not declare, but that the meaning of its fields makes plain.

Few, for a check that is wrong sends right values to review: dates whose names say which comes first; net, tax and total
side by side; an amount that a row multiplies out to; rows that add up; one currency. What may fail on a right document
(rows before a discount, prices with their tax) only proves where it comes out, and says nothing where it does not.

Meanings are the lexicon's (`schemas.lexicon`): `belopp_netto` is a subtotal as `net_amount` is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.checks import Check, CheckResult, parse_check
from schemas.field import Field
from schemas.lexicon import meant
from schemas.pointer import escaped, resolve

_ORDERED = (  # concepts of dates, the earlier first
    ("invoice_date", "due_date"),
    ("period_start", "period_end"),
    ("check_in", "check_out"),
    ("agreement_date", "maturity_date"),
)
_OPENS, _CLOSES = ("start", "from", "begin"), ("end", "to", "until")
_EXTRAS = frozenset(("discount", "shipping", "service_charge", "deposit", "rounding"))  # they change what net + tax is


@dataclass(frozen=True, slots=True)
class Inferred:
    """A check and whether failing it speaks against its values."""

    check: Check
    doubts: bool

    def run(self, data: Any) -> Iterator[CheckResult]:
        return (result for result in self.check.run(data) if result.passed or self.doubts)


def inferred_checks(root: Field, declared: Sequence[Check]) -> tuple[Inferred, ...]:
    """The checks of a schema's own fields, but for those that it declares itself."""
    known = {_operands(check) for check in declared}
    found = (Inferred(parse_check(line), doubts) for line, doubts in _lines(root, ""))
    return tuple(one for one in found if not any(_operands(one.check) <= names for names in known))


def currency_results(root: Field, data: Any) -> Iterator[CheckResult]:
    """Currencies of rows against the record's own, where a row's field has the name of the record's."""
    own = {child.name: resolve(data, child.pointer) for child in root.children if child.format == "currency"}
    for _, item in _lists(root):
        for child in item.children:
            if child.format == "currency" and isinstance(own.get(child.name), str):
                yield from _same(data, child.pointer, own[child.name])


def _same(data: Any, template: str, own: str) -> Iterator[CheckResult]:
    pointer, _, name = template.partition("/*")
    for index in range(len(resolve(data, pointer) or ())):
        at = f"{pointer}/{index}{name}"
        value = resolve(data, at)
        if isinstance(value, str) and value != own:
            yield CheckResult("one currency", False, (at,), f"{at} is in {value}, and the record in {own}.", False)


def _lines(node: Field, scope: str) -> Iterator[tuple[str, bool]]:
    """(check, whether it doubts) of an object and those below it. scope: `each /rows: ` for the object of a row."""
    leaves = [child for child in node.children if child.kind not in ("object", "array")]
    for first, second in _dates_in_order([leaf for leaf in leaves if leaf.format == "date"], bool(scope)):
        yield f"{scope}{_name(first, scope)} <= {_name(second, scope)}", True
    money = [leaf for leaf in leaves if leaf.kind in ("number", "integer") or leaf.format == "money"]
    yield from _sums(money, scope)
    if not scope:
        for pointer, item in _lists_of(node):
            yield from _lines(item, f"each {_quoted(pointer)}: ")
            yield from _row_sums(item, money)
        for child in node.children:
            if child.kind == "object":
                yield from _lines(child, "")


def _dates_in_order(dates: Sequence[Field], in_row: bool) -> Iterator[tuple[Field, Field]]:
    by_concept = _by_concept(dates, in_row)
    pairs = [(by_concept[a], by_concept[b]) for a, b in _ORDERED if a in by_concept and b in by_concept]
    by_name = {leaf.name.casefold(): leaf for leaf in dates}
    for name, leaf in by_name.items():
        others = (_with_word(name, opens, closes) for opens, closes in zip(_OPENS, _CLOSES, strict=True))
        pairs += [(leaf, by_name[other]) for other in others if other in by_name]
    yield from {(first.pointer, second.pointer): (first, second) for first, second in pairs}.values()


def _with_word(name: str, word: str, other: str) -> str:
    """A name with one of its words another; empty where it lacks the word: `start_date` → `end_date`."""
    parts = name.split("_")
    return "_".join(other if part == word else part for part in parts) if word in parts else ""


def _sums(money: Sequence[Field], scope: str) -> Iterator[tuple[str, bool]]:
    by_concept = _by_concept(money, bool(scope))
    if {"subtotal", "tax_amount", "total"} <= by_concept.keys():
        net, tax, total = (_name(by_concept[name], scope) for name in ("subtotal", "tax_amount", "total"))
        yield f"{scope}{net} + {tax} = {total}", not _EXTRAS & by_concept.keys()
    if scope and {"quantity", "unit_price", "line_amount"} <= by_concept.keys():
        quantity, price, amount = (_name(by_concept[name], scope) for name in ("quantity", "unit_price", "line_amount"))
        yield f"{scope}{quantity} * {price} = {amount}", False


def _row_sums(item: Field, money: Sequence[Field]) -> Iterator[tuple[str, bool]]:
    amount = _by_concept(item.children, True).get("line_amount")
    totals = _by_concept(money, False)
    for concept in ("subtotal", "total"):
        if amount is not None and amount.kind in ("number", "integer") and concept in totals:
            yield f"sum({_quoted(amount.pointer)}) = {_quoted(totals[concept].pointer)}", False


def _by_concept(leaves: Sequence[Field], in_row: bool) -> dict[str, Field]:
    """The fields by what they mean; what two of them mean is left out."""
    found: dict[str, list[Field]] = {}
    for leaf in leaves:
        for name in _meaning(leaf, in_row):
            found.setdefault(name, []).append(leaf)
    return {name: same[0] for name, same in found.items() if len(same) == 1}


def _meaning(leaf: Field, in_row: bool) -> frozenset[str]:
    return frozenset(concept.name for concept in meant(leaf.name, leaf.title, in_row=in_row))


def _lists(node: Field) -> Iterator[tuple[str, Field]]:
    """(pointer, item) of each list of objects that is reached through objects alone."""
    yield from _lists_of(node)
    for child in node.children:
        if child.kind == "object":
            yield from _lists(child)


def _lists_of(node: Field) -> Iterator[tuple[str, Field]]:
    for child in node.children:
        if child.kind == "array" and child.item is not None and child.item.kind == "object":
            yield child.pointer, child.item


def _name(leaf: Field, scope: str) -> str:
    return _quoted(escaped(leaf.name) if scope else leaf.pointer)


def _quoted(name: str) -> str:
    return f"'{name}'"


def _operands(check: Check) -> frozenset[str]:
    """What a check speaks of, by pointers from the root."""
    statement = check.statement
    rows = f"{statement.rows}/*/" if statement.scope else ""
    return frozenset(
        operand.text if operand.text.startswith("/") else rows + operand.text for operand in statement.operands()
    )
