"""Dates among a document's words, looked up by the day that they name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from model.values.dates import day_and_month, month_names
from pipeline.grounding.amounts import Run
from pipeline.grounding.printed import EXACT, YEARLESS, date_digits, days, states_day, states_day_of_year
from pipeline.grounding.words import SAME_LINE, Words

_REACH = 3  # words before and after the name of a month that may belong to its date


class Days:
    def __init__(self, words: Words) -> None:
        self.words = words

    def runs(self, day: date) -> list[Run]:
        """Where a day is printed with its year; without it, where it is never printed so."""
        found = self._in_one_word(day) + self._spaced(day) + self._named[0].get(day, [])
        return _once(found) or self._without_year(day)

    def _in_one_word(self, day: date) -> list[Run]:
        found = []
        for digits in date_digits(day):
            for token in self.words.by_digits.get(digits):
                score = states_day(self.words.tokens[token], day)
                if score:
                    found += [Run(number, number + 1, score) for number in self.words.with_token(token).tolist()]
        return found

    def _spaced(self, day: date) -> list[Run]:
        """`7. 5. 2024` and `2024 / 05 / 07`: the year is a word of its own."""
        found = []
        words = self.words
        for token in words.by_digits.get(str(day.year)):
            numbers = words.with_token(token)
            for step in (-1, 1):
                beside = numbers + step
                beside = beside[(beside >= 0) & (beside < len(words))]
                numeric = self._small_numbers[words.token_of[beside]]
                for number in (beside[numeric] - step).tolist():
                    found += self._around(number, day)
        return found

    def _around(self, number: int, day: date) -> list[Run]:
        """The shortest run with the year's word at its end, or its beginning, that is the day."""
        words, (start, end) = self.words, self.words.page_edges(number)
        for length in range(2, 6):
            for first in (number - length + 1, number):
                last = first + length
                if first >= start and last <= end and words.near(first, last - 1, SAME_LINE):
                    score = states_day(words.text_between(first, last), day)
                    if score:
                        return [Run(first, last, score)]
        return []

    def _without_year(self, day: date) -> list[Run]:
        days, months = (f"{day.day:02}", str(day.day)), (f"{day.month:02}", str(day.month))
        forms = {form for d in days for m in months for form in (d + m, m + d)}
        tokens = {token for digits in forms for token in self.words.by_digits.get(digits)}
        stating = [token for token in tokens if states_day_of_year(self.words.tokens[token], day)]
        found = [Run(number, number + 1, YEARLESS) for number in self.words.with_tokens(stating)]
        return _once(found + self._named[1].get((day.day, day.month), []))

    @cached_property
    def _small_numbers(self) -> NDArray[np.bool_]:
        """(tokens,) whether a token may be the day or the month beside a year."""
        return np.array([len(key) <= 2 and (not key or key.isdecimal()) for key in self.words.keys], dtype=bool)

    @cached_property
    def _named(self) -> tuple[dict[date, list[Run]], dict[tuple[int, int], list[Run]]]:
        """Dates with the month in words, by day, and those without a year by (day, month)."""
        whole: dict[date, list[Run]] = {}
        yearless: dict[tuple[int, int], list[Run]] = {}
        names = month_names()
        months = [token for token, key in enumerate(self.words.keys) if _letters(key) in names]
        for number in self.words.with_tokens(months):
            dated = list(self._dates_around(number))
            for day, run in dated:
                whole.setdefault(day, []).append(run)
            if not dated:
                for day_of_year, run in self._days_of_year_at(number):
                    yearless.setdefault(day_of_year, []).append(run)
        return whole, yearless

    def _days_of_year_at(self, number: int) -> Iterator[tuple[tuple[int, int], Run]]:
        start, end = self.words.page_edges(number)
        for first, last in ((number, number + 1), (number - 1, number + 1), (number, number + 2)):
            if first >= start and last <= end:
                found = day_and_month(self.words.text_between(first, last).strip("(),;:"))
                if found is not None:
                    yield found, Run(first, last, YEARLESS)

    def _dates_around(self, number: int) -> Iterator[tuple[date, Run]]:
        start, end = self.words.page_edges(number)
        first, last = max(start, number - _REACH), min(end, number + _REACH + 1)
        text = self.words.text_between(first, last)
        for day, _ in days(text):
            run = self._shortest(first, last, number, day)
            if run is not None:
                yield day, run

    def _shortest(self, first: int, last: int, number: int, day: date) -> Run | None:
        """The shortest run around the month's word that is the day."""
        while first < number and states_day(self.words.text_between(first + 1, last), day):
            first += 1
        while last > number + 1 and states_day(self.words.text_between(first, last - 1), day):
            last -= 1
        return Run(first, last, EXACT) if states_day(self.words.text_between(first, last), day) else None


def _letters(key: str) -> str:
    return key if key.isalpha() else "".join(sign for sign in key if sign.isalpha())


def _once(runs: list[Run]) -> list[Run]:
    return sorted({(run.first, run.last): run for run in runs}.values())
