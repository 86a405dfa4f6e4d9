"""A document's pages as lines: what is the same whatever is asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from model.embedded.fiscal import FiscalYear, fiscal_year
from model.embedded.lines import Line, page_lines
from model.embedded.outline import Section, sections
from model.embedded.statements import StatementRow, statement_rows
from model.values.numbers import Mark, decimal_mark, numbers
from schemas.page import PageText


@dataclass
class Printed:
    """The pages of one document, in order. Everything else is computed when it is first wanted, and once."""

    pages: Sequence[PageText]

    @cached_property
    def lines(self) -> list[Line]:
        return [line for page in self.pages for line in page_lines(page)]

    @cached_property
    def page_sizes(self) -> dict[int, tuple[float, float]]:
        """Width and height by page number, in points."""
        return {page.number: (page.width, page.height) for page in self.pages}

    @cached_property
    def by_page(self) -> dict[int, list[Line]]:
        grouped: dict[int, list[Line]] = {page.number: [] for page in self.pages}
        for line in self.lines:
            grouped[line.page].append(line)
        return grouped

    @cached_property
    def mark(self) -> Mark | None:
        """The decimal mark of the document's numbers; None where no number shows it."""
        return decimal_mark(line.text for line in self.lines)

    @cached_property
    def prints_decimals(self) -> bool:
        """Whether most of the document's amounts show two decimals."""
        found = [number for line in self.lines for number in numbers(line.text, self.mark) if not number.percent]
        exact = sum(number.decimals == 2 or number.digits[-3:-2] in (".", ",") for number in found)
        return exact >= 3 and exact >= 0.3 * len(found)

    @cached_property
    def statements(self) -> list[StatementRow]:
        """The rows of the tables whose columns are periods."""
        return statement_rows(self.by_page, self.mark)

    @cached_property
    def fiscal_year(self) -> FiscalYear | None:
        """When the fiscal year of whoever is reported on ends; None where nothing says so."""
        return fiscal_year(self.statements, (line.text for line in self.lines))

    @cached_property
    def sections(self) -> list[Section]:
        """What stands under each heading; none where the document has no outline."""
        return sections(self.by_page)
