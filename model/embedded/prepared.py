"""A document made ready for one contract's questions: its labels, the tables of its lists, and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from model.embedded.bibliography import work_leaves
from model.embedded.candidates import Reading
from model.embedded.choices import choose_marked
from model.embedded.contracts import choose_contracted
from model.embedded.figures import is_statement_list
from model.embedded.headers import Head, owned_heads
from model.embedded.labels import LabelBook
from model.embedded.lists import object_rows, row_leaves
from model.embedded.outlined import choose_opening
from model.embedded.papers import choose_papers
from model.embedded.parties import choose_parties
from model.embedded.printed import Printed
from model.embedded.reported import choose_reported
from model.embedded.roles import role_of
from model.embedded.rows import Row
from model.embedded.scalars import Choice, choose
from model.embedded.siblings import choose_siblings
from model.embedded.tables import table_rows
from model.embedded.texts import title_or_label
from schemas.field import Field


@dataclass
class Prepared:
    """heads, tables: of each list of objects whose rows are printed as such, by its pointer."""

    root: Field
    reading: Reading
    heads: Mapping[str, list[Head]]
    tables: Mapping[str, list[Row]]
    _rows: dict[str, list[Row]] = field(default_factory=dict)

    @cached_property
    def single(self) -> dict[str, Choice]:
        """The values of all leaves outside lists."""
        return _single_values(self.root, self.reading)

    @cached_property
    def lists(self) -> tuple[Field, ...]:
        """Every list of the contract that is no part of another."""
        return tuple(_outer_lists(self.root))

    def rows(self, node: Field) -> list[Row]:
        """The rows of a list of objects, in document order, found when they are first wanted."""
        if node.pointer not in self._rows:
            self._rows[node.pointer] = object_rows(self.reading, node, self.tables.get(node.pointer, []), self.lists)
        return self._rows[node.pointer]


def prepare(root: Field, printed: Printed, book: LabelBook) -> Prepared:
    """Finds the tables of every list under `root`: which lines are heads and rows, single values must know as well."""
    reading = Reading(printed, book)
    lists = {node.pointer: leaves for node in _lists(root) if not is_statement_list(leaves := row_leaves(node))}
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
    return Prepared(root, reading, heads, tables)


def levels(node: Field) -> Sequence[Field]:
    """A list of objects, the first list of objects in it, and so on inwards; a list of works holds its authors' names
    itself."""
    assert node.item is not None
    if work_leaves(node):
        return [node]
    inner = next((child for child in node.item.children if child.item and child.item.kind == "object"), None)
    return [node, *(levels(inner) if inner else ())]


def _lists(node: Field) -> Iterator[Field]:
    """Every list of objects whose rows are printed as such: of lists in lists, the innermost."""
    for child in node.children:
        yield from _lists(child)
    if node.item is not None and node.item.kind == "object":
        yield levels(node)[-1]


def _outer_lists(node: Field) -> Iterator[Field]:
    if node.item is not None:
        yield node
    for child in node.children:
        yield from _outer_lists(child)


def _single_values(root: Field, reading: Reading) -> dict[str, Choice]:
    leaves = [leaf for leaf in root.leaves() if "*" not in leaf.pointer]
    found = choose(reading, leaves)
    found.update(choose_parties(reading, leaves))
    found.update(choose_marked(reading, leaves))
    for leaf in leaves:
        if role_of(leaf) == "text":
            choice = title_or_label(reading, leaf)
            if choice is not None:
                found[leaf.pointer] = choice
    printed = reading.printed
    for other in (
        choose_contracted(reading, leaves),
        choose_reported(printed, leaves),
        choose_papers(reading, leaves),
        choose_siblings(reading, leaves),
        choose_opening(printed, leaves),
    ):
        for pointer, choice in other.items():
            if pointer not in found or choice.confidence > found[pointer].confidence:
                found[pointer] = choice
    return found
