"""From a contract to its generation schema: what a grammar holds a reply to, here and on servers alike.

It is tighter than the contract, so that a reply is short and can be read: every property is written, in schema order,
nothing else is, and texts, lists and numbers are bounded. And it lets every value be null that a document may lack,
also where the contract requires one: a grammar that forbids null makes a model invent. What is missing then is said by
`Contract.validate`, which judges every reply after the grammar.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from model.grammar.building import FINEST_NUMBER, Builder, Guard
from model.grammar.resolving import refuse
from schemas.contract import Contract
from schemas.pointer import escaped

MOST_NODES = 20_000


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation schema.

    schema: JSON Schema with no references, `oneOf`, `allOf` or words about it; the same for every engine and server.
    relaxed: what the contract demands and the grammar does not, one line each with the field; validation still does.
    guards: what bounds were added; see `guarded`.
    """

    schema: Mapping[str, Any]
    relaxed: tuple[str, ...]
    guards: tuple[Guard, ...]

    def guarded(self, data: Any) -> tuple[str, ...]:
        """Pointers of the values that were ended by a bound of ours: they are cut off, whatever they look like."""
        most = {(guard.pointer, guard.kind): guard.most for guard in self.guards}
        maps = {guard.pointer.removesuffix("/*") for guard in self.guards if guard.pointer.endswith("/*")}
        return tuple(
            pointer for pointer, at, kind, size in _sizes(data, "", "", maps) if size >= most.get((at, kind), size + 1)
        )


def generation_schema(contract: Contract) -> Generation:
    """Raises SchemaUnsupported, naming the field, for what no grammar can hold a reply to.

    A value that a schema leaves open (`{}`) may be a text, a number, true, false or null. Such values are also what a
    list or an object holds of which nothing is said.
    """
    builder = Builder(_numbers_as_numbers(contract))
    schema = builder.value(builder.resolver.root, "", (), lacking=False)
    size = json.dumps(schema).count(":")
    if size > MOST_NODES:
        raise refuse("", f"is too large once its references are followed ({size} parts).", "Ask for it in parts.")
    return Generation(schema, tuple(dict.fromkeys(builder.relaxed)), tuple(builder.guards.values()))


class _Numbers(GenerateJsonSchema):
    """Decimals as numbers only. Pydantic also takes any text for one, which leaves the form of a number open."""

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        number: dict[str, Any] = {"type": "number"}
        self.update_with_validations(number, schema, self.ValidationsMapping.numeric)
        places, digits = schema.get("decimal_places"), schema.get("max_digits")
        if places is not None:
            number.setdefault("multipleOf", max(FINEST_NUMBER, 10.0**-places))
        if digits is not None and digits - (places or 0) < 15:
            most = 10 ** max(0, digits - (places or 0)) - (10.0**-places if places else 1)
            number["maximum"] = min(number.get("maximum", most), most)
            number["minimum"] = max(number.get("minimum", -most), -most)
        return number


def _numbers_as_numbers(contract: Contract) -> Mapping[str, Any]:
    model = contract.model
    if model is None or contract.json_schema != model.model_json_schema():
        return contract.json_schema
    return model.model_json_schema(schema_generator=_Numbers)


def _sizes(value: Any, pointer: str, at: str, maps: Container[str]) -> Iterator[tuple[str, str, str, int]]:
    """(pointer, the field's pointer, kind, size) of every text, list and object in the data.

    maps: the fields' pointers of what has guards under `*`; of those that are objects, keys come from the document.
    """
    if isinstance(value, str):
        yield pointer, at, "string", len(value)
    elif isinstance(value, list):
        yield pointer, at, "array", len(value)
        for index, item in enumerate(value):
            yield from _sizes(item, f"{pointer}/{index}", f"{at}/*", maps)
    elif isinstance(value, dict):
        yield pointer, at, "object", len(value)
        for key, item in value.items():
            step = escaped(str(key))
            yield from _sizes(item, f"{pointer}/{step}", f"{at}/{'*' if at in maps else step}", maps)
