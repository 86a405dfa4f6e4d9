"""Many small documents whose truth is known, and an engine that reads them by their words: for benchmarks of runs.

The engine is the project's fake one. On a command line: `--engine fake --model benchmarks.small_documents:engine`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from model.engine import Ask, EngineSpec
from model.fake import FakeEngine

ENGINE = "benchmarks.small_documents:engine"
_SCHEMA = {
    "title": "Ticket",
    "type": "object",
    "properties": {"number": {"type": ["string", "null"]}, "total": {"type": ["number", "null"]}},
}


def write_documents(folder: Path, count: int) -> Path:
    """PDFs of one page with a text layer, `0000.pdf` and on; returns the file of their schema, beside the folder."""
    import pymupdf

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pdf = pymupdf.open()
        page = pdf.new_page()
        for line, text in enumerate(_lines(number)):
            page.insert_text((72, 72 + 24 * line), text)
        pdf.save(folder / f"{number:04}.pdf")
        pdf.close()
    schema = folder.parent / "ticket.json"
    schema.write_text(json.dumps(_SCHEMA))
    return schema


def truth(name: str) -> dict[str, Any]:
    """What the document of this name says."""
    number = int(name.removesuffix(".pdf"))
    return {"number": f"T-{number:05}", "total": _total(number)}


def engine(_: EngineSpec) -> FakeEngine:
    return FakeEngine(_reply)


def _reply(ask: Ask) -> dict[str, Any]:
    """What a page says, by its words."""
    text = " ".join(word.text for view in ask.pages for word in view.text.words)
    number, total = re.search(r"T-\d+", text), re.search(r"Total: ([\d.]+)", text)
    return {"number": number and number[0], "total": total and float(total[1])}


def _lines(number: int) -> tuple[str, ...]:
    return "Ticket", f"Number: T-{number:05}", f"Total: {_total(number):.2f} EUR"


def _total(number: int) -> float:
    return (number * 37 % 9973) / 4 + 1
