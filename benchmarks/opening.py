"""What it costs to open files that have no pages of their own, and to lay them out.

python -m benchmarks.opening [ROWS]      rows of each file, 2,000 if not given

Prints a line of JSON for each kind: pages, words, and CPU seconds for 10,000 words.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable

import openpyxl

from pipeline.document import open_document
from pipeline.read import read_pages
from sample_docs.make import office


def workbook(rows: int) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet")
    for row in range(rows):
        sheet.append([row, f"item {row}", 1.5 * row, "pc", "yes", 3, 4, 5.25])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def joined(rows: int, line: str, before: str = "", after: str = "") -> bytes:
    return (before + "".join(line.format(row) for row in range(rows)) + after).encode()


KINDS: dict[str, Callable[[int], bytes]] = {
    "xlsx": workbook,
    "csv": lambda rows: joined(rows, "{0},item {0},{0}.50,pc,yes,2024-01-01\n"),
    "xml": lambda rows: joined(rows, "<i><a>{0}</a><b>text {0}</b></i>", "<r>", "</r>"),
    "html": lambda rows: joined(rows, "<tr><td>{0}<td>text {0}", "<html><table>"),
    "md": lambda rows: joined(rows, "- line {0} with *some* words in it\n"),
    "txt": lambda rows: joined(rows, "line {0} with some words in it\n"),
    "docx": lambda rows: office.docx("".join(office.paragraph(f"Line {row} with some words") for row in range(rows))),
    "odt": lambda rows: office.odf("text", office.odf_table([[str(row), "item", "12.00"] for row in range(rows)])),
}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for kind, make in KINDS.items():
        make_pages(make(10), kind)  # what is imported counts for none
        content = make(rows)
        begun = time.process_time()
        pages, words = make_pages(content, kind)
        seconds = time.process_time() - begun
        print(json.dumps({"kind": kind, "pages": pages, "words": words, "per_10k": round(seconds / words * 1e4, 3)}))


def make_pages(content: bytes, kind: str) -> tuple[int, int]:
    with open_document(content, name=f"x.{kind}") as document:
        return document.page_count, sum(len(page.words) for page in read_pages(document))


if __name__ == "__main__":
    main()
