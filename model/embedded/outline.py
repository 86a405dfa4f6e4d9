"""Sections: headings, and what stands under each in its column, as résumés, reports and papers are set.

A heading is a short segment in capitals, or one in print clearly larger than the text's. Two columns of headings are
two columns of sections.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from model.embedded.labels import labels_of
from model.embedded.lines import Line, Span
from model.embedded.roles import name_words
from model.values.text import squash, unbroken
from schemas.field import Field

HEADING_WORDS = 8
COLUMN = 12.0  # points, within which headings begin at the same place
LARGER = 1.15  # times the usual print, from which a short segment is a heading though not in capitals
FEW = 3  # headings, under which a document has no outline
FULL_WORDS = 4  # of a line that goes on in the next one
WRAPPED = 1.7  # in line heights, from one line's top to the next: a wider step begins something new
BULLET = re.compile(r"^\s*(?:[\uf0a7\uf0b7•●▪◦○■‣➢✓]\s*|[–*·-](?:\s+|$))")
NUMBERED = re.compile(r"^\s*(?:\[\d{1,4}\]|\d{1,4}[.)])\s+(?=\S)")
_COMMON = frozenset(
    "the and of for any such as other or list type description title research academic professional including "
    "relevant similar history work personal additional information date name".split()
)


@dataclass(frozen=True, slots=True)
class Section:
    """pieces: what of each line belongs to the section, top to bottom, over pages."""

    heading: Span
    pieces: tuple[Span, ...]


def sections(by_page: dict[int, list[Line]]) -> list[Section]:
    """The document's sections in the order of their headings; none where it has no outline."""
    lines = [line for page in by_page.values() for line in page]
    if not lines:
        return []
    usual = median(line.size for line in lines)
    headings = [segment for line in lines for segment in line.segments if _is_heading(segment, usual)]
    capitals = [heading for heading in headings if heading.text.isupper()]
    if len(capitals) >= FEW:  # then larger print heads nothing but the document
        largest = max(heading.line.size for heading in capitals)
        headings = [each for each in headings if each.text.isupper() or each.line.size > LARGER * largest]
    if len(headings) < FEW:
        return []
    places = {(line.page, line.index): number for number, line in enumerate(lines)}
    columned = {id(each) for page in _by_page(headings) for each in _in_columns(page)}
    columns = [each for each in headings if id(each) in columned]
    found = []
    for number, heading in enumerate(headings):
        rivals = [other for other in columns if other.page == heading.page] if id(heading) in columned else []
        following = lines[places[heading.page, heading.line.index] + 1 :]
        found.append(Section(heading, tuple(_under(heading, headings[number + 1 :], rivals, following))))
    return found


def fitness(node: Field, heading: str) -> int:
    """How well a heading names a list: 3 for its label, 2 for a word of one, 1 for a word of its description, else 0.

    The last word of a part counts: `HONORS & AWARDS` are awards, `RESEARCH INTERESTS` are interests.
    """
    text = re.sub(r"\([^()]*\)", " ", heading)
    labels = labels_of(node)
    if squash(text) in {squash(label) for label in labels}:
        return 3
    parts = [words for part in re.split(r"&|/|,|;|\band\b", text, flags=re.IGNORECASE) if (words := name_words(part))]
    last = {_stem(words[-1]) for words in parts} - _COMMON
    own = name_words(node.name)
    if (
        last & {_stem(words[-1]) for label in labels if (words := name_words(label))}
        or name_words(text)[: len(own)] == own
    ):
        return 2
    return int(bool(last & {_stem(word) for word in name_words(node.description) if word not in _COMMON}))


def of_list(found: Sequence[Section], node: Field, rivals: Sequence[Field]) -> list[Section]:
    """The sections whose headings name a list, and no other list better."""
    return [
        section
        for section in found
        if (fit := fitness(node, section.heading.text))
        and not any(fitness(other, section.heading.text) > fit for other in rivals if other is not node)
    ]


