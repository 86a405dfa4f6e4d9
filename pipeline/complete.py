"""Whether every entry of a list was read: lines that look like its entries, and that none of them stands on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from model.embedded.lines import page_lines
from model.embedded.vocabulary import TOTAL
from model.engine import Ask, Limits, PageView, Scope
from pipeline.grounding.index import WordIndex
from pipeline.joining.anchors import Anchor, anchor_of, column_edges
from pipeline.joining.entries import Entry, WordKey, lists_below
from pipeline.joining.look import FEW, Look, kind_of, look_of
from pipeline.plan import Table
from schemas.contract import Contract
from schemas.field import Field
from schemas.narrow import narrowed
from schemas.page import Box, enclosing
from schemas.record import Issue

LIKE = 0.75  # share of what every entry shows, from which a line among the entries looks like one
WHOLLY = 0.99  # the same for a line before the first or behind the last of them
AT_ONCE = 40  # lines that one ask may be about
MARGIN = 0.3  # line heights by which a scope reaches beyond its lines


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one page, or of one of its columns: its words, by their places, and the box around them."""

    page: int
    words: tuple[WordKey, ...]
    box: Box
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A line that looks like an entry of a list, and on which none stands. sure: it stands among the list's entries."""

    list: str
    line: Line
    sure: bool


@dataclass(frozen=True, slots=True)
class Asker:
    """Makes further asks about a document. views: by page, those that the ask about it was about.

    An engine that writes is asked for the list alone; one that does not tells the list apart by all other fields.
    """

    contract: Contract
    limits: Limits
    views: Mapping[int, tuple[PageView, ...]]

    def ask(self, id: str, scope: Scope) -> Ask:
        whole = self.limits.output_tokens is None
        contract = self.contract if whole else narrowed(self.contract, [scope.list])
        return Ask(id, contract, self.views[scope.first], scope=scope)


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
        by_page: dict[int, list[Anchor]] = defaultdict(list)
        for _, anchor in self.standing:
            by_page[anchor.page].append(anchor)
        return {page: column_edges(anchors) for page, anchors in by_page.items()}

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
                words = [self.pages.index.word(word) for word in line.words]
                among = first <= (page, line.box.center[1]) <= last
                if self.look.share(words) < (LIKE if among else WHOLLY):
                    continue
                if entry := self._on(line):
                    if self.look.doubts(entry, words):
                        yield Gap(self.top, line, sure=False)
                elif not TOTAL.match(line.text) and not self._is_told(line, told):
                    yield Gap(self.top, line, sure=among)

    def _on(self, line: Line) -> Entry | None:
        """The entry that stands on the line."""
        found = (entry for entry, anchor in self._by_page.get(line.page, ()) if _stands_on(anchor, line))
        return next(found, None)

    @cached_property
    def _by_page(self) -> dict[int, list[tuple[Entry, Anchor]]]:
        by_page: dict[int, list[tuple[Entry, Anchor]]] = defaultdict(list)
        for entry, anchor in self.standing:
            by_page[anchor.page].append((entry, anchor))
        return by_page

    def _is_told(self, line: Line, told: frozenset[WordKey]) -> bool:
        """Whether all figures of the line are those of what stands once: of a total that no word names."""
        figures = [word for word in line.words if kind_of(self.pages.index.word(word).text) == "number"]
        return bool(figures) and told.issuperset(figures)


def listed(root: Entry, pages: Pages) -> dict[str, Listed]:
    """Every list of a document by its pointer, those inside the entries of others too, taken over all these."""
    lists: dict[str, tuple[str, list[Entry]]] = {}
    _collect(root, "", "", lists)
    return {pointer: Listed(top, tuple(entries), pages) for pointer, (top, entries) in lists.items()}


def gaps(root: Entry, pages: Pages) -> list[Gap]:
    """The lines of a document that look like entries and are none yet, or whose entry does not say what they show."""
    every = listed(root, pages).values()
    found = {gap.line: gap for each in every for gap in each.gaps(root.words)}
    by_page: dict[int, list[Anchor]] = defaultdict(list)
    for each in every:
        for _, anchor in each.standing:
            by_page[anchor.page].append(anchor)
    free = (
        gap
        for gap in found.values()
        if not gap.sure or not any(_stands_on(anchor, gap.line) for anchor in by_page[gap.line.page])
    )
    return sorted(free, key=lambda gap: (gap.line.page, gap.line.box.y0))


