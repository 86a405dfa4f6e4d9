"""Checks that a schema declares between its fields: totals that reconcile, balances that run, dates in order.

They stand in the schema's `x-checks`, a list of lines, so that a JSON Schema file can have them as well as a model:

    sum(/lines/*/amount) = /subtotal
    /subtotal + /total_tax? = /total
    /invoice_date <= /due_date
    each /lines: quantity * unit_price = amount
    running /transactions from /opening_balance: balance by credit? - debit? + amount?

Operands are JSON Pointers from the root; behind `each` and `running`, names relative to a row. A missing operand leaves
the check undecided, unless a `?` behind it says that missing counts as nought. `sum` leaves out missing items; if all
items of all sums are missing, the check is undecided. Arithmetic is decimal. A difference of one cent is let pass for
sums of printed amounts, and half a cent more for each product, which documents round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from schemas.errors import SchemaUnsupported
from schemas.pointer import resolve
from schemas.record import Issue

CENT, HALF_CENT = Decimal("0.01"), Decimal("0.005")
_TOKEN = re.compile(r"\s*(?:(sum)\(\s*([^\s()]+)\s*\)|(<=|[-+*=])|(\d+(?:\.\d+)?)(?![\w/])|([\w/*~.]+)(\?)?)")
_SCOPE = re.compile(r"^(each|running)\s+(/\S+?)(?:\s+from\s+(/\S+))?\s*:\s*(.+)$")
Sign = Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Operand:
    """One factor: a number, a pointer, or the sum over a pointer with `*`."""

    text: str
    optional: bool = False
    summed: bool = False
    number: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """Factors multiplied, added to or taken from the side of the check that they stand on."""

    sign: Sign
    factors: tuple[Operand, ...]


Side = tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check that could be decided. pointers: every value that took part.

    proves: whether passing says that the values are right; that two dates are in order does not.
    """

    check: str
    passed: bool
    pointers: tuple[str, ...]
    message: str
    proves: bool = True

    def issue(self) -> Issue:
        return Issue(code="check-failed", message=self.message, severity="warning", pointers=self.pointers)


@dataclass(frozen=True, slots=True)
class Check:
    """A parsed line of `x-checks`. Build it with `parse_check`."""

    text: str
    left: Side
    operator: Literal["=", "<=", "by"]
    right: Side
    scope: Literal["", "each", "running"] = ""
    rows: str = ""
    start: str = ""

    def run(self, data: Any) -> Iterator[CheckResult]:
        """One result for the whole data, or for each row; none where an operand is missing."""
        if self.scope == "each":
            for place in _rows(data, self.rows):
                yield from self._compare(data, place)
        elif self.scope == "running":
            yield from self._run_balance(data)
        else:
            yield from self._compare(data, "")

    def _compare(self, data: Any, place: str) -> Iterator[CheckResult]:
        left, right = _Tally(), _Tally()
        first, second = left.side(self.left, data, place), right.side(self.right, data, place)
        pointers = (*left.pointers, *right.pointers)
        summed = [*left.sums, *right.sums]
        if first is None or second is None or (summed and not any(summed)):
            return
        if isinstance(first, str) or isinstance(second, str):
            passed = str(first) <= str(second) if self.operator == "<=" else str(first) == str(second)
        else:
            slack = CENT + HALF_CENT * (left.products + right.products)
            passed = first <= second if self.operator == "<=" else abs(first - second) <= slack
        message = self._message(place, first, second, passed)
        yield CheckResult(self.text, passed, pointers, message, proves=self.operator == "=")

    def _run_balance(self, data: Any) -> Iterator[CheckResult]:
        balance = _value(data, self.start) if self.start else None
        taken: list[str] = [self.start] if balance is not None else []
        for place in _rows(data, self.rows):
            tally = _Tally()
            moved = tally.side(self.right, data, place)
            printed_at = f"{place}/{self.left[0].factors[0].text}"
            printed = _value(data, printed_at)
            if isinstance(moved, Decimal) and tally.pointers and isinstance(balance, Decimal):
                balance += moved
                taken += tally.pointers
            else:
                balance, taken = None, []
            if not isinstance(printed, Decimal):
                continue
            if isinstance(balance, Decimal):
                passed = abs(balance - printed) <= CENT
                message = self._message(place, balance, printed, passed)
                yield CheckResult(self.text, passed, (*taken, printed_at), message)
            balance, taken = printed, [printed_at]

    def _message(self, place: str, first: Any, second: Any, passed: bool) -> str:
        where = f" at {place}" if place else ""
        return f"{self.text}{where}: {first} and {second} {'agree' if passed else 'do not agree'}."


