"""Which pages of a document are shown beside its fields, and which get a picture first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, groupby

from schemas.record import Record

FEW_PAGES = 10  # a document of so many is shown whole


@dataclass(frozen=True, slots=True)
class Chosen:
    """shown: the pages, the most needed first: those of which something is doubtful, those with evidence, the rest.

    left_out: pages that say nothing of any field, in order.
    """

    shown: tuple[int, ...]
    left_out: tuple[int, ...]


def choose_pages(record: Record, every: bool = False) -> Chosen:
    """every: also those with no evidence and no issue, however long the document is."""
    stating: dict[int, bool] = {}  # whether what it states is doubtful, by page
    for field in record.fields.values():
        for evidence in field.evidence:
            stating[evidence.page] = stating.get(evidence.page, False) or field.status == "review"
    stating |= {issue.page: True for issue in record.issues if issue.page is not None and issue.page > 0}
    numbers = {page.number for page in record.document.pages if page.number > 0}
    whole = every or len(numbers) <= FEW_PAGES
    shown = numbers | stating.keys() if whole else stating.keys()
    order = sorted(shown, key=lambda page: (not stating.get(page, False), page not in stating, page))
    return Chosen(tuple(order), tuple(sorted(numbers - shown)))


def ranges(pages: Iterable[int]) -> str:
    """`1, 3–7, 9`."""
    runs = []
    position = count()
    for _, run in groupby(sorted(pages), key=lambda page: page - next(position)):
        numbers = list(run)
        runs.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}")
    return ", ".join(runs)
