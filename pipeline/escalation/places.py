"""Where to look for a doubtful value: on its own words, else on what stands beside it, else where its label stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.escalation.crops import line_height
from pipeline.escalation.doubts import Doubt, Known, row_of
from pipeline.ground import Grounded
from pipeline.grounding.beside import Labels
from pipeline.grounding.index import WordIndex
from schemas.contract import Contract
from schemas.field import Field
from schemas.formats import leaf_values
from schemas.page import WHOLE_PAGE, Box, enclosing
from schemas.pointer import resolve
from schemas.record import Evidence

LEAST_LABEL = 3  # letters and digits of a label that is looked for
HEAD = 3.0  # line heights above the first entry of a list in which the heads of its columns stand


class Spot(NamedTuple):
    """A place on a page. own: the value itself stands there, or its row does."""

    page: int
    box: Box
    own: bool


class Entry(NamedTuple):
    """An entry of a list. kind: its pointer with `*` for indices. values: its own, by pointer from it. page, box: where
    most of them stand, None where they stand nowhere.
    """

    kind: str
    values: dict[str, Any]
    page: int | None = None
    box: Box | None = None


def entries_of(nodes: Iterable[tuple[str, Field]], data: Any, grounds: Mapping[str, Grounded]) -> dict[str, Entry]:
    """By pointer. nodes: field of each leaf by its pointer into the data."""
    found: dict[str, Entry] = {}
    evidence: dict[str, list[Evidence]] = {}
    for pointer, node in nodes:
        if row := row_of(pointer, node):
            entry = found.setdefault(row, Entry(_kind(row, node), {}))
            entry.values[pointer.removeprefix(row)] = resolve(data, pointer)
            if pointer in grounds:
                evidence.setdefault(row, []).extend(grounds[pointer].evidence)
    spots = {row: _spot(pieces, own=True) for row, pieces in evidence.items()}
    return {
        row: entry._replace(page=spot.page, box=spot.box) if (spot := spots.get(row)) else entry
        for row, entry in found.items()
    }


class Places:
    """Where the values of one document stand."""

    def __init__(self, known: Known, contract: Contract, index: WordIndex) -> None:
        self.index, self.labels = index, Labels(index.document)
        self._fields = {pointer: node for pointer, node, _ in leaf_values(contract.root, known.data)}
        self._evidence = {at: grounded.evidence for at, grounded in known.grounds.items() if grounded.evidence}
        self._beside: dict[str, list[Evidence]] = {}
        for pointer, evidence in self._evidence.items():
            self._beside.setdefault(pointer.rpartition("/")[0], []).extend(evidence)
        self._entries = entries_of(self._fields.items(), known.data, known.grounds)

    def of(self, doubt: Doubt) -> Spot | None:
        """None where nothing tells: of an entry of which no word stands anywhere, and a null that no label asks for."""
        if doubt.row:
            entry = self._entries[doubt.row]
            return None if entry.page is None or entry.box is None else Spot(entry.page, entry.box, own=True)
        if own := _spot(self._evidence.get(doubt.pointer, ()), own=True):
            return own
        if doubt.kind == "null":
            return self._label(doubt.field)
        return self._in_its_object(doubt.pointer) or self._label(doubt.field) or self._somewhere()

    def entries(self, name: str, page: int) -> Iterator[tuple[str, Box]]:
        """(pointer, box) of each entry on a page of a list, and of the lists in it. name: pointer of the list."""
        for row, entry in self._entries.items():
            if entry.page == page and entry.box is not None and row.startswith(f"{name}/"):
                yield row, entry.box

    def entry(self, row: str) -> Entry:
        """By its pointer."""
        return self._entries[row]

    def head(self, name: str, page: int) -> Box:
        """The band above a list's first entry on a page, where its columns' heads stand."""
        top = min(box.y0 for _, box in self.entries(name, page))
        return Box(0.0, max(0.0, top - HEAD * line_height(self.index.pages[page])), 1.0, top)

    def _in_its_object(self, pointer: str) -> Spot | None:
        """Where the other values of the object stand that a value is in, or of one around it; the root is none."""
        around = pointer.rpartition("/")[0]
        while around:
            if spot := _spot(self._beside.get(around, ()), own=False):
                return spot
            around = around.rpartition("/")[0]
        return None

    def _label(self, field: Field) -> Spot | None:
        """The first place of the weightiest label of the field, the longest one of several."""
        labels = self.labels.of(field)
        for key in sorted(labels, key=lambda key: (-labels[key], -len(key), key)):
            if len(key) >= LEAST_LABEL and (spot := self._printed(key)):
                return spot
        return None

    def _printed(self, key: str) -> Spot | None:
        """Where a label's letters and digits make up whole words."""
        words = self.index.document
        at = words.text.find(key)
        while at >= 0:
            first, last = words.owner(at), words.owner(at + len(key) - 1)
            if words.begins[first] == at and words.begins[last] + len(words.key(last)) == at + len(key):
                page = words.pages[words.page_of[first]]
                return Spot(page.number, enclosing(words.at(word).box for word in range(first, last + 1)), own=False)
            at = words.text.find(key, at + 1)
        return None

    def _somewhere(self) -> Spot | None:
        """The whole page on which most of what stands once does; the first page where nothing does."""
        counts = Counter(
            item.page
            for pointer, evidence in self._evidence.items()
            if (node := self._fields.get(pointer)) is not None and "*" not in node.pointer
            for item in evidence
        )
        number = min(counts, key=lambda page: (-counts[page], page)) if counts else min(self.index.pages, default=None)
        return None if number is None else Spot(number, WHOLE_PAGE, own=False)


def _spot(evidence: Iterable[Evidence], *, own: bool) -> Spot | None:
    """The pieces on the page that has most of them."""
    pieces = list(evidence)
    if not pieces:
        return None
    counts = Counter(piece.page for piece in pieces)
    page = min(counts, key=lambda page: (-counts[page], page))
    return Spot(page, enclosing(piece.box for piece in pieces if piece.page == page), own)


def _kind(row: str, field: Field) -> str:
    return "/".join(field.pointer.split("/")[: len(row.split("/"))])
