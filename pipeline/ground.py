"""Ties every value to the words that state it.

An engine that knows where it read a value says so in its findings, and these words are only checked. The other values
are searched: rows of a list together (`grounding.rows`), others by their labels (`grounding.choosing`), a yes or no by
its checkbox. A quotation is searched on the pages that it is said to be from and nowhere else.

Scores are comparable between fields. They start from how well the words state the value (`pipeline.grounding.printed`):

    1.0    the same letters and digits, or the same number or day however it is written, or a checkbox with its label
    0.98   a word that holds more than the value         0.97   a date that could be read in another order
    0.95   0.19 printed as 19 %                          0.85   a date without its year; digits read as letters
    0.8    a number whose sign is not printed            below  the share that is alike, for misread texts

and are multiplied by 0.8 for a value printed once above several rows, and by 0.9 where the value stands in several
places and neither label nor row nor object tells which is meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from model.engine import Finding
from pipeline.grounding.beside import Labels
from pipeline.grounding.choosing import AMBIGUOUS, Leaf, chosen
from pipeline.grounding.derived import is_derived, totals
from pipeline.grounding.index import Run, WordIndex, agreement
from pipeline.grounding.placing import inner_lists, own_leaves
from pipeline.grounding.printed import UNPRINTED
from pipeline.grounding.rows import ground_rows
from pipeline.grounding.spots import claims
from pipeline.grounding.ticks import Ticks
from pipeline.quotation import cited_pages, quoted_words
from schemas.field import Field
from schemas.formats import leaf_values
from schemas.page import PageText, Word, enclosing
from schemas.pointer import leaves
from schemas.record import Evidence


class Basis(StrEnum):
    """What a value rests on: words or a mark of a page, what was worked out from others, or nothing that was found."""

    STATED = "stated"
    DERIVED = "derived"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Grounded:
    """Where a value stands, a box for each line of it, and what it rests on; no evidence unless it is stated."""

    evidence: tuple[Evidence, ...]
    basis: Basis


def ground(
    data: Any, pages: Sequence[PageText], findings: Mapping[str, Finding], root: Field
) -> dict[str, tuple[Evidence, ...]]:
    """Evidence by JSON Pointer, for every value that is not null; empty for one that stands nowhere.

    root: the contract's, whose formats tell quotations, and values that no page prints.
    """
    return {pointer: result.evidence for pointer, result in grounded(data, pages, findings, root).items()}


def grounded(data: Any, pages: Sequence[PageText], findings: Mapping[str, Finding], root: Field) -> dict[str, Grounded]:
    """The same, and of a value without evidence whether it is derived or absent. In the order of the data."""
    values = {pointer: value for pointer, value in leaves(data) if value is not None}
    cited = cited_pages(root, data)
    evidence = {pointer: _quoted(str(values[pointer]), pages, cited[pointer]) for pointer in cited if pointer in values}
    for pointer, finding in findings.items():
        if pointer in values and pointer not in evidence:
            evidence[pointer] = _believed(finding, values[pointer])
    missing = values.keys() - evidence.keys()
    search = _Search(data, root, missing, pages) if missing else None
    evidence.update(search.evidence() if search else {})
    nodes = {pointer: node for pointer, node, _ in leaf_values(root, data)}
    sums = totals(data) if any(not evidence.get(pointer) for pointer in values) else frozenset()
    results = {}
    for pointer, value in values.items():
        found = evidence.get(pointer, ())
        derived = not found and is_derived(pointer, nodes.get(pointer), value, data, sums)
        results[pointer] = Grounded(found, Basis.STATED if found else Basis.DERIVED if derived else Basis.ABSENT)
    return results


class _Search:
    """Places for the values at some pointers, and what they leave of the words."""

    def __init__(self, data: Any, root: Field, wanted: Collection[str], pages: Sequence[PageText]) -> None:
        self.data, self.root, self.wanted = data, root, wanted
        self.index = WordIndex(pages)
        self.labels = Labels(self.index.document)
        self.placed: dict[str, Run] = {}

    def evidence(self) -> dict[str, tuple[Evidence, ...]]:
        self._place_lists()
        self._place_others()
        found = {pointer: self._shown(run) for pointer, run in self.placed.items() if pointer in self.wanted}
        return {**found, **dict(self._ticked())}

    def _place_lists(self) -> None:
        for pointer, item, rows in inner_lists(self.data, self.root):
            if any(wanted.startswith(f"{pointer}/") for wanted in self.wanted):
                for number, row in enumerate(ground_rows(rows, item, self.index)):
                    share = AMBIGUOUS if row.shared else 1.0
                    for below, place in row.places.items():
                        if place is not None:
                            run = self.index.run(place)
                            self.placed[f"{pointer}/{number}{below}"] = run._replace(score=share * run.score)

    def _place_others(self) -> None:
        claimed = {word for run in self.placed.values() for word in claims(run)}
        others = [
            Leaf(pointer, node, value)
            for pointer, node, value in own_leaves(self.data, self.root)
            if pointer in self.wanted and (node is None or node.format not in UNPRINTED)
        ]
        self.placed.update(chosen(others, self.index, self.labels, claimed))

    def _ticked(self) -> Iterator[tuple[str, tuple[Evidence, ...]]]:
        """Evidence of every yes or no: the checkbox of its row, or the one with the field's label."""
        ticks = Ticks(self.index.document, self.labels)
        nodes = leaf_values(self.root, self.data)
        for pointer, node, value in nodes:
            if isinstance(value, bool) and pointer in self.wanted:
                label = self._label_beside(pointer) if "*" in node.pointer else None
                yield pointer, ticks.of_label(value, label) if label else ticks.of_field(value, node)

    def _label_beside(self, pointer: str) -> Run | None:
        """Where the first text of the value's row stands."""
        row = pointer.rpartition("/")[0] + "/"
        beside = (run for other, run in self.placed.items() if other.startswith(row))
        return next(beside, None)

    def _shown(self, run: Run) -> tuple[Evidence, ...]:
        place = self.index.place(run)
        return _evidence(place.page, self.index.words(place), run.score)


def _believed(finding: Finding, value: Any) -> tuple[Evidence, ...]:
    text = " ".join(word.text for word in finding.words)
    return _evidence(finding.page, finding.words, agreement(value, text))


def _quoted(quotation: str, pages: Sequence[PageText], cited: frozenset[int]) -> tuple[Evidence, ...]:
    place = quoted_words(quotation, [page for page in pages if page.number in cited or not cited])
    return () if place is None else _evidence(*place, agreement(quotation, " ".join(word.text for word in place[1])))


def _evidence(page: int, words: Sequence[Word], score: float) -> tuple[Evidence, ...]:
    """A piece for each line that the words are on."""
    return tuple(
        Evidence(
            page=page,
            box=enclosing(word.box for word in line),
            text=" ".join(word.text for word in line),
            score=score,
            cell=",".join(dict.fromkeys(word.cell for word in line if word.cell)) or None,
        )
        for line in _lines(words)
    )


def _lines(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Runs of words on one line: a new one begins where a word lies wholly below or left of the one before."""
    run: list[Word] = []
    for word in words:
        if run and (word.box.y0 > run[-1].box.center[1] or word.box.x1 < run[-1].box.x0):
            yield run
            run = []
        run.append(word)
    if run:
        yield run
