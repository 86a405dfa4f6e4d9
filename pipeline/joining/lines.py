"""The lines of a document, column by column where entries of a list stand side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from model.embedded.lines import page_lines
from pipeline.grounding.index import WordIndex
from pipeline.joining.entries import WordKey
from schemas.page import Box, enclosing


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one page, or of one of its columns: its words, by their places, and the box around them."""

    page: int
    words: tuple[WordKey, ...]
    box: Box
    text: str


@dataclass
class Pages:
    """The lines of a document, made when they are needed."""

    index: WordIndex
    _lines: dict[int, list[Line]] = field(default_factory=dict)

    def lines(self, page: int, edges: Sequence[float] = ()) -> list[Line]:
        """Of one page; of each of its columns where these begin at the edges."""
        if page not in self._lines:
            self._lines[page] = list(self._made(page))
        lines = self._lines[page]
        return [part for line in lines for part in self._by_column(line, edges)] if len(edges) > 1 else lines

    def _made(self, page: int) -> Iterator[Line]:
        places = self.index.numbers(page)
        for line in page_lines(self.index.pages[page]):
            yield self._line(page, tuple((page, places[word]) for word in line.words))

    def _line(self, page: int, words: tuple[WordKey, ...]) -> Line:
        found = [self.index.word(word) for word in words]
        return Line(page, words, enclosing(word.box for word in found), " ".join(word.text for word in found))

    def _by_column(self, line: Line, edges: Sequence[float]) -> Iterator[Line]:
        columns: dict[int, list[WordKey]] = defaultdict(list)
        for word in line.words:
            left = self.index.word(word).box.x0
            columns[sum(left >= edge - 0.005 for edge in edges)].append(word)
        for words in columns.values():
            yield self._line(line.page, tuple(words))
