"""Joining the entries of a list that several asks brought: by where they stand, not by what they say.

An entry that two slices or windows saw stands on the same words, and is one. Two entries that say the same on different
lines are two. What stands nowhere, in a list whose entries do stand on the pages, was not read from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from pipeline.index import WordIndex
from pipeline.joining.anchors import Anchor, anchor_of, in_order
from pipeline.joining.entries import Entry, WordKey, stated_at, stated_by
from pipeline.joining.merge import agree, continued, merge
from pipeline.rows import ground_rows
from schemas.record import Issue

FEW = 4  # entries of a list from which its entries can be said to stand on the pages
MOSTLY = 0.8  # share of a list's entries that stand somewhere, from which one that does not was not read
SHOWN = 160  # characters of an entry in an issue


@dataclass
class Joiner:
    """Joins the lists of one document. issues: what was left out, and why."""

    index: WordIndex
    issues: list[Issue] = field(default_factory=list)

    def joined(self, pointer: str, entries: Sequence[Entry], pages: Collection[int] | None = None) -> list[Entry]:
        """The entries of one list, each once, in the order of the document.

        entries: of all parts, in the order of their scopes. pages: numbers of those on which they may stand.
        """
        for _, part in groupby(entries, key=lambda entry: entry.part):
            self._place(list(part), pages)
        kept = self._once(pointer, self._read(pointer, entries))
        kept = continued(in_order(kept, self.index))
        for entry in kept:
            for at, inner in entry.lists.items():
                entry.lists[at] = self.joined(f"{pointer}/*{at}", inner, pages)
        return kept

    def _place(self, entries: Sequence[Entry], pages: Collection[int] | None) -> None:
        """Says where each entry of one part is stated. An engine that knows is believed."""
        for entry in entries:
            found = {at: source.finding for at, source in entry.sources.items() if source.finding}
            if found and not entry.stated:
                entry.stated = {at: stated_by(finding, self.index) for at, finding in found.items()}
        unplaced = [entry for entry in entries if not entry.stated]
        if not unplaced:
            return
        rows = ground_rows([dict(entry.leaves()) for entry in unplaced], self.index, pages, unplaced[0].scope)
        for entry, row in zip(unplaced, rows, strict=True):
            entry.stated = {at: stated_at(place) for at, place in row.places.items()}

    def _read(self, pointer: str, entries: Sequence[Entry]) -> list[Entry]:
        """The entries without those that stand nowhere, in a list whose entries do."""
        placed = [any(each.words for each in entry.everywhere()) for entry in entries]
        if len(entries) < FEW or sum(placed) < MOSTLY * len(entries):
            return list(entries)
        for entry in (entry for entry, stands in zip(entries, placed, strict=True) if not stands):
            self._left_out(pointer, entry)
        return [entry for entry, stands in zip(entries, placed, strict=True) if stands]

    def _once(self, pointer: str, entries: Sequence[Entry]) -> list[Entry]:
        """The entries without those that stand on the words of another one, which tells what they have in common."""
        kept: list[Entry] = []
        by_word: dict[WordKey, list[tuple[Entry, Anchor]]] = defaultdict(list)
        for entry in entries:
            same = None
            if anchor := anchor_of(entry, self.index):
                others = {id(other): (other, place) for word in entry.words for other, place in by_word[word]}
                same = next((one for one, at in others.values() if _is_same(entry, anchor, one, at, self.index)), None)
                for word in entry.words:
                    by_word[word].append((same or entry, anchor))
            if same is None:
                kept.append(entry)
                continue
            if same.part == entry.part and not agree(same, entry):
                self._left_out(pointer, entry)
            merge(same, entry)
        return kept

    def _left_out(self, pointer: str, entry: Entry) -> None:
        said = ", ".join(f"{at[1:]}: {value}" for at, value in entry.leaves())
        said = said if len(said) <= SHOWN else said[: SHOWN - 1] + "…"
        self.issues.append(
            Issue(
                code="entry-not-found",
                message=f"{pointer}: an entry that the engine gave stands on no page, and was left out: {said}.",
                pointers=(pointer,),
            )
        )


def _is_same(one: Entry, at: Anchor, other: Entry, place: Anchor, index: WordIndex) -> bool:
    """Whether two entries are one: they stand on the same line, and most of what both have there on the same words."""
    if not at.is_level_with(*place):
        return False
    common = apart = 0
    for pointer in one.stated.keys() & other.stated.keys():
        mine, theirs = one.stated[pointer].words, other.stated[pointer].words
        if any(at.is_level_with(page, index.word((page, word)).box) for page, word in mine):
            common += 1
            apart += not set(mine) & set(theirs)
    return 2 * apart < common
