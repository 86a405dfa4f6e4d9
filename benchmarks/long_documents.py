"""Long documents with their truth: statements of accounts of any number of rows, as printers print them.

`long_document(rows, kind, seed)` gives the same document for the same arguments. It has some 20 rows a page, a title
block and a closing balance, and what makes long tables hard: headings that name a group above its rows, rows of two
lines, rows that a page break cuts in two, rows that are equal and yet two, empty cells, heads that are repeated on
every page, on some or on none, sub-totals and sums carried forward that are no rows, running heads and feet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.printing import LINE, NARROW, SIZE, WRAPPED, Habits, Paper, wrapped
from benchmarks.statements import WORDS, Kind, cents, contract, longer, made_up_groups, section
from schemas.contract import Contract
from schemas.page import Box, PageText

CUT = 0.2  # share of page breaks at which a row is made long enough to be cut


@dataclass(frozen=True, slots=True)
class Printed:
    """A value, a row or the head of a group, and where its first word stands.

    headings: of a row, the pages on which the heading of its group is printed, up to the row.
    """

    value: Any
    page: int
    box: Box
    headings: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading. head: its number and name, as printed above them."""

    head: Printed
    rows: tuple[Printed, ...]


@dataclass(frozen=True, slots=True)
class LongDocument:
    """pages: as read. scalars: what is printed once, by name; what a contract asks for beside them is not printed."""

    kind: Kind
    contract: Contract
    pages: tuple[PageText, ...]
    scalars: Mapping[str, Printed]
    groups: tuple[Group, ...]

    @property
    def pointer(self) -> str:
        """JSON Pointer of the contract's list."""
        return f"/{self.kind}"

    @property
    def truth(self) -> dict[str, Any]:
        """The data in the contract's shape."""
        entries = []
        for group in self.groups:
            head, rows = group.head.value, [row.value for row in group.rows]
            entries += [head | {"rows": rows}] if self.kind == "groups" else [section(head) | row for row in rows]
        scalars = {name: printed.value for name, printed in self.scalars.items()}
        return {"tax_number": None} | scalars | {self.kind: entries}


def long_document(rows: int, kind: Kind = "rows", seed: int = 0) -> LongDocument:
    """A document of that many rows, printed on as many pages as they take."""
    rng = Random(f"{kind}/{rows}/{seed}")
    habits = Habits.drawn(rng)
    content = list(made_up_groups(rng, habits.locale.language, rows))
    scalars = {
        "statement_number": f"S-{rng.randrange(10_000, 99_999)}",
        "currency": rng.choice(("EUR", "USD", "CHF", "GBP")),
        "period_start": content[0][1][0]["date"],
        "period_end": content[-1][1][-1]["date"],
        "opening_balance": cents(rng, 900_000_00),
        "closing_balance": cents(rng, 900_000_00),
    }
    press = _Press(rng, habits, kind)
    printed = press.title(scalars)
    groups = tuple(press.group(head, inner) for head, inner in content)
    printed["closing_balance"] = press.closing(scalars["closing_balance"])
    press.feet(scalars["statement_number"])
    return LongDocument(kind, contract(kind), press.paper.pages(), printed, groups)


