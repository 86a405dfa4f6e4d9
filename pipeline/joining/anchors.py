"""Where on the pages an entry stands: the line that states the most of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from pipeline.grounding.index import WordIndex
from pipeline.joining.entries import Entry
from schemas.page import Box, enclosing

SAME_LINE = 0.5  # of a line's height, by which two words on one line differ at most
APART = 0.1  # of a page's width, by which the first words of entries in neighbouring columns differ at least


class Anchor(NamedTuple):
    """The part of a line on which an entry stands: its page, and the box around its words there."""

    page: int
    box: Box

    def is_level_with(self, page: int, box: Box) -> bool:
        """Whether a box stands on its line."""
        reach = SAME_LINE * min(self.box.height, box.height)
        return self.page == page and abs(self.box.center[1] - box.center[1]) <= reach


def anchor_of(entry: Entry, index: WordIndex) -> Anchor | None:
    """None for an entry of which no page states anything.

    The line is the one that begins the most leaves, and of several the lowest: the others may be headings that name
    what holds for many entries. An entry of which only its own lists are stated stands where the first of these does.
    """
    begins = sorted(
        (
            (stated.words[0][0], [index.word(word).box for word in stated.words])
            for stated in entry.stated.values()
            if stated.words
        ),
        key=lambda item: (item[0], item[1][0].center[1]),
    )
    lines: list[tuple[int, Box, list[list[Box]]]] = []
    for page, boxes in begins:
        first = boxes[0]
        if lines and lines[-1][0] == page and first.center[1] - lines[-1][1].center[1] <= SAME_LINE * first.height:
            lines[-1][2].append(boxes)
        else:
            lines.append((page, first, [boxes]))
    if lines:
        page, first, values = max(lines, key=lambda line: (len(line[2]), line[0], line[1].y0))
        reach = SAME_LINE * first.height
        level = (box for boxes in values for box in boxes if abs(box.center[1] - first.center[1]) <= reach)
        return Anchor(page, enclosing(level))
    inner = (anchor_of(each, index) for entries in entry.lists.values() for each in entries)
    return next((anchor for anchor in inner if anchor is not None), None)


def in_order(entries: Sequence[Entry], index: WordIndex) -> list[Entry]:
    """The entries in the order of the document: page by page, column by column, from top to bottom.

    One that stands nowhere stays behind the one that it came after.
    """
    anchors = [anchor_of(entry, index) for entry in entries]
    by_page: dict[int, list[Anchor]] = defaultdict(list)
    for anchor in anchors:
        if anchor is not None:
            by_page[anchor.page].append(anchor)
    columns = {page: column_edges(some) for page, some in by_page.items()}
    keys: list[tuple[int, int, float]] = []
    last = (0, 0, 0.0)
    for anchor in anchors:
        if anchor is not None:
            column = sum(1 for left in columns[anchor.page] if anchor.box.x0 >= left)
            last = (anchor.page, column, anchor.box.center[1])
        keys.append(last)
    return [entries[place] for place in sorted(range(len(entries)), key=lambda place: keys[place])]


def column_edges(anchors: Sequence[Anchor]) -> list[float]:
    """The left edges at which columns of entries begin; none where no two entries stand side by side."""
    level = sorted(anchors, key=lambda anchor: (anchor.box.center[1], anchor.box.x0))
    beside = sum(one.is_level_with(*other) and other.box.x0 >= one.box.x1 for one, other in pairwise(level))
    if not beside:
        return []
    lefts = Counter(round(anchor.box.x0, 2) for anchor in anchors)
    edges: list[float] = []
    for left in sorted(lefts):
        if not edges or left - edges[-1] > APART:
            edges.append(left)
    return edges
