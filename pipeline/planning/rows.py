"""Which entries of which list are expected where: blocks of lines that look like rows, shared out among the lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

from pipeline.planning.lists import PROSE_ENTRY, ListField
from pipeline.planning.sheet import Sheet
from pipeline.planning.tabular import Block, Row

ENOUGH = 1.5  # the score from which a head speaks for a list: a column and more, or the list's own name
ENOUGH_ALONE = 1.0  # the same where the contract has one list only
UNREAD_ROWS = 20  # on a page of which hardly a word was read
SHARED = 0.5  # of rows that no list owns, how many are expected to be asked for, where several lists may own them
PROSE_ROWS = 0.25  # on a page with no rows, for a list that has none anywhere

LEAST_ROWS = 2  # of such a list on all pages together, however many lists share them


class Entries(NamedTuple):
    """Entries that begin between one place of a page and the next. above: a fraction of the page. rows: how many; a
    share where they may be another list's. tokens: of what a reply says of them."""

    above: float
    rows: float
    tokens: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one list. by_page: top to bottom. found: the entries were found, not guessed. unread: pages
    on which they are guessed all the same."""

    list: ListField
    by_page: Mapping[int, tuple[Entries, ...]]
    found: bool
    unread: frozenset[int]

    def tokens(self, first: int, last: int) -> float:
        return sum(entries.tokens for page in range(first, last + 1) for entries in self.by_page.get(page, ()))

    def rows(self, first: int, last: int) -> int | None:
        """About how many entries begin on these pages; None where nobody knows."""
        if not self.found or any(page in self.unread for page in range(first, last + 1)):
            return None
        return round(sum(entries.rows for page in range(first, last + 1) for entries in self.by_page.get(page, ())))


class Texture(NamedTuple):
    """What is kept of a page for lists that have no rows: whether it was read, and its lines' places and tokens."""

    number: int
    read: bool
    tokens: float
    above: tuple[float, ...]

    @classmethod
    def of(cls, sheet: Sheet) -> Texture:
        ys = [line.y for line in sheet.lines]
        return cls(sheet.number, sheet.read, sheet.tokens, (0.0, *((a + b) / 2 for a, b in pairwise(ys))))


def expected(blocks: Sequence[Block], lists: Sequence[ListField], pages: Sequence[Texture]) -> list[Expected]:
    """For each list, in order, the entries expected on each page. Lists that give pages' texts whole have no rows."""
    tabular = [each for each in lists if not each.copies]
    owned: dict[str, list[Row]] = defaultdict(list)
    stray: list[Row] = []
    for block in blocks:
        for rows, said in _sections(block, tabular):
            owner = _owner(block, said, tabular)
            (owned[owner.pointer] if owner else stray).extend(rows)
    orphans = [each for each in tabular if each.pointer not in owned]
    share = SHARED / len(orphans) if len(orphans) > 1 else 1.0
    return [_expected(each, owned.get(each.pointer), stray, share, pages) for each in lists]


def _sections(block: Block, lists: Sequence[ListField]) -> list[tuple[list[Row], str]]:
    """The block's rows in parts, cut where a head or another list's name stands between them, with what is said over
    each part."""
    parts: list[tuple[list[Row], str]] = []
    said, start = " ".join(block.head), 0
    for at, group in groupby(block.asides, key=lambda aside: aside[0]):
        asides = list(group)
        text = " ".join(words for _, words, _ in asides)
        if at < len(block.rows) and (any(titled for *_, titled in asides) or any(each.named(text) for each in lists)):
            parts.append((block.rows[start:at], said))
            said, start = text, at
    return [*parts, (block.rows[start:], said)]


def _owner(block: Block, said: str, lists: Sequence[ListField]) -> ListField | None:
    """The list that the text over a table speaks for, if its columns can be the list's."""
    numbers = block.kinds()["number"]
    scores = [each.score(said) - (numbers > 1 and not each.numbers) for each in lists]
    best = max(scores, default=0.0)
    if best < (ENOUGH_ALONE if len(lists) == 1 else ENOUGH):
        return None
    return lists[scores.index(best)]


def _expected(
    each: ListField, owned: Sequence[Row] | None, stray: Sequence[Row], share: float, pages: Sequence[Texture]
) -> Expected:
    by_page: dict[int, tuple[Entries, ...]] = {}
    rows: dict[int, list[Entries]] = defaultdict(list)
    for row in owned if owned is not None else stray:
        part = 1.0 if owned is not None else share
        rows[row.page].append(Entries(row.above, part * row.entries, part * (row.entries * each.keys + row.tokens)))
    for page in pages:
        if each.copies:
            found = _of_text(each, page)
        elif rows.get(page.number):
            found = sorted(rows[page.number])
        elif not page.read:
            found = _unread(each, share if owned is None else 1.0)
        elif owned is None and page.tokens:
            few = min(PROSE_ROWS, max(PROSE_ROWS * share, LEAST_ROWS / len(pages)))
            found = [Entries(0.0, few, few * (each.keys + PROSE_ENTRY))]
        else:
            found = []
        if found:
            by_page[page.number] = tuple(found)
    unread = frozenset(page.number for page in pages if not page.read)
    return Expected(each, by_page, owned is not None and each.counted, unread)


def _of_text(each: ListField, page: Texture) -> list[Entries]:
    """Lines that are given whole, with the keys of an entry for the page."""
    if not page.read:
        return _unread(each, 1.0)
    share = 1 / len(page.above)
    tokens = share * (each.keys + each.copies * page.tokens)
    return [Entries(above, share, tokens) for above in page.above] if page.tokens else []


def _unread(each: ListField, share: float) -> list[Entries]:
    tokens = share * (each.keys + PROSE_ENTRY)
    return [Entries(at / UNREAD_ROWS, share, tokens) for at in range(UNREAD_ROWS)]