def asks_for(gaps: Sequence[Gap], name: str, asker: Asker) -> list[Ask]:
    """Asks for just these lines. name: begins their ids."""
    asks = []
    for number, run in enumerate(_runs(gaps), 1):
        page, box = run[0].line.page, enclosing(gap.line.box for gap in run)
        margin = MARGIN * run[0].line.box.height
        region = Box(box.x0 - margin, box.y0 - margin, box.x1 + margin, box.y1 + margin)
        scope = Scope(run[0].list, page, page, region, len(run))
        asks.append(asker.ask(f"{name} {scope.list[1:]} p{page} {number}", scope))
    return asks


def unread_tables(root: Entry, tables: Sequence[Table], pages: Pages) -> list[Table]:
    """Tables of lists of which so few entries were read that they do not tell how entries look, and whose lines are not
    those of another list.
    """
    rows: Counter[str] = Counter()
    for table in tables:
        rows[table.list] += table.rows
    unread = {at for at, count in rows.items() if count >= FEW and len(root.lists.get(at, ())) < FEW}
    taken = Counter((each.top, anchor.page) for each in listed(root, pages).values() for _, anchor in each.standing)
    return [
        table
        for table in tables
        if table.list in unread
        and sum(count for (top, page), count in taken.items() if page == table.page and top != table.list) < table.rows
    ]


def asks_for_tables(tables: Sequence[Table], name: str, asker: Asker) -> list[Ask]:
    """Asks for what these tables hold, page by page."""
    return [
        asker.ask(f"{name} {table.list[1:]} p{table.page}", Scope(table.list, table.page, table.page, rows=table.rows))
        for table in tables
    ]


def tables_left(tables: Sequence[Table], root: Field) -> Iterator[Issue]:
    """One for each list whose tables were not read. Where a contract has several lists, they may be another's."""
    severity: Literal["warning", "error"] = "error" if len(list(lists_below(root))) == 1 else "warning"
    by_list: dict[str, list[Table]] = defaultdict(list)
    for table in tables:
        by_list[table.list].append(table)
    for pointer, some in by_list.items():
        rows = sum(table.rows for table in some)
        yield Issue(
            code="entries-missing",
            message=f"{pointer}: {rows} lines may be entries, from page {some[0].page} on, and hardly one was read.",
            severity=severity,
            pointers=(pointer,),
            page=some[0].page,
        )


def left_open(gaps: Sequence[Gap]) -> Iterator[Issue]:
    """What stays uncovered among the entries of a list, page by page. Elsewhere the engine's word is taken."""
    by_page: dict[tuple[str, int], list[Gap]] = defaultdict(list)
    for gap in gaps:
        if gap.sure:
            by_page[gap.list, gap.line.page].append(gap)
    for (pointer, page), some in by_page.items():
        lines = "1 line looks" if len(some) == 1 else f"{len(some)} lines look"
        yield Issue(
            code="entries-missing",
            message=f"{pointer}: {lines} like an entry that was not read, the first: {some[0].line.text[:80]}",
            severity="error",
            pointers=(pointer,),
            page=page,
        )


def _collect(entry: Entry, pointer: str, top: str, found: dict[str, tuple[str, list[Entry]]]) -> None:
    for at, entries in entry.lists.items():
        path, named = f"{pointer}{at}", top or at
        found.setdefault(path, (named, []))[1].extend(entries)
        for inner in entries:
            _collect(inner, f"{path}/*", named, found)


def _runs(gaps: Sequence[Gap]) -> Iterator[list[Gap]]:
    """Lines that follow one another, as many as one ask may be about."""
    run: list[Gap] = []
    for gap in gaps:
        follows = run and (gap.list, gap.line.page) == (run[-1].list, run[-1].line.page)
        near = follows and gap.line.box.y0 - run[-1].line.box.y1 < gap.line.box.height
        if run and (not near or len(run) == AT_ONCE):
            yield run
            run = []
        run.append(gap)
    if run:
        yield run


def _stands_on(anchor: Anchor, line: Line) -> bool:
    x0, x1 = anchor.box.x0, anchor.box.x1
    return anchor.is_level_with(line.page, line.box) and line.box.x0 <= (x0 + x1) / 2 <= line.box.x1
