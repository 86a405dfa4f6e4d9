"""Values without a form of their own: the text that stands beside or below a label."""

from __future__ import annotations

import re

from model.embedded.candidates import Reading
from model.embedded.labels import Hit
from model.embedded.lines import Span
from model.embedded.relations import CAPTION, CAPTION_LINES, captions, same_column, standing
from model.embedded.scalars import Choice
from model.values.text import unbroken
from schemas.field import Field

ADDRESS_LINES = 6
TITLE_SCORE = 0.6
OWN_WEIGHT = 0.8  # of a label's score, below which a title is rather what is printed largest
COLON = 0.95  # a label with a colon is one beyond doubt
NEAR = 8.0  # in line heights: how far right of a label without a colon its value may stand
HEADING_GAP = 2.4  # in line heights, between a heading and its text
PARAGRAPH_WORDS = 5  # in a line, from which it is running text
_SEPARATORS = re.compile(r"[,;•·|\t]|\s[-–]\s")
_NUMBERED = re.compile(r"(?i)^[\s.]*(?:no|nr|number|num|id|code|reg|registration|n°|nº|#)(?![a-z])")


def labelled_text(reading: Reading, leaf: Field, *, address: bool = False) -> Choice | None:
    """The text that the leaf's best label introduces; `address` takes the lines that follow as well."""
    best: Choice | None = None
    for line in reading.lines:
        for hit in reading.hits_on(line):
            weight = hit.pointers.get(leaf.pointer)
            if weight is None:
                continue
            spans, strength = introduced(reading, hit)
            if not spans or (_numbers(hit) and not any(map(str.isalpha, spans[0].text))):
                continue
            if address:
                spans = spans + _following(reading, spans[-1])
            elif spans[0].line is not line and heads(hit):
                spans = paragraph(reading, spans[0])
            score = weight * strength
            text = unbroken(" ".join(span.text.strip() for span in spans))
            if best is None or score > best.score:
                best = Choice(leaf.pointer, text, tuple(spans), score, 0.2)
    return best


def _numbers(hit: Hit) -> bool:
    """Whether a label asks for a number, which is not what a text is called: `Event No. 15`."""
    return bool(re.search(r"(?i)(?:\b(?:no|nr|number|num)|n[°º]|#)\W*$", hit.span.text))


def title_or_label(reading: Reading, leaf: Field) -> Choice | None:
    """What the leaf's label introduces; for a title that no label with a colon introduces, the largest print."""
    said, title = labelled_text(reading, leaf), document_title(reading, leaf)
    if said is None or (title is not None and said.score < OWN_WEIGHT):
        return title or said
    return said


def document_title(reading: Reading, leaf: Field) -> Choice | None:
    """The largest print of the first page, for a leaf outside lists that is called the title."""
    if leaf.pointer != "/title" or not reading.lines:
        return None
    first = [line for line in reading.by_page[reading.lines[0].page] if line.x1 - line.x0 > line.size]
    largest = max((line.size for line in first), default=0.0)
    if not first:
        return None
    start = next(index for index, line in enumerate(first) if line.size >= 0.95 * largest)
    spans: list[Span] = []
    for line in first[start : start + 3]:
        if line.size < 0.9 * largest:
            break
        spans += line.segments
    text = " ".join(span.text.strip() for span in spans)
    return Choice(leaf.pointer, text, tuple(spans), TITLE_SCORE) if any(map(str.isalpha, text)) else None


def introduced(reading: Reading, hit: Hit) -> tuple[list[Span], float]:
    """What a label introduces: the rest of its segment, the next segment, or the segment below; and how surely."""
    line = hit.line
    stands = standing(reading, hit)
    segment = line.segment_at(hit.span.start)
    if hit.is_caption:
        over = _captioned(reading, hit)
        return ([over], stands * CAPTION) if over is not None else ([], 0.0)
    others = [other for other in reading.hits_on(line) if other.span.start > hit.span.start and _introduces(other)]
    rest = Span(line, hit.span.end, min([segment.end, *(o.span.start for o in others if o.span.start < segment.end)]))
    value = trimmed(rest)
    if _NUMBERED.match(rest.text) and hit.roles <= {"text", "organization", "person", "address"}:
        return [], 0.0  # "Company No." names a number, not a company
    colon = line.text[hit.span.end : hit.span.end + 2].strip().startswith(":")
    if value is not None:
        running = not colon and value.text[:1].islower()  # the sentence goes on: no label at all
        return [value], stands * (COLON if colon else 0.3 if running else 0.62)
    for following in line.segments:
        if following.start < segment.end:
            continue
        labelled = any(other.span.start == following.start for other in others)
        if labelled:
            break
        value = trimmed(following)
        if value is not None:
            if not colon and not any(char.isalpha() for char in value.text):
                return [value], stands * 0.4  # a table of contents gives page numbers
            near = value.x0 - segment.x1 < NEAR * line.size
            if not colon and not near and heads(hit) and (prose := _prose_below(reading, hit)) is not None:
                return [prose], stands * 0.72  # a heading over its column, with another column beside it
            return [value], stands * (0.92 if colon else 0.75 if near else 0.5)
    below = _segment_below(reading, hit) or (_prose_below(reading, hit) if heads(hit) else None)
    return ([below], stands * 0.72) if below is not None else ([], 0.0)


