"""What is known of a value, as numbers that a model can weigh: each 0..1, and nought where it does not apply.

evidence      how well the words state it (`pipeline.ground`), of several lines the least
by_value      that is at least `STATES`: the same letters and digits, or the same number or day
literal       that is 1.0
derived       no words state it, but it follows from values that words state
unplaced      no words state it
engine        the engine's own confidence; engine_70, engine_85: what of it lies above 0.70 and 0.85, in shares
silent        the engine tells neither a place nor a confidence
tokens        the engine tells the probabilities of its tokens; token_least: of the least sure one; token_mean:
              their geometric mean
agreed        asked again, closer, the engine said the same; disagreed: it said something else
read          words that OCR read state it; faint: its doubt in the least sure of them
text_layer    words of a sound text layer state it: what a model saw and what the file says agree
proved        how much the strongest check that it passed proves (`CheckResult.strength`)
doubted       a check or an issue speaks against it, and nothing proves it
row           it stands in a list; row_stated: the share of its row's values that words state
kind_…        what it is: number, date, flag, choice, code, name, text
long          of a text, how many words it has; 1 from 31 on
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.ground import Basis, Grounded
from pipeline.joining.entries import Source
from schemas.field import Field
from schemas.formats import leaf_values
from schemas.lexicon import meant
from schemas.page import Box, PageText
from schemas.pointer import leaves
from schemas.record import Evidence

STATES = 0.95  # the least score of evidence that states a value, and not one like it
KINDS = ("number", "date", "flag", "choice", "code", "name", "text")
_CODES = frozenset(("identifier", "iban", "tax-id", "phone", "email", "uri", "currency", "country"))
_NAMES = frozenset(("organization", "person", "address"))
_NAMING = frozenset(
    "issuer buyer bank account_holder ship_to address shipper consignee carrier insurer claimant borrower lender "
    "administrative_agent tenant landlord employer employee institution publisher".split()
)
BLOCK = 128  # boxes that are compared with all others of their page at once
SHARED = 0.5  # of the smaller of two boxes, from which their words are the same
_NUMBERED = re.compile(r"[\d.,]+\s+[^\W\d_]{2}")
_LONG = 5  # powers of two


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks say. proved: how much, by pointer. doubted: pointers that something speaks against."""

    proved: Mapping[str, float]
    doubted: Collection[str]


class Observer:
    """Sees the signals of each value of one document."""

    def __init__(
        self,
        data: Any,
        root: Field,
        grounds: Mapping[str, Grounded],
        sources: Mapping[str, Source],
        pages: Sequence[PageText],
    ) -> None:
        self._grounds, self._sources = grounds, sources
        self._nodes = {pointer: node for pointer, node, _ in leaf_values(root, data)}
        self._words = {page.number: _Printed(page) for page in pages}
        self._stated = _stated_of_rows(data, grounds)
        self._shared = _shared(grounds, {pointer: node.pointer for pointer, node in self._nodes.items()})

    def signals(self, pointer: str, value: Any, checked: Checked) -> dict[str, float]:
        """Those that are not nought, of a value that is not null."""
        node = self._nodes.get(pointer)
        grounded, source = self._grounds.get(pointer), self._sources.get(pointer, Source())
        evidence = grounded.evidence if grounded else ()
        found = {
            **self._of_evidence(evidence),
            **_of_engine(source),
            **_of_value(node, value),
            "agreed": float(source.agreed),
            "disagreed": float(source.disagreed),
            "derived": float(grounded is not None and grounded.basis is Basis.DERIVED),
            "unplaced": float(not evidence),
            "shared": float(pointer in self._shared),
            "proved": checked.proved.get(pointer, 0.0),
            "doubted": float(pointer in checked.doubted),
        }
        if "kind_name" in found:
            found["engine_name"] = found.get("engine", 0.0)
        if node is not None and "*" in node.pointer:
            found["numbered"] = float(node.format is None and bool(_NUMBERED.match(str(value))))
            found |= {"row": 1.0, "row_stated": self._stated.get(pointer.rpartition("/")[0], 0.0)}
        return {name: round(signal, 4) for name, signal in found.items() if signal}

    def _of_evidence(self, evidence: Sequence[Evidence]) -> dict[str, float]:
        score = min((item.score for item in evidence), default=0.0)
        doubts = [self._words[item.page].doubt(item) for item in evidence if item.page in self._words]
        read = [doubt for doubt in doubts if doubt is not None]
        return {
            "evidence": score,
            "by_value": float(score >= STATES),
            "literal": float(score == 1.0),
            "read": float(bool(read)),
            "faint": max(read, default=0.0),
            "text_layer": float(bool(doubts) and not read),
        }


