"""Which of a row's words state which of its values: those in the column where the other rows have theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from statistics import median
from typing import NamedTuple

from pipeline.grounding.amounts import Run
from pipeline.grounding.spots import Wanted, overlaps
from pipeline.grounding.words import Words

COLUMN_WIDTH = 0.8  # line heights by which the edges of a column may differ
ASIDE = 0.1  # cost of a line height aside from a value's column, at most ASIDE_MOST
ASIDE_MOST = 0.6
OTHER = 0.05  # cost of not being what the row was placed by
OFF_LINE = 0.15  # cost of a line above or below where other rows have the value
LEAST_ROWS = 2  # rows that make a column


class Column(NamedTuple):
    """Where rows have one of their values: its edges in line heights, which of them holds, and how far below."""

    left: float
    right: float
    by_right: bool
    line: float

    @property
    def x(self) -> float:
        return self.right if self.by_right else self.left


class Stretch(NamedTuple):
    """The words low..high, the last not included, that are a row's own; top: the first word of what it states."""

    low: int
    high: int
    top: int


def columns(rows: Sequence[Sequence[Wanted]], stretches: Sequence[Stretch | None], words: Words) -> dict[str, Column]:
    """By pointer: the edge at which most rows could have the value, and not where another value is already."""
    seen: dict[str, list[_Spot]] = {}
    for row, stretch in zip(rows, stretches, strict=True):
        if stretch is not None:
            for wanted in row:
                for run in wanted.spots.between(stretch.low, stretch.high):
                    seen.setdefault(wanted.pointer, []).append(_spot(run, stretch.top, words))
    found: dict[str, Column] = {}
    for pointer, spots in seen.items():
        rank, column = max((_densest(spots, right, found.values()) for right in (False, True)), key=itemgetter(0))
        if rank[0] >= LEAST_ROWS:
            found[pointer] = column
    return found


class _Spot(NamedTuple):
    """A place that may be a row's value. row: its first word. edges: left and right. line: below the row's first."""

    row: int
    edges: tuple[float, float]
    line: float


def _spot(run: Run, top: int, words: Words) -> _Spot:
    unit = _unit(words, run.first)
    line = words.drop(top, run.first) if words.page_of[top] == words.page_of[run.first] else 0.0
    return _Spot(top, (words.x0[run.first] / unit, words.x1[run.last - 1] / unit), line)


def _densest(
    spots: Sequence[_Spot], by_right: bool, others: Collection[Column]
) -> tuple[tuple[int, bool, float], Column]:
    """The column in which the most rows have an edge, free if it can be, leftmost; first, how it ranks."""
    ordered = sorted(spots, key=lambda spot: spot.edges[by_right])
    ranked: list[tuple[int, bool, float, int, int]] = []
    rows: Counter[int] = Counter()
    first = 0
    for last, spot in enumerate(ordered):
        rows[spot.row] += 1
        while spot.edges[by_right] - ordered[first].edges[by_right] > COLUMN_WIDTH:
            rows[ordered[first].row] -= 1
            if not rows[ordered[first].row]:
                del rows[ordered[first].row]
            first += 1
        x = ordered[first].edges[by_right]
        free = not any(abs(x - (other.right if by_right else other.left)) <= COLUMN_WIDTH for other in others)
        ranked.append((len(rows), free, -x, first, last + 1))
    count, free, x, first, last = max(ranked)
    inside = ordered[first:last]
    lines = Counter(round(spot.line) for spot in inside)
    line = max(lines, key=lambda line: (lines[line], -abs(line)))
    left, right = (median(spot.edges[edge] for spot in inside) for edge in (0, 1))
    return (count, free, x), Column(left, right, by_right, line)


def _unit(words: Words, word: int) -> float:
    """A line height of the word's page, as a fraction of the page's width."""
    page = words.page_of[word]
    shape = words.pages[page]
    return words.height[page] * shape.height / shape.width


def settled(
    row: Sequence[Wanted],
    guesses: Sequence[Run | None],
    stretch: Stretch,
    learnt: Mapping[str, Column],
    words: Words,
    claimed: Collection[int],
) -> list[Run | None]:
    """The run of each value among the row's words, none twice unless there is no other; least choice goes first."""
    options = [
        [run for run in _options(wanted, guess, stretch) if not overlaps(run, claimed)]
        for wanted, guess in zip(row, guesses, strict=True)
    ]
    runs: list[Run | None] = [None] * len(row)
    taken: set[tuple[int, int]] = set()
    for place in sorted(range(len(row)), key=lambda place: (len(options[place]), place)):
        column = learnt.get(row[place].pointer)
        free = [run for run in options[place] if run[:2] not in taken] or options[place]
        runs[place] = min(free, key=lambda run: _cost(run, column, guesses[place], stretch, words), default=None)
        if (run := runs[place]) is not None:
            taken.add(run[:2])
    return runs


def _options(wanted: Wanted, guess: Run | None, stretch: Stretch) -> list[Run]:
    inside = wanted.spots.between(stretch.low, stretch.high)
    return inside if guess is None or guess in inside else [*inside, guess]


def _cost(run: Run, column: Column | None, guess: Run | None, stretch: Stretch, words: Words) -> tuple[float, int]:
    """Lower is likelier: one less its score, and what it is away from its column and line."""
    cost = 1 - run.score + (run != guess) * OTHER
    if column is not None:
        cost += aside(run, column, words)
        if words.page_of[stretch.top] == words.page_of[run.first]:
            cost += OFF_LINE * abs(words.drop(stretch.top, run.first) - column.line)
    return cost, run.first


def aside(run: Run, column: Column, words: Words) -> float:
    """The cost of standing aside of a column."""
    x = words.x1[run.last - 1] if column.by_right else words.x0[run.first]
    away = abs(x / _unit(words, run.first) - column.x)
    return min(ASIDE_MOST, ASIDE * max(0.0, away - COLUMN_WIDTH / 2))
