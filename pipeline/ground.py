"""Ties every value to the words that state it.

An engine that knows where it read a value says so in its findings, and these words are only checked. For other values
the page is searched: a number, amount or date matches by value however it is written, a text by its letters and digits.
A quotation is searched on the pages that it is said to be from and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rapidfuzz import fuzz

from model.engine import Finding
from model.values.dates import dates
from model.values.numbers import CURRENCY_SIGNS, numbers
from model.values.text import squash
from pipeline.quotation import cited_pages, quoted_words
from schemas.field import Field
from schemas.formats import leaf_values
from schemas.page import PageText, Word, enclosing
from schemas.pointer import leaves
from schemas.record import Evidence

STATED = 0.9  # the least score at which words count as stating a value
LONGEST = 60  # words
UNPRINTED = frozenset({"page-number", "fraction", "estimate"})  # formats of what is said about a page, not on it


def ground(
    data: Any, pages: Sequence[PageText], findings: Mapping[str, Finding], root: Field
) -> dict[str, tuple[Evidence, ...]]:
    """Evidence by JSON Pointer, for every value that is not null; empty for one that stands nowhere.

    root: the contract's, whose formats tell quotations, and values that no page prints.
    """
    index: _Index | None = None
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
        index = index or _Index(pages)
        place = None if pointer in unprinted else index.find(value)
        found[pointer] = () if place is None else _evidence(place[0], place[1], value)
    return found


def agreement(value: Any, text: str) -> float:
    """0..1: how well a text states a value: by value for numbers and dates, by letters and digits for the rest."""
    if isinstance(value, bool):
        return 1.0
    wanted = str(value)
    if isinstance(value, int | float):
        for mark in (None, ".", ","):
            if any(abs(float(number.value) - value) < 1e-9 for number in numbers(text, mark)):
                return 1.0
        return 1.0 if squash(wanted) == squash(text) else 0.0
    if squash(wanted) and squash(wanted) in squash(text):
        return 1.0
    if CURRENCY_SIGNS.get(text.strip()) == wanted or any(number.currency == wanted for number in numbers(text)):
        return 1.0
    for order in (True, False):
        if any(date.value.isoformat() == wanted[:10] for date in dates(text, order)):
            return 1.0
    return fuzz.ratio(squash(wanted), squash(text)) / 100


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


class _Index:
    """Words by their squashed text, for finding runs that spell a value."""

    def __init__(self, pages: Sequence[PageText]) -> None:
        self.words = [(page.number, word) for page in pages for word in page.words]
        self.keys = [squash(word.text) for _, word in self.words]
        self.starts: dict[str, list[int]] = {}
        for place, key in enumerate(self.keys):
            if key:
                self.starts.setdefault(key[:2], []).append(place)

    def find(self, value: Any) -> tuple[int, tuple[Word, ...]] | None:
        """(page, words) of the first run that states the value; None where none does."""
        if isinstance(value, bool):
            return None
        for form in _forms(value):
            for start in self.starts.get(form[:2], ()):
                run = self._run(start, form)
                if run is not None:
                    page = self.words[start][0]
                    words = tuple(word for _, word in self.words[start:run])
                    if agreement(value, " ".join(word.text for word in words)) >= STATED:
                        return page, words
        return None

    def _run(self, start: int, form: str) -> int | None:
        """One past the last word of the run from `start` that spells the form exactly."""
        length = 0
        for place in range(start, min(start + LONGEST, len(self.keys))):
            if self.words[place][0] != self.words[start][0] or not form.startswith(self.keys[place], length):
                return None
            length += len(self.keys[place])
            if length == len(form):
                return place + 1
        return None


def _forms(value: Any) -> Iterable[str]:
    """The squashed ways in which a value may be printed, likeliest first."""
    forms = [squash(str(value))]
    if isinstance(value, int | float):
        forms += [squash(f"{value:.2f}"), squash(f"{value:.0f}") if float(value).is_integer() else ""]
        forms += [squash(f"{abs(value):.2f}")]
    text = str(value)
    if len(text) == 10 and text[4] == text[7] == "-":
        year, month, day = text.split("-")
        forms += [f"{day}{month}{year}", f"{month}{day}{year}", f"{day}{month}{year[2:]}", f"{month}{day}{year[2:]}"]
        forms += [f"{int(day)}{int(month)}{year}", f"{int(month)}{int(day)}{year}"] if day.isdigit() else []
    return [form for form, _ in groupby(form for form in forms if form)]
