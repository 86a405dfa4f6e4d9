"""Whether a page says what is quoted from it: the very words, on the very page that is cited.

Letters and digits must all be there and in order, and so must what tells numbers apart: the marks inside them, signs of
money and of mathematics. Case, accents, spaces and other punctuation may differ. Nothing is let pass for being alike: a
quotation that is a digit or a `not` short states something else.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from model.embedded.blocks import blocks
from model.embedded.lines import page_lines
from model.embedded.transcript import reading_order
from schemas.field import Field
from schemas.formats import leaf_values
from schemas.page import PageText, Word

_ALIKE = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2012": "-", "–": "-", "—": "-", "−": "-", "’": "'"})
_LINES = "|~^`"  # signs of mathematics to Unicode, rulers of a table to those who write text


def cited_pages(root: Field, data: Any) -> dict[str, frozenset[int]]:
    """By JSON Pointer of every quotation in the data, the pages that the object around it names."""
    named: defaultdict[str, set[int]] = defaultdict(set)
    quotations = []
    for pointer, node, value in leaf_values(root, data):
        if node.format == "quotation":
            quotations.append(pointer)
        elif node.format == "page-number" and isinstance(value, int):
            while pointer:
                pointer = pointer.rpartition("/")[0]
                named[pointer].add(value)
    return {pointer: frozenset(named[pointer.rpartition("/")[0]]) for pointer in quotations}


def quoted_words(quotation: str, pages: Sequence[PageText]) -> tuple[int, tuple[Word, ...]] | None:
    """(page, words) of the first place that says what is quoted; None where none of the pages does."""
    wanted = _spelled(quotation)
    if not any(letter.isalnum() for letter in wanted):
        return None
    for page in pages:
        for words in _orders(page):
            found = _run(wanted, words)
            if found:
                return page.number, found
    return None


def _orders(page: PageText) -> Iterator[Sequence[Word]]:
    """The page's words line by line, and column by column: a quotation may run on in either."""
    yield page.words
    ordered = reading_order(blocks(page_lines(page)))
    yield [word for block in ordered for segment in block.segments for word in segment.words]


def _run(wanted: str, words: Sequence[Word]) -> tuple[Word, ...]:
    """The words that spell `wanted`, from the beginning of one to the end of another; empty where there are none."""
    keys = [_spelled(word.text) for word in words]
    text = "".join(keys)
    owners = [place for place, key in enumerate(keys) for _ in key]  # of each letter, its word
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if _is_edge(text, owners, start) and _is_edge(text, owners, end):
            return tuple(words[owners[start] : owners[end - 1] + 1])
        start = text.find(wanted, start + 1)
    return ()


def _spelled(text: str) -> str:
    """What two texts must have in common to say the same: `Rent: 1,250.00 €` → `rent1,250.00€`."""
    text = unicodedata.normalize("NFKD", text.casefold()).translate(_ALIKE)
    return "".join(
        sign for at, sign in enumerate(text) if sign.isalnum() or _tells(sign, text[at - 1 : at], text[at + 1 : at + 2])
    )


def _tells(sign: str, before: str, after: str) -> bool:
    """Whether a number would be another without the sign, or with another in its place."""
    kind = unicodedata.category(sign)
    if kind in ("Sc", "Sm") or sign in "%‰":
        return sign not in _LINES
    if sign == "-" and after.isdigit() and not before.isalnum():
        return True
    return kind.startswith("P") and before.isdigit() and after.isdigit()


def _is_edge(text: str, owners: Sequence[int], place: int) -> bool:
    """Whether a word begins at a letter; in scripts that put no spaces between words, one may begin anywhere."""
    if place in (0, len(text)) or owners[place - 1] != owners[place]:
        return True
    return _is_wide(text[place - 1]) and _is_wide(text[place])


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in ("W", "F")
