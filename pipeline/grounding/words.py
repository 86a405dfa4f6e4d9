"""All words of a document as arrays: what they spell, and where they stand.

A word's number counts from 0 through the document in reading order. A token is a distinct spelling: what a word may
mean is worked out once for each token, not for each word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from model.values.text import squash
from schemas.page import PageText, Word

_NO_DIGIT = re.compile(r"[^0-9\n]+")
_EDGE = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?=[\W_])|(?<=[\W_])")
SAME_LINE = 0.6  # line heights: words whose middles are nearer stand on one line


class Words:
    """tokens: distinct spellings. keys: each token's letters and digits. token_of: (words,) the token of each word.

    text: the keys of all words joined, pages parted by a line feed; begins: (words,) where in it each word begins.
    page_of: of each word, index into `pages`. x0, x1, middle: of each word, fractions of the page, the middle levelled
    where a scan is askew. height: of each page's usual word. lines: how many there are in the document.
    """

    def __init__(self, pages: Sequence[PageText]) -> None:
        self.pages = list(pages)
        counts = [len(page.words) for page in self.pages]
        self.offsets = [0, *np.cumsum(counts, dtype=np.int64).tolist()]
        known: dict[str, int] = {}
        tokens = [known.setdefault(word.text, len(known)) for page in self.pages for word in page.words]
        self._tokens = tokens
        self.token_of = np.array(tokens, dtype=np.int32)
        self.tokens = list(known)
        self.keys = [squash(token) for token in self.tokens]
        keys, offsets = self.keys, self.offsets
        self.text = "\n".join(
            "".join([keys[token] for token in tokens[first:last]]) for first, last in pairwise(offsets)
        )
        lengths = np.array([len(key) for key in keys], dtype=np.int64)[self.token_of] if tokens else np.zeros(0, int)
        breaks = np.repeat(np.arange(len(counts)), counts)
        self.begins: NDArray[np.int64] = np.cumsum(lengths) - lengths + breaks
        self._order = np.argsort(self.token_of, kind="stable").astype(np.int32)
        self._bounds = [0, *np.cumsum(np.bincount(self.token_of, minlength=len(keys))).tolist()]
        self._place()

    def _place(self) -> None:
        total = len(self.token_of)
        edges = chain.from_iterable(word.box for page in self.pages for word in page.words)
        x0, y0, x1, y1 = np.fromiter(edges, dtype=np.float32, count=4 * total).reshape(total, 4).T
        slopes = [math.tan(math.radians(page.skew)) * page.width / (page.height or 1.0) for page in self.pages]
        page_of = np.repeat(np.arange(len(self.pages), dtype=np.int32), [len(page.words) for page in self.pages])
        middle = (y0 + y1) / 2 - np.array(slopes, dtype=np.float32)[page_of] * (x0 + x1) / 2
        heights = [y1[a:b] - y0[a:b] for a, b in pairwise(self.offsets)]
        self.height = [float(np.median(page)) or 0.01 if len(page) else 0.01 for page in heights]
        fresh = np.ones(total, dtype=bool)
        if total:
            apart = SAME_LINE * np.array(self.height, dtype=np.float32)[page_of[1:]]
            fresh[1:] = (np.abs(np.diff(middle)) > apart) | (x1[1:] < x0[:-1]) | (np.diff(page_of) > 0)
        self.lines = int(fresh.sum())
        self.page_of: list[int] = page_of.tolist()
        self.x0: list[float] = x0.tolist()
        self.x1: list[float] = x1.tolist()
        self.middle: list[float] = middle.tolist()

    def __len__(self) -> int:
        return len(self.token_of)

    def at(self, number: int) -> Word:
        page = self.page_of[number]
        word: Word = self.pages[page].words[number - self.offsets[page]]
        return word

    def token(self, number: int) -> str:
        return self.tokens[self._tokens[number]]

    def key(self, number: int) -> str:
        return self.keys[self._tokens[number]]

    def with_token(self, token: int) -> NDArray[np.int32]:
        """The numbers of the words that are this token, in order."""
        return self._order[self._bounds[token] : self._bounds[token + 1]]

    def with_tokens(self, tokens: Iterable[int]) -> list[int]:
        parts = [self.with_token(token) for token in tokens]
        if len(parts) < 2:
            return parts[0].tolist() if parts else []
        return np.sort(np.concatenate(parts)).tolist()  # type: ignore[no-any-return]

    @cached_property
    def by_key(self) -> Tokens:
        """Tokens by their letters and digits."""
        return Tokens(self.keys)

    @cached_property
    def by_digits(self) -> Tokens:
        """Tokens by their digits, whatever stands around and between them."""
        return self.grouped(lambda keys: _NO_DIGIT.sub("", keys))

    def grouped(self, folding: Callable[[str], str]) -> Tokens:
        """Tokens by what a folding makes of their keys. All are folded at once: it must keep the line feeds between."""
        return Tokens(folding("\n".join(self.keys)).split("\n"))

    def text_between(self, first: int, last: int) -> str:
        return " ".join(self.tokens[token] for token in self.token_of[first:last].tolist())

    def owner(self, char: int) -> int:
        """The word that a character of `text` belongs to."""
        return int(np.searchsorted(self.begins, char, side="right")) - 1

    def near(self, one: int, other: int, lines: float) -> bool:
        """Whether two words are on one page, with their middles at most so many line heights apart."""
        return self.page_of[one] == self.page_of[other] and abs(self.drop(one, other)) <= lines

    def drop(self, one: int, other: int) -> float:
        """Line heights from the middle of a word down to that of another on its page."""
        return (self.middle[other] - self.middle[one]) / self.height[self.page_of[one]]

    def page_edges(self, number: int) -> tuple[int, int]:
        """(first, one past the last) word of the page that a word is on."""
        page = self.page_of[number]
        return self.offsets[page], self.offsets[page + 1]


@lru_cache(maxsize=1 << 14)
def edges(token: str) -> frozenset[int]:
    """Where a token's key may be cut: between letter and digit, at a sign, and anywhere in a script without spaces."""
    cuts = [len(squash(token[: match.start()])) for match in _EDGE.finditer(token)]
    wide = [place for place, letter in enumerate(squash(token)) if "\u2e80" <= letter <= "\uffdc"]
    return frozenset((*cuts, *wide, *(place + 1 for place in wide)))


class Tokens:
    """Tokens by a key that they share. Most keys have one: a list for each would cost more than all the rest."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._first: dict[str, int] = {}
        self._all: dict[str, list[int]] = {}
        for token, key in enumerate(keys):
            if self._first.setdefault(key, token) != token:
                self._all.setdefault(key, [self._first[key]]).append(token)
        self._first.pop("", None)

    def __contains__(self, key: str) -> bool:
        return key in self._first

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def get(self, key: str) -> Sequence[int]:
        """Empty for a key that none has."""
        first = self._first.get(key)
        return () if first is None else self._all.get(key) or (first,)
