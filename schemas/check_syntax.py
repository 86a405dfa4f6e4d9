"""How checks are written: one line, two sides.

    check    = [ "each" list ":" ] side ( "=" | "<=" ) side
             | "running" list [ "from" pointer ] ":" name "by" side
    side     = term { ( "+" | "-" ) term }
    term     = operand { "*" operand }
    operand  = number | "sum(" pointer ")" | name [ "?" ]

Names are JSON Pointers from the root (`/total`); behind `each` and `running`, also names relative to a row (`amount`).
Names of other signs than letters, digits, `_`, `.` and `/` stand in single quotes: `'/due-date'`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, cast

from schemas.errors import SchemaUnsupported
from schemas.field import Field

_NAME = r"'[^']+'|[\w/*~.]+"
_TOKEN = re.compile(rf"\s*(?:sum\(\s*(?P<sum>{_NAME})\s*\)|(?P<sign><=|[-+*=])"
                    rf"|(?P<number>\d+(?:\.\d+)?)(?![\w/])|(?P<name>{_NAME})(?P<optional>\?)?)")  # fmt: skip
_SCOPE = re.compile(rf"(each|running)\s+({_NAME})(?:\s+from\s+({_NAME}))?\s*:(.+)")
Sign = Literal[1, -1]
Operator = Literal["=", "<=", "by"]
Scope = Literal["", "each", "running"]


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
class Statement:
    """A parsed line. rows, start: the list and the first balance that a scope names."""

    text: str
    left: Side
    operator: Operator
    right: Side
    scope: Scope = ""
    rows: str = ""
    start: str = ""

    def operands(self) -> Iterator[Operand]:
        return (operand for term in (*self.left, *self.right) for operand in term.factors if operand.number is None)


def parse(text: str) -> Statement:
    """Raises SchemaUnsupported for what is no check, quoting it."""
    text = text.strip()
    scoped = _SCOPE.fullmatch(text)
    scope, rows, start, body = scoped.groups() if scoped else ("", "", "", text)
    left, operator, right = _split(text, body, "by" if scope == "running" else "")
    statement = Statement(
        text=text,
        left=_side(text, left),
        operator=operator,
        right=_side(text, right),
        scope=cast(Scope, scope),
        rows=_unquoted(rows),
        start=_unquoted(start or ""),
    )
    if scope == "running" and not _is_name(statement.left):
        raise _wrong(text, "the balance before `by` is the name of one field of a row")
    for operand in statement.operands():
        if not operand.text.startswith("/") and not scope:
            raise _wrong(text, f"`{operand.text}` is no JSON Pointer, as /total")
        if ("*" in operand.text) != operand.summed:
            raise _wrong(text, f"`{operand.text}` is one value or a sum over a list, as sum(/lines/*/amount)")
    return statement


def verify(statement: Statement, root: Field) -> None:
    """Raises SchemaUnsupported where a check names a field that the schema lacks; such a check would never speak."""
    known = dict(_nodes(root))
    wanted = [statement.rows, statement.start] if statement.scope else []
    for operand in statement.operands():
        relative = not operand.text.startswith("/")
        wanted.append(f"{statement.rows}/*/{operand.text}" if relative else operand.text)
    for pointer in filter(None, wanted):
        if pointer in known or any(node.kind == "any" and pointer.startswith(f"{at}/") for at, node in known.items()):
            continue
        near = difflib.get_close_matches(pointer, known, n=1)
        raise SchemaUnsupported(
            f"the check `{statement.text}` names {pointer}, which the schema lacks.",
            remedy=f"Did you mean {near[0]}?" if near else "",
        )
    if statement.scope and statement.rows in known and known[statement.rows].kind not in ("array", "any"):
        raise _wrong(statement.text, f"{statement.rows} is no list")


def _nodes(node: Field) -> Iterator[tuple[str, Field]]:
    yield node.pointer, node
    for child in (*node.children, *([node.item] if node.item else [])):
        yield from _nodes(child)


def _is_name(side: Side) -> bool:
    operands = [operand for term in side for operand in term.factors]
    return len(operands) == 1 and operands[0].number is None and not operands[0].text.startswith("/")


def _split(text: str, body: str, wanted: str) -> tuple[str, Operator, str]:
    operators: tuple[str, ...] = (r"\sby\s",) if wanted == "by" else ("<=", "=")
    for operator in operators:
        sides = re.split(operator, body)
        if len(sides) == 2:
            return sides[0], cast(Operator, wanted or operator), sides[1]
    raise _wrong(text, "it needs one `by`" if wanted else "it needs one `=` or `<=`")


def _side(text: str, side: str) -> Side:
    terms: list[Term] = []
    sign: Sign = 1
    factors: list[Operand] = []
    wants_operand = True
    for token in _tokens(text, side):
        if (token["sign"] is None) != wants_operand:
            raise _wrong(text, f"`{token[0].strip()}` stands where {'a value' if wants_operand else 'a sign'} should")
        wants_operand = not wants_operand
        if token["sign"] is None:
            factors.append(_operand(token))
        elif token["sign"] in ("+", "-"):
            terms.append(Term(sign, tuple(factors)))
            sign, factors = (1 if token["sign"] == "+" else -1), []
        elif token["sign"] != "*":
            raise _wrong(text, f"it has `{token['sign']}` twice")
    if wants_operand:
        raise _wrong(text, "a value is missing")
    return (*terms, Term(sign, tuple(factors)))


def _tokens(text: str, side: str) -> Iterator[re.Match[str]]:
    side, at = side.rstrip(), 0
    while at < len(side):
        token = _TOKEN.match(side, at)
        if token is None:
            raise _wrong(text, f"`{side[at:].strip()}` is not understood")
        yield token
        at = token.end()


def _operand(token: re.Match[str]) -> Operand:
    if token["sum"]:
        return Operand(_unquoted(token["sum"]), summed=True)
    if token["number"]:
        return Operand(token["number"], number=Decimal(token["number"]))
    return Operand(_unquoted(token["name"]), optional=bool(token["optional"]))


def _unquoted(name: str) -> str:
    return name.removeprefix("'").removesuffix("'")


def _wrong(text: str, reason: str) -> SchemaUnsupported:
    return SchemaUnsupported(
        f"the check `{text}` cannot be read: {reason}.", remedy="How checks are written stands in docs/schemas.md."
    )
