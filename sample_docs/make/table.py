"""Rows of cells under each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sample_docs.make.paper import PLAIN, Align, Paper, Piece, Type, wrapped


class Column(NamedTuple):
    """x: where the column's texts begin, end or have their middle. wrap: the width at which a cell breaks, 0 never."""

    key: str
    heading: str
    x: float
    align: Align = "left"
    wrap: float = 0


def print_row(
    paper: Paper, y: float, columns: Sequence[Column], cells: Mapping[str, Piece], type: Type = PLAIN
) -> float:
    """Prints one row with its first baseline at `y`; gives the baseline under its tallest cell."""
    step, lowest = 1.25 * type.size, y
    for column in columns:
        cell = cells.get(column.key, "")
        lines = wrapped(cell, column.wrap, type) if column.wrap else [cell]
        for number, line in enumerate(lines):
            paper.write(column.x, y + number * step, line, type=type, align=column.align)
        lowest = max(lowest, y + (len(lines) - 1) * step)
    return lowest + step


def print_headings(paper: Paper, y: float, columns: Sequence[Column], type: Type = PLAIN) -> float:
    """The headings, broken at newlines, the last line of each on the same baseline; gives the baseline after them."""
    step = 1.2 * type.size
    tallest = max(column.heading.count("\n") for column in columns)
    for column in columns:
        parts = column.heading.split("\n")
        for number, part in enumerate(parts):
            line = y + (tallest - len(parts) + 1 + number) * step
            paper.write(column.x, line, part, type=type, align=column.align)
    return y + (tallest + 1) * step + 2
