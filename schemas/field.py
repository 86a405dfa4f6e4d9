"""A JSON Schema as a tree of fields, the form in which engines and checks read it.

Source of the keywords: https://json-schema.org/draft/2020-12 and draft-07. Of ours there is one, `x-labels`: words that
documents print before a value (`["Invoice no.", "Rechnungsnummer"]`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

from schemas.errors import SchemaUnsupported
from schemas.pointer import escaped, resolve

Kind = Literal["object", "array", "string", "integer", "number", "boolean", "any"]
Schema = Mapping[str, Any]

MAX_DEPTH = 12
_COMBINED = ("anyOf", "oneOf")
_OR_TEXT = "~or-text"  # set by us where a union allows a text beside a number
_SHAPES = frozenset({"object", "array"})
_TELLING = frozenset(("type", "properties", "items", "enum", "const", "format", "pattern", *_COMBINED))
_REFUSED = ("not", "if", "patternProperties", "dependentSchemas", "unevaluatedProperties", "$dynamicRef")


@dataclass(frozen=True, slots=True)
class Field:
    """One node of what must come out.

    pointer: JSON Pointer (RFC 6901) with `*` in the place of list indices: `/lines/*/amount`; the root is ``.
    kind: `any` is a value whose form the schema leaves open; engines may leave it null.
    format: JSON Schema `format`, or one of ours (`money`, `currency`, `country`, `percentage`, `identifier`, …).
    labels: words that documents print before the value, beside the name and title.
    choices: allowed values of an enum or const, without null. default: what a value that is missing stands for, where
    that is no list or object. or_text: a text may stand in the place of the number that `kind` names.
    """

    name: str
    pointer: str
    kind: Kind
    title: str = ""
    description: str = ""
    labels: tuple[str, ...] = ()
    examples: tuple[Any, ...] = ()
    choices: tuple[Any, ...] = ()
    format: str | None = None
    pattern: str | None = None
    default: Any = None
    or_text: bool = False
    required: bool = False
    nullable: bool = False
    children: tuple[Field, ...] = ()
    item: Field | None = None

    def leaves(self) -> Iterator[Field]:
        """Every field below (or at) this one that holds a value of its own, in schema order."""
        if self.kind == "object" and self.children:
            for child in self.children:
                yield from child.leaves()
        elif self.item is not None:
            yield from self.item.leaves()
        else:
            yield self


def field_tree(schema: Schema) -> Field:
    """The tree of a whole JSON Schema. Raises SchemaUnsupported, naming the field, for what cannot be expressed."""
    return _Reader(schema).read(schema, name="", pointer="", required=True, trail=())


def opened(schema: Any, root: Schema) -> Schema:
    """A schema of one value as it is meant: its references followed, its `allOf` merged, null left out of its unions.

    root: the whole file's, into which references lead.
    """
    reader = _Reader(root)
    found, trail = reader.resolve(schema, "a field", ())
    return reader.without_null(found, "a field", trail)[0]


class _Reader:
    """`trail`, throughout: the references followed on the way down to a field, by which recursion is known."""

    def __init__(self, root: Schema) -> None:
        self.root = dict(root)

    def read(self, schema: Any, name: str, pointer: str, required: bool, trail: tuple[str, ...]) -> Field:
        where = pointer or "the root"
        if pointer.count("/") > MAX_DEPTH:
            raise SchemaUnsupported(f"field {where} is nested over {MAX_DEPTH} levels.", remedy="Flatten the schema.")
        schema, trail = self.resolve(schema, where, trail)
        _refuse(schema, where)
        schema, nullable, trail = self.without_null(schema, where, trail)
        kind = _kind(schema)
        common: dict[str, Any] = {
            "name": name,
            "pointer": pointer,
            "title": str(schema.get("title", "")),
            "description": str(schema.get("description", "")),
            "labels": _labels(schema, where),
            "examples": tuple(schema.get("examples", ())),
            "choices": _choices(schema),
            "format": schema.get("format"),
            "pattern": schema.get("pattern"),
            "default": default if isinstance(default := schema.get("default"), str | int | float) else None,
            "or_text": schema.get(_OR_TEXT) is True,
            "required": required,
            "nullable": nullable,
        }
        if kind == "object":
            children = self.children(schema, pointer, trail)
            return Field(kind="object" if children else "any", children=children, **common)
        if kind == "array":
            return Field(kind="array", item=self.item(schema, name, pointer, trail), **common)
        return Field(kind=kind, **common)

    def children(self, schema: Schema, pointer: str, trail: tuple[str, ...]) -> tuple[Field, ...]:
        wanted = set(schema.get("required", ()))
        return tuple(
            self.read(child, str(key), f"{pointer}/{escaped(str(key))}", key in wanted, trail)
            for key, child in schema.get("properties", {}).items()
        )

    def item(self, schema: Schema, name: str, pointer: str, trail: tuple[str, ...]) -> Field:
        items = schema.get("items", {})
        if isinstance(items, list) or "prefixItems" in schema:
            raise SchemaUnsupported(
                f"field {pointer or 'the root'} is a tuple (a list whose positions have types of their own).",
                remedy="Use an object with named properties.",
            )
        return self.read(items, name, f"{pointer}/*", True, trail)

    def resolve(self, schema: Any, where: str, trail: tuple[str, ...]) -> tuple[Schema, tuple[str, ...]]:
        """Follows `$ref` and merges `allOf`; keywords beside them win."""
        schema = _mapping(schema, where)
        while "$ref" in schema or "allOf" in schema:
            own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
            merged: dict[str, Any] = {}
            if "$ref" in schema:
                reference = str(schema["$ref"])
                if reference in trail:
                    raise SchemaUnsupported(
                        f"field {where} refers back to itself through {reference}.",
                        remedy="Unroll it to the depth that your documents have.",
                    )
                trail = (*trail, reference)
                target, followed = self.resolve(self.target(reference, where), where, trail)
                merged, trail = dict(target), followed
            before = trail
            for part in schema.get("allOf", ()):
                part, followed = self.resolve(part, where, before)
                trail = (*trail, *followed[len(before) :])
                merged = _merged(merged, part)
            schema = _merged(merged, own)
        return schema, trail

    def target(self, reference: str, where: str) -> Any:
        if not reference.startswith("#"):
            raise SchemaUnsupported(
                f"field {where} refers to {reference}, outside the file.", remedy="Copy that schema under $defs."
            )
        pointer = unquote(reference.removeprefix("#"))
        node = self.root if not pointer else resolve(self.root, pointer) if pointer.startswith("/") else None
        if node is None:
            raise SchemaUnsupported(
                f"field {where} refers to {reference}, which does not exist.", remedy="Refer as in #/$defs/Name."
            )
        return node

    def without_null(self, schema: Schema, where: str, trail: tuple[str, ...]) -> tuple[Schema, bool, tuple[str, ...]]:
        """The schema less its null branch, and whether it had one. Of several branches the most telling one is kept."""
        nullable = schema.get("nullable") is True or schema.get("const", 0) is None or None in schema.get("enum", ())
        kinds = schema.get("type")
        if isinstance(kinds, list):
            nullable = nullable or "null" in kinds
            schema = {**schema, "type": next((kind for kind in _PREFERENCE if kind in kinds), None)}
            if "string" in kinds and {"integer", "number"} & set(kinds):
                schema[_OR_TEXT] = True
        for keyword in _COMBINED:
            if keyword not in schema:
                continue
            own = {key: value for key, value in schema.items() if key != keyword}
            branches = [self.resolve(branch, where, trail) for branch in schema[keyword]]
            values = [pair for pair in branches if not _is_null(pair[0])]
            nullable = nullable or len(values) < len(branches)
            values = [pair for pair in values if _TELLING & pair[0].keys()]  # the others only forbid
            best, trail = _most_telling(values, trail)
            schema, inner, trail = self.without_null(_merged(best, own), where, trail)
            nullable = nullable or inner
        return schema, nullable, trail


_PREFERENCE: list[Any] = ["array", "object", "number", "integer", "boolean", "string", "any", "null"]


def _mapping(schema: Any, where: str) -> Schema:
    if schema is True:
        return {}
    if not isinstance(schema, Mapping):
        raise SchemaUnsupported(f"field {where} is no JSON Schema but {schema!r}.", remedy='Write {"type": …}.')
    return schema


def _refuse(schema: Schema, where: str) -> None:
    for keyword in _REFUSED:
        if keyword in schema:
            raise SchemaUnsupported(
                f"field {where} uses `{keyword}`, which cannot be enforced.",
                remedy="Describe the allowed values with type, enum, anyOf, properties or items.",
            )


def _merged(first: Schema, second: Schema) -> dict[str, Any]:
    """Both schemas at once: keywords of the second win, properties and required names add up."""
    both = {**first, **second}
    if "properties" in first and "properties" in second:
        both["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        both["required"] = [*first["required"], *second["required"]]
    return both


def _is_null(schema: Schema) -> bool:
    return schema.get("type") == "null" or schema.get("const", 0) is None or schema.get("enum") == [None]


def _most_telling(
    branches: list[tuple[Schema, tuple[str, ...]]], trail: tuple[str, ...]
) -> tuple[Schema, tuple[str, ...]]:
    """One schema to stand for a union. Unions of shapes are left open: validated as a whole, never filled by halves."""
    if not branches:
        return {}, trail
    if len(branches) == 1:
        return branches[0]
    if _SHAPES & {_kind(branch) for branch, _ in branches}:
        return {}, trail
    best, trail = min(branches, key=lambda pair: _PREFERENCE.index(_kind(pair[0])))
    choices = [_choices(branch) for branch, _ in branches]
    kinds = {_kind(branch) for branch, _ in branches}
    narrow = ("enum", "const", "pattern")  # what one branch forbids, another allows
    best = {key: value for key, value in best.items() if key not in narrow}
    if "string" in kinds and kinds & {"integer", "number"}:
        best[_OR_TEXT] = True
    if all(choices):
        best["enum"] = list(dict.fromkeys(choice for group in choices for choice in group))
    return best, trail


def _kind(schema: Schema) -> Kind:
    kind = schema.get("type")
    if kind in ("object", "array", "string", "integer", "number", "boolean"):
        return kind  # type: ignore[no-any-return]
    if "properties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    return _kind_of(_choices(schema))


def _kind_of(choices: tuple[Any, ...]) -> Kind:
    kinds: dict[type, Kind] = {str: "string", bool: "boolean", int: "integer", float: "number"}
    found = {kinds.get(type(choice), "any") for choice in choices}
    if found == {"integer", "number"}:
        return "number"
    return found.pop() if len(found) == 1 else "any"


def _choices(schema: Schema) -> tuple[Any, ...]:
    choices = [schema["const"]] if "const" in schema else schema.get("enum", ())
    return tuple(choice for choice in choices if choice is not None)


def _labels(schema: Schema, where: str) -> tuple[str, ...]:
    labels = schema.get("x-labels", ())
    if not isinstance(labels, list | tuple) or not all(isinstance(label, str) for label in labels):
        raise SchemaUnsupported(
            f"field {where} has `x-labels` that are no list of words.", remedy='Write "x-labels": ["Invoice no."].'
        )
    return tuple(labels)
