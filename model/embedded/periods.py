"""Periods: two dates printed together (`1 January 2024 to 31 March 2024`) are a start and an end."""

from __future__ import annotations

import re
from itertools import pairwise

from model.embedded.candidates import Candidate, Reading
from schemas.field import Field
from schemas.lexicon import meant

CERTAIN, ONE_OF_MANY = 0.88, 0.5  # the score where the document has one period, and where it has several
_JOIN = re.compile(r"\s*(?:[-–—]|to|until|till|bis|au|al|hasta|a|tot|t/m|até|do)\s*", re.IGNORECASE)


def period_offers(reading: Reading, leaf: Field) -> list[tuple[float, Candidate]]:
    """For a leaf that means the start or the end of a period: that side of every period in the document."""
    concepts = {concept.name for concept in meant(leaf.name, leaf.title, leaf.description)}
    side = 0 if "period_start" in concepts else 1 if "period_end" in concepts else None
    if side is None:
        return []
    pairs = [pair for line in reading.lines for pair in _pairs(line.text, reading.candidates_on(line, "date"))]
    distinct = {(first.value, second.value) for first, second in pairs}
    score = CERTAIN if len(distinct) == 1 else ONE_OF_MANY
    return [(score, pair[side]) for pair in pairs]


def _pairs(text: str, found: list[Candidate]) -> list[tuple[Candidate, Candidate]]:
    return [
        (first, second)
        for first, second in pairwise(found)
        if first.value <= second.value and _JOIN.fullmatch(text[first.span.end : second.span.start])
    ]
