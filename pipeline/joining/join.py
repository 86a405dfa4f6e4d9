"""Joining the entries of a list that several asks brought: by where they stand, not by what they say.

An entry that two slices or windows saw stands on the same words, and is one. Two entries that say the same on different
lines are two. What stands nowhere, in a list whose entries do stand on the pages, was not read from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from pipeline.grounding.index import WordIndex
from pipeline.grounding.rows import RowPlaces, ground_rows
from pipeline.joining.anchors import Anchor, anchor_of, in_order
from pipeline.joining.entries import Entry, Stated, WordKey, put_together, stated_at, stated_by
from pipeline.joining.merge import agree, continued, merge
from schemas.field import Field
from schemas.page import BLANK
from schemas.record import Issue

FEW = 4  # entries of a list from which its entries can be said to stand on the pages
MOSTLY = 0.8  # share of a list's entries that stand somewhere, from which one that does not was not read
SURE = 0.7  # how much of what an entry says must be stated where it should begin, for no other place to be tried
STANDS = 0.5  # share of what an entry says that must be stated: less may be so by chance
SHOWN = 160  # characters of an entry in an issue


@dataclass
class Joiner:
    """Joins the lists of one document. issues: what was left out, and why."""

    index: WordIndex
    issues: list[Issue] = field(default_factory=list)

    def joined(self, pointer: str, node: Field, entries: Sequence[Entry]) -> list[Entry]:
        """The entries of one list, each once, in the order of the document.

        node: the list's field. entries: of all parts, in the order of their scopes.
        """
        assert node.item is not None
        for _, part in groupby(entries, key=lambda entry: entry.part):
            self._place(list(part), node.item)
        holder = Entry({}, lists={pointer: list(entries)})
        self._leave_out(holder)
        return self._whole(pointer, holder.lists[pointer])

    def _whole(self, pointer: str, entries: Sequence[Entry]) -> list[Entry]:
        kept = continued(in_order(self._once(pointer, entries), self.index))
        for entry in kept:
            for at, inner in entry.lists.items():
                entry.lists[at] = self._whole(f"{pointer}/*{at}", inner)
        return kept

    def _place(self, entries: Sequence[Entry], item: Field) -> None:
        """Says where each entry of one part, and each below it, is stated. An engine that knows is believed.

        They are looked for in the part's scope first, then, for what a reply says beyond it, anywhere.
        """
        for entry in (each for whole in entries for each in whole.everywhere()):
            found = {at: source.finding for at, source in entry.sources.items() if source.finding}
            entry.stated |= {at: stated_by(finding, self.index) for at, finding in found.items()}
        left = [entry for entry in entries if not any(each.stated for each in entry.everywhere())]
        scope = entries[0].scope
        for within in (scope, None) if scope else (None,):
            rows = ground_rows([put_together(entry, item)[0] for entry in left], item, self.index, scope=within)
            weak = []
            for entry, row in zip(left, rows, strict=True):
                _state(entry, row)
                if row.shared or any(_share(each) < SURE for each in entry.everywhere()):
                    weak.append(entry)
            left = weak

    def _leave_out(self, holder: Entry) -> None:
        """Leaves out the entries that stand nowhere, of each list whose entries do."""
        for pointer, lists in _by_list(holder).items():
            entries = [entry for owner, at in lists for entry in owner.lists[at]]
            stand = sum(_stands(entry) for entry in entries)
            if len(entries) < FEW or stand < MOSTLY * len(entries):
                continue
            for owner, at in lists:
                kept = []
                for entry in owner.lists[at]:
                    if _stands(entry) or not self._is_legible(entry):
                        kept.append(entry)
                    else:
                        self._tell(pointer, entry)
                owner.lists[at] = kept

    def _is_legible(self, entry: Entry) -> bool:
        """Whether the pages that it may stand on say in words all that is printed there: OCR may have missed it."""
        scope = entry.scope
        pages = (
            page for number, page in self.index.pages.items() if scope is None or scope.first <= number <= scope.last
        )
        return all(page.source == "text" or page.reason == BLANK for page in pages)

    def _once(self, pointer: str, entries: Sequence[Entry]) -> list[Entry]:
        """The entries without those that stand on the words of another one, which tells what they have in common."""
        kept: list[Entry] = []
        by_word: dict[WordKey, list[tuple[Entry, Anchor]]] = defaultdict(list)
        for entry in entries:
            same = None
            anchor = anchor_of(entry, self.index) if _stands(entry) or self._is_legible(entry) else None
            if anchor is not None:
                others = {
                    id(other): (other, place)
                    for word in entry.words
                    for other, place in by_word[word]
                    if other.part != entry.part or not entry.is_believed
                }
                same = next((one for one, at in others.values() if _is_same(entry, anchor, one, at, self.index)), None)
                for word in entry.words:
                    by_word[word].append((same or entry, anchor))
            if same is None:
                kept.append(entry)
                continue
            if same.part == entry.part and not agree(same, entry):
                self._tell(pointer, entry)
            merge(same, entry, only_stated=True)
        return kept

    def _tell(self, pointer: str, entry: Entry) -> None:
        said = ", ".join(f"{at[1:]}: {value}" for at, value in entry.leaves())
        said = said if len(said) <= SHOWN else said[: SHOWN - 1] + "…"
        self.issues.append(
            Issue(
                code="entry-not-found",
                message=f"{pointer}: an entry that the engine gave stands on no page, and was left out: {said}.",
                severity="error",
                pointers=(pointer,),
            )
        )


def _state(entry: Entry, row: RowPlaces) -> None:
    """Says where an entry and those below it are stated, unless another look has found more of one of them."""
    found: dict[int, tuple[Entry, dict[str, Stated]]] = {}
    for pointer, place in row.places.items():
        owner, at = entry.owner(pointer)
        if place is not None:
            found.setdefault(id(owner), (owner, {}))[1][at] = stated_at(place)
    for owner, stated in found.values():
        if len(stated) > len(owner.stated):
            owner.stated = stated


def _by_list(holder: Entry) -> dict[str, list[tuple[Entry, str]]]:
    """Every list of objects below an entry, with its owners: those inside the entries of one list are one list."""
    found: dict[str, list[tuple[Entry, str]]] = defaultdict(list)

    def collect(entry: Entry, pointer: str) -> None:
        for at, entries in entry.lists.items():
            found[pointer + at].append((entry, at))
            for inner in entries:
                collect(inner, f"{pointer}{at}/*")

    collect(holder, "")
    return found


def _stands(entry: Entry) -> bool:
    """Whether enough of what it says, or an entry below it, is stated on the pages; one that says nothing may stay."""
    return _share(entry) >= STANDS or any(_stands(each) for some in entry.lists.values() for each in some)


def _share(entry: Entry) -> float:
    """Of what it says itself, how much is stated, 0..1."""
    said = sum(1 for _ in entry.leaves())
    return min(1.0, len(entry.stated) / said) if said else 1.0


def _is_same(one: Entry, at: Anchor, other: Entry, place: Anchor, index: WordIndex) -> bool:
    """Whether two entries are one: they stand on the same line, and most of what both have there on the same words; or
    the one stands on nothing but words of the other.
    """
    if one.words <= other.words:
        return True
    if not at.is_level_with(*place):
        return False
    common = apart = 0
    for pointer in one.stated.keys() & other.stated.keys():
        mine, theirs = one.stated[pointer].words, other.stated[pointer].words
        if any(at.is_level_with(page, index.word((page, word)).box) for page, word in mine):
            common += 1
            apart += not set(mine) & set(theirs)
    return 2 * apart < common
