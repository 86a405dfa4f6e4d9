"""Whether every entry of a list was read: what seems to be left out is asked for by itself, or said."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from model.engine import Ask, Limits, PageView, Scope
from pipeline.joining.entries import lists_below
from pipeline.joining.gaps import Gap, Listed
from pipeline.joining.look import FEW
from pipeline.plan import Table
from schemas.contract import Contract
from schemas.field import Field
from schemas.narrow import narrowed
from schemas.page import Box, enclosing
from schemas.record import Issue

AT_ONCE = 40  # lines that one ask may be about
MARGIN = 0.3  # line heights by which a scope reaches beyond its lines


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


def unread_tables(lists: Mapping[str, Listed], tables: Sequence[Table]) -> list[Table]:
    """Tables of lists of which so few entries were read that they do not tell how entries look, and whose lines are not
    for the most part those of another list.
    """
    rows: Counter[str] = Counter()
    for table in tables:
        rows[table.list] += table.rows
    read = {pointer: len(each.entries) for pointer, each in lists.items()}
    unread = {at for at, count in rows.items() if count >= FEW and read.get(at, 0) < FEW}
    taken = Counter((each.top, anchor.page) for each in lists.values() for _, anchor in each.standing)
    return [
        table
        for table in tables
        if table.list in unread
        and 2 * sum(count for (top, page), count in taken.items() if page == table.page and top != table.list)
        < table.rows
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


def unproved(lists: Mapping[str, Listed], contract: Contract, data: Any) -> Iterator[Issue]:
    """One for each list of which nothing shows whether it is whole: its entries share no columns, by which lines that
    were left out could be told, they leave words of the document over, and no check adds them up to what stands
    outside the list.
    """
    unseen = {
        pointer: len(each.entries)
        for pointer, each in lists.items()
        if each.entries and each.look is None and not _states_all(each)
    }
    passed = (
        [result.pointers for result in contract.run_checks(data) if result.passed and result.proves] if unseen else []
    )
    for pointer, entries in unseen.items():
        if not any(_adds_up(pointer, entries, operands) for operands in passed):
            yield Issue(
                code="completeness-unproved",
                message=f"{pointer}: nothing shows whether all entries were read: they share no columns on the page, "
                "and no check adds them up. Compare with the page, or declare such a check in the schema's x-checks.",
                severity="error",
                pointers=(pointer,),
            )


def _states_all(listed: Listed) -> bool:
    """Whether no word of the document is left that an entry could have been lost with."""
    words = sum(len(page.words) for page in listed.pages.index.pages.values())
    return len({word for entry in listed.entries for word in entry.words}) == words


def _adds_up(pointer: str, entries: int, operands: Sequence[str]) -> bool:
    """Whether a check's operands are of every entry of a list, and of something beside."""
    place = re.compile(re.escape(f"{pointer}/").replace(r"\*", r"\d+") + r"\d+/")
    found = [place.match(operand) for operand in operands]
    return len({match[0] for match in found if match}) == entries and not all(found)


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
