"""Research papers: the authors between title and abstract, what identifies the paper, and the works that it cites."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from model.embedded.bibliography import IDENTIFIER, work_leaves, work_rows
from model.embedded.candidates import Reading
from model.embedded.lines import Line, Span
from model.embedded.outline import HEADING_WORDS, LARGER, NUMBERED
from model.embedded.roles import name_words
from model.embedded.rows import Row
from model.embedded.scalars import Choice
from model.values.text import squash
from schemas.field import Field
from schemas.lexicon import meant

AUTHORED = 0.6  # the confidence in authors and what marks tie to them
STAMPED, TOLD = 0.84, 0.7  # in an identifier on the first page, and in what it implies
MIDDLE, COLUMNED = (0.45, 0.6), 0.3  # of the width, where a second column begins; of the lines, how many have one
COUNTED = 0.8  # in the number of pages
_ABSTRACT = re.compile(r"(?i)^\W*(?:\d\W*)?(?:abstract|summary|introduction)\b")
_REFERENCES = re.compile(r"(?i)^\W*(?:\d+\W*)?(?:references|bibliography|works cited|literature(?: cited)?)\W*$")
_MARKS = r"[∗*†‡§¶\d,\s]*"
_NAME = re.compile(
    rf"(?P<name>[^\W\d_][\w'’.-]*(?: (?:(?:de|van|von|der|den|da|di|la|el|al|bin) )?[^\W\d_][\w'’.-]*){{1,3}}){_MARKS}"
)
_EMAILS = re.compile(r"(?:\{([^{}]+)\}|([\w.+-]+))@([\w-]+(?:\.[\w-]+)+)")
_PLACES = re.compile(r"(?<!\S)(\d{1,2})\s?([^\W\d_][^\d]*)")
_NOT_NAMES = re.compile(
    r"(?i)universit|institut|laborator|department|school|college|research|inc\b|corp|https?:|@|\barxiv\b"
)
_ARXIV = "arxiv"


@dataclass(frozen=True, slots=True)
class _Author:
    name: str
    marks: tuple[str, ...]
    span: Span


def author_rows(reading: Reading, node: Field) -> list[Row]:
    """A row for each author named between the title and the abstract of the first page; none for other lists."""
    if node.item is None or not {"author", "authors"} & set(name_words(node.name)) or not reading.lines:
        return []
    leaves = {name_words(leaf.name)[-1]: leaf for leaf in node.item.leaves() if leaf.name}
    name = leaves.get("name") or leaves.get("authors") or leaves.get("author")
    front = _front(reading)
    if name is None or front is None:
        return []
    authors = [author for line in front for author in _authors(line)]
    places = {mark: text.strip(" ,;") for line in front for mark, text in _PLACES.findall(line.text.replace("\t", " "))}
    emails = _emails(front)
    rows = []
    for number, author in enumerate(authors):
        row = Row((author.span.page, author.span.line.y0), {name.pointer: author.name}, {name.pointer: (author.span,)})
        row.score = AUTHORED
        if "email" in leaves and len(emails) == len(authors):
            address, span = emails[number]
            _put(row, leaves["email"], address, span)
        if "affiliation" in leaves and author.marks and all(mark in places for mark in author.marks):
            _put(row, leaves["affiliation"], " / ".join(places[mark] for mark in author.marks), author.span)
        rows.append(row)
    return rows


def cited_rows(reading: Reading, node: Field) -> list[Row]:
    """A row for each numbered work behind the last heading `References`, column after column."""
    if not work_leaves(node):
        return []
    heading = next((line for line in reversed(reading.lines) if _is_references(line)), None)
    if heading is None:
        return []
    cited: list[list[Span]] = []
    for span in _behind(reading, heading):
        number = NUMBERED.match(span.text)
        if number:
            cited.append([Span(span.line, span.start + number.end(), span.end)])
        elif cited and _ends(span, cited[0][0]):
            break
        elif cited and abs(span.line.size - cited[-1][-1].line.size) < 0.2 * span.line.size:
            cited[-1].append(span)
    return work_rows(node, [tuple(spans) for spans in cited if spans])


def _ends(span: Span, first: Span) -> bool:
    """Whether a line is the heading of what follows the works: short, and in larger print than they are."""
    return span.line.size > LARGER * first.line.size and len(span.text.split()) <= HEADING_WORDS


def choose_papers(reading: Reading, leaves: Sequence[Field]) -> dict[str, Choice]:
    """Values for a paper's identifier, for what an arXiv number says of a paper, and for the number of pages."""
    chosen: dict[str, Choice] = {}
    told = {leaf.pointer for leaf in leaves if _told_by_stamp(leaf)}
    stamp = _identifier(reading) if told else None
    for leaf in leaves:
        concepts = {concept.name for concept in meant(leaf.name, leaf.title, leaf.description)}
        words = name_words(leaf.name)
        if leaf.kind == "integer" and "pages" in words and {"number", "count", "total", "num"} & set(words):
            chosen[leaf.pointer] = Choice(leaf.pointer, len(reading.pages), (), COUNTED)
        elif stamp is not None and "doi" in concepts:
            chosen[leaf.pointer] = Choice(leaf.pointer, stamp.text, (stamp,), STAMPED)
        elif stamp is not None and _ARXIV in stamp.text.casefold():
            if "publisher" in concepts and leaf.kind == "string" and not leaf.choices:
                chosen[leaf.pointer] = Choice(leaf.pointer, "arXiv", (stamp,), TOLD)
            elif "Preprint" in leaf.choices:
                chosen[leaf.pointer] = Choice(leaf.pointer, "Preprint", (stamp,), TOLD)
    return chosen