class _Press:
    """Prints one document, from top to bottom, and notes where its values stand."""

    def __init__(self, rng: Random, habits: Habits, kind: Kind) -> None:
        self.rng, self.habits, self.kind = rng, habits, kind
        self.say = WORDS[habits.locale.language]
        self.paper = Paper(*habits.locale.paper)
        self.left = habits.span("date")[0]
        self.sums = {"debit": 0.0, "credit": 0.0}
        self.heading = ""
        self.headings: tuple[int, ...] = ()

    def title(self, scalars: Mapping[str, Any]) -> dict[str, Printed]:
        """The title block; gives where its values stand."""
        paper, locale = self.paper, self.habits.locale
        paper.text(self.say["title"], self.left, 16)
        paper.down(30)
        places = {}
        for label, name, written in (
            ("number", "statement_number", str),
            ("currency", "currency", str),
            ("from", "period_start", locale.date),
            ("to", "period_end", locale.date),
            ("opening", "opening_balance", locale.amount),
        ):
            paper.text(f"{self.say[label]}:", self.left)
            word = paper.text(written(scalars[name]), self.left + 150)[0]
            places[name] = Printed(scalars[name], paper.page, word.box)
            paper.down(14)
        paper.down(16)
        self._head()
        return places

    def group(self, head: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> Group:
        """A heading and its rows, and what they come to."""
        if self.paper.room < 2 * LINE:
            self._turn()
        numbered = f"{self.say['account']} {head['number']} {head['name']}"
        self.heading = numbered if self.kind == "groups" else head["name"]
        self.headings = (self.paper.page,)
        at = Printed(dict(head), self.paper.page, self.paper.text(self.heading, self.left, SIZE + 1)[0].box)
        self.paper.down(LINE)
        totals = {"debit": 0.0, "credit": 0.0}
        printed = []
        for row in rows:
            printed.append(self._row(row))
            for name in totals:
                totals[name] += row[name] or 0.0
        self.heading = ""
        if self.habits.subtotals:
            self._sums(f"{self.say['total']} {head['name']}", totals)
        return Group(at, tuple(printed))

    def closing(self, balance: float) -> Printed:
        if self.paper.room < LINE:
            self._turn()
        self.paper.text(f"{self.say['closing']}:", self.left)
        word = self.paper.right(self.habits.locale.amount(balance), self.habits.span("credit")[1])[0]
        return Printed(balance, self.paper.page, word.box)

    def feet(self, number: str) -> None:
        """What stands below every page."""
        paper = self.paper
        paper.base = paper.height - 36
        for page in range(1, paper.page + 1):
            paper.text(f"{number} {self.say['page']} {page} {self.say['of']} {paper.page}", self.left, 7, page)

    def _row(self, row: dict[str, Any]) -> Printed:
        """One row, of one line or two. The last of a page may be made longer: the row as printed is the truth."""
        paper = self.paper
        if paper.room < LINE / 2:
            self._turn()
        is_last = paper.room < LINE + LINE / 2
        if is_last and self.rng.random() < CUT:
            row["description"] += longer(self.rng, self.habits.locale.language)
        left, right = self.habits.span("description")
        lines = wrapped(row["description"], NARROW * (right - left))
        headings, page = self.headings, paper.page
        first = self._cells(row, lines[0])
        for name in self.sums:
            self.sums[name] += row[name] or 0.0
        for line in lines[1:]:
            paper.down(WRAPPED)
            if is_last and page == paper.page:
                self._turn()
            paper.text(line, left)
        paper.down(LINE)
        return Printed(row, page, first, headings)

    def _cells(self, row: Mapping[str, Any], description: str) -> Box:
        """The row's first line; gives the box of its first word."""
        boxes = []
        for name in self.habits.columns:
            if row[name] is None:
                continue
            left, right = self.habits.span(name)
            if name in self.sums:
                words = self.paper.right(self.habits.locale.amount(row[name]), right)
            else:
                text = self.habits.locale.date(row[name]) if name == "date" else row[name]
                words = self.paper.text(description if name == "description" else text, left)
            boxes.append(words[0].box)
        return boxes[0]

    def _sums(self, label: str, sums: Mapping[str, float]) -> None:
        if self.paper.room < LINE / 2:
            self._turn()
        self._sum_line(label, sums)

    def _sum_line(self, label: str, sums: Mapping[str, float]) -> None:
        self.paper.text(label, self.left)
        for name, value in sums.items():
            self.paper.right(self.habits.locale.amount(value), self.habits.span(name)[1])
        self.paper.down(LINE)

    def _turn(self) -> None:
        """The end of a page and the beginning of the next."""
        if self.habits.carried:
            self._sum_line(self.say["forward"], self.sums)
        self.paper.turn()
        self.paper.text(self.say["title"], self.left, 7)
        self.paper.down(20)
        if self.rng.random() < self.habits.heads:
            self._head()
        if self.habits.carried:
            self._sum_line(self.say["brought"], self.sums)
        if self.heading and self.habits.continued:
            self.paper.text(f"{self.heading} ({self.say['continued']})", self.left, SIZE + 1)
            self.headings = (*self.headings, self.paper.page)
            self.paper.down(LINE)

    def _head(self) -> None:
        """The head of the table."""
        for name in self.habits.columns:
            left, right = self.habits.span(name)
            if name in self.sums:
                self.paper.right(self.say[name], right)
            else:
                self.paper.text(self.say[name], left)
        self.paper.down(LINE)
