"""Walks a contract's fields and fills each with what the pages say: single values, then lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from model.embedded.candidates import Reading
from model.embedded.choices import choose_marked
from model.embedded.headers import Head, owned_heads
from model.embedded.labels import LabelBook
from model.embedded.lists import object_rows, row_leaves, text_items
from model.embedded.parties import choose_parties
from model.embedded.roles import role_of
from model.embedded.scalars import Choice, choose
from model.embedded.sections import sections
from model.embedded.tables import Row, table_rows
from model.embedded.texts import document_title, labelled_text
from model.values.text import squash
from schemas.field import Field
from schemas.page import PageText

OPEN = 0.6  # the most confidence in a value whose words say two things


@dataclass
class Filled:
    """data: in the contract's shape, null where nothing was found. choices: by JSON Pointer into it."""

    data: Any
    choices: dict[str, Choice] = field(default_factory=dict)


def fill(root: Field, pages: Sequence[PageText], book: LabelBook) -> Filled:
    """Everything that the pages say about the fields under `root`."""
    reading = Reading(pages, book)
    filled = Filled(None)
    lists = {node.pointer: row_leaves(node) for node in _lists(root)}
    heads = owned_heads(reading, lists)
    tables = {
        pointer: table_rows(
            reading, found, [head for other in heads if other != pointer for head in heads[other]], leaves
        )
        for (pointer, leaves), found in zip(lists.items(), heads.values(), strict=True)
    }
    reading.heads = {
        (head.page, index)
        for found in heads.values()
        for head in found
        for index in range(head.first_line, head.last_line + 1)
    }
    reading.rows = {
        place: end
        for rows in tables.values()
        if len(rows) > 1  # a single row may well be a document's own values in a table of two lines
        for row in rows
        for place, end in row.reach.items()
    }
    filler = _Filler(reading, _single_values(root, reading), heads, tables, filled)
    filled.data = filler.node(root)
    for pointer, choice in filled.choices.items():
        if reading.is_open_date(choice.value, choice.spans):
            filled.choices[pointer] = replace(choice, score=min(choice.score, OPEN))
    return filled


def _single_values(root: Field, reading: Reading) -> dict[str, Choice]:
    """The values of all leaves outside lists."""
    leaves = [leaf for leaf in root.leaves() if "*" not in leaf.pointer]
    found = choose(reading, leaves)
    found.update(choose_parties(reading, leaves))
    found.update(choose_marked(reading, leaves))
    for leaf in leaves:
        if role_of(leaf) == "text":
            choice = labelled_text(reading, leaf) or document_title(reading, leaf)
            if choice is not None:
                found[leaf.pointer] = choice
    return found


def _lists(node: Field) -> Iterator[Field]:
    """Every list of objects whose rows are printed as such: of lists in lists, the innermost."""
    for child in node.children:
        yield from _lists(child)
    if node.item is not None and node.item.kind == "object":
        yield _levels(node)[-1]


def _levels(node: Field) -> list[Field]:
    """A list of objects, the first list of objects in it, and so on inwards."""
    assert node.item is not None
    inner = next((child for child in node.item.children if child.item and child.item.kind == "object"), None)
    return [node, *(_levels(inner) if inner else ())]


@dataclass
class _Filler:
    """Puts what was found into the contract's shape, and registers where each value comes from."""

    reading: Reading
    single: dict[str, Choice]
    heads: dict[str, list[Head]]
    tables: dict[str, list[Row]]
    filled: Filled

    def node(self, node: Field) -> Any:
        if node.kind == "object":
            return {child.name: self.node(child) for child in node.children}
        if node.kind == "array":
            return self.list_of(node)
        choice = self.single.get(node.pointer)
        if choice is None:
            return None
        self.filled.choices[node.pointer] = choice
        return choice.value

    def list_of(self, node: Field) -> list[Any]:
        item = node.item
        assert item is not None
        if item.kind != "object":
            choices = text_items(self.reading, node)
            for index, choice in enumerate(choices):
                self.filled.choices[f"{node.pointer}/{index}"] = choice
            return [choice.value for choice in choices]
        levels = _levels(node)
        innermost = levels[-1]
        rows = object_rows(self.reading, innermost.pointer, self.tables[innermost.pointer], row_leaves(innermost))
        return self.level(levels, rows, node.pointer)

    def level(self, levels: Sequence[Field], rows: Sequence[Row], here: str) -> list[Any]:
        """The objects of a list, of which `rows` are the rows; of a list in a list, the rows of the inner one."""
        node, *inner = levels
        assert node.item is not None
        template = f"{node.pointer}/*"
        if not inner:
            return [self.row(node.item, template, f"{here}/{index}", row) for index, row in enumerate(rows)]
        groups = []
        for index, (heading, members) in enumerate(
            sections(self.reading, self.heads[levels[-1].pointer], rows, row_leaves(node))
        ):
            place = f"{here}/{index}"
            group = self.row(node.item, template, place, heading)
            group[inner[0].name] = self.level(inner, members, place + inner[0].pointer.removeprefix(template))
            groups.append(group)
        return groups

    def marked(self, node: Field, template: str, place: str, row: Row) -> list[Any]:
        """The allowed values that a row shows for a list of an enum."""
        assert node.item is not None
        values = row.values.get(node.item.pointer, [])
        by_text = {squash(str(choice)): choice for choice in node.item.choices}
        for index in range(len(values)):
            pointer = f"{place}{node.pointer.removeprefix(template)}/{index}"
            spans = row.spans[node.item.pointer]
            self.filled.choices[pointer] = Choice(pointer, values[index], spans, row.score)
        return [by_text[squash(value)] for value in values]

    def row(self, item: Field, template: str, place: str, row: Row) -> Any:
        """The object of one row; its leaves are registered under `place`, which has the row's index."""
        if item.kind == "object":
            return {child.name: self.row(child, template, place, row) for child in item.children}
        if item.kind == "array":
            return self.marked(item, template, place, row) or (None if item.nullable else [])
        value = row.values.get(item.pointer)
        if value is not None:
            pointer = place + item.pointer.removeprefix(template)
            self.filled.choices[pointer] = Choice(pointer, value, row.spans.get(item.pointer, ()), row.score)
        return value
