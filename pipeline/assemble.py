"""From an engine's answers to the document's data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from model.engine import Answer
from schemas.contract import Contract
from schemas.errors import AnswerCutOff, AnswerError
from schemas.field import Field

_HOW = {
    "length": "it reached the most tokens that are allowed",
    "loop": "it went in circles",
    "invalid": "it holds no whole JSON",
    "refused": "the engine refused",
}


def assemble(answers: Sequence[Answer], contract: Contract) -> Any:
    """The data that the answers give together. Raises AnswerCutOff for a reply that is not whole, AnswerError for
    one that is no JSON object."""
    data: dict[str, Any] = {}
    for answer in answers:
        if answer.finish != "stop":
            raise AnswerCutOff(
                f"the engine's reply to ask {answer.ask_id} is not whole: {_HOW[answer.finish]}.",
                remedy="Ask for fewer fields or split the document.",
            )
        try:
            part = json.loads(answer.json_text)
        except json.JSONDecodeError as error:
            raise AnswerError(f"the engine's reply to ask {answer.ask_id} is no JSON: {error}.") from error
        if not isinstance(part, dict):
            raise AnswerError(f"the engine's reply to ask {answer.ask_id} is no JSON object.")
        data.update(part)
    places = {child.name: place for place, child in enumerate(contract.root.children)}
    data = dict(sorted(data.items(), key=lambda item: places.get(item[0], len(places))))
    return without_empty(data, contract.root)


def without_empty(value: Any, node: Field) -> Any:
    """Leaves out optional properties that are null where the schema allows no null, so that absence stays valid."""
    if isinstance(value, dict) and node.kind == "object":
        kept = {}
        by_name = {child.name: child for child in node.children}
        for name, inner in value.items():
            child = by_name.get(name)
            if child is None:
                kept[name] = inner
                continue
            inner = without_empty(inner, child)
            hollow = inner is None or (child.kind == "object" and not child.required and inner == {})
            if hollow and not child.nullable and not child.required:
                continue
            kept[name] = inner
        return kept
    if isinstance(value, list) and node.item is not None:
        return [without_empty(inner, node.item) for inner in value]
    return value
