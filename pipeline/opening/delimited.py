"""Tables of values with a sign between them: CSV, TSV. Every value stays as it is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice

from pipeline.opening.blocks import Block, Cell, Content, Section, Table, column_name
from pipeline.opening.encodings import decoded
from pipeline.opening.values import check_cells
from schemas.errors import DamagedDocument, EmptyDocument

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 100  # rows
LONGEST_VALUE = 1 << 20  # characters


def read_delimited(content: bytes, uri: str) -> Content:
    """One table. A cell is called `B7` as in a spreadsheet: column B of the seventh record."""
    text = decoded(content)
    cells = tuple(_cells(text, uri))
    if not any(cell.text.strip() for cell in cells):
        raise EmptyDocument("it has no values.", document=uri, remedy="Fetch it again; it may have been cut off.")
    check_cells(len(cells), uri)
    blocks: tuple[Block, ...] = (Table(cells, sheet=True),)
    return Content((Section(blocks, "values of a table"),))


def _cells(text: str, uri: str) -> Iterator[Cell]:
    for row, values in enumerate(records(text, delimiter_of(text)[1] or ",", uri)):
        for column, value in enumerate(values):
            if value.strip():
                yield Cell(row, column, value, f"{column_name(column)}{row + 1}")


def records(text: str, delimiter: str, uri: str = "") -> Iterator[list[str]]:
    """The values of each record. A line `sep=;` before them, as Excel writes it, is none."""
    csv.field_size_limit(LONGEST_VALUE)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, doublequote=True)
    try:
        for number, values in enumerate(lines):
            if number == 0 and delimiter.join(values).casefold().startswith("sep=") and len(values) <= 2:
                continue
            yield values
    except csv.Error as error:
        raise DamagedDocument(
            f"it cannot be read as a table, at line {lines.line_num}: {error}.",
            document=uri,
            remedy="A quotation mark may lack its partner.",
        ) from error


def delimiter_of(text: str) -> tuple[bool, str]:
    """(whether the text alone tells that it is a table, the sign between its values or an empty string).

    It does where there are at least three records, and all have the same number of values.
    """
    first = text.lstrip("\ufeff").split("\n", 1)[0].strip().casefold()
    if first.startswith("sep=") and len(first) == 5:
        return True, first[4]
    found = []
    for delimiter in DELIMITERS:
        counts = [count for count in _counts(text, delimiter) if count]
        if not counts:
            continue
        usual = max(set(counts), key=lambda count: (counts.count(count), count))
        share = counts.count(usual) / len(counts)
        if usual > 1:
            found.append((share, usual, delimiter, len(counts)))
    if not found:
        return False, ""
    share, columns, delimiter, rows = max(found)
    sure = rows >= 3 and share == 1.0 and (columns >= 3 or delimiter in ";\t")
    return sure, delimiter


def _counts(text: str, delimiter: str) -> Iterable[int]:
    """Of each record, how many values it has; 0 for an empty line."""
    try:
        return [len(values) if any(values) else 0 for values in islice(records(text, delimiter), LOOKED_AT)]
    except DamagedDocument:
        return []
