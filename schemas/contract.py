"""What must come out of a document, in one form for Pydantic models and JSON Schema files alike.

Everything behind a `Contract` sees its JSON Schema and its tree of fields only, so that both work the same.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jsonschema
from pydantic import BaseModel, ValidationError
from referencing import Registry

from schemas.check_syntax import verify
from schemas.checks import Check, CheckResult, parse_check
from schemas.errors import SchemaUnsupported
from schemas.field import Field, field_tree
from schemas.formats import misformed
from schemas.identifiers import check_digits
from schemas.inferred import Inferred, currency_results, inferred_checks
from schemas.needs import Need, needs_of
from schemas.pointer import escaped, resolve
from schemas.record import Issue

_NO_NETWORK: Registry[Any] = Registry()
_WRAPPERS = ("schema", "json_schema", "schema_definition")


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
        """`schema` may be wrapped as `{"name": …, "schema": {…}}`, as APIs of language models have it.

        Raises SchemaUnsupported.
        """
        while schema.get("type", "json_schema") == "json_schema" and not {"properties", "$ref"} & schema.keys():
            inner = next((schema[key] for key in _WRAPPERS if isinstance(schema.get(key), Mapping)), None)
            if inner is None:
                break
            name, schema = name or str(schema.get("name", "")), inner
        return cls(name or str(schema.get("title", "")) or "schema", schema)._checked()

    def _checked(self) -> Contract:
        """Itself, once everything in it is read: what is wrong with a schema is said before any document is opened."""
        try:
            _validator_class(self.json_schema).check_schema(self.json_schema)
        except jsonschema.SchemaError as error:
            raise SchemaUnsupported(
                f"schema {self.name} is no valid JSON Schema: {error.json_path}: {error.message}."
            ) from error
        if self.root.kind != "object":
            raise SchemaUnsupported(
                f"schema {self.name} describes no object with properties.",
                remedy='Give it "type": "object" and "properties".',
            )
        for reference in _remote_references(self.json_schema):
            raise SchemaUnsupported(
                f"schema {self.name} refers to {reference}, outside the file.", remedy="Copy that schema under $defs."
            )
        for check in self.checks:
            verify(check.statement, self.root)
        needs_of(self.json_schema, self.name)
        return self

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """What the schema's `x-checks` declare between its fields."""
        lines = self.json_schema.get("x-checks", ())
        if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
            raise SchemaUnsupported(
                f"schema {self.name} has `x-checks` that are no list of lines.",
                remedy='Write "x-checks": ["/subtotal + /tax = /total"].',
            )
        return tuple(parse_check(line) for line in lines)

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        """What the schema's `x-needs` declare that it takes to fill it, beside words and boxes."""
        return needs_of(self.json_schema, self.name)

    @cached_property
    def inferred(self) -> tuple[Inferred, ...]:
        """What the meaning of the fields makes plain, and the schema does not declare."""
        return inferred_checks(self.root, self.checks)

    def run_checks(self, data: Any) -> tuple[CheckResult, ...]:
        """The results of all checks that could be decided: declared, inferred, of check digits and of currencies."""
        return (
            *(result for check in self.checks for result in check.run(data)),
            *(result for check in self.inferred for result in check.run(data)),
            *check_digits(self.root, data),
            *currency_results(self.root, data),
        )

    @cached_property
    def root(self) -> Field:
        return field_tree(self.json_schema)

    def fields(self) -> tuple[Field, ...]:
        """The leaves, in schema order; their pointers hold `*` for list indices."""
        return tuple(self.root.leaves())

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change when anything that can change the record changes.

        For a model that is its schema and the text of its module, whose validators no schema shows.
        """
        text = json.dumps([self.name, _source(self.model), self.json_schema], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def validate(self, data: Any) -> tuple[Issue, ...]:
        """What is wrong with the data by the schema; empty when nothing is.

        `missing`: a value that is required. `invalid`: a value of the wrong form. `suspect`, a warning: a value that
        its `format` says cannot be right, such as an IBAN whose check digits fail.
        """
        wrong = dict(_model_errors(self.model, data) if self.model else _schema_errors(self.json_schema, data))
        errors = tuple(_error(pointer, message, data) for pointer, message in wrong.items())
        suspect = {at: message for at, message in misformed(self.root, data) if at not in wrong}
        return errors + tuple(
            Issue(code="suspect", message=f"{at}: {message}", pointers=(at,)) for at, message in suspect.items()
        )


def _source(model: type[BaseModel] | None) -> str:
    if model is None:
        return ""
    try:
        return inspect.getsource(sys.modules[model.__module__])
    except (OSError, TypeError, KeyError):  # a model made at run time
        return model.__qualname__


def _validator_class(schema: Mapping[str, Any]) -> Any:
    return jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)


def _model_errors(model: type[BaseModel], data: Any) -> Iterator[tuple[str, str]]:
    try:
        model.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False, include_context=False):
            yield _pointer(data, detail["loc"]), detail["msg"]
    except Exception as error:  # a validator of the user's own
        yield "", f"a validator of the model failed: {error!r}"


def _schema_errors(schema: Mapping[str, Any], data: Any) -> Iterator[tuple[str, str]]:
    for error in _validator_class(schema)(schema, registry=_NO_NETWORK).iter_errors(data):
        at = _pointer(data, error.absolute_path)
        if error.validator == "required":
            yield from ((f"{at}/{escaped(key)}", "") for key in error.validator_value if key not in error.instance)
        else:
            yield at, error.message


def _pointer(data: Any, steps: Iterable[str | int]) -> str:
    """The JSON Pointer of a path; steps that Pydantic adds for the branches of a union are left out."""
    path, pointer = list(steps), ""
    for index, step in enumerate(path):
        if isinstance(data, dict):
            if step in data or index == len(path) - 1:  # the last one may be what is missing
                data, pointer = data.get(step), f"{pointer}/{escaped(str(step))}"
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data, pointer = data[step], f"{pointer}/{step}"
    return pointer


def _remote_references(schema: Any) -> Iterator[str]:
    """Every `$ref`, also where no field is read from it, that leads out of the schema."""
    if isinstance(schema, Mapping):
        reference = schema.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            yield reference
    parts = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list | tuple) else ()
    for part in parts:
        yield from _remote_references(part)


def _error(pointer: str, message: str, data: Any) -> Issue:
    name = pointer or "the record"
    if pointer and resolve(data, pointer) is None:
        message = f"{name} is required, and no value was found."
        return Issue(code="missing", message=message, severity="error", pointers=(pointer,))
    return Issue(code="invalid", message=f"{name}: {message}", severity="error", pointers=(pointer,))
