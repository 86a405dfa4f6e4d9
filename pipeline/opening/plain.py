"""Plain text and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pipeline.opening.blocks import Block, Content, Line, NewPage, Section
from pipeline.opening.encodings import decoded
from pipeline.opening.web import html_blocks
from schemas.errors import DocumentTooLarge, EmptyDocument

MOST_LINES = 500_000
MOST_LETTERS = 32 << 20
_RULE = re.compile(r"\s*([-=_*~+|.#]\s?){4,}\s*")


def read_text(content: bytes, uri: str) -> Content:
    """Line for line, letters as wide as each other, so that columns stay columns. A form feed begins a page."""
    return Content((Section(tuple(text_blocks(_checked(decoded(content), uri))), "the file's own text"),))


def text_blocks(text: str) -> Iterator[Block]:
    """The lines of a text; evidence calls the seventh `line 7`. A line of dashes is a rule, and says nothing."""
    number = 0
    for place, part in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\f")):
        if place:
            yield NewPage()
        for line in part.split("\n"):
            number += 1
            yield Line("" if _RULE.fullmatch(line) else line, cell=f"line {number}", fixed=True)


def read_markdown(content: bytes, uri: str) -> Content:
    """As it is shown once it is made a web page: headings, lists and tables. HTML in it is read as HTML is."""
    text = _checked(decoded(content), uri)
    blocks = html_blocks(_markdown().render(_without_front_matter(text)), uri)
    if not blocks:
        raise EmptyDocument("it shows no text.", document=uri, remedy="Check how it was made.")
    return Content((Section(blocks, "the file's own text"),))


def _checked(text: str, uri: str) -> str:
    if text.count("\n") > MOST_LINES or len(text) > MOST_LETTERS:
        raise DocumentTooLarge(
            f"it has over {MOST_LINES:,} lines or {MOST_LETTERS >> 20} million letters.",
            document=uri,
            remedy="Split it.",
        )
    return text


def _without_front_matter(text: str) -> str:
    """Settings between two lines of `---` at the very beginning are shown as they are, not taken for headings."""
    if not text.startswith("---\n"):
        return text
    settings, end, rest = text[4:].partition("\n---\n")
    return f"```\n{settings}\n```\n{rest}" if end else text


@lru_cache(maxsize=1)
def _markdown() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])
