"""What tests of the page of a record share: records of real documents, and a reader of the page."""

from __future__ import annotations

from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from schemas.page import Box
from schemas.record import DocumentInfo, Evidence, FieldResult, PageInfo, Record
from tests.test_record import record

VOID = {"meta", "link", "br", "img"}


class Parsed(HTMLParser):
    """A page as its elements, the text in each, and all text together."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.raw: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            self.raw[self._open[-1]] = self.raw.get(self._open[-1], "") + data
        else:
            self.text.append(data)

    @property
    def by_id(self) -> dict[str, tuple[str, dict[str, str | None]]]:
        return {attributes["id"]: (tag, attributes) for tag, attributes in self.elements if attributes.get("id")}

    @property
    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        """Elements and the names of their attributes, but for the characters that are spelled out."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements if attributes.get("class") != "unseen"]

    @property
    def said(self) -> str:
        return " ".join("".join(self.text).split())


def field(
    value: str | None, *boxes: Box, page: int = 1, status: Any = "accepted", confidence: float = 0.9
) -> FieldResult:
    evidence = tuple(Evidence(page=page, box=box, text=f"printed {value}", score=1.0) for box in boxes)
    return FieldResult(value=value, evidence=evidence, confidence=confidence, status=status)


def record_of(path: Path, pages: int = 1, rotation: int = 0, uri: str = "") -> Record:
    content = path.read_bytes()
    told = DocumentInfo(
        uri=uri or str(path),
        sha256=sha256(content).hexdigest(),
        media_type="application/pdf",
        bytes=len(content),
        pages=tuple(
            PageInfo(number=number + 1, width=595, height=842, source="text", rotation=rotation, words=9)
            for number in range(pages)
        ),
    )
    fields = {"/number": field("INV-7", Box(0.3, 0.1, 0.5, 0.13))}
    return record(data={"number": "INV-7"}, fields=fields).model_copy(update={"document": told})


def saved(shown: Record, path: Path) -> Path:
    path.write_text(shown.model_dump_json(), encoding="utf-8")
    return path
