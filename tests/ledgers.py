"""Pages of a ledger, and what an engine would say of them: for tests of slicing, joining and completeness."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from model.engine import Answer, Ask, Limits, PageView
from model.fake import FakeEngine
from schemas.contract import Contract
from schemas.page import Box, PageText, Word

COLUMNS = (("date", 0.1, 0.01), ("text", 0.25, 0.012), ("amount", 0.9, 0.01))  # left edge; the last one's right edge
LINE = 0.02
LIST = "/rows"

LEDGER = Contract.from_json_schema(
    {
        "type": "object",
        "properties": {
            "number": {"type": ["string", "null"]},
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "date": {"type": ["string", "null"]},
                        "text": {"type": ["string", "null"]},
                        "amount": {"type": ["number", "null"]},
                    },
                },
            },
        },
    },
    "Ledger",
)

Row = dict[str, Any]


def ledger(rows: Sequence[Row], per_page: int = 10, heads: Sequence[str] = ()) -> tuple[PageView, ...]:
    """The rows line by line, `per_page` on each page, `heads`: lines above those of the first page."""
    pages = []
    for first in range(0, max(1, len(rows)), per_page):
        words = [
            Word(word, Box(0.1 + 0.1 * place, 0.02 * (line + 1), 0.18 + 0.1 * place, 0.02 * (line + 1) + 0.015))
            for line, text in enumerate(heads if first == 0 else ())
            for place, word in enumerate(text.split())
        ]
        for line, row in enumerate(rows[first : first + per_page]):
            words += _line(row, 0.2 + LINE * line)
        pages.append(PageView(PageText(len(pages) + 1, 600, 800, tuple(words))))
    return tuple(pages)


def _line(row: Row, top: float) -> list[Word]:
    words = []
    for name, edge, width in COLUMNS:
        text = "" if row[name] is None else f"{row[name]:.2f}" if name == "amount" else str(row[name])
        left = edge - width * len(text) if name == "amount" else edge
        for piece in text.split():
            words.append(Word(piece, Box(left, top, left + width * len(piece), top + 0.015)))
            left += width * (len(piece) + 1)
    return words


def said(*rows: Row, number: str | None = None) -> str:
    return json.dumps({"number": number, "rows": list(rows)})


def truth_in(ask: Ask, rows: Sequence[Row], per_page: int) -> list[Row]:
    """The rows that begin in the ask's scope."""
    found = []
    for place, row in enumerate(rows):
        page, top = place // per_page + 1, 0.2 + LINE * (place % per_page)
        first = _line(row, top)[0]
        if ask.scope is None or ask.scope.holds(page, first.box):
            found.append(row)
    return found


class Reader(FakeEngine):
    """Reads the rows in an ask's scope. reply: makes of the ask and these rows what it says of them."""

    def __init__(
        self, rows: Sequence[Row], per_page: int, reply: Callable[[Ask, list[Row]], list[Row]] | None = None
    ) -> None:
        says = reply or (lambda ask, rows: rows)
        super().__init__(
            lambda ask: {"rows": says(ask, truth_in(ask, rows, per_page))}, limits=Limits(understands=True)
        )


def answered(ask: Ask, *rows: Row) -> Answer:
    return Answer(ask.id, json.dumps({"rows": list(rows)}))
