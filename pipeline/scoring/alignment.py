"""Which value found stands for which value of the truth, when lists may come in any order.

Truth and data become trees of one shape. Two lists are joined by the assignment of rows that makes the most leaves
right (Hungarian algorithm, `scipy.optimize.linear_sum_assignment`), nested lists inside each pair of outer rows alike;
among equals, whole right rows come first, then exact values, then values that stand at the true place. Rows are put
into an order of their own before, so that the order in which they come never changes what is counted. Rows that share
no right leaf are not joined: the one is missed, the other invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.scoring.forms import Form, form, likeness, reading_of
from pipeline.scoring.places import Place, same_place
from schemas.field import Field
from schemas.pointer import escaped, leaves
from schemas.record import FieldResult

_OPEN = Field(name="", pointer="", kind="any")


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """One node of truth or data; exactly a leaf, an object (`children`) or a list (`items`).

    template: the pointer with `*` for list indices. form: None for a leaf that is absent. result: what the record says
    of the leaf, where it is one of a record.
    """

    pointer: str
    template: str
    value: Any = None
    form: Form | None = None
    result: FieldResult | None = None
    places: tuple[Place, ...] = ()
    children: dict[str, Tree] | None = None
    items: list[Tree] | None = None

    @property
    def is_leaf(self) -> bool:
        return self.children is None and self.items is None

    @property
    def says_nothing(self) -> bool:
        """Whether it has no value anywhere."""
        return all(end.form is None for end in self.ends())

    def ends(self) -> Iterator[Tree]:
        """Leaves and empty lists: what the truth says something of."""
        inner = list((self.children or {}).values()) + (self.items or [])
        if self.children is None and not inner:
            yield self
        for tree in inner:
            yield from tree.ends()


NOTHING = Tree("", "")


class Row(NamedTuple):
    """An object in a list: of the truth, of the data, or the two that stand for each other."""

    template: str
    truth_pointer: str | None
    found_pointer: str | None


class Pair(NamedTuple):
    """Two leaves that are to be compared; one is None where the other side has no such leaf. row: the innermost."""

    row: Row | None
    truth: Tree | None
    found: Tree | None

    @property
    def forms(self) -> tuple[Form | None, Form | None]:
        return self.truth.form if self.truth else None, self.found.form if self.found else None


@dataclass(slots=True)
class Planter:
    """Makes trees. outside: (pointer, value) of truth leaves that the contract does not describe; they are left out."""

    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    results: Mapping[str, FieldResult] = field(default_factory=dict)
    outside: list[tuple[str, Any]] = field(default_factory=list)

    def truth(self, value: Any, node: Field, pointer: str = "", template: str = "") -> Tree | None:
        """The tree of labelled leaves; None where the value does not have the contract's shape."""
        if value is not None and not fits(value, node):
            self.outside.extend(leaves(value, pointer))
            return None
        if isinstance(value, dict):
            children = {}
            for key, inner in value.items():
                step = escaped(str(key))
                child = child_of(node, key)
                if child is None:
                    self.outside.extend(leaves(inner, f"{pointer}/{step}"))
                elif tree := self.truth(inner, child, f"{pointer}/{step}", f"{template}/{step}"):
                    children[str(key)] = tree
            return Tree(pointer, template, children=children)
        if isinstance(value, list):
            item = node.item or _OPEN
            grown = [self.truth(inner, item, f"{pointer}/{i}", f"{template}/*") for i, inner in enumerate(value)]
            items = [tree for tree in grown if tree]
            return Tree(pointer, template, items=items) if items or not value else None
        return self._leaf(value, node, pointer, template)

    def found(self, value: Any, node: Field, pointer: str = "", template: str = "") -> Tree:
        """The tree of everything in the data, whatever its shape."""
        if isinstance(value, dict):
            children = {}
            for key, inner in value.items():
                step = escaped(str(key))
                child = child_of(node, key) or _OPEN
                children[str(key)] = self.found(inner, child, f"{pointer}/{step}", f"{template}/{step}")
            return Tree(pointer, template, children=children)
        if isinstance(value, list):
            item = node.item or _OPEN
            rows = [self.found(inner, item, f"{pointer}/{i}", f"{template}/*") for i, inner in enumerate(value)]
            return Tree(pointer, template, items=rows)
        return self._leaf(value, node, pointer, template)

    def _leaf(self, value: Any, node: Field, pointer: str, template: str) -> Tree:
        return Tree(
            pointer,
            template,
            value=value,
            form=form(value, reading_of(node)),
            result=self.results.get(pointer),
            places=self.places.get(pointer, ()),
        )


