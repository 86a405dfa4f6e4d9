"""Replies that no grammar held: the JSON object in free text, whole as it stands or not at all.

The second rung of an ask. On the first, a compact grammar holds the reply. Where that loops or stops early, the same
ask is put without a grammar, the reply is read here and judged by `Contract.validate` alone. Where that fails too, the
ask is split into smaller slices.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.engine import Finish
from schemas.errors import AnswerError

_BEGINS = re.compile(r'\{\s*["}]')


@dataclass(frozen=True, slots=True)
class FreeJson:
    """data: the object. start, end: its first character in the text, and the one after its last."""

    data: dict[str, Any]
    start: int
    end: int


def parse_free_json(text: str) -> FreeJson:
    """The one JSON object in a text; code fences and words around it do not matter.

    Nothing is repaired: no bracket is added, no comma taken away, and an object inside a broken one is not taken for
    the whole. Raises AnswerError where there is no object, one that is broken off or malformed, one with a key twice,
    or several that differ.
    """
    found: list[FreeJson] = []
    at = 0
    while match := _BEGINS.search(text, at):
        try:
            data, at = _DECODER.raw_decode(text, match.start())
        except ValueError as error:
            raise AnswerError(f"the reply holds no whole JSON object: {error}.", remedy="Ask for less.") from error
        found.append(FreeJson(data, match.start(), at))
    if not found:
        raise AnswerError("the reply holds no JSON object.", remedy="Ask again.")
    if any(other.data != found[0].data for other in found):
        raise AnswerError(f"the reply holds {len(found)} JSON objects that differ.", remedy="Ask again.")
    return found[-1]


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key stands twice")
    return data


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON's")


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse, parse_float=_finite)


def free_reply(text: str, finish: Finish) -> tuple[str, Finish, int]:
    """A reply that no grammar held: its text up to the object's end, how it came out, and where the object begins."""
    if finish != "stop":
        return text, finish, 0
    try:
        found = parse_free_json(text)
    except AnswerError:
        return text, "invalid", 0
    return text[: found.end], "stop", found.start
