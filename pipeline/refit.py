"""What was said to one contract, as far as it answers another: fields with the same place in both are taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pipeline.slices import Asked, Part
from schemas.contract import Contract
from schemas.errors import UsageError
from schemas.field import Field
from schemas.narrow import narrowed
from schemas.pointer import resolve
from schemas.record import Issue


def refitted(asked: Asked, old: Contract, new: Contract) -> Asked:
    """The same replies less the values that the new contract has no place for. Its own fields are null in them where
    they may be. A part that is about nothing else stays, with an empty reply.
    """
    return replace(asked, parts=[_part(part, old, new) for part in asked.parts])


def not_asked(old: Contract, new: Contract) -> list[Issue]:
    """One for each field of the new contract that the engine was not asked for. Raises UsageError where that is all."""
    missing = list(_missing(old.root, new.root))
    if all(child.pointer in missing for child in new.root.children):
        raise UsageError(
            f"schema {new.name} has no field of {old.name}, for which the document was read.",
            remedy="Read the document again with it.",
        )
    return [
        Issue(
            code="not-asked",
            message=f"{pointer}: the engine was not asked for it. Read the document again to have it.",
            severity="error",
            pointers=(pointer.partition("/*")[0],),
        )
        for pointer in missing
    ]


def _part(part: Part, old: Contract, new: Contract) -> Part:
    ask, answer = part.ask, part.answer
    children = [child.pointer for child in ask.contract.root.children if _same(child, _at(new.root, child.pointer))]
    scope = (
        ask.scope if ask.scope is None or _same(_at(old.root, ask.scope.list), _at(new.root, ask.scope.list)) else None
    )
    if not children or scope is not ask.scope:
        ask = replace(ask, contract=narrowed(new, []), scope=None)
        return Part(ask, replace(answer, json_text="{}", finish="stop", findings={}, leaf_logprobs={}, cut=()))
    ask = replace(ask, contract=narrowed(new, children))
    if answer.finish != "stop":
        return Part(ask, answer)
    data = _common(json.loads(answer.json_text), old.root, new.root)
    kept = {at for at in (*answer.findings, *answer.leaf_logprobs, *answer.cut) if resolve(data, at) is not None}
    return Part(
        ask,
        replace(
            answer,
            json_text=json.dumps(data),
            findings={at: finding for at, finding in answer.findings.items() if at in kept},
            leaf_logprobs={at: tokens for at, tokens in answer.leaf_logprobs.items() if at in kept},
            cut=tuple(at for at in answer.cut if at in kept),
        ),
    )


def _common(value: Any, old: Field, new: Field) -> Any:
    """The value with what both fields have; what the new one alone has is null where it may be."""
    if isinstance(value, dict) and old.kind == new.kind == "object":
        before = {child.name: child for child in old.children}
        kept: dict[str, Any] = {}
        for child in new.children:
            if not _same(before.get(child.name), child):
                if child.nullable:
                    kept[child.name] = None
            elif child.name in value:
                kept[child.name] = _common(value[child.name], before[child.name], child)
        return kept
    if isinstance(value, list) and old.item is not None and new.item is not None:
        return [_common(inner, old.item, new.item) for inner in value]
    return value


def _missing(old: Field, new: Field) -> Iterator[str]:
    """Pointers of what the new field has and the old one has not, the topmost ones."""
    if not _same(old, new):
        yield new.pointer
    elif old.item is not None and new.item is not None:
        yield from _missing(old.item, new.item)
    elif old.kind == new.kind == "object":
        before = {child.name: child for child in old.children}
        for child in new.children:
            if child.name in before:
                yield from _missing(before[child.name], child)
            else:
                yield child.pointer


def _same(old: Field | None, new: Field | None) -> bool:
    """Whether what was read for the one can stand for the other: both hold fields, or entries, or a value.

    Which kind of value is for validation to judge; where the form is left open, any will do.
    """
    if old is None or new is None:
        return False
    if "any" in (old.kind, new.kind):
        return True
    return _shape(old) == _shape(new) and (old.item is None or _same(old.item, new.item))


def _shape(node: Field) -> str:
    return node.kind if node.kind in ("object", "array") else "value"


def _at(root: Field, pointer: str) -> Field | None:
    """The field at a pointer through objects; None where there is none."""
    node: Field | None = root
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        node = next((child for child in node.children if child.name == name), None) if node else None
    return node