def items(pieces: Sequence[Span]) -> list[tuple[Span, ...]]:
    """The bulleted or numbered items of a section, each with the lines that it goes on over, without their marks."""
    counts = {mark: sum(bool(mark.match(piece.text)) for piece in pieces) for mark in (BULLET, NUMBERED)}
    mark = max(counts, key=lambda each: counts[each])
    if counts[mark] < 2:
        return []
    found: list[list[Span]] = []
    for piece in pieces:
        begins = mark.match(piece.text)
        if begins:
            found.append([_behind(piece, begins.end())])
        elif found and continues(found[-1][-1], piece):
            found[-1].append(piece)
    return [tuple(span for span in spans if span.text.strip()) for spans in found]


def passages(pieces: Sequence[Span], whole: re.Pattern[str] | None = None) -> list[tuple[Span, ...]]:
    """Lines joined with those that they wrap on to: a line that reaches the right edge goes on in the next one.

    whole: what a line that does not go on holds.
    """
    right = max((piece.x1 for piece in pieces), default=0.0)
    found: list[list[Span]] = []
    for piece in pieces:
        above = found[-1][-1] if found else None
        wraps = above is not None and _is_full(above, right) and continues(above, piece)
        ended = whole is not None and above is not None and whole.search(above.text)
        if wraps and not ended and not BULLET.match(piece.text):
            found[-1].append(piece)
        else:
            found.append([piece])
    return [tuple(spans) for spans in found]


def _is_full(piece: Span, right: float) -> bool:
    """Whether a line holds so much that the next one may go on with it."""
    return piece.x1 > right - 10 * piece.line.size and len(piece.text.split()) >= FULL_WORDS


def continues(above: Span, below: Span) -> bool:
    """Whether a line stands right under another, in like print."""
    step = below.line.y0 - above.line.y0
    alike = abs(above.line.size - below.line.size) < 0.25 * above.line.size
    return (
        alike
        and above.page == below.page
        and 0 < step < WRAPPED * above.line.size
        and not below.text.strip().endswith(":")
    )


def said(spans: Sequence[Span]) -> str:
    """What spans say in a row: a word that a hyphen breaks at a line's end is one word again."""
    return unbroken(" ".join(" ".join(span.text.split()) for span in spans))


def _behind(piece: Span, mark: int) -> Span:
    return Span(piece.line, piece.start + mark, piece.end)


def _is_heading(segment: Span, usual: float) -> bool:
    text = segment.text.strip()
    letters = sum(map(str.isalpha, text))
    if letters < 4 or len(text.split()) > HEADING_WORDS or letters < 0.6 * len(text.replace(" ", "")):
        return False
    if text.endswith((".", ",", ";")) or BULLET.match(text):
        return False
    return text.isupper() or (segment.line.size > LARGER * usual and text[:1].isupper())


def _by_page(headings: Sequence[Span]) -> list[list[Span]]:
    pages: dict[int, list[Span]] = {}
    for heading in headings:
        pages.setdefault(heading.page, []).append(heading)
    return list(pages.values())


def _in_columns(page: Sequence[Span]) -> list[Span]:
    """The headings of a page that begin where another one does, if there are two such places: a title in the middle
    makes no column."""
    lefts = Counter(round(heading.x0 / COLUMN) for heading in page)
    shared = [heading for heading in page if sum(lefts[round(heading.x0 / COLUMN) + step] for step in (-1, 0, 1)) > 1]
    wide = shared and max(h.x0 for h in shared) - min(h.x0 for h in shared) > 10 * min(h.line.size for h in shared)
    return shared if wide else []


def _under(heading: Span, following: Sequence[Span], rivals: Sequence[Span], lines: Sequence[Line]) -> Iterator[Span]:
    """The pieces from a heading to the next one in its column. rivals: the page's headings, where it has columns."""
    size = heading.line.size
    right = min((other.x0 for other in rivals if other.x0 > heading.x0 + 10 * size), default=float("inf"))
    left = heading.x0 - 2 * size if rivals else 0.0
    end = next(
        ((o.page, o.line.index) for o in following if not rivals or abs(o.x0 - heading.x0) < 6 * size),
        (float("inf"), 0),
    )
    for line in lines:
        if (line.page, line.index) >= end or (rivals and line.page != heading.page):
            return
        inside = [segment for segment in line.segments if left <= segment.x0 < right - size]
        if inside:
            yield Span(line, inside[0].start, inside[-1].end)


def _stem(word: str) -> str:
    word = word.replace("honour", "honor")
    return word[:-3] + "y" if word.endswith("ies") else word[:-1] if word.endswith("s") and len(word) > 3 else word
