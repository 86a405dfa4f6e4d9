"""A value as a person writes it, JSON or plain text, as the value that its field holds.

    /total=12.50    /invoice_date=2026-01-31    /seller/name=Nordwind GmbH    /paid=true    /due_date=null

Text needs no quotes; a text that is to be `null`, or begins with a quotation mark, is written as JSON: `"null"`.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.errors import UsageError
from schemas.field import Field
from schemas.formats import is_date


def typed(text: str, node: Field) -> Any:
    """The value. Raises UsageError, naming the field, where it holds no such value."""
    if text.strip() == "null":
        return None
    match node.kind:
        case "object" | "array" | "any":
            value = _json(text, node)
        case "integer" | "number":
            value = _number(text.strip(), node)
        case "boolean":
            value = _truth_value(text.strip(), node)
        case _:
            value = _json(text, node) if text.startswith('"') else text
    return fitting(value, node)


def fitting(value: Any, node: Field) -> Any:
    """The value itself. Raises UsageError where the field's type, choices or date cannot be so."""
    if value is None:
        return None
    if not _is_of_kind(value, node):
        raise _misfit(node, value, f"it holds {_article(node)}")
    if node.choices and value not in node.choices:
        raise _misfit(node, value, f"it is one of {', '.join(map(str, node.choices))}")
    if node.format == "date" and isinstance(value, str) and not is_date(value):
        raise _misfit(node, value, "a day is written YYYY-MM-DD")
    if isinstance(value, dict):
        return {key: _child(inner, key, node) for key, inner in value.items()}
    if isinstance(value, list) and node.item is not None:
        return [fitting(inner, node.item) for inner in value]
    return value


def blank(node: Field) -> Any:
    """An entry or object with nothing in it yet: null or an empty list wherever the schema lets there be one."""
    if node.kind == "object" and node.children:
        made: dict[str, Any] = {}
        for child in node.children:
            if child.nullable:
                made[child.name] = None
            elif child.kind == "array":
                made[child.name] = []
            elif child.kind == "object" and child.children:
                made[child.name] = blank(child)
        return made
    return [] if node.kind == "array" else None


def _child(value: Any, key: str, node: Field) -> Any:
    if not node.children:
        return value
    child = next((child for child in node.children if child.name == key), None)
    if child is None:
        names = ", ".join(child.name for child in node.children)
        raise UsageError(f"{node.pointer or 'the record'} has no field {key!r}.", remedy=f"It has {names}.")
    return fitting(value, child)


def _json(text: str, node: Field) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _misfit(node, text, f"it holds {_article(node)}, written as JSON ({error})") from error


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _number(text: str, node: Field) -> Any:
    """A number of JSON has the digits that a double has: more are refused, not dropped."""
    try:
        value = json.loads(text, parse_constant=_no_number)
        exact = Decimal(text) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except (ValueError, InvalidOperation):
        value, exact = text, None
    if exact is None:
        if node.or_text:
            return _json(text, node) if text.startswith('"') else text
        raise _misfit(node, text, "a number is written 1234.56")
    if isinstance(value, float) and Decimal(repr(value)) != exact:
        raise _misfit(node, text, "it has more digits than a number in JSON keeps")
    return value


def _truth_value(text: str, node: Field) -> bool:
    if text.casefold() not in ("true", "false"):
        raise _misfit(node, text, "it is true or false")
    return text.casefold() == "true"


def _is_of_kind(value: Any, node: Field) -> bool:
    match node.kind:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "number":
            if isinstance(value, str):
                return node.or_text
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return not isinstance(value, bool) and (whole if node.kind == "integer" else isinstance(value, int | float))
    return True


def _article(node: Field) -> str:
    kind = "date" if node.format == "date" else {"array": "list", "string": "text"}.get(node.kind, node.kind)
    return f"an {kind}" if kind[0] in "aio" else f"a {kind}"


def _misfit(node: Field, value: Any, why: str) -> UsageError:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return UsageError(
        f"{node.pointer or 'the record'} cannot be {shown[:80]!r}: {why}.", remedy="Write null where there is no value."
    )
