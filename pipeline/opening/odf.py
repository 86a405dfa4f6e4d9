"""OpenDocument texts, sheets and slides: content as it is shown, cells under their own names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from pipeline.opening.archive import ODP, ODS
from pipeline.opening.blocks import Block, Cell, Content, Line, NewPage, Section, Table, column_name, heading
from pipeline.opening.numbering import BULLET, in_form
from pipeline.opening.parts import Package
from pipeline.opening.values import MOST_CELLS, check_cells
from pipeline.opening.xlsx import quoted
from pipeline.opening.xmltree import attribute, child, children, local
from schemas.errors import EmptyDocument, EncryptedDocument

INDENT = 18.0  # points for each level of a list
_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman", "": "none"}
_SKIPPED = frozenset(("tracked-changes", "annotation", "annotation-end", "forms", "sequence-decls", "hidden-text"))


def read_odf(content: bytes, uri: str, kind: str) -> Content:
    """kind: the media type. Raises DamagedDocument, EncryptedDocument, EmptyDocument and what Archive raises."""
    package = Package(content, uri)
    _check_open(package)
    root = package.needed("content.xml")
    reader = _Reader(package, root)
    body = child(root, "body")
    inner = body[0] if body is not None and len(body) else None
    if kind == ODS:
        sections = list(reader.sheets(inner))
    else:
        text = list(reader.slides(inner) if kind == ODP else reader.blocks(inner, 0)) if inner is not None else []
        blocks = [*reader.margin("header"), *text, *reader.notes, *reader.margin("footer")]
        sections = [Section(tuple(blocks), "the file's own text")]
    if not sections:
        raise EmptyDocument("no cell that is shown holds anything.", document=uri, remedy="Check how it was made.")
    return Content(tuple(sections), (*package.notes, *reader.told))


def _check_open(package: Package) -> None:
    manifest = package.tree("META-INF/manifest.xml")
    if manifest is not None and next(manifest.iter("{*}encryption-data"), None) is not None:
        raise EncryptedDocument(
            "it needs a password, and locked office files are not opened.",
            document=package.uri,
            remedy="Save it without the password.",
        )


class _Reader:
    def __init__(self, package: Package, root: Any) -> None:
        self.package = package
        self.styles = {attribute(one, "name"): one for one in root.iter("{*}style", "{*}list-style")}
        styles = package.tree("styles.xml")
        self.master = child(styles, "master-styles") if styles is not None else None
        self.tables = 0
        self.notes: list[Line] = []
        self.told: list[str] = []
        self.left: list[Block] = []

    def blocks(self, parent: Any, depth: int, style: Any = None) -> Iterator[Block]:
        """depth: how many lists deep. style: of the list around."""
        for element in parent:
            match local(element):
                case "p":
                    yield Line(self.text(element))
                    yield from self._left_behind()
                case "h":
                    yield heading(self.text(element), int(attribute(element, "outline-level") or 1))
                    yield from self._left_behind()
                case "list":
                    yield from self._list(element, depth, style)
                case "table":
                    self.tables += 1
                    yield Table(tuple(self._cells(element, f"table {self.tables}")))
                    yield from self._left_behind()
                case name if name not in _SKIPPED and not _is_hidden(element):
                    yield from self.blocks(element, depth, style)
                    yield from self._left_behind() if name == "frame" else ()

    def slides(self, body: Any) -> Iterator[Block]:
        for page in children(body, "page"):
            for frame in page:
                if local(frame) != "notes":
                    yield from self.blocks(frame, 0)
                    yield from self._drawn(frame)
            yield NewPage()

    def sheets(self, body: Any) -> Iterator[Section]:
        tables = list(children(body, "table")) if body is not None else []
        shown = [table for table in tables if not self._not_displayed(table)]
        hidden = [attribute(table, "name") or "" for table in tables if self._not_displayed(table)]
        if hidden:
            self.told.append(f"hidden sheets are not read: {', '.join(hidden)}.")
        for table in shown:
            title = attribute(table, "name") or "Sheet"
            cells = tuple(islice(self._cells(table, quoted(title)), MOST_CELLS + 1))
            check_cells(len(cells), self.package.uri)
            line = (Line(title, size=13.0, cell=quoted(title)),) if len(shown) > 1 else ()
            if cells:
                blocks: tuple[Block, ...] = (*line, Table(cells, sheet=True), *self.left)
                self.left = []
                yield Section(blocks, f"cells of the sheet {title}")

    def margin(self, kind: str) -> list[Block]:
        """Headers or footers, each text once."""
        found: dict[tuple[Block, ...], None] = {}
        for page in self.master if self.master is not None else ():
            for part in page:
                if local(part) in (kind, f"{kind}-first", f"{kind}-left"):
                    lines = (block for block in self.blocks(part, 0) if not isinstance(block, Line) or block.text)
                    found[tuple(lines)] = None
        return [block for blocks in found for block in blocks]

    def text(self, element: Any) -> str:
        return "".join(self._pieces(element)).strip(" ")

    def _pieces(self, element: Any) -> Iterator[str]:
        yield _collapsed(element.text)
        for inner in element:
            match local(inner):
                case "s":
                    yield " " * min(int(attribute(inner, "c") or 1), 200)
                case "tab":
                    yield "\t"
                case "line-break":
                    yield "\n"
                case "note":
                    yield self._note(inner)
                case "image":
                    self._image(inner)
                case "text-box":
                    self.left += list(self.blocks(inner, 0))
                case name if name and name not in _SKIPPED:
                    yield from self._pieces(inner)
            yield _collapsed(inner.tail)

    def _note(self, note: Any) -> str:
        body = child(note, "note-body")
        place = len(self.notes) + 1
        text = "\n".join(self.text(one) for one in body) if body is not None else ""
        self.notes.append(Line(f"[{place}] {text}", size=9.0))
        return f"[{place}]"

    def _drawn(self, frame: Any) -> Iterator[Block]:
        for image in children(frame, "image"):
            self._image(image)
        yield from self._left_behind()

    def _image(self, image: Any) -> None:
        picture = self.package.picture((attribute(image, "href") or "").removeprefix("./"))
        self.left += [picture] if picture else []

    def _left_behind(self) -> Iterator[Block]:
        left, self.left = self.left, []
        yield from left

    def _list(self, element: Any, depth: int, around: Any) -> Iterator[Block]:
        style = self.styles.get(attribute(element, "style-name"), around)
        level = _level(style, depth + 1)
        number = int(attribute(level, "start-value") or 1) if level is not None else 1
        for item in element:
            begins = attribute(item, "start-value")
            number = int(begins) if begins and begins.isdigit() else number
            first = local(item) == "list-item"
            for block in self.blocks(item, depth + 1, style):
                if first and isinstance(block, Line) and block.text:
                    label = _label(level, number)
                    block = block._replace(text=f"{label} {block.text}" if label else block.text, indent=INDENT * depth)
                    first = False
                yield block
            number += local(item) == "list-item"

    def _cells(self, table: Any, name: str) -> Iterator[Cell]:
        """Cells that hold something. A row or cell that is repeated counts as often, and is read as often."""
        row = place = 0
        for line in table.iter("{*}table-row"):
            if _owner(line) is not table:
                continue
            times = int(attribute(line, "number-rows-repeated") or 1)
            shown = attribute(line, "visibility") in (None, "visible")
            found = list(self._row(line)) if shown else []
            for _ in range(times if found else 0):
                for column, text, across, down in found:
                    yield Cell(place, column, text, f"{name}!{column_name(column)}{row + 1}", across, down)
                row, place = row + 1, place + 1
            if not found:
                row, place = row + times, place + (times if shown else 0)

    def _row(self, line: Any) -> Iterator[tuple[int, str, int, int]]:
        column = 0
        for cell in line:
            if local(cell) not in ("table-cell", "covered-table-cell"):
                continue
            times = int(attribute(cell, "number-columns-repeated") or 1)
            text = self._cell(cell) if local(cell) == "table-cell" else ""
            across = int(attribute(cell, "number-columns-spanned") or 1)
            down = int(attribute(cell, "number-rows-spanned") or 1)
            for place in range(column, column + min(times, 1024) if text.strip() else column):
                yield place, text, across, down
            column += times

    def _cell(self, cell: Any) -> str:
        return "\n".join(block.text for block in self.blocks(cell, 0) if isinstance(block, Line))

    def _not_displayed(self, table: Any) -> bool:
        style = self.styles.get(attribute(table, "style-name"))
        properties = child(style, "table-properties") if style is not None else None
        return properties is not None and attribute(properties, "display") == "false"


def _owner(row: Any) -> Any:
    owner = row.getparent()
    while owner is not None and local(owner) != "table":
        owner = owner.getparent()
    return owner


def _is_hidden(element: Any) -> bool:
    return local(element) == "section" and attribute(element, "display") == "none"


def _level(style: Any, depth: int) -> Any:
    levels = style if style is not None else ()
    return next((one for one in levels if attribute(one, "level") == str(depth)), None)


def _label(level: Any, number: int) -> str:
    if level is None or local(level) != "list-level-style-number":
        return BULLET
    form = attribute(level, "num-format")
    text = in_form(number, _FORMS.get(form or "", "decimal"))
    return f"{attribute(level, 'num-prefix') or ''}{text}{attribute(level, 'num-suffix') or ''}"


def _collapsed(text: str | None) -> str:
    """White space as OpenDocument counts it: a run of it is one space."""
    if not text:
        return ""
    inner = " ".join(text.split())
    before, after = text[0].isspace(), text[-1].isspace()
    return f"{' ' if before else ''}{inner}{' ' if after and inner else ''}"