@dataclass
class _Tally:
    """Adds up one side, and keeps what took part in it."""

    pointers: list[str] = field(default_factory=list)
    sums: list[bool] = field(default_factory=list)
    products: int = 0

    def side(self, side: Side, data: Any, place: str) -> Decimal | str | None:
        total = Decimal(0)
        for term in side:
            value = self.term(term, data, place)
            if value is None or isinstance(value, str):
                return value if len(side) == 1 else None
            total += term.sign * value
        return total

    def term(self, term: Term, data: Any, place: str) -> Decimal | str | None:
        product = Decimal(1)
        for factor in term.factors:
            value = self.operand(factor, data, place)
            if value is None or isinstance(value, str):
                return value if len(term.factors) == 1 else None
            product *= value
        self.products += len(term.factors) > 1
        return product

    def operand(self, operand: Operand, data: Any, place: str) -> Decimal | str | None:
        if operand.number is not None:
            return operand.number
        pointer = operand.text if operand.text.startswith("/") else f"{place}/{operand.text}"
        if operand.summed:
            return self.summed(data, pointer)
        value = _value(data, pointer)
        if value is None:
            return Decimal(0) if operand.optional else None
        self.pointers.append(pointer)
        return value

    def summed(self, data: Any, pointer: str) -> Decimal | None:
        head, _, tail = pointer.partition("/*")
        places = list(_rows(data, head))
        found = [(f"{place}{tail}", _value(data, f"{place}{tail}")) for place in places]
        numbers = [(at, value) for at, value in found if isinstance(value, Decimal)]
        self.pointers += [at for at, _ in numbers]
        self.sums.append(bool(numbers))
        return sum((value for _, value in numbers), Decimal(0)) if places else None


def parse_check(text: str) -> Check:
    """Raises SchemaUnsupported for what is no check, quoting it."""
    scoped = _SCOPE.match(text.strip())
    scope, rows, start, body = scoped.groups() if scoped else ("", "", "", text)
    left_text, operator, right_text = _split(text, body, scope)
    left, right = _side(text, left_text), _side(text, right_text)
    if scope == "running" and (len(left) != 1 or len(left[0].factors) != 1):
        raise _wrong(text, "the balance before `by` is one name")
    if not scope and any(not o.text.startswith("/") for t in (*left, *right) for o in t.factors if o.number is None):
        raise _wrong(text, "operands are JSON Pointers, as /total")
    return Check(text.strip(), left, operator, right, scope or "", rows or "", start or "")  # type: ignore[arg-type]


def _split(text: str, body: str, scope: str) -> tuple[str, str, str]:
    for operator in ("<=", "=", " by "):
        if body.count(operator) == 1 and (operator == " by ") == (scope == "running"):
            left, right = body.split(operator)
            return left, operator.strip(), right
    raise _wrong(text, "it needs one `=` or `<=` (behind `running`, one `by`)")


def _side(text: str, side: str) -> Side:
    terms: list[Term] = []
    sign: Sign = 1
    factors: list[Operand] = []
    expects_operand = True
    at, side = 0, side.strip()
    while at < len(side):
        match = _TOKEN.match(side, at)
        if match is None or match.end() == at:
            raise _wrong(text, f"`{side[at:].strip()}` is not understood")
        at = match.end()
        summed, over, operator, number, name, optional = match.groups()
        if operator:
            if expects_operand or operator in ("=", "<="):
                raise _wrong(text, f"`{operator}` stands where a value is expected")
            if operator != "*":
                terms.append(Term(sign, tuple(factors)))
                sign, factors = (1 if operator == "+" else -1), []
            expects_operand = True
            continue
        if not expects_operand:
            raise _wrong(text, "two values stand side by side")
        factors.append(
            Operand(over, summed=True)
            if summed
            else Operand(number, number=Decimal(number))
            if number
            else Operand(name, bool(optional))
        )
        expects_operand = False
    if expects_operand:
        raise _wrong(text, "a value is missing")
    terms.append(Term(sign, tuple(factors)))
    return tuple(terms)


def _wrong(text: str, reason: str) -> SchemaUnsupported:
    return SchemaUnsupported(f"the check `{text.strip()}` cannot be read: {reason}.")


def _rows(data: Any, pointer: str) -> Iterator[str]:
    rows = resolve(data, pointer)
    if isinstance(rows, list):
        yield from (f"{pointer}/{index}" for index in range(len(rows)))


def _value(data: Any, pointer: str) -> Decimal | str | None:
    value = resolve(data, pointer)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value))
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return str(value)
