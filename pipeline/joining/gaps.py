"""Lines that look like the entries of a list, and that no entry stands on."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from model.embedded.vocabulary import TOTAL
from pipeline.joining.anchors import Anchor, anchor_of, column_edges
from pipeline.joining.entries import Entry, WordKey
from pipeline.joining.lines import Line, Pages
from pipeline.joining.look import Edges, Look, kind_of, look_of

LIKE = 0.75  # share of what every entry shows, from which a line among the entries looks like one
WHOLLY = 0.99  # the same for a line before the first or behind the last of them


@dataclass(frozen=True, slots=True)
class Gap:
    """A line that looks like an entry of a list, and on which none stands. sure: it stands among the list's entries."""

    list: str
    line: Line
    sure: bool


@dataclass(frozen=True)
class Listed:
    """The entries of one list, and where they stand. top: the list that an ask can name, around this one or itself."""

    top: str
    entries: tuple[Entry, ...]
    pages: Pages

    @cached_property
    def standing(self) -> list[tuple[Entry, Anchor]]:
        found = ((entry, anchor_of(entry, self.pages.index)) for entry in self.entries)
        return [(entry, anchor) for entry, anchor in found if anchor is not None]

    @cached_property
    def edges(self) -> dict[int, list[float]]:
        """By page, where columns of entries begin."""
        return {page: column_edges([anchor for _, anchor in rows]) for page, rows in self._by_page.items()}

    @cached_property
    def look(self) -> Look | None:
        index = self.pages.index
        lines = [
            frozenset(word for word in entry.words if anchor.is_level_with(word[0], index.word(word).box))
            for entry, anchor in self.standing
        ]
        return look_of([entry for entry, _ in self.standing], lines, index)

    def gaps(self, told: frozenset[WordKey]) -> Iterator[Gap]:
        """told: words of what stands once in the document."""
        if self.look is None:
            return
        first = min((anchor.page, anchor.box.y0) for _, anchor in self.standing)
        last = max((anchor.page, anchor.box.y1) for _, anchor in self.standing)
        for page in self.pages.index.pages:
            for line in self.pages.lines(page, self.edges.get(page, ())):
                edges = Edges.of([self.pages.index.word(word) for word in line.words])
                among = first <= (page, line.box.center[1]) <= last
                if self.look.share(edges) < (LIKE if among else WHOLLY):
                    continue
                if entry := self.on(line):
                    if self.look.doubts(entry, edges):
                        yield Gap(self.top, line, sure=False)
                elif not (TOTAL.match(line.text) or self._is_told(line, told) or self._goes_on(line)):
                    yield Gap(self.top, line, sure=among)

    def on(self, line: Line) -> Entry | None:
        """The entry that stands on a line."""
        found = (entry for entry, anchor in self._by_page.get(line.page, ()) if _stands_on(anchor, line))
        return next(found, None)

    @cached_property
    def _by_page(self) -> dict[int, list[tuple[Entry, Anchor]]]:
        by_page: dict[int, list[tuple[Entry, Anchor]]] = defaultdict(list)
        for entry, anchor in self.standing:
            by_page[anchor.page].append((entry, anchor))
        return by_page

    def _goes_on(self, line: Line) -> bool:
        """Whether the line says again what the entry above it says, whose list goes on below: `A-12 (continued)`."""
        place = bisect_right(self._places, (line.page, line.box.y0))
        if place == 0 or not self._in_order[place - 1].lists:
            return False
        word = self.pages.index.word
        said = {word(key).text for key in self._in_order[place - 1].words}
        return said <= {word(key).text for key in line.words}

    @cached_property
    def _in_order(self) -> list[Entry]:
        return [entry for entry, _ in sorted(self.standing, key=lambda row: (row[1].page, row[1].box.y0))]

    @cached_property
    def _places(self) -> list[tuple[int, float]]:
        return sorted((anchor.page, anchor.box.y0) for _, anchor in self.standing)

    def _is_told(self, line: Line, told: frozenset[WordKey]) -> bool:
        """Whether entries state most of its words, being of several lines, or all figures of it are those of what
        stands once: of a total that no word names.
        """
        if 2 * sum(word in self._words for word in line.words) > len(line.words):
            return True
        figures = [word for word in line.words if kind_of(self.pages.index.word(word).text) == "number"]
        return bool(figures) and told.issuperset(figures)

    @cached_property
    def _words(self) -> frozenset[WordKey]:
        return frozenset(word for entry in self.entries for word in entry.words)


def listed(root: Entry, pages: Pages) -> dict[str, Listed]:
    """Every list of a document by its pointer, those inside the entries of others too, taken over all these."""
    lists: dict[str, tuple[str, list[Entry]]] = {}
    _collect(root, "", "", lists)
    return {pointer: Listed(top, tuple(entries), pages) for pointer, (top, entries) in lists.items()}


def gaps(lists: Mapping[str, Listed], told: frozenset[WordKey]) -> list[Gap]:
    """The lines of a document that look like entries and are none yet, or whose entry does not say what they show.

    lists: of the document. told: words of what stands once in it.
    """
    found = {gap.line: gap for each in lists.values() for gap in each.gaps(told)}
    free = (gap for gap in found.values() if not gap.sure or not any(each.on(gap.line) for each in lists.values()))
    return sorted(free, key=lambda gap: (gap.line.page, gap.line.box.y0))


def _collect(entry: Entry, pointer: str, top: str, found: dict[str, tuple[str, list[Entry]]]) -> None:
    for at, entries in entry.lists.items():
        path, named = f"{pointer}{at}", top or at
        found.setdefault(path, (named, []))[1].extend(entries)
        for inner in entries:
            _collect(inner, f"{path}/*", named, found)


def _stands_on(anchor: Anchor, line: Line) -> bool:
    x0, x1 = anchor.box.x0, anchor.box.x1
    return anchor.is_level_with(line.page, line.box) and line.box.x0 <= (x0 + x1) / 2 <= line.box.x1
