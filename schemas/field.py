"""A JSON Schema as a tree of fields, the form in which engines and checks read it.

Source of the keywords: https://json-schema.org/draft/2020-12 and draft-07. Of ours there is one, `x-labels`: words that
documents print before a value (`["Invoice no.", "Rechnungsnummer"]`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from schemas.errors import SchemaUnsupported

Kind = Literal["object", "array", "string", "integer", "number", "boolean", "any"]
Schema = Mapping[str, Any]

MAX_DEPTH = 12
_COMBINED = ("anyOf", "oneOf")
_REFUSED = ("not", "if", "patternProperties", "dependentSchemas", "unevaluatedProperties", "$dynamicRef")


@dataclass(frozen=True, slots=True)
class Field:
    """One node of what must come out.

    pointer: JSON Pointer (RFC 6901) with `*` in the place of list indices: `/lines/*/amount`; the root is ``.
    kind: `any` is a value whose form the schema leaves open; engines may leave it null.
    format: JSON Schema `format`, or one of ours (`money`, `currency`, `country`, `percentage`, `identifier`, …).
    labels: words that documents print before the value, beside the name and title.
    choices: allowed values of an enum or const, without null.
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


class _Reader:
    def __init__(self, root: Schema) -> None:
        self.root = root

    def read(self, schema: Any, name: str, pointer: str, required: bool, trail: tuple[str, ...]) -> Field:
        where = pointer or "the root"
        if schema is True:
            schema = {}
        if not isinstance(schema, Mapping):
            raise SchemaUnsupported(f"field {where} is not a JSON Schema: {schema!r}.")
        schema, trail = self.resolve(schema, where, trail)
        if pointer.count("/") > MAX_DEPTH:
            raise SchemaUnsupported(f"field {where} is nested over {MAX_DEPTH} levels.")
        for keyword in _REFUSED:
            if keyword in schema:
                raise SchemaUnsupported(
                    f"field {where} uses `{keyword}`, which cannot be enforced.",
                    remedy="Describe the allowed values with type, enum, anyOf, properties or items.",
                )
        schema, nullable, trail = self.without_null(schema, where, trail)
        kind = _kind(schema)
        common: dict[str, Any] = {
            "name": name,
            "pointer": pointer,
            "title": str(schema.get("title", "")),
            "description": str(schema.get("description", "")),
            "labels": tuple(map(str, schema.get("x-labels", ()))),
            "examples": tuple(schema.get("examples", ())),
            "choices": _choices(schema),
            "format": schema.get("format"),
            "pattern": schema.get("pattern"),
            "required": required,
            "nullable": nullable,
        }
        if kind == "object":
            wanted = set(schema.get("required", ()))
            children = tuple(
                self.read(child, str(key), f"{pointer}/{_escaped(str(key))}", key in wanted, trail)
                for key, child in schema.get("properties", {}).items()
            )
            return Field(kind="object" if children else "any", children=children, **common)
        if kind == "array":
            items = schema.get("items", {})
            if not isinstance(items, Mapping) or "prefixItems" in schema:
                raise SchemaUnsupported(
                    f"field {where} is a tuple (a list whose positions have types of their own).",
                    remedy="Use an object with named properties.",
                )
            item = self.read(items, name, f"{pointer}/*", True, trail)
            return Field(kind="array", item=item, **common)
        return Field(kind=kind, **common)

    def resolve(self, schema: Schema, where: str, trail: tuple[str, ...]) -> tuple[Schema, tuple[str, ...]]:
        """Follows `$ref` and merges `allOf`; keywords beside them win. `trail` holds the references being followed."""
        while "$ref" in schema or "allOf" in schema:
            merged: dict[str, Any] = {}
            if "$ref" in schema:
                reference = str(schema["$ref"])
                if reference in trail:
                    raise SchemaUnsupported(
                        f"field {where} refers back to itself through {reference}.",
                        remedy="Unroll it to the depth that your documents have.",
                    )
                trail = (*trail, reference)
                merged.update(self.target(reference, where))
            for part in schema.get("allOf", ()):
                part, trail = self.resolve(part, where, trail)
                properties = {**merged.get("properties", {}), **part.get("properties", {})}
                required = [*merged.get("required", ()), *part.get("required", ())]
                merged.update(part)
                if properties:
                    merged.update(properties=properties, required=required)
            own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
            if "properties" in own and "properties" in merged:
                own["properties"] = {**merged["properties"], **own["properties"]}
                own["required"] = [*merged.get("required", ()), *own.get("required", ())]
            merged.update(own)
            schema = merged
        return schema, trail

    def target(self, reference: str, where: str) -> Schema:
        node: Any = self.root
        if not reference.startswith("#"):
            raise SchemaUnsupported(
                f"field {where} refers to {reference}, outside the file.", remedy="Copy that schema under $defs."
            )
        for step in reference.removeprefix("#").split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, Mapping) or step not in node:
                raise SchemaUnsupported(f"field {where} refers to {reference}, which does not exist.")
            node = node[step]
        if not isinstance(node, Mapping):
            raise SchemaUnsupported(f"field {where} refers to {reference}, which is not a schema.")
        return node

    def without_null(self, schema: Schema, where: str, trail: tuple[str, ...]) -> tuple[Schema, bool, tuple[str, ...]]:
        """The schema less its null branch, and whether it had one. Of several branches the most telling one is kept."""
        nullable = schema.get("nullable") is True
        kinds = schema.get("type")
        if isinstance(kinds, list):
            nullable = nullable or "null" in kinds
            schema = {**schema, "type": next((kind for kind in _PREFERENCE if kind in kinds), None)}
        for keyword in _COMBINED:
            if keyword not in schema:
                continue
            branches = []
            for branch in schema[keyword]:
                branch, branch_trail = self.resolve(branch, where, trail)
                if branch.get("type") == "null" or branch.get("const", 0) is None:
                    nullable = True
                else:
                    branches.append((branch, branch_trail))
            if not branches:
                continue
            branches.sort(key=lambda pair: _PREFERENCE.index(_kind(pair[0])))
            best, trail = branches[0]
            if len({_kind(branch) for branch, _ in branches} & {"object", "array"}) and len(branches) > 1:
                best = {}  # unions of shapes are left open: validated as a whole, never filled by halves
            own = {key: value for key, value in schema.items() if key != keyword}
            schema, inner, trail = self.without_null({**best, **own}, where, trail)
            nullable = nullable or inner
        if None in schema.get("enum", ()):
            nullable = True
        return schema, nullable, trail


_PREFERENCE: list[Any] = ["array", "object", "number", "integer", "boolean", "string", "any", "null"]


def _kind(schema: Schema) -> Kind:
    kind = schema.get("type")
    if kind in ("object", "array", "string", "integer", "number", "boolean"):
        return kind  # type: ignore[no-any-return]
    if "properties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    choices = list(_choices(schema))
    if choices and all(isinstance(choice, str) for choice in choices):
        return "string"
    return "any"


def _choices(schema: Schema) -> tuple[Any, ...]:
    if "const" in schema:
        return (schema["const"],)
    return tuple(choice for choice in schema.get("enum", ()) if choice is not None)


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
