"""Checks that a schema declares between its fields: totals that reconcile, balances that run, dates in order.

They stand in the schema's `x-checks`, a list of lines, so that a JSON Schema file can have them as well as a model:

    sum(/lines/*/amount) = /subtotal
    /subtotal + /total_tax? = /total
    /invoice_date <= /due_date
    each /lines: quantity * unit_price = amount
    running /transactions from /opening_balance: balance by credit? - debit? + amount?

`schemas.check_syntax` tells how they are written; this module decides them. A missing operand leaves a check
undecided, unless a `?` behind it says that missing counts as nought. `sum` leaves out missing items; where all items
of all sums are missing, the check is undecided. Rows of a running balance may stand oldest or newest first.

Arithmetic is decimal. A difference of one cent is let pass, for printed amounts are rounded. A product may be off by
what the rounding of its printed factors allows, half a unit of the last decimal place of each that is no whole
number, cents at least (1000 pieces at 0.13 may make 127.50); but where it is off by more than a cent and a half,
passing proves nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from schemas.check_syntax import Operand, Side, Statement, Term, parse
from schemas.pointer import resolve
from schemas.record import Issue

CENT = Decimal("0.01")
BY_CHANCE = 0.01
PRODUCT_SLACK = Decimal("0.005")  # a printed product is rounded itself
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
Value = Decimal | str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check that could be decided. pointers: every value that took part.

    proves: whether passing says that the values are right; that two dates are in order does not. chance: that wrong
    values pass all the same; a sum that is off by any amount comes out to the cent about once in a hundred.
    """

    check: str
    passed: bool
    pointers: tuple[str, ...]
    message: str
    proves: bool = True
    chance: float = BY_CHANCE

    @property
    def strength(self) -> float:
        """How much passing proves, 0..1: the chance in decimal places, by those of a sum."""
        return min(1.0, math.log(self.chance) / math.log(BY_CHANCE)) if self.proves else 0.0

    def issue(self) -> Issue:
        return Issue(code="check-failed", message=self.message, severity="warning", pointers=self.pointers)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `x-checks`. Build it with `parse_check`."""

    statement: Statement

    @property
    def text(self) -> str:
        return self.statement.text

    def run(self, data: Any) -> Iterator[CheckResult]:
        """One result for the whole data, or for each row; none where an operand is missing."""
        if self.statement.scope == "each":
            for place in _rows(data, self.statement.rows):
                yield from self._compare(data, place)
        elif self.statement.scope == "running":
            yield from self._run_balance(data)
        else:
            yield from self._compare(data, "")

    def _compare(self, data: Any, place: str) -> Iterator[CheckResult]:
        tally = _Tally(data, place)
        first, second = tally.side(self.statement.left), tally.side(self.statement.right)
        if first is None or second is None or (tally.sums and not any(tally.sums)):
            return
        verdict = _verdict(self.statement.operator, first, second, tally.slack, tally.product_slack)
        if verdict is not None:
            passed, proves = verdict
            message = self._message(place, first, second, passed)
            yield CheckResult(self.text, passed, tuple(tally.pointers), message, proves)

    def _run_balance(self, data: Any) -> Iterator[CheckResult]:
        rows = list(_rows(data, self.statement.rows))
        oldest_first = list(self._balances(data, rows))
        if all(result.passed for result in oldest_first):
            yield from oldest_first
            return
        newest_first = list(self._balances(data, rows[::-1]))
        yield from min(oldest_first, newest_first, key=lambda results: sum(not result.passed for result in results))

    def _balances(self, data: Any, rows: list[str]) -> Iterator[CheckResult]:
        """Each printed balance against the last one printed and all that moved since."""
        start = self.statement.start
        balance = _value(data, start) if start else None
        taken: list[str] = [start] if balance is not None else []
        for place in rows:
            tally = _Tally(data, place)
            moved = tally.side(self.statement.right)
            if isinstance(moved, Decimal) and tally.pointers and isinstance(balance, Decimal):
                balance += moved
                taken += tally.pointers
            else:
                balance, taken = None, []
            printed_at = f"{place}/{self.statement.left[0].factors[0].text}"
            printed = _value(data, printed_at)
            if not isinstance(printed, Decimal):
                continue
            if isinstance(balance, Decimal):
                passed = abs(balance - printed) <= CENT
                message = self._message(place, balance, printed, passed)
                yield CheckResult(self.text, passed, (*taken, printed_at), message)
            balance, taken = printed, [printed_at]

    def _message(self, place: str, first: Value, second: Value, passed: bool) -> str:
        where = f" at {place}" if place else ""
        numbers = " and ".join(f"{side:f}" if isinstance(side, Decimal) else side for side in (first, second))
        return f"{self.text}{where}: {numbers} {'agree' if passed else 'do not agree'}."


def parse_check(text: str) -> Check:
    """Raises SchemaUnsupported for what is no check, quoting it."""
    return Check(parse(text))


def _verdict(
    operator: str, first: Value, second: Value, slack: Decimal, product_slack: Decimal
) -> tuple[bool, bool] | None:
    """Whether the check passed and whether that proves its values; None for two sides that cannot be compared."""
    if isinstance(first, Decimal) and isinstance(second, Decimal):
        if operator == "<=":
            return first <= second, False
        off = abs(first - second)
        return off <= slack + product_slack, off <= slack
    if isinstance(first, Decimal) or isinstance(second, Decimal):
        return None
    if operator == "=":
        return first.casefold() == second.casefold(), True
    if _DATE.match(first) and _DATE.match(second):
        return first <= second, False
    return None


@dataclass
class _Tally:
    """Adds up the sides of a check, and keeps what took part.

    slack: how far the sides may differ by rounding; product_slack: how much more, by that of factors as printed.
    """

    data: Any
    place: str
    pointers: list[str] = field(default_factory=list)
    sums: list[bool] = field(default_factory=list)
    slack: Decimal = CENT
    product_slack: Decimal = Decimal(0)

    def side(self, side: Side) -> Value | None:
        values = [self.term(term) for term in side]
        if len(values) == 1:
            return values[0]
        total = Decimal(0)
        for term, value in zip(side, values, strict=True):
            if not isinstance(value, Decimal):
                return None
            total += term.sign * value
        return total

    def term(self, term: Term) -> Value | None:
        values = [self.operand(factor) for factor in term.factors]
        if len(values) == 1:
            return values[0]
        product, by_rounding = Decimal(1), Decimal(0)
        for value in values:
            if not isinstance(value, Decimal):
                return None
            by_rounding = by_rounding * abs(value) + abs(product) * _half_unit(value)
            product *= value
        self.slack += PRODUCT_SLACK
        self.product_slack += by_rounding
        return product

    def operand(self, operand: Operand) -> Value | None:
        if operand.number is not None:
            return operand.number
        pointer = operand.text if operand.text.startswith("/") else f"{self.place}/{operand.text}"
        if operand.summed:
            return self.summed(pointer)
        value = _value(self.data, pointer)
        if value is None:
            return Decimal(0) if operand.optional else None
        self.pointers.append(pointer)
        return value

    def summed(self, pointer: str) -> Decimal | None:
        places = list(_matching(self.data, pointer))
        numbers = [(at, value) for at in places if isinstance(value := _value(self.data, at), Decimal)]
        self.pointers += [at for at, _ in numbers]
        self.sums.append(bool(numbers))
        return sum((value for _, value in numbers), Decimal(0)) if places else None


def _half_unit(value: Decimal) -> Decimal:
    """Half a unit of the last decimal place. JSON drops noughts (12.50 is 12.5), so there are two places at least."""
    if value == value.to_integral_value():
        return Decimal(0)
    exponent = value.normalize().as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) else 0
    return Decimal(5).scaleb(-max(decimals, 2) - 1)


def _matching(data: Any, pointer: str) -> Iterator[str]:
    """The pointers that one with `*` stands for."""
    head, star, tail = pointer.partition("/*")
    if not star:
        yield pointer
        return
    for place in _rows(data, head):
        yield from _matching(data, place + tail)


def _rows(data: Any, pointer: str) -> Iterator[str]:
    rows = resolve(data, pointer)
    if isinstance(rows, list):
        yield from (f"{pointer}/{index}" for index in range(len(rows)))


def _value(data: Any, pointer: str) -> Value | None:
    """The value at a pointer as a decimal where it is a number, also one written as a string; None where missing."""
    value = resolve(data, pointer)
    if isinstance(value, str):
        return Decimal(value) if _NUMBER.fullmatch(value) else value or None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None
