"""Web pages: what a browser would show of the page alone, with scripts off and nothing fetched."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from pipeline.opening.blocks import Block, Cell, Content, Line, Picture, Section, Table, column_name, heading
from pipeline.opening.encodings import decoded
from pipeline.opening.numbering import BULLET, in_form
from pipeline.opening.parts import is_page
from schemas.errors import DamagedDocument, DocumentTooLarge, EmptyDocument

REASON = "the page's own text"
INDENT = 18.0  # points for each level of a list or quotation
_UNSEEN = frozenset(
    "script style head template title meta link object embed iframe svg math canvas audio video map".split()
)
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form "
    "header hr html legend li main nav ol p section summary ul pre table caption tr td th tbody thead tfoot h1 h2 h3 "
    "h4 h5 h6 noscript".split()
)
_HIDES = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?:px|pt|em)?\s*(?:;|$)"
    r"|max-height\s*:\s*0(?:px)?\s*(?:;|$)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|$))",
    re.IGNORECASE,
)
_DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.IGNORECASE)
_PROLOG = re.compile(r"\A\s*<\?xml[^>]*\?>")
_DATA = re.compile(r"data:image/[a-z+.-]+;base64,", re.IGNORECASE)
_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
MOST_DEPTH = 150  # of elements in each other; what lies deeper is read as running text
MOST_ACROSS = 1000  # columns or rows that a cell is believed to take


def read_html(content: bytes, uri: str) -> Content:
    """Raises EmptyDocument for a page that shows no text."""
    declared = _DECLARED.search(content[:4096])
    text = decoded(content, declared.group(1).decode("ascii") if declared else "")
    blocks = html_blocks(text, uri)
    if not blocks:
        raise EmptyDocument(
            "the page shows no text.", document=uri, remedy="If a script makes it, print it to PDF in a browser."
        )
    return Content((Section(blocks, REASON),))


def html_blocks(text: str, uri: str) -> tuple[Block, ...]:
    """The blocks of a page; empty where it shows nothing. Raises DamagedDocument, DocumentTooLarge."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(_PROLOG.sub("", text).encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError) as error:
        raise DamagedDocument(
            f"it cannot be read as HTML: {error}.", document=uri, remedy="Have it made anew."
        ) from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):  # the rest would be lost in silence
        raise DocumentTooLarge("its elements lie too deep in each other.", document=uri, remedy="Print it to PDF.")
    if root is None:
        return ()
    return tuple(block for block in _Reader().blocks(root) if not (isinstance(block, Line) and not block.text.strip()))


