"""Walks a contract's fields and fills each with what the pages say: single values, then lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from model.embedded.candidates import Reading
from model.embedded.choices import choose_marked
from model.embedded.labels import LabelBook
from model.embedded.lists import object_rows, text_items
from model.embedded.parties import choose_parties
from model.embedded.roles import role_of
from model.embedded.scalars import Choice, choose
from model.embedded.sections import section_rows
from model.embedded.tables import Row
from model.embedded.texts import labelled_text
from schemas.field import Field
from schemas.page import PageText


@dataclass
class Filled:
    """data: in the contract's shape, null where nothing was found. choices: by JSON Pointer into it."""

    data: Any
    choices: dict[str, Choice] = field(default_factory=dict)


def fill(root: Field, pages: Sequence[PageText], book: LabelBook) -> Filled:
    """Everything that the pages say about the fields under `root`."""
    reading = Reading(pages, book)
    single = [leaf for leaf in root.leaves() if "*" not in leaf.pointer]
    found: dict[str, Choice] = {}
    found.update(choose(reading, single))
    found.update(choose_parties(reading, single))
    found.update(choose_marked(reading, single))
    for leaf in single:
        if role_of(leaf) == "text":
            choice = labelled_text(reading, leaf)
            if choice is not None:
                found[leaf.pointer] = choice
    filled = Filled(None)
    filled.data = _node(root, reading, found, filled)
    return filled


def _node(node: Field, reading: Reading, found: dict[str, Choice], filled: Filled) -> Any:
    if node.kind == "object":
        return {child.name: _node(child, reading, found, filled) for child in node.children}
    if node.kind == "array" and node.item is not None:
        return _list(node, reading, filled)
    choice = found.get(node.pointer)
    if choice is None:
        return None
    filled.choices[node.pointer] = choice
    return choice.value


def _list(node: Field, reading: Reading, filled: Filled) -> list[Any]:
    item = node.item
    assert item is not None
    if item.kind != "object":
        choices = text_items(reading, node)
        for index, choice in enumerate(choices):
            filled.choices[f"{node.pointer}/{index}"] = choice
        return [choice.value for choice in choices]
    inner = next(
        (child for child in item.children if child.kind == "array" and child.item and child.item.children), None
    )
    outer = tuple(leaf for leaf in item.leaves() if leaf.pointer.count("*") == node.pointer.count("*") + 1)
    if inner is not None:
        return [
            _section(node, inner, index, section, filled)
            for index, section in enumerate(section_rows(reading, inner, outer))
        ]
    return [
        _object(item, f"{node.pointer}/*", f"{node.pointer}/{index}", row, filled)
        for index, row in enumerate(object_rows(reading, outer))
    ]


def _section(node: Field, inner: Field, index: int, section: tuple[Row, list[Row]], filled: Filled) -> Any:
    assert node.item is not None and inner.item is not None
    heading, rows = section
    here = f"{node.pointer}/{index}"
    value = _object(node.item, f"{node.pointer}/*", here, heading, filled)
    place = here + inner.pointer.removeprefix(f"{node.pointer}/*")
    value[inner.name] = [
        _object(inner.item, f"{inner.pointer}/*", f"{place}/{number}", row, filled) for number, row in enumerate(rows)
    ]
    return value


def _object(item: Field, template: str, place: str, row: Row, filled: Filled) -> Any:
    """The object of one row; its leaves are registered under `place` with the row's index."""
    if item.kind == "object":
        return {child.name: _object(child, template, place, row, filled) for child in item.children}
    if item.kind == "array":
        return None if item.nullable else []
    value = row.values.get(item.pointer)
    if value is not None:
        pointer = place + item.pointer.removeprefix(template)
        filled.choices[pointer] = Choice(pointer, value, row.spans.get(item.pointer, ()), row.score, 1.0)
    return value
