"""A contract for some of a contract's fields: what is asked for when not everything is asked for at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.contract import Contract
from schemas.field import opened


def narrowed(contract: Contract, pointers: Sequence[str]) -> Contract:
    """The contract with only the fields at these pointers, and all that is below them, in the contract's order.

    A pointer leads through objects: `/seller/name`; a list is taken whole. Checks between fields are left out: they are
    run over the whole. So is the model's own code, which expects every field.
    """
    wanted = [tuple(pointer.split("/")[1:]) for pointer in pointers]
    schema = _kept(dict(contract.json_schema), wanted, contract.json_schema)
    schema.pop("x-checks", None)
    return Contract(contract.name, schema)


def _kept(schema: Any, wanted: Sequence[tuple[str, ...]], root: Mapping[str, Any]) -> Any:
    if any(not steps for steps in wanted):
        return schema
    schema = dict(opened(schema, root))
    below: dict[str, list[tuple[str, ...]]] = {}
    for step, *rest in wanted:
        below.setdefault(step.replace("~1", "/").replace("~0", "~"), []).append(tuple(rest))
    schema["properties"] = {
        name: _kept(child, below[name], root) for name, child in schema["properties"].items() if name in below
    }
    schema["required"] = [name for name in schema.get("required", ()) if name in below]
    return schema