class _Reader:
    """Walks a page, and gathers running text until a block ends it."""

    def __init__(self) -> None:
        self.buffer: list[str] = []
        self.tables = 0

    def blocks(self, element: Any, indent: float = 0.0, depth: int = 0) -> Iterator[Block]:
        """element: its content is read, not its tail."""
        name = _name(element)
        if name == "table" and not _has(element, "table"):
            yield from self._flushed(indent)
            yield from self._table(element)
            return
        if name == "pre":
            yield from self._flushed(indent)
            text = "".join(element.itertext()).strip("\r\n")
            yield from (Line(line, fixed=True) for line in text.splitlines())
            return
        self.buffer.append(_collapsed(element.text))
        numbers = _Numbers(element)
        for inner in element:
            yield from self._inner(inner, name, numbers, indent, depth)
            self.buffer.append(_collapsed(inner.tail))
        if name in _BLOCKS:
            yield from self._flushed(indent)

    def _inner(self, inner: Any, around: str, numbers: _Numbers, indent: float, depth: int) -> Iterator[Block]:
        name = _name(inner)
        if not name or name in _UNSEEN or is_hidden(inner):
            return
        if name in ("br", "input", "select", "textarea", "img"):
            yield from self._single(inner, name, indent)
        elif depth > MOST_DEPTH:
            self.buffer.append(_collapsed(" ".join(inner.itertext())))
        elif name in _BLOCKS:
            yield from self._flushed(indent)
            if name == "li":
                self.buffer.append(numbers.label(inner))
            if re.fullmatch("h[1-6]", name):
                for block in self.blocks(inner, indent, depth + 1):
                    yield heading(block.text, int(name[1])) if isinstance(block, Line) else block
            else:
                deeper = INDENT if name in ("ul", "ol", "blockquote", "dd") and around not in ("body", "html") else 0.0
                yield from self.blocks(inner, indent + deeper, depth + 1)
            yield from self._flushed(indent)
        else:
            yield from self.blocks(inner, indent, depth + 1)

    def _single(self, element: Any, name: str, indent: float) -> Iterator[Block]:
        if name == "img":
            picture = _embedded(element.get("src") or "")
            if picture:
                yield from self._flushed(indent)
                yield picture
        else:
            self.buffer.append(_control(element, name) if name == "br" else f" {_control(element, name)} ")

    def _flushed(self, indent: float) -> Iterator[Block]:
        text = _joined(self.buffer)
        self.buffer = []
        if text:
            yield Line(text, indent=indent)

    def _table(self, table: Any) -> Iterator[Block]:
        self.tables += 1
        title = f"table {self.tables}"
        for caption in table.iter("caption"):
            yield Line(_joined([_collapsed(text) for text in caption.itertext()]))
        below: dict[int, int] = {}  # by column, the row at which what hangs down from above ends
        cells = []
        rows = (row for row in table.iter("tr") if not is_hidden(row) and not is_hidden(row.getparent()))
        for row, line in enumerate(rows):
            column = 0
            for cell in line:
                if _name(cell) not in ("td", "th") or is_hidden(cell):
                    continue
                while below.get(column, 0) > row:
                    column += 1
                across, down = _span(cell, "colspan"), _span(cell, "rowspan")
                below.update(dict.fromkeys(range(column, column + across), row + down))
                name = f"{title}!{column_name(column)}{row + 1}"
                cells.append((row, column, cell, name, across, down))
                column += across
        last = max((row for row, *_ in cells), default=0)
        pictures: list[Block] = []
        found = []
        for row, column, cell, name, across, down in cells:
            inside = list(_Reader().blocks(cell))
            text = "\n".join(block.text for block in inside if isinstance(block, Line))
            pictures += (block for block in inside if isinstance(block, Picture))
            found.append(Cell(row, column, text, name, across, min(down, last - row + 1)))
        if found:
            yield Table(tuple(found))
        yield from pictures


class _Numbers:
    """The numbers of a list's items."""

    def __init__(self, parent: Any) -> None:
        self.ordered = _name(parent) == "ol"
        self.form = _FORMS.get(parent.get("type") or "", "decimal")
        self.next = _int(parent.get("start"), 1)

    def label(self, item: Any) -> str:
        if not self.ordered:
            return f"{BULLET} "
        number = _int(item.get("value"), self.next)
        self.next = number + 1
        return f"{in_form(number, self.form)}. "


def is_hidden(element: Any) -> bool:
    """By its own attributes; style sheets are not applied."""
    return (
        element.get("hidden") is not None
        or bool(_HIDES.search(element.get("style") or ""))
        or (_name(element) == "input" and (element.get("type") or "").casefold() == "hidden")
    )


def _name(element: Any) -> str:
    return element.tag if isinstance(element.tag, str) else ""


def _has(element: Any, name: str) -> bool:
    return any(inner is not element for inner in element.iter(name))


def _control(element: Any, name: str) -> str:
    """What a control of a form shows."""
    if name == "br":
        return "\n"
    if name == "textarea":
        return element.text or ""
    if name == "select":
        options = list(element.iter("option"))
        chosen = [one for one in options if one.get("selected") is not None] or options[:1]
        return ", ".join(" ".join("".join(one.itertext()).split()) for one in chosen)
    kind = (element.get("type") or "text").casefold()
    if kind in ("checkbox", "radio"):
        return "☑" if element.get("checked") is not None else "☐"
    return "" if kind in ("password", "file", "image") else element.get("value") or ""


def _embedded(source: str) -> Picture | None:
    """A picture that the page brings along; others are not fetched."""
    found = _DATA.match(source)
    if found is None:
        return None
    try:
        content = base64.b64decode(source[found.end() :], validate=False)
    except ValueError:
        return None
    return Picture(content) if is_page(content) else None


def _span(cell: Any, name: str) -> int:
    return max(1, min(_int(cell.get(name), 1), MOST_ACROSS))


def _int(text: str | None, default: int) -> int:
    found = re.match(r"\s*(-?\d{1,6})", text or "")
    return int(found.group(1)) if found else default


def _collapsed(text: str | None) -> str:
    return re.sub(r"[ \t\r\n\f]+", " ", text) if text else ""


def _joined(parts: list[str]) -> str:
    """Running text as a browser shows it: one space between words, none at the ends of lines."""
    return re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", "".join(parts))).strip()
