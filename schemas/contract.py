"""What must come out of a document, in one form for Pydantic models and JSON Schema files alike.

Everything behind a `Contract` sees its JSON Schema and its tree of fields only, so that both work the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema
from jsonschema import FormatChecker
from pydantic import BaseModel, ValidationError

from schemas.checks import Check, CheckResult, parse_check
from schemas.errors import SchemaUnsupported
from schemas.field import Field, field_tree
from schemas.record import Issue


@dataclass(frozen=True)
class Contract:
    """A schema with a name. Build it with `from_model`, `from_json_schema` or `schemas.registry.load_contract`.

    json_schema: as given. model: the Pydantic class where there is one; then it validates, else `jsonschema` does.
    """

    name: str
    json_schema: Mapping[str, Any]
    model: type[BaseModel] | None = field(default=None, compare=False)

    @classmethod
    def from_model(cls, model: type[BaseModel]) -> Contract:
        """Raises SchemaUnsupported where a field of the model has no JSON Schema or none that can be expressed."""
        try:
            schema = model.model_json_schema()
        except Exception as error:
            raise SchemaUnsupported(f"model {model.__name__} has no JSON Schema: {error}") from error
        return cls(model.__name__, schema, model)._checked()

    @classmethod
    def from_json_schema(cls, schema: Mapping[str, Any], name: str = "") -> Contract:
        """`schema` may be wrapped as `{"name": …, "schema": {…}}`. Raises SchemaUnsupported."""
        for wrapper in ("schema", "json_schema", "schema_definition"):
            inner = schema.get(wrapper)
            if isinstance(inner, Mapping) and not {"type", "properties", "$ref"} & schema.keys():
                name, schema = name or str(schema.get("name", "")), inner
        try:
            jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator).check_schema(schema)
        except jsonschema.SchemaError as error:
            raise SchemaUnsupported(f"not a valid JSON Schema: {error.json_path}: {error.message}") from error
        return cls(name or str(schema.get("title", "")) or "schema", schema)._checked()

    def _checked(self) -> Contract:
        if self.root.kind != "object":
            raise SchemaUnsupported(
                f"schema {self.name} describes no object with properties.",
                remedy='Give it "type": "object" and "properties".',
            )
        assert self.checks is not None  # parsed now, so that a wrong check is a wrong schema
        return self

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """What the schema's `x-checks` declare between its fields."""
        return tuple(parse_check(str(line)) for line in self.json_schema.get("x-checks", ()))

    def run_checks(self, data: Any) -> tuple[CheckResult, ...]:
        """The results of all checks that could be decided."""
        return tuple(result for check in self.checks for result in check.run(data))

    @cached_property
    def root(self) -> Field:
        return field_tree(self.json_schema)

    def fields(self) -> tuple[Field, ...]:
        """The leaves, in schema order; their pointers hold `*` for list indices."""
        return tuple(self.root.leaves())

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change when anything that can change the data changes."""
        code = f"{self.model.__module__}:{self.model.__qualname__}" if self.model else ""
        text = json.dumps([self.name, code, self.json_schema], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def validate(self, data: Any) -> tuple[Issue, ...]:
        """What is wrong with the data by the schema, a missing required value included; empty when nothing is."""
        if self.model is not None:
            try:
                self.model.model_validate(data)
            except ValidationError as error:
                return tuple(
                    _issue("/" + "/".join(map(str, detail["loc"])), detail["msg"]) for detail in error.errors()
                )
            return ()
        validator = jsonschema.validators.validator_for(self.json_schema, jsonschema.Draft202012Validator)
        found = validator(self.json_schema, format_checker=FormatChecker()).iter_errors(data)
        return tuple(_issue("/" + "/".join(map(str, error.absolute_path)), error.message) for error in found)


def _issue(pointer: str, message: str) -> Issue:
    pointer = "" if pointer == "/" else pointer
    return Issue(code="invalid", message=f"{pointer or 'the record'}: {message}", severity="error", pointers=(pointer,))
