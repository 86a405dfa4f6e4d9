"""Texts among a document's words: literally, wrapped inside a column, or misread."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from model.values.text import squash
from pipeline.grounding.alike import ALIKE, likeness, meant, unconfused
from pipeline.grounding.amounts import Run
from pipeline.grounding.printed import EXACT, INSIDE, text_forms
from pipeline.grounding.words import SAME_LINE, Tokens, Words, edges
from schemas.field import Field

LEAST_INSIDE = 3  # letters and digits: shorter texts are looked for as whole words only
LEAST_ALIKE = 5  # … and shorter ones are not taken for what is only alike
STRETCH = 100  # words from the first to the last of a wrapped text, those of other columns included
LEADING = 2.2  # line heights from one line of a wrapped text to the next, at most
STARTS = 500  # words at which a wrapped text may begin, that are followed
SEEDS = 24  # places at which a misread text is looked for
SLACK = 0.1  # misread texts this much less alike than the best are given as well
_Found = dict[tuple[int, int], Run]


class Texts:
    def __init__(self, words: Words) -> None:
        self.words = words

    def runs(self, value: str, field: Field | None = None) -> list[Run]:
        """Where a text stands, in the order of the document; what is only alike, where it stands nowhere."""
        forms = text_forms(value, field)
        keys = [key for piece in value.split() if (key := squash(piece))]
        found: _Found = {}
        for place, form in enumerate(forms):
            found.update(self._literal(form, keys if place == 0 else [form]))
        if not found and len(keys) > 1:
            found = self._wrapped(forms[0], keys)
        if not found and forms and len(forms[0]) >= LEAST_ALIKE:
            found = self._alike(forms[0], keys)
        return sorted(found.values())

    def _literal(self, form: str, keys: list[str]) -> _Found:
        words = self.words
        if len(keys) == 1 and form in words.by_key:
            return {(n, n + 1): Run(n, n + 1, EXACT) for n in words.with_tokens(words.by_key.get(form))}
        rarest = self._rarest(form, keys)
        found: _Found = {}
        if rarest is not None:
            numbers, offset = rarest
            begins = [int(begin) - offset for begin in words.begins[numbers]]
            found = self._runs(form, [b for b in begins if b >= 0 and words.text.startswith(form, b)])
        if not found and len(form) >= LEAST_INSIDE:
            found = self._runs(form, self._everywhere(form))
        return found

    def _everywhere(self, form: str) -> Iterator[int]:
        begin = self.words.text.find(form)
        while begin >= 0:
            yield begin
            begin = self.words.text.find(form, begin + 1)

    def _rarest(self, form: str, keys: list[str]) -> tuple[list[int], int] | None:
        """Where the rarest of a text's words stands, and how many letters and digits of the text are before it."""
        best: tuple[int, str, int] | None = None
        offset = 0
        for key in keys:
            tokens = self.words.by_key.get(key)
            if tokens:
                count = sum(len(self.words.with_token(token)) for token in tokens)
                if best is None or count < best[0]:
                    best = (count, key, offset)
            offset += len(key)
        return None if best is None else (self.words.with_tokens(self.words.by_key.get(best[1])), best[2])

    def _runs(self, form: str, begins: Iterator[int] | list[int]) -> _Found:
        runs = (self._run(begin, begin + len(form)) for begin in begins)
        return {(run.first, run.last): run for run in runs if run is not None}

    def _run(self, begin: int, end: int) -> Run | None:
        """The words that characters begin..end of the text are, if a word begins and ends there, or may be cut."""
        words = self.words
        first, last = words.owner(begin), words.owner(end - 1)
        before, within = begin - int(words.begins[first]), end - int(words.begins[last])
        opens, closes = before == 0, within == len(words.key(last))
        if not (opens or before in edges(words.token(first))) or not (closes or within in edges(words.token(last))):
            return None
        return Run(first, last + 1, EXACT if opens and closes else INSIDE)

    def _wrapped(self, form: str, keys: list[str]) -> _Found:
        """Where a text goes on in a line below while words of other columns stand between."""
        rarest = self._rarest(form, keys)
        starts = self.words.with_tokens(self.words.by_key.get(keys[0]))
        if rarest is None or not starts:
            return {}
        near: set[int] = set()
        for number in rarest[0]:
            near.update(starts[bisect_left(starts, number - STRETCH) : bisect_right(starts, number)])
        runs = (self._down(form, start) for start in sorted(near)[:STARTS])
        return {(run.first, run.last): run for run in runs if run is not None}

    def _down(self, form: str, start: int) -> Run | None:
        words, spelled, number = self.words, 0, start
        _, end = words.page_edges(start)
        parts: list[tuple[int, int]] = []
        while True:
            first = number
            while number < end and form.startswith(words.key(number), spelled) and words.near(first, number, SAME_LINE):
                spelled += len(words.key(number))
                number += 1
                if spelled == len(form):
                    parts.append((first, number))
                    return Run(start, number, EXACT, tuple(parts))
            if number == first:
                return None
            parts.append((first, number))
            below = self._below(parts, form, spelled)
            if below is None:
                return None
            number = below

    def _below(self, parts: list[tuple[int, int]], form: str, spelled: int) -> int | None:
        """The word that continues a column's text: in the next line, and not left of where the text began."""
        words, (first, last) = self.words, parts[-1]
        page = words.page_of[first]
        shape = words.pages[page]
        aside = 1.5 * words.height[page] * shape.height / shape.width
        left = words.x0[parts[0][0]] - aside
        right = max(words.x1[end - 1] for _, end in parts) + aside
        for number in range(last, min(first + STRETCH, words.offsets[page + 1])):
            drop = words.drop(first, number)
            if drop > LEADING + 1:
                return None
            key = words.key(number)
            if SAME_LINE < drop <= LEADING and key and left <= words.x0[number] <= right:
                return number if form.startswith(key, spelled) else None
        return None

    def _alike(self, form: str, keys: list[str]) -> _Found:
        """Where a text stands misread, down to SLACK below the best."""
        found = {}
        for seed, offset in self._seeds(keys):
            run = max((self._around(form, seed, offset, reach) for reach in (1, 3)), key=lambda run: run.score)
            if run.score >= ALIKE:
                found[run.first, run.last] = run
        best = max((run.score for run in found.values()), default=0.0)
        return {key: run for key, run in found.items() if run.score >= best - SLACK}

    def _seeds(self, keys: list[str]) -> list[tuple[int, int]]:
        """(word, letters of the text before it) where one of the text's words seems to stand: its rarest ones."""
        rated = []
        offset = 0
        for key in keys:
            tokens = self._unconfused.get(unconfused(key))
            count = sum(len(self.words.with_token(token)) for token in tokens)
            if count:
                rated.append((count, offset, tokens))
            offset += len(key)
        rated.sort(key=lambda seed: seed[0])
        if not rated:
            return [(number, 0) for number in self.words.with_tokens(self._similar(max(keys, key=len)))][:SEEDS]
        seeds = [(number, offset) for _, offset, tokens in rated[:2] for number in self.words.with_tokens(tokens)]
        return seeds[:SEEDS]

    def _around(self, form: str, seed: int, offset: int, reach: int) -> Run:
        words = self.words
        start, end = words.page_edges(seed)
        at = int(words.begins[seed])
        first = max(start, words.owner(max(0, at - reach * (offset + 8))))
        last = min(end, words.owner(at + reach * (len(form) - offset + 8)) + 1)
        keys = [words.key(number) for number in range(first, last)]
        kept = [first + place for place in meant(form, keys)]
        if not kept:
            return Run(seed, seed + 1, 0.0)
        parts = _spans(kept)
        text = "".join(words.key(number) for number in kept)
        score = likeness(form, text)
        return Run(kept[0], kept[-1] + 1, score, tuple(parts) if len(parts) > 1 else ())

    @cached_property
    def _unconfused(self) -> Tokens:
        return self.words.grouped(unconfused)

    @cached_property
    def _by_length(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for key in self.words.by_key:
            found.setdefault(len(key), []).append(key)
        return found

    def _similar(self, key: str) -> list[int]:
        """Tokens that are the key with a letter or two misread."""
        errors = max(1, len(key) // 6)
        near = [other for size in range(-errors, errors + 1) for other in self._by_length.get(len(key) + size, ())]
        alike = process.extract(key, near, scorer=Levenshtein.distance, score_cutoff=errors, limit=SEEDS)
        return [token for other, _, _ in alike for token in self.words.by_key.get(other)]


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number:
            spans[-1] = (spans[-1][0], number + 1)
        else:
            spans.append((number, number + 1))
    return spans
