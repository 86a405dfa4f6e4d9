"""XML documents: every value beside its element's name, elements of one kind as a table, under their own paths.

Names are parted into words (`InvoiceLine` → `Invoice Line`), so that they can be read as labels; values stay as they
are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.opening.blocks import Block, Cell, Content, Line, Section, Table, heading
from pipeline.opening.values import check_cells
from pipeline.opening.xmltree import local, parsed
from schemas.errors import EmptyDocument

LEAST_ROWS = 2  # of a table
MOST_COLUMNS = 24
_WORDS = re.compile(r"[_.\-]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def read_xml(content: bytes, uri: str) -> Content:
    """Raises DamagedDocument, and EmptyDocument for XML without a value."""
    root = parsed(content, uri)
    check_cells(sum(1 for _ in root.iter()), uri)
    blocks = tuple(_element(root, f"/{_shown(root)}", 0))
    if not any(isinstance(block, Table) for block in blocks):
        raise EmptyDocument("none of its elements has a value.", document=uri, remedy="Check how it was made.")
    return Content((Section(blocks, "values of XML elements"),))


def _element(element: Any, path: str, depth: int) -> Iterator[Block]:
    """An element that has others in it: its name as a heading, then what it holds."""
    name = _label(element)
    yield heading(name, 2 if depth == 0 else 5)
    around = name if depth else ""
    values = _attributes(element, path, around)
    if text := _text(element):
        values.append((name, text, path))
    inner = [one for one in element if local(one)]
    paths = _paths(inner, path)
    table = _table_names(inner)
    for one, at in zip(inner, paths, strict=True):
        if one.tag not in table and _is_leaf(one):
            label = _within(around, _label(one))
            values += [(label, _text(one), at), *_attributes(one, at, label)]
            continue
        yield from _values(values)
        values = []
        if one.tag not in table:
            yield from _element(one, at, depth + 1)
        elif table[one.tag]:
            rows = [(row, place) for row, place in zip(inner, paths, strict=True) if row.tag == one.tag]
            yield Line(_label(one))
            yield _table(rows)
            table[one.tag] = False
    yield from _values(values)


def _values(values: Sequence[tuple[str, str, str]]) -> Iterator[Table]:
    """A table of labels and values; nothing where there is no value."""
    filled = [one for one in values if one[1]]
    if filled:
        cells = ((Cell(row, 0, label), Cell(row, 1, text, path)) for row, (label, text, path) in enumerate(filled))
        yield Table(tuple(cell for pair in cells for cell in pair))


def _within(around: str, name: str) -> str:
    """A label that needs no heading: `Buyer Name`, and not `Order Order Number`."""
    return name if not around or name.startswith(around) else f"{around} {name}"


def _attributes(element: Any, path: str, around: str = "") -> list[tuple[str, str, str]]:
    named = ((key.rpartition("}")[2], value.strip()) for key, value in element.attrib.items())
    return [
        (_within(around, _words(name)), value, f"{path}/@{name}") for name, value in named if name != "schemaLocation"
    ]


def _table_names(elements: Sequence[Any]) -> dict[Any, bool]:
    """Names of elements that are records: several of them, and nothing in them but values. True: not yet shown."""
    records: dict[Any, bool] = {}
    for name, rows in _by_name(elements).items():
        if len(rows) < LEAST_ROWS:
            continue
        columns = {column for row in rows for column, _, _ in _record(row, "")}
        flat = all(_is_leaf(part) for row in rows for part in row if local(part))
        repeated = any(Counter(part.tag for part in row).most_common(1)[0][1] > 1 for row in rows if len(row))
        if flat and not repeated and 1 < len(columns) <= MOST_COLUMNS:
            records[name] = True
    return records


def _by_name(elements: Sequence[Any]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for one in elements:
        groups.setdefault(one.tag, []).append(one)
    return groups


def _table(rows: Sequence[tuple[Any, str]]) -> Table:
    found = [_record(row, path) for row, path in rows]
    columns = list(dict.fromkeys(column for record in found for column, _, _ in record))
    cells = [Cell(0, place, column) for place, column in enumerate(columns)]
    for number, record in enumerate(found, 1):
        cells += [Cell(number, columns.index(column), text, path) for column, text, path in record]
    return Table(tuple(cells))


def _record(row: Any, path: str) -> list[tuple[str, str, str]]:
    """(column, value, path) of an element that holds nothing but values."""
    found = _attributes(row, path)
    for part in row:
        if local(part):
            at = f"{path}/{_shown(part)}"
            found += [
                (_label(part), _text(part), at),
                *((f"{_label(part)} {n}", v, p) for n, v, p in _attributes(part, at)),
            ]
    if text := _text(row):
        found.append((_label(row), text, path))
    return [one for one in found if one[1]]


def _paths(elements: Sequence[Any], path: str) -> list[str]:
    """Of each; those of one name are counted from 1, as XPath does."""
    counts, seen = Counter(one.tag for one in elements), Counter[Any]()
    paths = []
    for one in elements:
        seen[one.tag] += 1
        number = f"[{seen[one.tag]}]" if counts[one.tag] > 1 else ""
        paths.append(f"{path}/{_shown(one)}{number}")
    return paths


def _is_leaf(element: Any) -> bool:
    return not any(local(inner) for inner in element)


def _text(element: Any) -> str:
    """Its own text, between its elements too."""
    parts = [element.text or "", *(inner.tail or "" for inner in element)]
    return "\n".join(" ".join(line.split()) for part in parts for line in part.splitlines() if line.strip())


def _shown(element: Any) -> str:
    return f"{element.prefix}:{local(element)}" if element.prefix else local(element)


def _label(element: Any) -> str:
    return _words(local(element))


def _words(name: str) -> str:
    return " ".join(_WORDS.sub(" ", name).split()) or name
