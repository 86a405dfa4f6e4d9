"""A finished sample: the document's bytes and its truth, and the forms in which both are kept."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pymupdf

from sample_docs.make.paper import Mark, Paper
from schemas.pointer import leaves

UNTOLD = object()
"""Stands for a value that the truth leaves out."""

_PDF: dict[str, Any] = {"garbage": 4, "deflate": True, "no_new_id": True}


@dataclass(frozen=True)
class Sample:
    """One document. truth: `{"schema", "data", "evidence"}`, or `{"schema", "fails"}` for one that cannot be read."""

    content: bytes
    truth: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Writes the document to `path` and the truth beside it, as `<stem>.truth.json`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        path.with_name(f"{path.stem}.truth.json").write_text(_laid_out(self.truth), "utf-8")


def printed(schema: str, data: Any, paper: Paper) -> Sample:
    """The paper as a PDF with a text layer."""
    marks, size = paper.marks, (paper.width, paper.height)
    return Sample(pdf_bytes(paper.finished()), truth(schema, data, marks, size))


def pdf_bytes(document: pymupdf.Document, **options: Any) -> bytes:
    """`options` as of `pymupdf.Document.save`, e.g. a password."""
    return bytes(document.tobytes(**{**_PDF, **options}))


def truth(schema: str, data: Any, marks: Iterable[Mark], size: tuple[float, float]) -> dict[str, Any]:
    """What a reader should find. size: of the pages on which the marks stand, in the unit of the marks.

    None in the data says that the document has no such value. A value that is known but was printed nowhere in words of
    its own (the sum of one tax, the amount due where nothing was paid) is left out: finding it is neither asked nor
    wrong. A list of which nothing was printed is empty.
    """
    width, height = size
    evidence: dict[str, list[dict[str, Any]]] = {}
    for pointer, page, (x0, y0, x1, y1) in marks:
        box = [round(part, 4) for part in (x0 / width, y0 / height, x1 / width, y1 / height)]
        evidence.setdefault(pointer, []).append({"page": page, "box": box})
    strangers = evidence.keys() - {pointer for pointer, _ in leaves(data)}
    if strangers:
        raise ValueError(f"printed, but no value of the data: {sorted(strangers)}")
    return {"schema": schema, "data": _seen(data, "", evidence), "evidence": evidence}


def _seen(value: Any, pointer: str, evidence: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        seen = ((key, _seen(inner, f"{pointer}/{key}", evidence)) for key, inner in value.items())
        return {key: inner for key, inner in seen if inner is not UNTOLD}
    if isinstance(value, list):
        items = [_seen(inner, f"{pointer}/{index}", evidence) for index, inner in enumerate(value)]
        return items if any(leaf is not None for _, leaf in leaves(items)) else []
    if value is None or pointer in evidence or pointer.rsplit("/", 1)[-1] == "page":
        return value
    return UNTOLD


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in a truth file")


def _laid_out(truth: Mapping[str, Any]) -> str:
    """JSON that a person can read and a diff can show: values indented, each value's places on one line."""
    parts = [f'"schema": {json.dumps(truth["schema"])}']
    for key in truth.keys() - {"schema", "evidence"}:
        parts.append(f"{json.dumps(key)}: {json.dumps(truth[key], ensure_ascii=False, indent=1, default=_plain)}")
    if "evidence" in truth:
        places = (f"{json.dumps(pointer)}: {json.dumps(found)}" for pointer, found in truth["evidence"].items())
        parts.append('"evidence": {\n' + ",\n".join(places) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
