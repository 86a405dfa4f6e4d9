"""The parts of a generation schema: objects, lists, texts, numbers and choices, each with its bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema

from model.grammar.forms import (
    KNOWN_TO_GRAMMARS,
    LEFT_TO_VALIDATION,
    LONGEST,
    LONGEST_TEXT,
    PATTERNS,
    allowed_values,
    is_regular,
)
from model.grammar.resolving import UNIONS, Resolver, refuse
from schemas.field import MAX_DEPTH
from schemas.pointer import escaped

MOST_ITEMS = 500
MOST_KEYS = 64
LARGEST_INTEGER = 2**53 - 1  # beyond it, JSON's readers round
LARGEST_NUMBER = 1e15
FINEST_NUMBER = 1e-9
"""Numbers are written out, without exponent; this bounds their digits, which otherwise may go on for ever."""
MOST_BRANCHES = 32

NULL: dict[str, Any] = {"type": "null"}
_KINDS = ("object", "array", "string", "number", "integer", "boolean", "null")
_ANY = ("string", "number", "boolean", "null")
_WORDS = frozenset(
    "title description default examples deprecated readOnly writeOnly $comment $id $schema $anchor $defs definitions "
    "contentMediaType contentEncoding contentSchema discriminator nullable $dynamicAnchor $vocabulary example xml "
    "externalDocs".split()
)
_BY_KIND = {
    "object": "properties required additionalProperties minProperties maxProperties propertyNames dependentRequired",
    "array": "items additionalItems minItems maxItems uniqueItems contains minContains maxContains",
    "string": "format pattern minLength maxLength",
    "number": "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf format",
}
_BY_KIND["integer"] = _BY_KIND["number"]
_KEYWORDS = frozenset(word for words in _BY_KIND.values() for word in words.split()) | {"type", "enum", "const", UNIONS}


@dataclass(frozen=True, slots=True)
class Guard:
    """A bound that is ours and not the contract's. A value that reaches it was not ended by the model.

    pointer: of the field, with `*` for list indices and keys that the document gives. kind: `string`, `array` or
    `object`. most: characters, items, keys.
    """

    pointer: str
    kind: str
    most: int


class Builder:
    """Throughout: `pointer` is the field's, `trail` the references followed down to it."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.relaxed: list[str] = []
        self.guards: dict[tuple[str, str], Guard] = {}
        self.resolver = Resolver(root, self.note)

    def note(self, pointer: str, what: str) -> None:
        self.relaxed.append(f"{pointer or 'the root'}: {what}")

    def guard(self, pointer: str, kind: str, most: int) -> int:
        before = self.guards.get((pointer, kind))
        self.guards[pointer, kind] = Guard(pointer, kind, max(most, before.most if before else 0))
        return most

    def value(self, schema: Any, pointer: str, trail: tuple[str, ...], lacking: bool) -> dict[str, Any]:
        """lacking: whether a document may lack the value, so that null must be allowed.

        An object of which all properties may be null, a list that may be empty, and a constant need no null.
        """
        if pointer.count("/") > MAX_DEPTH:
            raise refuse(pointer, f"is nested over {MAX_DEPTH} levels.", "Flatten the schema.")
        branches: list[dict[str, Any]] = []
        nullable = False
        for branch, followed in self.branches(schema, pointer, trail):
            self.look_over(branch, pointer)
            nullable |= branch.get("nullable") is True
            for kind in _kinds(branch):
                built = self.one(kind, branch, pointer, followed)
                if built is not None and built not in branches:
                    branches.append(built)
        nullable |= NULL in branches
        values = [branch for branch in branches if branch != NULL]
        if not values and not nullable:
            raise refuse(pointer, "allows no value at all.", "Name the values or the type that it may have.")
        stands_alone = len(values) == 1 and (values[0].get("type") in ("object", "array") or "const" in values[0])
        if nullable or (lacking and not stands_alone):
            values.append(NULL)
        return values[0] if len(values) == 1 else {"anyOf": values}

    def branches(
        self, schema: Any, pointer: str, trail: tuple[str, ...]
    ) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
        """The schemas, without unions, of which a value fits at least one. `oneOf` becomes `anyOf`."""
        own, followed = self.resolver.resolve(schema, pointer, trail)
        unions = own.pop(UNIONS, [])
        open_ended = [(own, followed)]
        for union in unions:
            alternatives = [part for branch in union for part in self.branches(branch, pointer, followed)]
            open_ended = [
                (self.resolver.met(inner, outer, pointer), (*beyond, *reached[len(followed) :]))
                for outer, beyond in open_ended
                for inner, reached in alternatives
            ]
            if len(open_ended) > MOST_BRANCHES:
                raise refuse(pointer, f"has over {MOST_BRANCHES} alternatives.", "Name fewer alternatives.")
        yield from open_ended

    def look_over(self, schema: Mapping[str, Any], pointer: str) -> None:
        for keyword in schema.keys() - _KEYWORDS - _WORDS:
            if not keyword.startswith("x-"):
                self.note(pointer, f"`{keyword}` is no keyword of JSON Schema")

    def one(self, kind: str, schema: dict[str, Any], pointer: str, trail: tuple[str, ...]) -> dict[str, Any] | None:
        """The schema of the values of one kind; None where there are none."""
        if "enum" in schema:
            return _choice(kind, schema)
        if kind == "object":
            return self.object(schema, pointer, trail)
        if kind == "array":
            return self.array(schema, pointer, trail)
        if kind == "string":
            return self.string(schema, pointer)
        if kind in ("number", "integer"):
            return _number(kind, schema)
        return {"type": kind}

    def object(self, schema: Mapping[str, Any], pointer: str, trail: tuple[str, ...]) -> dict[str, Any]:
        properties = {**schema.get("properties", {})}
        for name in schema.get("required", ()):
            properties.setdefault(name, True)
        others = schema.get("additionalProperties", True)
        for keyword in ("minProperties", "propertyNames"):
            if keyword in schema:
                self.note(pointer, f"`{keyword}` is left to validation")
        if not properties and others is not False:
            return self.map(schema, others, pointer, trail)
        if isinstance(others, Mapping) and others:
            self.note(pointer, "only the properties that are named can be written")
        if schema.get("maxProperties", len(properties)) < len(properties):
            self.note(pointer, "`maxProperties` is left to validation")
        return {
            "type": "object",
            "properties": {
                name: self.value(inner, f"{pointer}/{escaped(str(name))}", trail, lacking=True)
                for name, inner in properties.items()
            },
            "required": list(properties),
            "additionalProperties": False,
        }

    def map(self, schema: Mapping[str, Any], others: Any, pointer: str, trail: tuple[str, ...]) -> dict[str, Any]:
        """An object whose keys come from the document. No grammar bounds their length; see `model.grammar.loops`."""
        values = self.value(others, f"{pointer}/*", trail, lacking=True)
        most = schema.get("maxProperties")
        return {
            "type": "object",
            "additionalProperties": values,
            "maxProperties": self.guard(pointer, "object", MOST_KEYS) if most is None else most,
        }

    def array(self, schema: Mapping[str, Any], pointer: str, trail: tuple[str, ...]) -> dict[str, Any]:
        items = schema.get("items", True)
        if isinstance(items, list):
            remedy = "Use an object with named properties."
            raise refuse(pointer, "is a tuple (a list whose positions have types of their own).", remedy)
        for keyword in ("uniqueItems", "contains", "minItems"):  # a document may have fewer rows than it should
            if schema.get(keyword):
                self.note(pointer, f"`{keyword}` is left to validation")
        most = schema.get("maxItems")
        return {
            "type": "array",
            "items": self.value(items, f"{pointer}/*", trail, lacking=False),
            "maxItems": self.guard(pointer, "array", MOST_ITEMS) if most is None else most,
        }

    def string(self, schema: Mapping[str, Any], pointer: str) -> dict[str, Any] | None:
        form, pattern = schema.get("format"), schema.get("pattern")
        values = allowed_values(schema)
        if values is not None:
            return _choice("string", {**schema, "enum": list(values)})
        if form in PATTERNS or form in KNOWN_TO_GRAMMARS:
            if pattern is not None:
                self.note(pointer, f"pattern {pattern!r} is left to validation, beside format {form!r}")
            return (
                {"type": "string", "pattern": PATTERNS[form]}
                if form in PATTERNS
                else {"type": "string", "format": form}
            )
        if form in LEFT_TO_VALIDATION:
            self.note(pointer, f"format {form!r} is left to validation")
        built: dict[str, Any] = {"type": "string"}
        if pattern is not None and is_regular(pattern):
            built["pattern"] = pattern
        elif pattern is not None:
            self.note(pointer, f"pattern {pattern!r} is left to validation, for it looks around or back")
        if schema.get("minLength"):
            built["minLength"] = schema["minLength"]
        most = schema.get("maxLength")
        if most is None:
            longest = max(LONGEST.get(str(form), LONGEST_TEXT), 2 * schema.get("minLength", 0))
            most = self.guard(pointer, "string", longest)
        return {**built, "maxLength": most}