class _Printed:
    """The words of a page by their middles, to find those in a box again."""

    def __init__(self, page: PageText) -> None:
        words = [word for word in page.words if word.source == "ocr"]
        self._middles = np.array([word.box.center for word in words]).reshape(-1, 2)
        self._doubts = np.array([1 - word.confidence for word in words])

    def doubt(self, evidence: Evidence) -> float | None:
        """Of OCR in the least sure word of a piece of evidence; None where OCR read none of it."""
        left, top, right, bottom = evidence.box
        inside = ((self._middles >= (left, top)) & (self._middles <= (right, bottom))).all(axis=1)
        return float(self._doubts[inside].max()) if inside.any() else None


def kind_of(node: Field | None, value: Any) -> str:
    """One of `KINDS`."""
    if isinstance(value, bool):
        return "flag"
    if node is not None and node.choices:
        return "choice"
    if not isinstance(value, str) or (node is not None and node.format in ("money", "percentage")):
        return "number"
    if node is not None and node.format in ("date", "date-time", "time"):
        return "date"
    if (node is not None and node.format in _CODES) or _is_code(value):
        return "code"
    return "name" if node is not None and _is_name(node) else "text"


def _is_code(text: str) -> bool:
    """Whether at least half of its letters and digits are digits."""
    return 2 * sum(map(str.isdigit, text)) >= sum(map(str.isalnum, text))


def _is_name(node: Field) -> bool:
    if "*" in node.pointer:
        return False
    concepts = meant(node.name, node.title, node.description)
    return node.format in _NAMES or any(concept.name in _NAMING for concept in concepts)


def _of_value(node: Field | None, value: Any) -> dict[str, float]:
    kind = kind_of(node, value)
    long = min(1.0, math.log2(1 + len(str(value).split())) / _LONG) if kind in ("text", "name") else 0.0
    return {f"kind_{kind}": 1.0, "long": long}


def _of_engine(source: Source) -> dict[str, float]:
    found: dict[str, float] = {}
    if source.finding is not None:
        sure = min(1.0, max(0.0, source.finding.confidence))
        found |= {"engine": sure, "engine_70": max(0.0, sure - 0.7) / 0.3, "engine_85": max(0.0, sure - 0.85) / 0.15}
    if source.logprobs:
        least, mean = min(source.logprobs), sum(source.logprobs) / len(source.logprobs)
        found |= {"tokens": 1.0, "token_least": math.exp(min(0.0, least)), "token_mean": math.exp(min(0.0, mean))}
    return found or {"silent": 1.0}


def _shared(grounds: Mapping[str, Grounded], fields: Mapping[str, str]) -> frozenset[str]:
    """Pointers of values whose words state a value of another field as well. fields: by pointer, that of the field."""
    by_page: dict[int, list[tuple[str, str, Box]]] = {}
    for pointer, grounded in grounds.items():
        for item in grounded.evidence:
            by_page.setdefault(item.page, []).append((pointer, fields.get(pointer, pointer), item.box))
    return frozenset(pointer for pieces in by_page.values() for pointer in _shared_on_page(pieces))


def _shared_on_page(pieces: Sequence[tuple[str, str, Box]]) -> Iterator[str]:
    names = {name: number for number, name in enumerate(dict.fromkeys(name for _, name, _ in pieces))}
    fields = np.array([names[name] for _, name, _ in pieces])
    boxes = np.array([box for _, _, box in pieces])
    sizes = boxes[:, 2:] - boxes[:, :2]
    areas = sizes[:, 0] * sizes[:, 1]
    for first in range(0, len(pieces), BLOCK):
        part = slice(first, first + BLOCK)
        mine = boxes[part, None]
        overlaps = np.minimum(mine[..., 2:], boxes[:, 2:]) - np.maximum(mine[..., :2], boxes[:, :2])
        common = np.clip(overlaps, 0, None).prod(axis=2)
        same = (common >= SHARED * np.minimum(areas[part, None], areas)) & (common > 0)
        shared = (same & (fields[part, None] != fields)).any(axis=1)
        yield from (pieces[first + place][0] for place in np.flatnonzero(shared).tolist())


def _stated_of_rows(data: Any, grounds: Mapping[str, Grounded]) -> dict[str, float]:
    """The share of the values of each object that words state, by the object's pointer."""
    values: dict[str, list[bool]] = {}
    for pointer, value in leaves(data):
        if value is not None:
            grounded = grounds.get(pointer)
            values.setdefault(pointer.rpartition("/")[0], []).append(bool(grounded and grounded.evidence))
    return {pointer: sum(stated) / len(stated) for pointer, stated in values.items()}
