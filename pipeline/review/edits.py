"""Edits of a record's data: values put in, entries added and removed, and which leaf of before is which one now.

All pointers of one edit are about the data as it is shown, before any of it is done. `-` in a pointer, or the number
behind the last, means a new entry of a list (RFC 6901): `/items/-/amount`.
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.review.typed import blank, fitting
from schemas.errors import UsageError
from schemas.field import Field
from schemas.pointer import escaped, leaves, resolve


@dataclass(frozen=True, slots=True)
class Edits:
    """values: by pointer, already of their fields' types. deleted: pointers of entries, which are removed, and of other
    values, which the document then does not have. whole: all data as it should be, in place of both.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    whole: Any = None


@dataclass(frozen=True, slots=True)
class Edited:
    """The data after an edit. origins: by pointer of a leaf, where that leaf was before; new and changed ones have
    none. stated: leaves that the edit states as they were already. moved: lists whose entries have other places.
    """

    data: Any
    origins: Mapping[str, str]
    stated: frozenset[str] = frozenset()
    moved: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """Pointers of leaves that were not so before."""
        return tuple(pointer for pointer, _ in leaves(self.data) if pointer not in self.origins)


@dataclass(frozen=True, slots=True)
class _Was:
    """Stands in the shadow of the data, where a leaf does in the data. pointer: where it was; empty for a new one."""

    pointer: str = ""
    stated: bool = False


def edited(data: Any, edits: Edits, root: Field) -> Edited:
    """The data with the edits done. Raises UsageError for a place that data or schema lack."""
    if edits.whole is not None:
        new = fitting(edits.whole, root)
        return _told(data, new, _compared(data, new, ""))
    work = _Work(copy.deepcopy(data) if isinstance(data, dict) else blank(root), root, data)
    deleted = {work.full(pointer) for pointer in edits.deleted}
    values = {work.full(pointer): value for pointer, value in edits.values.items()}
    _check_apart([*values, *deleted])
    for steps in sorted(values, key=_order):
        work.put(steps, values[steps])
    for steps in sorted(deleted, key=_order, reverse=True):
        work.delete(steps)
    return _told(data, work.data, work.shadow)


def unedited(data: Any) -> Edited:
    """The data as it is."""
    return Edited(data, {pointer: pointer for pointer, _ in leaves(data)})


def field_at(root: Field, pointer: str) -> Field:
    """The field of the schema at a pointer into data. Raises UsageError, with names that come close."""
    node = root
    for step in _steps(pointer):
        below = node.item if node.item is not None else next((c for c in node.children if c.name == step), None)
        if below is None or (node.item is not None and not (step == "-" or step.isdecimal())):
            raise _unknown(root, pointer)
        node = below
    return node


class _Work:
    """Data under edit, and its shadow."""

    def __init__(self, data: Any, root: Field, before: Any) -> None:
        self.data, self.root, self.before = data, root, before
        self.shadow = _shadow(data, "")

    def full(self, pointer: str) -> tuple[str, ...]:
        """The steps of a pointer, `-` as the number that it means."""
        field_at(self.root, pointer)
        steps: list[str] = []
        for step in _steps(pointer):
            if step == "-":
                entries = resolve(self.before, _joined(steps))
                step = str(len(entries)) if isinstance(entries, list) else "0"
            steps.append(step)
        return tuple(steps)

    def put(self, steps: tuple[str, ...], value: Any) -> None:
        if not steps:
            raise UsageError("the whole record is no value.", remedy="Give it as a file, with --from.")
        data, shadow, node = self.data, self.shadow, self.root
        for place, step in enumerate(steps):
            node = field_at(node, f"/{_template(node, step)}")
            last = place == len(steps) - 1
            old = _child(data, step)
            if last:
                new, was = value, _compared(old, value, _joined(steps), state=True)
            elif isinstance(old, dict | list):
                data, shadow = old, _child(shadow, step)
                continue
            else:
                new = blank(node) if node.kind in ("object", "array") else None
                was = _shadow(new, "", new=True)
            _set(data, step, new, _joined(steps[: place + 1]))
            _set(shadow, step, was, "")
            data, shadow = new, was

    def delete(self, steps: tuple[str, ...]) -> None:
        *above, last = steps
        parent, shadow = self.data, self.shadow
        for step in above:
            parent, shadow = _child(parent, step), _child(shadow, step)
        known = last in parent if isinstance(parent, dict) else isinstance(parent, list) and int(last) < len(parent)
        if not known:
            raise UsageError(
                f"there is no {_joined(steps)} to delete.", remedy="See `intaglio show` for what there is."
            )
        if isinstance(parent, list):
            del parent[int(last)], shadow[int(last)]
            return
        node = field_at(self.root, _joined(steps))
        if node.nullable or node.kind == "array":
            parent[last] = None if node.nullable else []
            shadow[last] = _Was() if node.nullable else []
        else:
            del parent[last], shadow[last]


