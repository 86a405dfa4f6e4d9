"""Ties every value to the words that state it.

An engine that knows where it read a value says so in its findings, and these words are only checked. For other values
the page is searched: a number, amount or date matches by value however it is written, a text by its letters and digits.
A quotation is searched on the pages that it is said to be from and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from model.engine import Finding
from pipeline.index import WordIndex, agreement
from pipeline.quotation import cited_pages, quoted_words
from schemas.field import Field
from schemas.formats import leaf_values
from schemas.page import PageText, Word, enclosing
from schemas.pointer import leaves
from schemas.record import Evidence

UNPRINTED = frozenset({"page-number", "fraction", "estimate"})  # formats of what is said about a page, not on it


def ground(
    data: Any, pages: Sequence[PageText], findings: Mapping[str, Finding], root: Field
) -> dict[str, tuple[Evidence, ...]]:
    """Evidence by JSON Pointer, for every value that is not null; empty for one that stands nowhere.

    root: the contract's, whose formats tell quotations, and values that no page prints.
    """
    index: WordIndex | None = None
    found: dict[str, tuple[Evidence, ...]] = {}
    cited = cited_pages(root, data)
    unprinted = {pointer for pointer, node, _ in leaf_values(root, data) if node.format in UNPRINTED}
    for pointer, value in leaves(data):
        if value is None:
            continue
        if pointer in cited:
            found[pointer] = _quoted(str(value), pages, cited[pointer])
            continue
        finding = findings.get(pointer)
        if finding is not None:
            found[pointer] = _evidence(finding.page, finding.words, value)
            continue
        index = index or WordIndex(pages)
        place = None if pointer in unprinted else next(index.places(value), None)
        found[pointer] = () if place is None else _evidence(place.page, index.words(place), value)
    return found


def _quoted(quotation: str, pages: Sequence[PageText], cited: frozenset[int]) -> tuple[Evidence, ...]:
    place = quoted_words(quotation, [page for page in pages if page.number in cited or not cited])
    return () if place is None else _evidence(place[0], place[1], quotation)


def _evidence(page: int, words: Sequence[Word], value: Any) -> tuple[Evidence, ...]:
    if not words:
        return ()
    text = " ".join(word.text for word in words)
    score = agreement(value, text)
    return tuple(
        Evidence(page=page, box=enclosing(word.box for word in line), text=" ".join(w.text for w in line), score=score)
        for line in _lines(words)
    )


def _lines(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Runs of words on one line: a new one begins where a word lies wholly below or left of the one before."""
    run: list[Word] = []
    for word in words:
        if run and (word.box.y0 > run[-1].box.center[1] or word.box.x1 < run[-1].box.x0):
            yield run
            run = []
        run.append(word)
    if run:
        yield run
