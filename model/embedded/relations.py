"""How a label and a value lie to each other: the value to the right on the same line, or below in the same column."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from model.embedded.candidates import Reading
from model.embedded.labels import Hit, concept_pointer
from model.embedded.lines import SEPARATOR, Line, Span

RIGHT, BELOW = 1.0, 0.86  # a label's value most often stands to its right
CAPTION, CAPTION_LINES, CAPTION_GAP = 0.9, 2, 1.2  # a caption under its value: strength, lines and line heights away
REACH_BELOW = 3.2  # in line heights
TABLE_ROW = 0.85  # a label before several amounts heads a row of a table rather than one value
TABLE_VALUE = 0.6  # of a row of a list: hardly the document's own either
TABLE_HEAD = 0.75  # what stands under a list's head is its rows', hardly the document's own
PROSE_WORDS = 9  # words of one segment from which it is running text, where labels mean little
RECIPIENT_LINES = 8  # below a recipient's heading, at most, in which their numbers stand
RECIPIENTS = frozenset(map(concept_pointer, ("buyer", "ship_to")))
_FILLER = re.compile(
    r"^(no|nr|n|of|is|in|the|as|am|vom|zum|per|du|au|le|al|del|de|von|on|at|total|amount|and|e|a|rm|rs|eur|usd)$",
    re.IGNORECASE,
)
_PART = re.compile(r"\s[-−–—·•|;]\s*$")  # as the parts of an imprint are told apart
_INCLUDING = re.compile(
    r"\b(incl?|inkl|including|inclusive|of|with|tva|ttc|comprise|compris|excl?|exkl|ex|w/?o|after|before|add)\W*$", re.I
)


@dataclass(frozen=True)
class Relation:
    """strength: 0..1, how surely the label speaks of the value, whatever the label's own weight."""

    hit: Hit
    strength: float
    kind: Literal["right", "below", "above"]


def relations(reading: Reading, span: Span) -> list[Relation]:
    """Every label that may speak of what stands in the span, strongest first."""
    found = [
        Relation(hit, strength, "right")
        for hit in reading.hits_on(span.line)
        if hit.span.end <= span.start and (strength := _right(reading, hit, span)) > 0
    ]
    lines = reading.by_page[span.page]
    for index in range(span.line.index - 1, -1, -1):
        line = lines[index]
        if span.line.y0 - line.y1 > REACH_BELOW * span.line.size:
            break
        found += [
            Relation(hit, strength, "below")
            for hit in reading.hits_on(line)
            if (strength := _below(reading, hit, span, lines[index + 1 : span.line.index])) > 0
        ]
    for line in lines[span.line.index + 1 : span.line.index + 1 + CAPTION_LINES]:
        found += [
            Relation(hit, CAPTION * standing(reading, hit), "above")
            for hit in (reading.hits_on(line) if "(" in line.text else ())
            if hit.is_caption and captions(hit, span)
        ]
    if reading.in_row(span):
        found = [replace(relation, strength=relation.strength * TABLE_VALUE) for relation in found]
    found.sort(key=lambda relation: -relation.strength)
    return found


def captions(hit: Hit, span: Span) -> bool:
    """Whether a caption stands right under a value, in its column."""
    segment = hit.line.segment_at(hit.span.start)
    gap = hit.line.y0 - span.line.y1
    return -0.6 * span.line.size < gap < CAPTION_GAP * span.line.size and same_column(span, segment, span.line.size)


def is_recipients(reading: Reading, span: Span) -> bool:
    """Whether what stands there is said of the recipient: behind or below a `Bill to`, with no gap between."""
    lines = reading.by_page[span.page]
    place = span.line.segment_at(span.start)
    for line in reversed(lines[max(0, span.line.index - RECIPIENT_LINES) : span.line.index + 1]):
        if line.y0 > place.line.y0 or place.line.y0 - line.y1 > 1.5 * line.size:
            break
        column = [segment for segment in line.segments if segment == place or abs(segment.x0 - place.x0) < line.size]
        if any(
            hit.span.start == segment.start and hit.pointers.keys() & RECIPIENTS
            for segment in column
            for hit in reading.hits_on(line)
        ):
            return True
        if column:
            place = column[0]
    return False


