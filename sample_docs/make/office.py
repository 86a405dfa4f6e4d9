"""Office files written by hand: the few parts that they must have, packed under a fixed date for the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

DATE = (2024, 1, 1, 0, 0, 0)
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
    for name, full in (("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"))
)

Parts = Mapping[str, str | bytes]
Rows = Sequence[Sequence[str]]


def packed(parts: Parts, stored: Sequence[str] = ()) -> bytes:
    """A ZIP file of the parts. stored: those that are not compressed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return stream.getvalue()


def repacked(content: bytes, without: Sequence[str] = ()) -> bytes:
    """The same ZIP file with fixed dates. without: names of parts that are left out."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return packed({name: archive.read(name) for name in archive.namelist() if name not in without})


def docx(body: str, more: Parts | None = None, relations: Sequence[tuple[str, str]] = ()) -> bytes:
    """body: WordprocessingML. more: other parts below `word/`. relations: (kind, target), with ids rId1, rId2, …"""
    parts = {
        "[Content_Types].xml": _content_types("word/document.xml", "wordprocessingml.document.main"),
        "_rels/.rels": _relations([("officeDocument", "word/document.xml")]),
        "word/document.xml": f"<w:document {_W} {_R}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": _relations(relations),
        **{f"word/{name}": part for name, part in (more or {}).items()},
    }
    return packed(parts)


def word_part(name: str, inner: str) -> str:
    """A part such as `hdr` or `numbering`."""
    return f"<w:{name} {_W} {_R}>{inner}</w:{name}>"


def paragraph(text: str, properties: str = "", run: str = "") -> str:
    """One paragraph; a tab and a line break in the text become Word's own."""
    inner = escape(text).replace("\t", '</w:t><w:tab/><w:t xml:space="preserve">').replace("\n", "</w:t><w:br/><w:t>")
    props = f"<w:pPr>{properties}</w:pPr>" if properties else ""
    looks = f"<w:rPr>{run}</w:rPr>" if run else ""
    return f'<w:p>{props}<w:r>{looks}<w:t xml:space="preserve">{inner}</w:t></w:r></w:p>'


def word_table(rows: Rows) -> str:
    lines = ("".join(f"<w:tc>{paragraph(text)}</w:tc>" for text in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{line}</w:tr>' for line in lines)}</w:tbl>"


def pptx(slides: Sequence[str], hidden: Sequence[int] = ()) -> bytes:
    """slides: the shapes of each. hidden: numbers of those that are not shown."""
    main = '<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" ' + _R
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n}"/>' for n in range(1, len(slides) + 1))
    names = [f"slides/slide{n}.xml" for n in range(1, len(slides) + 1)]
    parts = {
        "[Content_Types].xml": _content_types("ppt/presentation.xml", "presentationml.presentation.main"),
        "_rels/.rels": _relations([("officeDocument", "ppt/presentation.xml")]),
        "ppt/presentation.xml": f"{main}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": _relations([("slide", name) for name in names]),
    }
    spaces = (
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    )
    for number, (name, shapes) in enumerate(zip(names, slides, strict=True), 1):
        show = ' show="0"' if number in hidden else ""
        parts[f"ppt/{name}"] = f"<p:sld {spaces} {_R}{show}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
    return packed(parts)


def shape(lines: Sequence[str], top: int, kind: str = "") -> str:
    """A text box. top: in EMU. kind: of a placeholder, such as `title`."""
    place = f'<p:nvPr><p:ph type="{kind}"/></p:nvPr>' if kind else "<p:nvPr/>"
    text = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in lines)
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="1" name="x"/>{place}</p:nvSpPr>'
        f'<p:spPr><a:xfrm><a:off x="0" y="{top}"/></a:xfrm></p:spPr><p:txBody>{text}</p:txBody></p:sp>'
    )


def slide_table(rows: Rows, top: int) -> str:
    lines = "".join(
        "<a:tr>"
        + "".join(f"<a:tc><a:txBody><a:p><a:r><a:t>{escape(t)}</a:t></a:r></a:p></a:txBody></a:tc>" for t in row)
        + "</a:tr>"
        for row in rows
    )
    return (
        '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="2" name="t"/></p:nvGraphicFramePr><p:xfrm>'
        f'<a:off x="0" y="{top}"/></p:xfrm><a:graphic><a:graphicData><a:tbl>{lines}</a:tbl></a:graphicData></a:graphic>'
        "</p:graphicFrame>"
    )


def odf(kind: str, body: str, styles: str = "", more: Parts | None = None) -> bytes:
    """kind: `text` or `spreadsheet`. styles: automatic ones."""
    name = f"application/vnd.oasis.opendocument.{kind}"
    content = (
        f"<office:document-content {_ODF}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    return packed({"mimetype": name, "content.xml": content, **(more or {})}, stored=("mimetype",))


def odf_table(rows: Rows, name: str = "Table") -> str:
    lines = "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell><text:p>{escape(text)}</text:p></table:table-cell>" for text in row)
        + "</table:table-row>"
        for row in rows
    )
    return f'<table:table table:name="{escape(name)}">{lines}</table:table>'


def _content_types(part: str, kind: str) -> str:
    return (
        f'<Types xmlns="{_TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{part}" ContentType="{_OFFICE}.{kind}+xml"/></Types>'
    )


def _relations(relations: Sequence[tuple[str, str]]) -> str:
    entries: list[Any] = [
        f'<Relationship Id="rId{number}" Type="{_REL}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(relations, 1)
    ]
    return (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f"{''.join(entries)}</Relationships>"
    )
