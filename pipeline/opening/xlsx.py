"""Excel workbooks: every sheet that is shown, every cell's text as it is shown, under the cell's own name."""

from __future__ import annotations

import io
import posixpath
import re
import warnings
from collections.abc import Iterator
from typing import Any

from pipeline.opening.blocks import Block, Cell, Content, Line, Picture, Section, Table
from pipeline.opening.numberformats import shown
from pipeline.opening.parts import Package
from pipeline.opening.values import check_cells
from schemas.errors import DamagedDocument, DocumentError, EmptyDocument

_DECLARES = re.compile(rb"<\0?!\0?D\0?O\0?C\0?T\0?Y\0?P\0?E")  # in UTF-8 or UTF-16
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*?ref\s*=\s*["']([A-Z0-9]{1,12}:[A-Z0-9]{1,12})["']""")
_HIDDEN = {"hidden", "veryHidden"}


def read_xlsx(content: bytes, uri: str) -> Content:
    """Raises DamagedDocument, DocumentTooLarge, EmptyDocument, and what Archive raises."""
    package = Package(content, uri)
    _check_parts(package)
    check_cells(sum(_merged(package)), uri)
    book = _opened(content, uri, values=True)
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state not in _HIDDEN]
    check_cells(sum(len(sheet._cells) for sheet in sheets), uri)
    read = [_Sheet(sheet, titled=len(sheets) > 1) for sheet in sheets]
    sections = [one.section for one in read if one.cells]
    pictures: tuple[Block, ...] = tuple(_pictures(package))
    if pictures:
        sections.append(Section(pictures, ""))
    if not sections:
        raise EmptyDocument("no cell that is shown holds anything.", document=uri, remedy="Check how it was made.")
    return Content(tuple(sections), tuple(_notes(package, book, read)))


class _Sheet:
    """A worksheet that is shown."""

    def __init__(self, sheet: Any, titled: bool) -> None:
        self.name = quoted(sheet.title)
        self.columns = set(_hidden_columns(sheet))
        self.rows = {number for number, row in sheet.row_dimensions.items() if row.hidden}
        self.cells = tuple(self._read(sheet))
        self.hidden = self._has_hidden(sheet)
        title = (Line(sheet.title, size=13.0, cell=self.name),) if titled else ()
        self.section = Section((*title, Table(self.cells, sheet=True)), f"cells of the sheet {sheet.title}")

    def _read(self, sheet: Any) -> Iterator[Cell]:
        merged = {(area.min_row, area.min_col): area for area in sheet.merged_cells.ranges}
        columns, rows = _places(self.columns, sheet.max_column), _places(self.rows, sheet.max_row)
        for (row, column), cell in sorted(sheet._cells.items()):
            text = shown(cell.value, cell.number_format) if cell.value is not None else ""
            if not text.strip() or row in self.rows or column in self.columns:
                continue
            area = merged.get((row, column))
            across = columns[area.max_col + 1] - columns[column] if area else 1
            down = rows[area.max_row + 1] - rows[row] if area else 1
            name = f"{self.name}!{cell.coordinate}"
            yield Cell(rows[row], columns[column], text, name, max(1, across), max(1, down))

    def _has_hidden(self, sheet: Any) -> bool:
        return any(
            cell.value is not None and (row in self.rows or column in self.columns)
            for (row, column), cell in sheet._cells.items()
        )


def _places(hidden: set[int], last: int) -> list[int]:
    """By number (from 1), the place among those that are shown (from 0), one beyond the last included."""
    places = [0, 0]
    for number in range(1, last + 2):
        places.append(places[-1] + (number not in hidden))
    return places


def _hidden_columns(sheet: Any) -> Iterator[int]:
    for column in sheet.column_dimensions.values():
        if column.hidden:
            yield from range(column.min or 1, min(column.max or 1, sheet.max_column) + 1)


def _opened(content: bytes, uri: str, values: bool) -> Any:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions that are not read
            return openpyxl.load_workbook(io.BytesIO(content), data_only=values)
    except DocumentError:
        raise
    except Exception as error:  # whatever its parsers meet
        raise DamagedDocument(
            f"it cannot be opened as a workbook: {type(error).__name__}: {error}.",
            document=uri,
            remedy="Open and save it in a spreadsheet program.",
        ) from error


def _check_parts(package: Package) -> None:
    """No part may declare entities, which office files never do: Python's own parser would expand them."""
    for name in package.archive.names:
        if name.endswith((".xml", ".rels")) and _DECLARES.search(package.archive.head(name, 4096)):
            raise DamagedDocument(
                f"its part {name!r} declares a document type, which no office program writes.",
                document=package.uri,
                remedy="Do not trust where it came from.",
            )


def _merged(package: Package) -> Iterator[int]:
    """How many cells each merged area takes: openpyxl makes every one of them."""
    from openpyxl.utils.cell import range_boundaries

    for name in package.archive.names:
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            for area in _MERGED.findall(package.archive.find(name) or b""):
                left, top, right, bottom = range_boundaries(area.decode("ascii"))
                yield (right - left + 1) * (bottom - top + 1)


def _notes(package: Package, book: Any, read: list[_Sheet]) -> Iterator[str]:
    yield from package.notes
    hidden = [sheet.title for sheet in book.worksheets if sheet.sheet_state in _HIDDEN]
    if hidden:
        yield f"hidden sheets are not read: {', '.join(hidden)}."
    for sheet in read:
        if sheet.hidden:
            yield f"the sheet {sheet.name} has hidden rows or columns, which are not read."
    if book.chartsheets:
        yield f"sheets that are charts are not read: {', '.join(sheet.title for sheet in book.chartsheets)}."
    unsolved = list(_unsolved(package, book))
    if unsolved:
        more = f" and {len(unsolved) - 5} more" if len(unsolved) > 5 else ""
        yield (
            f"formulas without a stored result are not read: {', '.join(unsolved[:5])}{more}. Open and save it in a "
            "spreadsheet program."
        )


def _unsolved(package: Package, book: Any) -> Iterator[str]:
    """Cells whose formula no program has worked out: what a library writes, unless the file was opened since."""
    formulas = any(
        b"<f>" in part or b"<f " in part
        for name in package.archive.names
        if name.startswith("xl/worksheets/")
        for part in (package.archive.find(name) or b"",)
    )
    if not formulas:
        return
    for sheet in _opened(package.content, package.uri, values=False).worksheets:
        solved = book[sheet.title]
        for (row, column), cell in sorted(sheet._cells.items()):
            if cell.data_type == "f" and solved.cell(row, column).value is None:
                yield f"{quoted(sheet.title)}!{cell.coordinate}"


def _pictures(package: Package) -> Iterator[Picture]:
    for name in sorted(package.archive.names):
        if posixpath.dirname(name) == "xl/media":
            picture = package.picture(name)
            if picture:
                yield picture


def quoted(title: str) -> str:
    """A sheet's name as formulas write it: in quotes unless it is one word."""
    return (
        title if title.replace("_", "a").isalnum() and not title[0].isdigit() else "'" + title.replace("'", "''") + "'"
    )
