"""Walks a contract's fields and fills each with what the pages say: single values, then lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from model.embedded.leftovers import is_narrow, leftover_rows
from model.embedded.lines import Span
from model.embedded.lists import row_leaves, text_items
from model.embedded.prepared import Prepared, levels
from model.embedded.rows import Row
from model.embedded.scalars import Choice
from model.embedded.sections import sections
from model.engine import Scope
from model.values.text import squash
from schemas.field import Field

OPEN = 0.6  # the most confidence in a value whose words say two things


@dataclass
class Filled:
    """data: in the contract's shape, null where nothing was found. choices: by JSON Pointer into it."""

    data: Any
    choices: dict[str, Choice] = field(default_factory=dict)


def fill(prepared: Prepared, scope: Scope | None = None) -> Filled:
    """Everything that the pages say about the fields; for a scope, only what begins in it of its list."""
    filled = Filled(None)
    filled.data = _Filler(prepared, scope, filled).node(prepared.root)
    for pointer, choice in filled.choices.items():
        if prepared.reading.is_open_date(choice.value, choice.spans):
            filled.choices[pointer] = replace(choice, score=min(choice.score, OPEN))
    return filled


@dataclass
class _Filler:
    """Puts what was found into the contract's shape, and registers where each value comes from."""

    prepared: Prepared
    scope: Scope | None
    filled: Filled

    def node(self, node: Field) -> Any:
        if node.kind == "object":
            return {child.name: self.node(child) for child in node.children}
        if node.kind == "array":
            return self.list_of(node)
        choice = self.prepared.single.get(node.pointer) if self.scope is None else None
        if choice is None:
            return None
        self.filled.choices[node.pointer] = choice
        return choice.value

    def list_of(self, node: Field) -> list[Any]:
        item = node.item
        assert item is not None
        if self.scope is not None and not f"{self.scope.list}/".startswith(f"{node.pointer}/"):
            return []  # not asked for
        if item.kind != "object":
            choices = text_items(self.prepared.reading, node, self.prepared.lists)
            if self.scope is not None and self.scope.list == node.pointer:
                choices = [choice for choice in choices if _begins_in(self.scope, choice.spans)]
            for index, choice in enumerate(choices):
                self.filled.choices[f"{node.pointer}/{index}"] = choice
            return [choice.value for choice in choices]
        nested = levels(node)
        return self.level(nested, self.rows(nested), node.pointer)

    def rows(self, nested: Sequence[Field]) -> list[Row]:
        """The rows of a list, of lists in lists the inner one's; for a narrow scope also what else may be a row."""
        rows = self.prepared.rows(nested[-1])
        if self.scope is None or self.scope.list not in {node.pointer for node in nested}:
            return rows
        found = [row for row in rows if _begins_in(self.scope, row.first)]
        if is_narrow(self.scope):
            found += leftover_rows(self.prepared, nested[0], nested[-1], rows, self.scope)
            found.sort(key=lambda row: row.place)
        return found

    def level(self, nested: Sequence[Field], rows: Sequence[Row], here: str) -> list[Any]:
        """The objects of a list, of which `rows` are the rows; of a list in a list, the rows of the inner one."""
        node, *inner = nested
        assert node.item is not None
        template = f"{node.pointer}/*"
        if not inner:
            return [self.row(node.item, template, f"{here}/{index}", row) for index, row in enumerate(rows)]
        groups = []
        for index, (heading, members) in enumerate(
            sections(self.prepared.reading, self.prepared.heads.get(nested[-1].pointer, []), rows, row_leaves(node))
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

    def named(self, node: Field, template: str, place: str, row: Row) -> list[Any] | None:
        """The entries of a list inside a row of which each is one name: the authors of a work."""
        assert node.item is not None
        leaf = next(iter(node.item.leaves()))
        entries: list[Any] = []
        for index, name in enumerate(row.values.get(leaf.pointer, ())):
            inside = leaf.pointer.removeprefix(template).replace("/*", f"/{index}", 1)
            self.filled.choices[place + inside] = Choice(leaf.pointer, name, row.spans[leaf.pointer], row.score)
            entries.append({leaf.name: name} if node.item.kind == "object" else name)
        return entries or (None if node.nullable else [])

    def row(self, item: Field, template: str, place: str, row: Row) -> Any:
        """The object of one row; its leaves are registered under `place`, which has the row's index."""
        if item.kind == "object":
            return {child.name: self.row(child, template, place, row) for child in item.children}
        if item.kind == "array" and item.item is not None and not item.item.choices:
            return self.named(item, template, place, row)
        if item.kind == "array":
            return self.marked(item, template, place, row) or (None if item.nullable else [])
        value = row.values.get(item.pointer)
        if value is not None:
            pointer = place + item.pointer.removeprefix(template)
            self.filled.choices[pointer] = Choice(pointer, value, row.spans.get(item.pointer, ()), row.score)
        return value


def _begins_in(scope: Scope, spans: Sequence[Span]) -> bool:
    """Whether an entry, of which these spans come first, begins in the scope."""
    return bool(spans) and scope.holds(spans[0].page, spans[0].words[0].box)
