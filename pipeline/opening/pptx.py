"""PowerPoint files: a page for each slide that is shown, its shapes from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.opening.blocks import BODY, Block, Cell, Content, Line, NewPage, Section, Table, column_name
from pipeline.opening.numbering import BULLET, in_form
from pipeline.opening.parts import Package
from pipeline.opening.xmltree import attribute, child, children, local

MAIN = "ppt/presentation.xml"
INDENT = 18.0  # points for each level of a list
TITLE = 18.0
TITLES = ("title", "ctrTitle")
_FORMS = {"alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman", "romanUc": "upperRoman"}


def read_pptx(content: bytes, uri: str) -> Content:
    """Raises DamagedDocument and what Archive raises."""
    package = Package(content, uri)
    relations = package.relations(MAIN)
    slides = child(package.needed(MAIN), "sldIdLst")
    blocks: list[Block] = []
    hidden: list[int] = []
    for number, entry in enumerate(slides if slides is not None else (), 1):
        part = relations.get(next((value for key, value in entry.attrib.items() if key.endswith("}id")), ""), "")
        root = package.needed(part)
        if root.get("show") == "0":
            hidden.append(number)
            continue
        blocks += _Slide(package, part, number).blocks(child(root, "cSld", "spTree"))
        blocks.append(NewPage())
    told = (f"hidden slides are not read: {', '.join(map(str, hidden))}.",) if hidden else ()
    return Content((Section(tuple(blocks), "the slide's own text"),), (*package.notes, *told))


class _Slide:
    """The shapes of one slide."""

    def __init__(self, package: Package, part: str, number: int) -> None:
        self.package = package
        self.relations = package.relations(part)
        self.number = number
        self.tables = 0

    def blocks(self, tree: Any) -> Iterator[Block]:
        shapes = [] if tree is None else list(_shapes(tree))
        for shape in sorted(shapes, key=_place):
            match local(shape):
                case "sp":
                    yield from self._text(child(shape, "txBody"), TITLE if _is_title(shape) else BODY)
                case "graphicFrame":
                    yield from self._frame(shape)
                case "pic":
                    yield from self._picture(shape)

    def _text(self, body: Any, size: float) -> Iterator[Block]:
        counts: dict[int, int] = {}
        for paragraph in children(body, "p") if body is not None else ():
            properties = child(paragraph, "pPr")
            level = int(attribute(properties, "lvl") or 0) if properties is not None else 0
            text = _paragraph(paragraph)
            yield Line(_label(properties, counts, level) + text if text.strip() else text, size, INDENT * level)

    def _frame(self, frame: Any) -> Iterator[Block]:
        for table in frame.iter("{*}tbl"):
            self.tables += 1
            yield _table(table, f"slide {self.number}, table {self.tables}")
        for chart in frame.iter("{*}chart"):
            root = self.package.tree(self.relations.get(attribute(chart, "id") or "", ""))
            if root is not None:
                self.tables += 1
                yield _series(root, f"slide {self.number}, chart {self.tables}")

    def _picture(self, shape: Any) -> Iterator[Block]:
        for blip in shape.iter("{*}blip"):
            picture = self.package.picture(self.relations.get(attribute(blip, "embed") or "", ""))
            if picture:
                yield picture


def _shapes(tree: Any) -> Iterator[Any]:
    for shape in tree:
        match local(shape):
            case "grpSp":
                yield from _shapes(shape)
            case "AlternateContent":
                chosen = child(shape, "Choice")
                yield from _shapes(chosen if chosen is not None else ())
            case "sp" | "graphicFrame" | "pic" if not _is_hidden(shape):
                yield shape


def _is_hidden(shape: Any) -> bool:
    return any(one.get("hidden") in ("1", "true") for one in shape.iter("{*}cNvPr"))


def _place(shape: Any) -> tuple[int, int, int]:
    """Titles first, then from top to bottom; a shape that does not say where it is keeps its turn after titles."""
    offset = next(shape.iter("{*}off"), None)
    if _is_title(shape):
        return -1, 0, 0
    return (0, 0, 0) if offset is None else (0, int(offset.get("y", 0)), int(offset.get("x", 0)))


def _is_title(shape: Any) -> bool:
    return any(one.get("type") in TITLES for one in shape.iter("{*}ph"))


def _paragraph(paragraph: Any) -> str:
    text = ""
    for run in paragraph:
        match local(run):
            case "r" | "fld":
                inner = child(run, "t")
                text += (inner.text or "") if inner is not None else ""
            case "br":
                text += "\n"
    return text


def _label(properties: Any, counts: dict[int, int], level: int) -> str:
    """The bullet or number of a paragraph that asks for one itself; counts: of numbered ones so far, by level."""
    numbered = child(properties, "buAutoNum") if properties is not None else None
    if numbered is None:
        counts.pop(level, None)
        return f"{BULLET} " if properties is not None and child(properties, "buChar") is not None else ""
    counts[level] = counts.get(level, int(numbered.get("startAt", 1)) - 1) + 1
    form = numbered.get("type", "arabicPeriod")
    text = in_form(counts[level], next((name for start, name in _FORMS.items() if form.startswith(start)), "decimal"))
    closed = {"Period": f"{text}.", "ParenR": f"{text})", "ParenBoth": f"({text})"}
    return f"{next((shown for end, shown in closed.items() if form.endswith(end)), text)} "


def _table(table: Any, name: str) -> Table:
    cells = []
    for row, line in enumerate(children(table, "tr")):
        for column, cell in enumerate(children(line, "tc")):
            if cell.get("hMerge") or cell.get("vMerge"):
                continue
            body = child(cell, "txBody")
            text = "\n".join(_paragraph(one) for one in children(body, "p")) if body is not None else ""
            across, down = int(cell.get("gridSpan", 1)), int(cell.get("rowSpan", 1))
            cells.append(Cell(row, column, text, f"{name}!{column_name(column)}{row + 1}", across, down))
    return Table(tuple(cells))


def _series(chart: Any, name: str) -> Table:
    """A chart's values as the table that it was made from: categories down, series across."""
    cells: dict[tuple[int, int], str] = {}
    for column, series in enumerate(chart.iter("{*}ser"), 1):
        parts = {local(part): part for part in series}
        for part, at in (("tx", (0, column)), ("cat", (1, 0)), ("val", (1, column)), ("yVal", (1, column))):
            for point in parts[part].iter("{*}pt") if part in parts else ():
                inner = child(point, "v")
                row, place = at
                cells[row + int(point.get("idx", 0)), place] = (inner.text or "") if inner is not None else ""
    return Table(
        tuple(
            Cell(row, column, text, f"{name}!{column_name(column)}{row + 1}")
            for (row, column), text in sorted(cells.items())
        )
    )