def _introduces(hit: Hit) -> bool:
    """Whether a label inside a line has something behind it; else it is a word of a value (`J. Sample`)."""
    rest = hit.line.text[hit.span.end :].lstrip(" .")
    return bool(re.match(r"[:#+(=\d$€£]|n[or°º]", rest, re.IGNORECASE)) or hit.span.start == _segment(hit).start


def _segment(hit: Hit) -> Span:
    return hit.line.segment_at(hit.span.start)


def heads(hit: Hit) -> bool:
    """Whether the label is all of its segment, as a heading is."""
    segment = hit.line.segment_at(hit.span.start)
    return hit.span.start == segment.start and hit.span.end >= segment.start + len(segment.text.rstrip(" .:—-"))


def paragraph(reading: Reading, first: Span) -> list[Span]:
    """The lines of running text from its first one on; only that one where it is short."""
    found = [first]
    if first.text.count(" ") < PARAGRAPH_WORDS:
        return found
    for line in reading.by_page[first.page][first.line.index + 1 :]:
        under = [segment for segment in line.segments if same_column(found[-1], segment, line.size)]
        if (
            not under
            or line.y0 - found[-1].line.y1 > 0.6 * line.size
            or abs(line.size - first.line.size) > 0.15 * line.size
        ):
            break
        found.append(under[0])
    return found


def trimmed(span: Span) -> Span | None:
    """The span without the punctuation that separates a label from its value; None where nothing is left."""
    text = span.text
    lead = len(text) - len(re.sub(r"^[\s:.\-–#=|/]+", "", text))
    tail = len(text.rstrip(" \t:|")) if text.strip() else 0
    if tail <= lead or not any(char.isalnum() for char in text[lead:tail]):
        return None
    return Span(span.line, span.start + lead, span.start + tail)


def _segment_below(reading: Reading, hit: Hit) -> Span | None:
    lines = reading.by_page[hit.line.page]
    for line in lines[hit.line.index + 1 : hit.line.index + 4]:
        if line.y0 - hit.line.y1 > 1.6 * line.size:
            return None
        for segment in line.segments:
            if same_column(hit.span, segment, line.size):
                starts_label = any(other.span.start == segment.start for other in reading.hits_on(line))
                return None if starts_label else trimmed(segment)
    return None


def _captioned(reading: Reading, hit: Hit) -> Span | None:
    """The text over a caption in brackets, past a ruled line."""
    lines = reading.by_page[hit.line.page]
    for line in reversed(lines[max(0, hit.line.index - CAPTION_LINES) : hit.line.index]):
        for segment in line.segments:
            if captions(hit, segment) and any(map(str.isalnum, segment.text)):
                return trimmed(segment)
    return None


def _prose_below(reading: Reading, hit: Hit) -> Span | None:
    """The first line of running text under a heading, in its column, though a line be left free between."""
    for line in reading.by_page[hit.line.page][hit.line.index + 1 : hit.line.index + 4]:
        for segment in line.segments:
            if same_column(hit.span, segment, line.size):
                free = line.y0 - hit.line.y1 < HEADING_GAP * line.size
                return trimmed(segment) if free and segment.text.count(" ") >= PARAGRAPH_WORDS else None
    return None


def _following(reading: Reading, last: Span) -> list[Span]:
    """The lines of an address under its first one."""
    found: list[Span] = []
    lines = reading.by_page[last.page]
    for line in lines[last.line.index + 1 : last.line.index + 1 + 2 * ADDRESS_LINES]:
        if line.y0 - last.line.y1 > 0.9 * line.size or len(found) >= ADDRESS_LINES:
            break
        column = [segment for segment in line.segments if abs(segment.x0 - last.x0) < 1.2 * line.size]
        if not column or any(hit.span.start == column[0].start for hit in reading.hits_on(line)):
            if column:
                break
            continue
        last = column[0]
        found.append(last)
    return found


def separated(span: Span) -> list[Span]:
    """The parts of a span between commas, bullets, bars, dashes and wide gaps."""
    found, start = [], 0
    pieces = [*_SEPARATORS.finditer(span.text), None]
    for piece in pieces:
        end = piece.start() if piece else len(span.text)
        item = trimmed(Span(span.line, span.start + start, span.start + end))
        if item is not None:
            found.append(item)
        start = piece.end() if piece else end
    return found
