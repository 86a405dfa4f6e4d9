"""A contract as a planner looks at it: its single fields, its lists of objects, and what their replies cost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.planning.tokens import text_tokens
from schemas.contract import Contract
from schemas.field import Field
from schemas.lexicon import meant

VALUE = {"string": 12, "number": 7, "integer": 4, "boolean": 1, "any": 12}  # tokens of a value of a single field
DAY = 11  # of a date
PLAIN_ENTRIES = 6  # of a list of plain values
PROSE_ENTRY = 40  # tokens of the values of an entry of which nothing is known
NAMED = 1.5  # what the list's own name over a table counts, where a column's name counts 1
PART = 0.5  # the same for a word of a column's name
_WHOLE_TEXT = re.compile(r"\b(markdown|transcript\w*|verbatim|translation|full[ _]text|letter for letter)\b", re.I)


@dataclass(frozen=True, slots=True)
class Single:
    """A field, or a group of fields with no list of objects below, at a pointer. tokens: of its part of a reply."""

    pointer: str
    tokens: int


@dataclass(frozen=True)
class ListField:
    """A list of objects. pointer: leads through objects only. keys: tokens of an entry without its values.

    counted: whether lines that look like rows are its entries; not where entries hold lists of their own. copies: how
    often an entry gives a page's text whole. names: what the list is called; columns: for each leaf what it is called.
    """

    pointer: str
    keys: int
    leaves: int
    counted: bool
    copies: int
    numbers: bool
    names: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]

    @property
    def empty(self) -> int:
        """Tokens of a reply with no entry."""
        return text_tokens(f'{{"{self.pointer}":[]}}')

    def score(self, said: str) -> float:
        """How well a text over a table fits the list: the columns that it names, and the list itself."""
        text = f" {' '.join(_words(said))} "
        return sum(_best(text, phrases) for phrases in self.columns) + self.named(said)

    def named(self, said: str) -> float:
        text = f" {' '.join(_words(said))} "
        return NAMED if any(f" {name} " in text for name in self.names) else 0.0


def singles(contract: Contract, most: int | None) -> list[Single]:
    """What is asked of the whole, in the contract's order; groups of more than `most` tokens come in parts."""
    return list(_singles(contract.root, most))


def lists_of(contract: Contract) -> list[ListField]:
    """The lists of objects that are not inside others, in the contract's order."""
    return [_list_field(field) for field in _lists(contract.root)]


def _singles(group: Field, most: int | None) -> Iterator[Single]:
    for field in group.children:
        if _is_list(field):
            continue
        if field.kind != "object":
            yield Single(field.pointer, _cost(field))
        elif any(True for _ in _lists(field)) or (most is not None and _cost(field) > most):
            yield from _singles(field, most)
        else:
            yield Single(field.pointer, _cost(field))


def _lists(group: Field) -> Iterator[Field]:
    for field in group.children:
        if _is_list(field):
            yield field
        elif field.kind == "object":
            yield from _lists(field)


def _is_list(field: Field) -> bool:
    return field.kind == "array" and field.item is not None and field.item.kind in ("object", "array")


def _cost(field: Field) -> int:
    return text_tokens(f',"{field.name}":') + _value_cost(field)


def _value_cost(field: Field) -> int:
    if field.kind == "object":
        return 2 + sum(map(_cost, field.children))
    if field.kind == "array":
        return 2 + PLAIN_ENTRIES * (_value_cost(field.item) if field.item else VALUE["any"])
    return DAY if field.format in ("date", "date-time") else VALUE[field.kind]


def _list_field(field: Field) -> ListField:
    item = field.item or field
    leaves = list(item.leaves())
    return ListField(
        pointer=field.pointer,
        keys=text_tokens(",".join(_skeletons(item))),
        leaves=len(leaves),
        counted=not any(_is_list(child) for child in _below(item)),
        copies=sum(bool(_WHOLE_TEXT.search(f"{leaf.name.replace('_', ' ')} {leaf.description}")) for leaf in leaves),
        numbers=any(leaf.kind in ("number", "integer") or leaf.format == "money" for leaf in leaves),
        names=tuple(dict.fromkeys(filter(None, map(_phrase, (field.name, field.title, *field.labels))))),
        columns=tuple(_phrases(leaf) for leaf in leaves),
    )


def _below(field: Field) -> Iterator[Field]:
    for child in (*field.children, *([field.item] if field.item else [])):
        yield child
        yield from _below(child)


def _skeletons(item: Field) -> Iterator[str]:
    """The keys of an entry as compact JSON, every value null."""
    if item.kind == "object":
        yield "{" + ",".join(f'"{child.name}":{",".join(_skeletons(child))}' for child in item.children) + "}"
    elif item.kind == "array" and item.item is not None:
        yield f"[{','.join(_skeletons(item.item))}]"
    else:
        yield "null"


def _phrases(leaf: Field) -> tuple[str, ...]:
    """What a document may print over the column: labels, title and name, and the labels of what they mean."""
    known = (
        label for concept in meant(leaf.name, leaf.title, leaf.description, in_row=True) for label in concept.labels
    )
    return tuple(dict.fromkeys(filter(None, map(_phrase, (leaf.name, leaf.title, *leaf.labels, *known)))))


def _best(text: str, phrases: Iterable[str]) -> float:
    """1 for a phrase that stands in the text whole, less where only a longer word of its name does."""
    first = next(iter(phrases), "")
    if any(f" {phrase} " in text for phrase in phrases):
        return 1.0
    return PART if any(len(word) > 3 and f" {word} " in text for word in first.split()) else 0.0


def _phrase(name: str) -> str:
    return " ".join(_words(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)))


@cache
def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[\W_]+", text.casefold()) if word)


def schema_tokens(schema: Mapping[str, Any]) -> int:
    """Of a schema as engines are told it."""
    return text_tokens(json.dumps(schema, ensure_ascii=False, separators=(",", ":"), default=str))
