"""Where on the pages a value is stated: every run of words that states it, not only the first.

The words are read once into a text of letters and digits in the order of the document, and each distinct word once into
what it may mean. A value is then looked up: a text by its rarest word, a number or a date by its digits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from model.values.numbers import CURRENCY_CODES
from pipeline.grounding.amounts import Amounts, Run, decimal
from pipeline.grounding.days import Days
from pipeline.grounding.printed import STATED, agreement, is_number, iso_date
from pipeline.grounding.texts import Texts
from pipeline.grounding.words import Words
from schemas.field import Field
from schemas.page import PageText, Word

__all__ = ["STATED", "Place", "Run", "WordIndex", "agreement"]


class Place(NamedTuple):
    """A run of words of one page, `PageText.words[first:last]`, and how well they state a value, 0..1.

    parts: where words of other columns stand among them, the runs that do belong to the value.
    """

    page: int
    first: int
    last: int
    score: float
    parts: tuple[tuple[int, int], ...] = ()


class WordIndex:
    """The words of a document, by what they say."""

    def __init__(self, pages: Sequence[PageText]) -> None:
        self.pages = {page.number: page for page in pages}
        self.document = Words(pages)
        self._starts = {page.number: start for page, start in zip(pages, self.document.offsets, strict=False)}
        self._texts, self._amounts, self._days = Texts(self.document), Amounts(self.document), Days(self.document)
        self._found: dict[Any, list[Run]] = {}
        self._numbers: dict[int, dict[Word, int]] = {}

    def places(self, value: Any, pages: Collection[int] | None = None, field: Field | None = None) -> Iterator[Place]:
        """Every place that states the value, in the order of the document for each way of printing it.

        pages: numbers of the only ones to look at. field: the value's own, which tells how it may be printed.
        """
        for run in self.runs(value, field):
            place = self.place(run)
            if pages is None or place.page in pages:
                yield place

    def runs(self, value: Any, field: Field | None = None) -> list[Run]:
        """The same by words of the document; empty for booleans, which no words state. Not to be changed."""
        if value is None or isinstance(value, bool):
            return []
        key = (type(value), value, field and (field.format, field.kind, field.choices))
        if key not in self._found:
            self._found[key] = self._runs(value, field)
        return self._found[key]

    def place(self, run: Run) -> Place:
        page = self.document.page_of[run.first]
        start = self.document.offsets[page]
        parts = tuple((first - start, last - start) for first, last in run.parts)
        return Place(self.document.pages[page].number, run.first - start, run.last - start, run.score, parts)

    def run(self, place: Place) -> Run:
        """The place by words of the document."""
        start = self._starts[place.page]
        parts = tuple((first + start, last + start) for first, last in place.parts)
        return Run(place.first + start, place.last + start, place.score, parts)

    def words(self, place: Place) -> tuple[Word, ...]:
        words = self.pages[place.page].words
        spans = place.parts or ((place.first, place.last),)
        return tuple(word for first, last in spans for word in words[first:last])

    def word(self, key: tuple[int, int]) -> Word:
        """By its page and its place there."""
        return self.pages[key[0]].words[key[1]]

    def numbers(self, page: int) -> dict[Word, int]:
        """The place of each word in the page's words."""
        if page not in self._numbers:
            self._numbers[page] = {word: number for number, word in enumerate(self.pages[page].words)}
        return self._numbers[page]

    def _runs(self, value: Any, field: Field | None) -> list[Run]:
        if is_number(value):
            number = decimal(value)
            return [] if number is None else self._amounts.runs(number, field)
        text = str(value)
        day = iso_date(text)
        if day is not None:
            return self._days.runs(day) or self._texts.runs(text, field)
        if field is not None and field.format == "currency":
            return self._amounts.currency(text) or self._texts.runs(text, field)
        return self._texts.runs(text, field) or (self._amounts.currency(text) if text in CURRENCY_CODES else [])
