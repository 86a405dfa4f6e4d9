"""Numbers and currencies among a document's words, looked up by value."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import NamedTuple

from pipeline.grounding.printed import (
    AS_PERCENT,
    EXACT,
    MISREAD,
    UNSIGNED,
    amounts,
    currencies,
    digit_forms,
    unconfused,
)
from pipeline.grounding.words import SAME_LINE, Words
from schemas.field import Field

_MINUS = frozenset(("-", "−", "–"))
_MINUS_AFTER = frozenset((*_MINUS, "DR", "Dr", "S"))
_SHARES = frozenset(("percentage", "percent"))
_DIGIT = re.compile(r"\d")
_LEAST_MISREAD = 10  # smaller numbers are too short to be known with a digit misread


class Run(NamedTuple):
    """Words `first` to `last` of a document, one past the end, and how well they state a value, 0..1.

    parts: where words of other columns stand between, the runs that belong to the value.
    """

    first: int
    last: int
    score: float
    parts: tuple[tuple[int, int], ...] = ()

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        return self.parts or ((self.first, self.last),)


class Amounts:
    def __init__(self, words: Words) -> None:
        self.words = words

    def runs(self, value: Decimal, field: Field | None = None) -> list[Run]:
        """Where a number is printed, the best way of printing it first; a share with its sign."""
        found = self._printed(value)
        share = field is not None and field.format in _SHARES
        if share:
            found = sorted((self._with_percent(run) for run in found), key=lambda run: -run.score)
        if (not found or share) and 0 < abs(value) < 1:
            found += [
                wider._replace(score=AS_PERCENT * run.score)
                for run in self._printed(value * 100)
                if (wider := self._with_percent(run)) != run or self.words.token(run.last - 1).endswith("%")
            ]
        return found or (self._misread(value) if abs(value) >= _LEAST_MISREAD else [])

    def _with_percent(self, run: Run) -> Run:
        _, end = self.words.page_edges(run.first)
        signed = run.last < end and self.words.token(run.last).startswith("%")
        return run._replace(last=run.last + 1) if signed else run

    def currency(self, code: str) -> list[Run]:
        """Where a currency is named, by code or sign; a word that says nothing else first."""
        tokens = self._currencies.get(code, [])
        alone = [token for token in tokens if not any(sign.isdigit() for sign in self.words.tokens[token])]
        glued = [token for token in tokens if any(sign.isdigit() for sign in self.words.tokens[token])]
        return [Run(number, number + 1, EXACT) for group in (alone, glued) for number in self.words.with_tokens(group)]

    def _printed(self, value: Decimal) -> list[Run]:
        found: list[Run] = []
        for digits in digit_forms(value):
            for token in self.words.by_digits.get(digits):
                readings = amounts(self.words.tokens[token])
                if value in readings or -value in readings:
                    signed = value in readings
                    found += [self._signed(n, n + 1, value, signed) for n in self.words.with_token(token).tolist()]
            if len(digits) > 3:
                found += self._spaced(digits, value)
        return sorted(_ordered(found), key=lambda run: -run.score)

    def _signed(self, first: int, last: int, value: Decimal, signed: bool) -> Run:
        """The run with the minus that is printed beside it, where it wants one."""
        if signed or value > 0:
            return Run(first, last, EXACT if signed else UNSIGNED)
        wider = self._with_minus(first, last)
        return Run(*wider, EXACT if wider != (first, last) else UNSIGNED)

    def _with_minus(self, first: int, last: int) -> tuple[int, int]:
        """The run and the minus, or the brackets, printed as words of their own on either side of it."""
        words, (start, end) = self.words, self.words.page_edges(first)
        before = words.token(first - 1) if first > start and words.near(first - 1, first, SAME_LINE) else ""
        after = words.token(last) if last < end and words.near(last - 1, last, SAME_LINE) else ""
        closed = words.token(last - 1).endswith(")")
        if before[:1] == "(" and (closed or after[:1] == ")") and (len(before) == 1 or currencies(before)):
            return first - 1, last + (not closed)
        if before in _MINUS or (before[:1] in _MINUS and currencies(before) and not words.key(first - 1).isdecimal()):
            return first - 1, last
        return first, last + (after in _MINUS_AFTER)

    def _spaced(self, digits: str, value: Decimal) -> list[Run]:
        """Numbers whose thousands are parted by spaces, so that each group is a word."""
        found = []
        whole = len(format(abs(value).to_integral_value(rounding="ROUND_DOWN"), "f"))
        if whole < 4:
            return []
        for token in self.words.by_digits.get(digits[whole - 3 :]):
            for number in self.words.with_token(token).tolist():
                first = self._groups_before(number, digits[: whole - 3])
                readings = amounts(self.words.text_between(first, number + 1)) if first is not None else ()
                if first is not None and (value in readings or -value in readings):
                    found.append(self._signed(first, number + 1, value, value in readings))
        return found

    def _groups_before(self, number: int, digits: str) -> int | None:
        """The first of the words before that spell the digits, in groups of three."""
        start, _ = self.words.page_edges(number)
        while digits:
            number -= 1
            group = "".join(sign for sign in self.words.key(number) if sign.isdigit()) if number >= start else ""
            if not group or not digits.endswith(group) or (len(group) != 3 and group != digits):
                return None
            digits = digits[: -len(group)]
        return number

    def _misread(self, value: Decimal) -> list[Run]:
        found = []
        for digits in digit_forms(value):
            for token in self._confusable.get(digits, ()):
                if value in amounts(unconfused(self.words.tokens[token])):
                    found += [Run(number, number + 1, MISREAD) for number in self.words.with_token(token).tolist()]
        return _ordered(found)

    @cached_property
    def _confusable(self) -> dict[str, list[int]]:
        """Tokens with letters among their digits, by what their digits may have been."""
        found: dict[str, list[int]] = {}
        for token, (text, key) in enumerate(zip(self.words.tokens, self.words.keys, strict=True)):
            if not key.isdecimal() and _DIGIT.search(key):
                plain = unconfused(text)
                if plain != text and not any(sign.isalpha() for sign in plain):
                    found.setdefault("".join(sign for sign in plain if sign.isdigit()), []).append(token)
        return found

    @cached_property
    def _currencies(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for token, text in enumerate(self.words.tokens):
            if not text.islower() and not text.isdecimal():
                for code in currencies(text):
                    found.setdefault(code, []).append(token)
        return found


def decimal(value: object) -> Decimal | None:
    """Floats to the 15 digits that they hold; None for what is not finite."""
    try:
        number = Decimal(f"{value:.15g}") if isinstance(value, float) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 40 else None


def _ordered(runs: list[Run]) -> list[Run]:
    """In the order of the document, each once."""
    return sorted({(run.first, run.last): run for run in runs}.values())
