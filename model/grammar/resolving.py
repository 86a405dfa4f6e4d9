"""One schema in the place of references and `allOf`: everything that its parts demand, at once.

`schemas.field` merges too, for the tree that engines read; there later keywords win. Here nothing that any part demands
may get lost, for a grammar is made of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from schemas.errors import SchemaUnsupported
from schemas.pointer import resolve

Schema = Mapping[str, Any]

UNIONS = "anyOf, oneOf"
"""The key under which `Resolver.resolve` gives all unions of a schema, as lists of branches; each must hold."""

REFUSED = (
    "not",
    "if",
    "then",
    "else",
    "patternProperties",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
    "unevaluatedItems",
    "prefixItems",
    "$dynamicRef",
    "$recursiveRef",
)
_LEAST = frozenset(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"))
_MOST = frozenset(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"))


def refuse(where: str, what: str, remedy: str) -> SchemaUnsupported:
    return SchemaUnsupported(f"field {where or 'the root'} {what}", remedy=remedy)


class Resolver:
    """Resolves the schemas of one file. `note`: told of what two parts demand that no one schema can say."""

    def __init__(self, root: Schema, note: Callable[[str, str], None]) -> None:
        self.root = dict(root)
        self.note = note

    def resolve(self, schema: Any, where: str, trail: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The schema without `$ref`, `allOf`, `anyOf` and `oneOf`; see `UNIONS` for the latter two.

        trail: the references followed on the way down to here, by which recursion is known. Raises SchemaUnsupported.
        """
        if schema is True:
            return {}, trail
        if not isinstance(schema, Mapping):
            raise refuse(where, f"is no JSON Schema but {schema!r}.", 'Write {"type": …}.')
        for keyword in REFUSED:
            if keyword in schema:
                raise refuse(where, f"uses `{keyword}`, which cannot be enforced.", "Describe what is allowed instead.")
        merged: dict[str, Any] = {
            key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf", "const")
        }
        if "const" in schema:
            merged = self.met(merged, {"enum": [schema["const"]], "const": True}, where)
        unions = [schema[keyword] for keyword in ("anyOf", "oneOf") if keyword in schema]
        if unions:
            merged[UNIONS] = unions
        if len(schema.get("oneOf", ())) > 1:
            self.note(where, "that no second branch of `oneOf` fits is left to validation")
        parts = [*schema.get("allOf", ())]
        followed = trail
        if "$ref" in schema:
            target, followed = self._target(str(schema["$ref"]), where, trail)
            parts.insert(0, target)
        reached = followed
        for part in parts:
            inner, beyond = self.resolve(part, where, followed)
            reached = (*reached, *beyond[len(followed) :])
            merged = self.met(inner, merged, where)
        return merged, reached

    def _target(self, reference: str, where: str, trail: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
        if reference in trail:
            remedy = "Unroll it to the depth that your documents have."
            raise refuse(where, f"refers back to itself through {reference}.", remedy)
        if not reference.startswith("#"):
            raise refuse(where, f"refers to {reference}, outside the file.", "Copy that schema under $defs.")
        pointer = unquote(reference.removeprefix("#"))
        node = self.root if not pointer else resolve(self.root, pointer) if pointer.startswith("/") else None
        if node is None:
            raise refuse(where, f"refers to {reference}, which does not exist.", "Refer as in #/$defs/Name.")
        return node, (*trail, reference)

    def met(self, first: Schema, second: Schema, where: str) -> dict[str, Any]:
        """What two resolved schemas demand together. Of words about it, the second's stand."""
        both = {**first, **second}
        for key in first.keys() & second.keys():
            one, other = first[key], second[key]
            if one == other:
                continue
            if key in _LEAST:
                both[key] = max(one, other)
            elif key in _MOST:
                both[key] = min(one, other)
            elif key == "type":
                both[key] = _common_types(one, other, where)
            elif key == "enum":
                both[key] = [value for value in one if any(_same(value, allowed) for allowed in other)]
            elif key == "properties":
                both[key] = {**one, **other} | {
                    name: {"allOf": [one[name], other[name]]} for name in one if name in other
                }
            elif key in ("items", "contains"):
                both[key] = {"allOf": [one, other]}
            elif key == "required":
                both[key] = list(dict.fromkeys((*one, *other)))
            elif key == UNIONS:
                both[key] = [*one, *other]
            elif key == "multipleOf":
                both[key] = _common_multiple(one, other)
            elif key == "additionalProperties":
                both[key] = False if False in (one, other) else {"allOf": [one, other]}
            elif key in ("const", "uniqueItems", "nullable"):
                both[key] = (one and other) if key == "nullable" else (one or other)
            elif key in ("pattern", "format"):
                self.note(where, f"{key} {one!r} is left to validation, beside {other!r}")
        return both


def _common_types(one: Any, other: Any, where: str) -> list[str]:
    ours, theirs = ({kinds} if isinstance(kinds, str) else set(kinds) for kinds in (one, other))
    common = ours & theirs
    if "integer" in ours | theirs and "number" in ours | theirs and not (ours & theirs & {"integer", "number"}):
        common.add("integer")
    if not common:
        raise refuse(where, f"must be {one} and {other} at once.", "Name one type.")
    return sorted(common)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON, where true is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _common_multiple(one: float, other: float) -> float:
    first, second = Fraction(str(one)), Fraction(str(other))
    common = Fraction(
        math.lcm(first.numerator * second.denominator, second.numerator * first.denominator),
        first.denominator * second.denominator,
    )
    return common.numerator if common.denominator == 1 else float(common)