def aligned(truth: Tree | None, found: Tree | None, row: Row | None = None) -> Iterator[Pair]:
    """Every leaf that either side has, beside the one that stands for it; what the truth does not label is left out."""
    if truth is None or found is None:
        yield from _alone(truth or found or NOTHING, truth is None, row)
    elif truth.is_leaf and found.is_leaf:
        yield Pair(row, truth, found)
    elif truth.children is not None and found.children is not None:
        for key, child in truth.children.items():
            yield from aligned(child, found.children.get(key), row)
    elif truth.items is not None and found.items is not None:
        yield from _aligned_lists(truth.items, found.items, row)
    else:  # the shapes differ: nothing found can be right
        if not truth.says_nothing or found.says_nothing:
            yield from _alone(truth, False, row)
        yield from _alone(found, True, row)


def _alone(tree: Tree, invented: bool, row: Row | None) -> Iterator[Pair]:
    """The leaves of a tree that nothing stands for; its own rows are missed or invented too."""
    if tree.is_leaf:
        yield Pair(row, None, tree) if invented else Pair(row, tree, None)
    for child in (tree.children or {}).values():
        yield from _alone(child, invented, row)
    for item in tree.items or ():
        yield from _alone(item, invented, _row(None, item, row) if invented else _row(item, None, row))


def _row(truth: Tree | None, found: Tree | None, outer: Row | None) -> Row | None:
    """The row that these items are, or the one around them if they are plain values."""
    example = truth or found or NOTHING
    if example.children is None:
        return outer
    return Row(example.template, truth.pointer if truth else None, found.pointer if found else None)


def _aligned_lists(wanted: Sequence[Tree], found: Sequence[Tree], row: Row | None) -> Iterator[Pair]:
    labelled = {end.template for item in wanted for end in item.ends()}
    for one, other in _joined(wanted, found):
        for pair in aligned(one, other, _row(one, other, row)):
            if one is not None or not wanted or (pair.found and _is_labelled(pair.found.template, labelled)):
                yield pair


def _is_labelled(template: str, labelled: set[str]) -> bool:
    """Whether some row of the truth has this leaf, or says that there is nothing where it stands."""
    while template and template not in labelled:
        template = template.rpartition("/")[0]
    return bool(template)


def _joined(wanted: Sequence[Tree], found: Sequence[Tree]) -> Iterator[tuple[Tree | None, Tree | None]]:
    """Each row once: pairs that share a right leaf, then those left over on either side."""
    wanted, found = sorted(wanted, key=_content), sorted(found, key=_content)
    share = 1 / (1 + min(len(wanted), len(found)))
    gains = np.array([[_gain(one, other, share) for other in found] for one in wanted])
    gains = gains.reshape(len(wanted), len(found))
    left, right = linear_sum_assignment(gains, maximize=True)
    joined = [(i, j) for i, j in zip(left.tolist(), right.tolist(), strict=True) if gains[i, j] > 0]
    for i, j in joined:
        yield wanted[i], found[j]
    done_left, done_right = {i for i, _ in joined}, {j for _, j in joined}
    for i, one in enumerate(wanted):
        if i not in done_left:
            yield one, None
    for j, other in enumerate(found):
        if j not in done_right:
            yield None, other


def _gain(truth: Tree, found: Tree, share: float) -> float:
    """How many leaves would be right if these two rows stood for each other, and less than `share` more to break ties.

    With a share below one by the number of rows, all ties together weigh less than one right leaf.
    """
    right = exact = placed = 0
    whole = True
    for pair in aligned(truth, found):
        one, other = pair.forms
        if one is None and other is None:
            continue
        how = likeness(one, other) if one and other else "different"
        whole = whole and how != "different"
        if how == "different" or pair.truth is None or pair.found is None:
            continue
        right += 1
        exact += how == "exact"
        placed += same_place(pair.truth.places, pair.found.places)
    return right + share * (0.9 * whole + 0.09 * exact / right + 0.009 * placed / right) if right else 0.0


def _content(tree: Tree) -> str:
    """A text that says all that counts of a row and nothing of where it stood."""
    if tree.children is not None:
        return "{" + ",".join(sorted(f"{key}:{_content(child)}" for key, child in tree.children.items())) + "}"
    if tree.items is not None:
        return "[" + ",".join(sorted(map(_content, tree.items))) + "]"
    trust = (tree.result.status, tree.result.confidence) if tree.result else None
    return repr((tree.form, trust, tree.places))


def fits(value: Any, node: Field) -> bool:
    """Whether a value is an object, a list or a leaf where the field is one."""
    if node.kind == "any":
        return True
    shape = "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "leaf"
    return shape == (node.kind if node.kind in ("object", "array") else "leaf")


def child_of(node: Field, key: Any) -> Field | None:
    """The field of a key; any key has one where the contract leaves the form open."""
    if node.kind == "any":
        return _OPEN
    return next((child for child in node.children if child.name == str(key)), None)
