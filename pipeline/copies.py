"""Pages that a document has twice: fed twice, or printed for two readers. They are told, and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.page import PageText
from schemas.record import FieldResult, Issue

FEW_WORDS = 10  # a page with fewer says too little to be known again
ALIKE, SAME_NUMBERS = 0.9, 0.97  # of the words of two scans, and of those with digits, that are the same in both


@dataclass(slots=True)
class Copies:
    """What earlier pages of a document say. A text layer's words are compared with their places, to the letter; those
    of a scan as far as OCR reads the same twice, and numbers more strictly than the rest."""

    printed: dict[int, int] = field(default_factory=dict)
    scanned: list[tuple[int, Counter[str]]] = field(default_factory=list)

    def original(self, page: PageText) -> int | None:
        """The number of the first page that says the same as this one, which is kept in mind."""
        if len(page.words) < FEW_WORDS:
            return None
        if page.source == "text":
            places = tuple((word.text, *(round(side, 3) for side in word.box)) for word in page.words)
            marks = tuple(mark.checked for mark in page.marks)
            return _earlier(self.printed.setdefault(hash((places, marks)), page.number), page.number)
        said = Counter(word.text.casefold() for word in page.words)
        said.update({f"\N{BALLOT BOX} {mark.checked}": 1 for mark in page.marks})
        found = next((number for number, other in self.scanned if _are_alike(said, other)), None)
        if found is None:
            self.scanned.append((page.number, said))
        return found


def _earlier(first: int, number: int) -> int | None:
    return first if first != number else None


def _are_alike(one: Counter[str], other: Counter[str]) -> bool:
    whole, second = one.total(), other.total()
    if min(whole, second) < ALIKE * max(whole, second):
        return False
    if 2 * (one & other).total() < ALIKE * (whole + second):
        return False
    numbers, others = _with_digits(one), _with_digits(other)
    return 2 * (numbers & others).total() >= SAME_NUMBERS * (numbers.total() + others.total())


def _with_digits(words: Counter[str]) -> Counter[str]:
    return Counter({word: count for word, count in words.items() if any(map(str.isdigit, word))})


def copy_issues(uri: str, pages: Sequence[PageText], fields: Mapping[str, FieldResult]) -> Iterator[Issue]:
    """One for each page that is a copy: an error where entries of lists were read on it: they are there twice."""
    listed = {
        evidence.page
        for pointer, result in fields.items()
        if any(part.isdigit() for part in pointer.split("/"))
        for evidence in result.evidence
    }
    for page in pages:
        if page.copy_of is not None:
            twice = page.number in listed
            told = "; entries of lists that were read on both are in the data twice" if twice else ""
            yield Issue(
                code="duplicate-page",
                message=f"{uri}, page {page.number} says the same as page {page.copy_of}{told}.",
                severity="error" if twice else "warning",
                page=page.number,
            )
