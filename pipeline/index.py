"""Where on the pages a value is stated: every run of words that states it, not only the first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from rapidfuzz import fuzz

from model.values.dates import dates
from model.values.numbers import CURRENCY_SIGNS, numbers
from model.values.text import squash
from schemas.page import PageText, Word

STATED = 0.9  # the least score at which words count as stating a value
LONGEST = 60  # words


class Place(NamedTuple):
    """A run of words of one page, `PageText.words[first:last]`, and how well they state a value, 0..1."""

    page: int
    first: int
    last: int
    score: float


class WordIndex:
    """The words of a document, by what they spell."""

    def __init__(self, pages: Sequence[PageText]) -> None:
        self.pages = {page.number: page for page in pages}
        self._words = [
            (page.number, place, squash(word.text)) for page in pages for place, word in enumerate(page.words)
        ]
        self._numbers: dict[int, dict[Word, int]] = {}
        self._starts: dict[str, list[int]] = {}
        for number, (_, _, key) in enumerate(self._words):
            if key:
                self._starts.setdefault(key[:2], []).append(number)

    def places(self, value: Any, pages: Collection[int] | None = None) -> Iterator[Place]:
        """Every place that states the value, in the order of the document for each way of printing it.

        pages: numbers of the only ones to look at.
        """
        if isinstance(value, bool):
            return
        for form in _forms(value):
            for start in self._starts.get(form[:2], ()):
                page, first, _ = self._words[start]
                if pages is not None and page not in pages:
                    continue
                end = self._run(start, form)
                if end is not None:
                    place = Place(page, first, first + end - start, 0.0)
                    score = agreement(value, " ".join(word.text for word in self.words(place)))
                    if score >= STATED:
                        yield place._replace(score=score)

    def words(self, place: Place) -> tuple[Word, ...]:
        return self.pages[place.page].words[place.first : place.last]

    def word(self, key: tuple[int, int]) -> Word:
        """By its page and its place there."""
        return self.pages[key[0]].words[key[1]]

    def numbers(self, page: int) -> dict[Word, int]:
        """The place of each word in the page's words."""
        if page not in self._numbers:
            self._numbers[page] = {word: number for number, word in enumerate(self.pages[page].words)}
        return self._numbers[page]

    def _run(self, start: int, form: str) -> int | None:
        """One past the last word of the run from `start` that spells the form exactly."""
        length, page = 0, self._words[start][0]
        for place in range(start, min(start + LONGEST, len(self._words))):
            number, _, key = self._words[place]
            if number != page or not form.startswith(key, length):
                return None
            length += len(key)
            if length == len(form):
                return place + 1
        return None


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