def _told(before: Any, after: Any, shadow: Any) -> Edited:
    origins: dict[str, str] = {}
    stated: set[str] = set()
    for (pointer, _), (_, was) in zip(leaves(after), leaves(shadow), strict=True):
        if was.pointer:
            origins[pointer] = was.pointer
        if was.stated:
            stated.add(pointer)
    moved = dict.fromkeys(_list_of(new, old) for new, old in origins.items() if new != old)
    shrunk = (pointer for pointer, entries in _lists(before, "") if len(resolve(after, pointer) or ()) < len(entries))
    return Edited(after, origins, frozenset(stated), tuple(dict.fromkeys([*moved, *shrunk])))


def _compared(old: Any, new: Any, pointer: str, state: bool = False) -> Any:
    """The shadow of the new data. pointer: of the old; state: whether leaves that are the same are stated by it.

    Entries that are the same are known wherever they stand now.
    """
    if isinstance(new, dict):
        olds = old if isinstance(old, dict) else {}
        return {
            key: _compared(olds.get(key), value, f"{pointer}/{escaped(key)}", state) if key in olds else _fresh(value)
            for key, value in new.items()
        }
    if isinstance(new, list):
        return _compared_lists(old if isinstance(old, list) else [], new, pointer, state)
    same = type(old) is type(new) or (_is_number(old) and _is_number(new))
    if pointer and same and old == new:
        return _Was(pointer, state)
    return _Was()


def _compared_lists(old: list[Any], new: list[Any], pointer: str, state: bool) -> list[Any]:
    before, after = ([json.dumps(entry, sort_keys=True) for entry in entries] for entries in (old, new))
    shadow: list[Any] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        for place in range(start, end):
            twin = first + place - start
            known = kind == "equal" or twin < last
            shadow.append(_compared(old[twin], new[place], f"{pointer}/{twin}", state) if known else _fresh(new[place]))
    return shadow


def _fresh(value: Any) -> Any:
    return _shadow(value, "", new=True)


def _shadow(data: Any, pointer: str, new: bool = False) -> Any:
    if isinstance(data, dict):
        return {key: _shadow(value, f"{pointer}/{escaped(key)}", new) for key, value in data.items()}
    if isinstance(data, list):
        return [_shadow(value, f"{pointer}/{place}", new) for place, value in enumerate(data)]
    return _Was() if new else _Was(pointer)


def _check_apart(places: list[tuple[str, ...]]) -> None:
    """One edit has to say what it means: not a value and what stands inside it, nor anything twice."""
    for place, other in zip(ordered := sorted(places), ordered[1:], strict=False):
        if other[: len(place)] == place:
            raise UsageError(f"{_joined(place)} and {_joined(other)} are given at once.", remedy="Give one of them.")


def _child(data: Any, step: str) -> Any:
    if isinstance(data, dict):
        return data.get(step)
    return data[int(step)] if isinstance(data, list) and int(step) < len(data) else None


def _set(data: Any, step: str, value: Any, pointer: str) -> None:
    if isinstance(data, dict):
        data[step] = value
    elif int(step) < len(data):
        data[int(step)] = value
    elif int(step) == len(data):
        data.append(value)
    else:
        raise UsageError(f"{pointer} is beyond the list, which has {len(data)} entries.", remedy="Add them in order.")


def _template(node: Field, step: str) -> str:
    return step if node.item is not None else escaped(step)


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise UsageError(f"{pointer!r} is no field.", remedy="Fields are named as `intaglio show` does: /total.")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _joined(steps: list[str] | tuple[str, ...]) -> str:
    return "".join(f"/{escaped(step)}" for step in steps)


def _order(steps: tuple[str, ...]) -> list[tuple[int, str]]:
    """Entries by their number."""
    return [(int(step), "") if step.isdecimal() else (-1, step) for step in steps]


def _list_of(new: str, old: str) -> str:
    """The list in which a leaf has moved: what both pointers begin with."""
    same = []
    for one, other in zip(new.split("/"), old.split("/"), strict=True):
        if one != other:
            break
        same.append(one)
    return "/".join(same)


def _lists(data: Any, pointer: str) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(data, list):
        yield pointer, data
    for key, value in data.items() if isinstance(data, dict) else enumerate(data if isinstance(data, list) else ()):
        yield from _lists(value, f"{pointer}/{escaped(str(key))}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unknown(root: Field, pointer: str) -> UsageError:
    known = [leaf.pointer.replace("*", "0") for leaf in root.leaves()]
    near = difflib.get_close_matches(pointer, known, n=3, cutoff=0.5)
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"It has {', '.join(known[:20])}."
    return UsageError(f"the schema has no field {pointer}.", remedy=remedy)