def _kinds(schema: Mapping[str, Any]) -> Sequence[str]:
    """The types that a value may have: as named, or as the other keywords suggest."""
    named = schema.get("type")
    if isinstance(named, str):
        return (named,)
    if named is not None:
        return [kind for kind in _KINDS if kind in named]
    if "enum" in schema:
        return _KINDS
    for kind in ("object", "array", "string", "number"):
        if any(keyword in schema for keyword in _BY_KIND[kind].split()):
            return (kind,)
    return _ANY


_TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}


def _choice(kind: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Those of the values named that are of the kind, and that the other keywords allow."""
    if kind == "integer" and "type" not in schema:
        return None  # `number` has them
    rest = {key: value for key, value in schema.items() if key in _BY_KIND.get(kind, "").split() and key != "format"}
    fits = jsonschema.Draft202012Validator({**rest, "type": kind}).is_valid
    values = [value for value in schema["enum"] if fits(value)]
    if not values:
        return None
    if kind == "null":
        return NULL
    return {"const": values[0]} if schema.get("const") is True else {"enum": values}


def _number(kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    built: dict[str, Any] = {"type": kind}
    built |= {key: schema[key] for key in _BY_KIND["number"].split() if key in schema and key != "format"}
    largest = LARGEST_INTEGER if kind == "integer" else LARGEST_NUMBER
    if not built.keys() & {"maximum", "exclusiveMaximum"}:
        built["maximum"] = largest
    if not built.keys() & {"minimum", "exclusiveMinimum"}:
        built["minimum"] = -largest
    if kind == "number":
        built.setdefault("multipleOf", FINEST_NUMBER)
    return built
