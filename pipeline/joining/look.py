"""What the entries of a list look like on the page: which of their leaves stand where, and as what."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pipeline.grounding.index import WordIndex
from pipeline.joining.entries import Entry
from pipeline.joining.merge import LITERAL
from schemas.page import Word

STEPS = 100  # of a page's width, by which edges are told apart
FEW = 3  # entries from which a look can be learnt
USUAL = 0.9  # share of the entries whose own line states a leaf, from which every entry's does
SEEN = 0.03  # share of the entries with one edge, from which it is one of a column's edges

Kind = Literal["number", "text"]


class Edge(NamedTuple):
    """Where a leaf's words begin or end on a line, in steps, and what the outermost word is."""

    place: int
    kind: Kind


class Edges(NamedTuple):
    """Where the words of a line begin and end, give or take a step."""

    begins: frozenset[Edge]
    ends: frozenset[Edge]

    @classmethod
    def of(cls, words: Sequence[Word]) -> Edges:
        kinds = [kind_of(word.text) for word in words]
        begins = [round(word.box.x0 * STEPS) for word in words]
        ends = [round(word.box.x1 * STEPS) for word in words]
        return cls(_around(begins, kinds), _around(ends, kinds))


@dataclass(frozen=True, slots=True)
class Column:
    """Where one leaf stands. pointer: of the leaf in its entry. begins, ends: edges that it was seen with; it is
    aligned by one of the two, the other is empty. usual: every entry has it on its own line.
    """

    pointer: str
    begins: frozenset[Edge]
    ends: frozenset[Edge]
    usual: bool

    @property
    def is_number(self) -> bool:
        return all(edge.kind == "number" for edge in self.begins | self.ends)

    def is_on(self, line: Edges) -> bool:
        """Whether one of the words of a line stands as the leaf does."""
        return not (self.begins.isdisjoint(line.begins) and self.ends.isdisjoint(line.ends))


@dataclass(frozen=True, slots=True)
class Look:
    """How the entries of a list are printed. columns: where leaves stand. literal: leaves that are printed as they are
    said: of an entry of which one is nowhere, something was misread.
    """

    columns: tuple[Column, ...]
    literal: frozenset[str]

    def doubts(self, entry: Entry, line: Edges) -> bool:
        """Whether an entry says what its line does not state, or does not say what it shows."""
        unsaid = (column.pointer not in entry.stated and column.is_on(line) for column in self.columns if column.usual)
        return any(unsaid) or any(at in self.literal and not _is_literal(entry, at) for at, _ in entry.leaves())

    def share(self, line: Edges) -> float:
        """0..1: how much of what every entry shows on its line this one shows.

        0 for a line without any of the figures that every entry has: the head of a table stands in its columns too.
        """
        usual = [column for column in self.columns if column.usual]
        shown = [column for column in usual if column.is_on(line)]
        if any(column.is_number for column in usual) and not any(column.is_number for column in shown):
            return 0.0
        return len(shown) / len(usual)


def look_of(entries: Sequence[Entry], lines: Sequence[frozenset[tuple[int, int]]], index: WordIndex) -> Look | None:
    """What most of the entries have in common; None where they are too few, or no columns tell them from running text.

    lines: for each entry, the words of the line that it stands on.
    """
    if len(entries) < FEW:
        return None
    begins: dict[str, Counter[Edge]] = defaultdict(Counter)
    ends: dict[str, Counter[Edge]] = defaultdict(Counter)
    for entry, line in zip(entries, lines, strict=True):
        for pointer, stated in entry.stated.items():
            words = [index.word(key) for key in stated.words if key in line]
            if words:
                begins[pointer][Edge(round(words[0].box.x0 * STEPS), kind_of(words[0].text))] += 1
                ends[pointer][Edge(round(words[-1].box.x1 * STEPS), kind_of(words[-1].text))] += 1
    columns = [_column(pointer, begins[pointer], ends[pointer], len(entries)) for pointer in begins]
    usual = [column for column in columns if column.usual]
    typed = any(column.is_number for column in usual)
    return Look(tuple(columns), _literal(entries)) if len(usual) >= (2 if typed else 3) else None


def _literal(entries: Sequence[Entry]) -> frozenset[str]:
    said, stated = Counter[str](), Counter[str]()
    for entry in entries:
        said.update(at for at, _ in entry.leaves())
        stated.update(at for at in entry.stated if _is_literal(entry, at))
    return frozenset(at for at, count in said.items() if count >= FEW and stated[at] >= USUAL * count)


def kind_of(text: str) -> Kind:
    """A word with more digits than letters is a number: an amount, a date, a code."""
    digits = sum(char.isdigit() for char in text)
    return "number" if digits and digits > sum(char.isalpha() for char in text) else "text"


def _is_literal(entry: Entry, pointer: str) -> bool:
    return pointer in entry.stated and entry.stated[pointer].score >= LITERAL


def _column(pointer: str, begins: Counter[Edge], ends: Counter[Edge], entries: int) -> Column:
    """The edge that varies less is the one that the column is aligned by."""
    seen = sum(begins.values())
    left, right = (_aligned(edges) for edges in (begins, ends))
    by_left = sum(begins[edge] for edge in left) >= sum(ends[edge] for edge in right)
    aligned = max(sum(begins[edge] for edge in left), sum(ends[edge] for edge in right))
    usual = seen >= USUAL * entries and aligned >= USUAL * seen
    return Column(pointer, left if by_left else frozenset(), frozenset() if by_left else right, usual)


def _aligned(edges: Counter[Edge]) -> frozenset[Edge]:
    """The few edges that entries share; many different ones are no alignment."""
    total = sum(edges.values())
    shared = [edge for edge, count in edges.items() if count >= max(2, SEEN * total)]
    return frozenset(shared)


def _around(places: Sequence[int], kinds: Sequence[Kind]) -> frozenset[Edge]:
    near = (place + step for place in places for step in (-1, 0, 1))
    return frozenset(map(Edge, near, (kind for kind in kinds for _ in range(3))))