def _right(reading: Reading, hit: Hit, span: Span) -> float:
    if hit.is_caption:
        return 0.0
    line = span.line
    between = line.text[hit.span.end : span.start]
    strength = RIGHT * standing(reading, hit)
    for other in reading.hits_on(line):
        inside = hit.span.end <= other.span.start and other.span.end <= span.start
        if inside and not _INCLUDING.search(line.text[hit.span.end : other.span.start]):
            strength *= 0.35
    if re.search(r"%\s+(?:on|of|auf|sur|op|de|su|von)\b", between):
        strength *= 0.4  # "15 % on $ 112.90" gives the base, not the tax
    words = [word for word in re.findall(r"\w+", _without_dates(reading, hit, span)) if not _FILLER.match(word)]
    strength *= max(0.45, 1.0 - 0.1 * len(words))
    amounts = [c for c in reading.candidates_on(line, "money") if c.quality >= 0.95 and c.span.start >= hit.span.end]
    if len(amounts) > 1:
        strength *= TABLE_ROW
    if SEPARATOR in between:
        width = reading.page_sizes[span.page][0]
        strength *= 0.98 - 0.2 * (span.x0 - hit.span.x1) / width
    return strength


def _without_dates(reading: Reading, hit: Hit, span: Span) -> str:
    """What stands between a label and an amount, without the day it speaks of (`Solde au 28/02/2025  5 120,30`)."""
    line, between, start = span.line, "", hit.span.end
    days = reading.candidates_on(line, "date")
    if any(day.span.start < span.end and span.start < day.span.end for day in days):
        return line.text[start : span.start]  # of two days the first is the label's
    for found in days:
        if start <= found.span.start and found.span.end <= span.start:
            between += line.text[start : found.span.start] + " "
            start = found.span.end
    return between + line.text[start : span.start]


def _below(reading: Reading, hit: Hit, span: Span, between: list[Line]) -> float:
    size = span.line.size
    drop = span.line.y0 - hit.line.y1
    if drop < -0.6 * size or not same_column(hit.span, span, size) or hit.is_caption:
        return 0.0
    strength = BELOW * standing(reading, hit) - 0.1 * max(0.0, drop) / size
    blockers = sum(
        any(same_column(segment, span, size) for segment in line.segments)
        for line in between
        if line.y0 >= hit.line.y1 - size
    )
    strength *= 0.55**blockers
    if (hit.line.page, hit.line.index) in reading.heads:
        strength *= TABLE_HEAD
    segment = hit.line.segment_at(hit.span.start)
    rest = hit.line.text[hit.span.end : segment.end].strip()
    if rest.startswith(":") and len(rest) > 1:
        strength *= 0.3  # the label has its value already, on its own line
    elif len(re.findall(r"\w+", rest)) > 2:
        strength *= 0.6
    return max(0.0, strength)


def same_column(above: Span, below: Span, size: float) -> bool:
    overlap = min(above.x1, below.x1) - max(above.x0, below.x0)
    if overlap > 0.3 * min(above.x1 - above.x0, below.x1 - below.x0):
        return True
    return abs(above.x0 - below.x0) < 0.8 * size or abs(above.x1 - below.x1) < 0.8 * size


def standing(reading: Reading, hit: Hit) -> float:
    """1.0 for a label that begins its segment (or follows another label's value, or begins a part of an imprint), less
    inside running text."""
    key = (hit.line.page, hit.line.index, hit.span.start, hit.span.end)
    if key not in reading.standings:
        reading.standings[key] = _standing(reading, hit)
    return reading.standings[key]


def _standing(reading: Reading, hit: Hit) -> float:
    segment = hit.line.segment_at(hit.span.start)
    before = hit.line.text[segment.start : hit.span.start]
    for other in reading.hits_on(hit.line):
        if segment.start <= other.span.start < hit.span.start:
            before = hit.line.text[other.span.end : hit.span.start]
            if re.search(r"\d\W*$", before) or not before.strip(" :/|-"):
                return 0.95
    if _PART.search(before) and hit.line.text[hit.span.end :].lstrip().startswith(":"):
        return 0.95
    words = re.findall(r"\w+", before)
    letters = [word for word in words if not _FILLER.match(word) and not word.isdigit()]
    prose = 0.5 if segment.text.count(" ") >= PROSE_WORDS else 1.0
    return prose * max(0.4, 1.0 - 0.22 * len(letters))
