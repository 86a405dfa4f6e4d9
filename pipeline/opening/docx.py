"""Word files: paragraphs, lists with their numbers, tables, text boxes, notes, headers and footers.

What is not shown is not read: hidden text, deleted text, comments. That there is some is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.opening.blocks import (
    Block,
    Cell,
    Content,
    Line,
    NewPage,
    Picture,
    Section,
    Stop,
    Table,
    column_name,
    heading,
)
from pipeline.opening.numbering import Numbering
from pipeline.opening.parts import Package
from pipeline.opening.wordstyles import Styles, tab_stops
from pipeline.opening.xmltree import attribute, child, children, is_on, local, value_at

MAIN = "word/document.xml"
INDENT = 18.0  # points for each level of a list
_SKIPPED = frozenset(("del", "moveFrom", "instrText", "delText", "rPr", "pPr", "Fallback", "delInstrText"))
_LETTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}


def read_docx(content: bytes, uri: str) -> Content:
    """Raises DamagedDocument and what Archive raises."""
    package = Package(content, uri)
    reader = _Reader(package)
    body = child(package.needed(MAIN), "body")
    text = list(reader.blocks(body)) if body is not None else []
    blocks = [*reader.margin("header"), *text, *reader.notes_at_the_end(), *reader.margin("footer")]
    return Content((Section(tuple(blocks), "the file's own text"),), (*package.notes, *reader.told()))


class _Reader:
    """One pass over the parts of a file."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.styles = Styles(package.tree("word/styles.xml"))
        self.numbering = Numbering(package.tree("word/numbering.xml"))
        self.relations = package.relations(MAIN)
        self.tables = 0
        self.notes: list[tuple[str, str]] = []
        self.pictures: list[Picture] = []
        self.boxes: list[Any] = []
        self.pages = 0
        self.hidden = self.deleted = False

    def blocks(self, parent: Any) -> Iterator[Block]:
        for element in parent:
            match local(element):
                case "p":
                    yield from self._paragraph(element)
                case "tbl":
                    yield self._table(element)
                    yield from self._left_behind()
                case "sdt" | "sdtContent" | "ins" | "customXml" | "moveTo" | "AlternateContent" | "Choice":
                    yield from self.blocks(element)

    def margin(self, kind: str) -> list[Block]:
        """Headers or footers of all sections, each text once."""
        found: dict[tuple[Block, ...], None] = {}
        for part in self.package.related(MAIN, kind):
            root = self.package.tree(part)
            if root is not None:
                self.relations = self.package.relations(part)
                found[tuple(block for block in self.blocks(root) if not isinstance(block, Line) or block.text)] = None
        self.relations = self.package.relations(MAIN)
        return [block for blocks in found for block in blocks]

    def notes_at_the_end(self) -> Iterator[Block]:
        """Footnotes and endnotes in the order in which the text names them."""
        roots = {kind: self.package.tree(f"word/{kind}s.xml") for kind in ("footnote", "endnote")}
        for place, (kind, number) in enumerate(self.notes, 1):
            root = roots[kind]
            for note in children(root, kind) if root is not None else ():
                if attribute(note, "id") == number:
                    text = "\n".join(self._text(paragraph) for paragraph in children(note, "p")).strip()
                    yield Line(f"[{place}] {text}", size=9.0)

    def told(self) -> Iterator[str]:
        if self.hidden:
            yield "it has hidden text, which is not read."
        if self.deleted:
            yield "it has tracked changes: what was inserted is read, what was deleted is not."
        comments = self.package.tree("word/comments.xml")
        if comments is not None and len(comments):
            yield f"it has {len(comments)} comments, which are not read."

    def _paragraph(self, paragraph: Any) -> Iterator[Block]:
        style = self.styles.of(value_at(paragraph, "pPr", "pStyle"))
        self.pages = 0
        if is_on(paragraph, "pPr", "pageBreakBefore"):
            yield NewPage()
        text = self._text(paragraph)
        number, level = self._list_of(paragraph, style.number, style.level)
        label = self.numbering.label(number, level) if text.strip() and number else ""
        line = f"{label} {text.lstrip()}" if label else text
        if style.heading:
            yield heading(line, style.heading)
        else:
            yield Line(line, indent=INDENT * level if label else 0.0, stops=_stops(paragraph) or style.stops)
        yield from self._left_behind()
        if self.pages or value_at(paragraph, "pPr", "sectPr") is not None:
            yield NewPage()

    def _list_of(self, paragraph: Any, number: str, level: int) -> tuple[str, int]:
        own = value_at(paragraph, "pPr", "numPr", "numId")
        depth = value_at(paragraph, "pPr", "numPr", "ilvl")
        return own or number, int(depth) if depth and depth.isdigit() else level

    def _left_behind(self) -> Iterator[Block]:
        """What floats beside the text that was read last: text boxes and pictures."""
        while self.boxes:
            yield from self.blocks(self.boxes.pop(0))
        pictures, self.pictures = self.pictures, []
        yield from pictures

    def _table(self, table: Any) -> Table:
        self.tables += 1
        name = f"table {self.tables}"
        cells: dict[tuple[int, int], Cell] = {}
        lowest: dict[int, tuple[int, int]] = {}  # by column, the cell that may go on below
        for row, line in enumerate(_through(table, "tr")):
            column = int(value_at(line, "trPr", "gridBefore") or 0)
            for cell in _through(line, "tc"):
                across = max(1, int(value_at(cell, "tcPr", "gridSpan") or 1))
                merged = child(cell, "tcPr", "vMerge")
                if merged is not None and attribute(merged, "val") != "restart":
                    _lengthen(cells, lowest.get(column), row)
                else:
                    lowest[column] = (row, column)
                    text = self._cell(cell)
                    cells[row, column] = Cell(row, column, text, f"{name}!{column_name(column)}{row + 1}", across)
                column += across
        return Table(tuple(cells.values()))

    def _cell(self, cell: Any) -> str:
        """Its paragraphs as lines; of a table inside, its rows."""
        lines: list[str] = []
        for block in self.blocks(cell):
            match block:
                case Line(text=text):
                    lines.append(text)
                case Table(cells=inner):
                    rows: dict[int, list[str]] = {}
                    for one in inner:
                        rows.setdefault(one.row, []).append(one.text)
                    lines += ["\t".join(row) for row in rows.values()]
                case Picture():
                    self.pictures.append(block)
        return "\n".join(lines).strip("\n")

    def _text(self, element: Any) -> str:
        return "".join(self._pieces(element))

    def _pieces(self, element: Any) -> Iterable[str]:
        for inner in element:
            name = local(inner)
            if name == "r" and is_on(inner, "rPr", "vanish"):
                self.hidden = self.hidden or bool("".join(inner.itertext()).strip())
            elif name in _SKIPPED:
                self.deleted = self.deleted or name in ("del", "moveFrom")
            elif name == "t":
                yield inner.text or ""
            elif name == "br" and attribute(inner, "type") == "page":
                self.pages += 1
            elif name in _LETTERS:
                yield _LETTERS[name]
            elif name == "sym":
                yield _symbol(attribute(inner, "char"))
            elif name in ("footnoteReference", "endnoteReference"):
                self.notes.append((name.removesuffix("Reference"), attribute(inner, "id") or ""))
                yield f"[{len(self.notes)}]"
            elif name == "txbxContent":
                self.boxes.append(inner)
            elif name in ("blip", "imagedata"):
                picture = self.package.picture(
                    self.relations.get(attribute(inner, "embed") or attribute(inner, "id") or "", "")
                )
                self.pictures += [picture] if picture else []
            else:
                yield from self._pieces(inner)


def _stops(paragraph: Any) -> tuple[Stop, ...]:
    properties = child(paragraph, "pPr")
    return tab_stops(properties) if properties is not None else ()


def _through(parent: Any, name: str) -> Iterator[Any]:
    """Rows of a table or cells of a row, also those inside of content controls and insertions."""
    for element in parent:
        if local(element) == name and not is_on(element, "trPr", "hidden") and child(element, "trPr", "del") is None:
            yield element
        elif local(element) in ("sdt", "sdtContent", "ins", "customXml"):
            yield from _through(element, name)


def _lengthen(cells: dict[tuple[int, int], Cell], above: tuple[int, int] | None, row: int) -> None:
    """The cell above goes on in this row, if it ends just over it."""
    if above is not None and cells[above].row + cells[above].down == row:
        cells[above] = cells[above]._replace(down=cells[above].down + 1)


def _symbol(code: str | None) -> str:
    """A letter of a symbol font: the checkboxes of Wingdings as what they show, others as a bullet."""
    known = {"FE": "☑", "FD": "☒", "A8": "☐", "6F": "☐", "FC": "✓", "E0": "→"}
    return known.get((code or "")[-2:].upper(), "•")