def _told_by_stamp(leaf: Field) -> bool:
    concepts = {concept.name for concept in meant(leaf.name, leaf.title, leaf.description)}
    return bool(concepts & {"doi", "publisher"}) or "Preprint" in leaf.choices


def _identifier(reading: Reading) -> Span | None:
    """The DOI or arXiv number on the first page, the stamp in its margin first."""
    if not reading.pages:
        return None
    first = reading.by_page[reading.pages[0].number]
    for line in sorted(first, key=lambda line: line.x1 - line.x0 > line.y1 - line.y0):
        found = IDENTIFIER.search(line.text)
        if found is not None:
            return Span(line, *found.span())
    return None


def _front(reading: Reading) -> list[Line] | None:
    """The lines between title and abstract; None where there is no such place."""
    first = reading.by_page[reading.lines[0].page]
    upright = [line for line in first if _is_upright(line)]
    end = next((line.index for line in upright if any(_ABSTRACT.match(s.text) for s in line.segments)), None)
    if end is None:
        return None
    largest = max(line.size for line in upright[: end + 1])
    title = max((line.index for line in upright if line.index < end and line.size > 0.95 * largest), default=-1)
    return [line for line in upright if title < line.index < end]


def _authors(line: Line) -> list[_Author]:
    if _NOT_NAMES.search(line.text) or re.match(r"\s*\d", line.text):
        return []
    found, start = [], 0
    text = line.text
    for piece in [*re.finditer(r"\t|,(?!\s*\d)(?=\s)|;|\s(?:and|&)\s", text), None]:
        end = piece.start() if piece else len(text)
        part = re.sub(r"^\s*and\s+", "", text[start:end])
        at = end - len(part)
        named = _NAME.fullmatch(part.strip())
        if named and all(word[0].isupper() or len(word) < 4 for word in named["name"].split()):
            lead = len(part) - len(part.lstrip())
            marks = tuple(re.findall(r"\d{1,2}", part[lead + len(named["name"]) :]))
            found.append(_Author(named["name"], marks, Span(line, at + lead, at + lead + len(named["name"]))))
        start = piece.end() if piece else end
    return found


def _emails(lines: Sequence[Line]) -> list[tuple[str, Span]]:
    """Addresses in order; `{a, b}@example.org` is two."""
    found = []
    for line in lines:
        for match in _EMAILS.finditer(line.text):
            names = re.split(r"[,\s|]+", match[1].strip()) if match[1] else [match[2]]
            found += [(f"{name}@{match[3]}", Span(line, *match.span())) for name in names if name]
    return found


def _is_references(line: Line) -> bool:
    return any(_REFERENCES.match(segment.text) for segment in line.segments)


def _behind(reading: Reading, heading: Line) -> list[Span]:
    """What stands behind a heading, column after column, to the end of the document."""
    found: list[Span] = []
    for page, lines in reading.by_page.items():
        if page < heading.page:
            continue
        ordered = _by_column(lines, reading.page_sizes[page][0])
        if page == heading.page:
            at = next(
                (n for n, span in enumerate(ordered) if span.line is heading and _REFERENCES.match(span.text)), -1
            )
            ordered = ordered[at + 1 :]
        found += ordered
    return found


def _by_column(lines: Sequence[Line], width: float) -> list[Span]:
    """The segments of a page, of two columns the left one's first."""
    segments = [segment for line in lines if _is_upright(line) for segment in line.segments]
    middle = [segment for segment in segments if MIDDLE[0] * width < segment.x0 < MIDDLE[1] * width]
    if len(middle) < COLUMNED * len(lines):
        return segments
    return sorted(segments, key=lambda segment: segment.x0 > MIDDLE[0] * width)


def _is_upright(line: Line) -> bool:
    return line.x1 - line.x0 > 0.5 * (line.y1 - line.y0)


def _put(row: Row, leaf: Field, value: str, span: Span) -> None:
    if squash(value):
        row.values[leaf.pointer] = value
        row.spans[leaf.pointer] = (span,)
