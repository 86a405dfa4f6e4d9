"""What contracts say in their own way: who is party `as Administrative Agent`, what a term means, whose law governs.

Names stand above their capacity on a cover and on the pages of signatures; `“Maturity Date” means …` says what the
words beside it mean wherever they are used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from model.embedded.candidates import Reading
from model.embedded.labels import labels_of
from model.embedded.lines import Line, Span
from model.embedded.roles import name_words, role_of
from model.embedded.scalars import Choice, as_json
from model.embedded.texts import trimmed
from model.embedded.vocabulary import LEGAL_FORM
from model.values.text import squash
from schemas.field import Field
from schemas.lexicon import meant

CAPACITY, DEFINED, GOVERNED = 0.8, 0.7, 0.8  # the confidence in what each way of saying it tells
EDGE = 0.08  # of the page's height, above and below, in which running heads and feet stand
NAMES = 12  # lines above a capacity in which its names stand, at most
DEFINITION_LINES = 6
_AS = re.compile(r"(?i)^\W*as\s+(?:an?\s+|the\s+)?(?=\w)")
_SHARED = re.compile(r"(?i)^(?:sole|joint|co|initial)[\s-]+")
_TITLED = re.compile(
    r"(?i)^(?:among|between|by and|dated|section|article|the .{0,30}(?:party hereto|parties|named herein))\b"
)
_QUOTED = re.compile(r"[“\"]([^”\"]{2,60})[”\"]\s*(?:means?|shall mean|has the meaning)\b")
_LAW = re.compile(
    r"(?i)\b(?:governed\s+by|construed\s+(?:in\s+accordance\s+with|under)|contracts\s+under)\b.{0,120}?\blaws?\s+of\s+"
    r"(?:the\s+)?((?-i:(?:State|STATE|Commonwealth|COMMONWEALTH|Province|PROVINCE|Republic|REPUBLIC)\s+(?:of|OF)\s+)?"
    r"(?-i:[A-Z][\w']+(?:\s+(?:and\s+)?[A-Z][\w']+){0,3}))"
)


@dataclass(frozen=True, slots=True)
class _Flow:
    """Lines as one text, with the place at which each begins in it."""

    lines: tuple[Line, ...]
    text: str
    starts: tuple[int, ...]

    def spans(self, start: int, end: int) -> tuple[Span, ...]:
        """The parts of the lines that characters start..end of the text cover."""
        found = []
        for line, at in zip(self.lines, self.starts, strict=True):
            left, right = max(start - at, 0), min(end - at, len(line.text))
            if left < right:
                found.append(Span(line, left, right))
        return tuple(found)


def choose_contracted(reading: Reading, leaves: Sequence[Field]) -> dict[str, Choice]:
    """Values for leaves that a contract states by capacity, by definition, or by the law that governs it."""
    chosen: dict[str, Choice] = {}
    for leaf in leaves:
        role = role_of(leaf)
        choice = None
        if role in ("organization", "person", "text"):
            named = capacity_names(reading, leaf)
            if named:
                choice = Choice(leaf.pointer, _name(named[-1]), (named[-1],), CAPACITY)
        if choice is None and any(
            concept.name == "governing_law" for concept in meant(leaf.name, leaf.title, leaf.description)
        ):
            choice = _governing(reading, leaf)
        if choice is None and role in ("date", "text"):
            choice = _defined(reading, leaf)
        if choice is not None:
            chosen[leaf.pointer] = choice
    return chosen


def capacity_names(reading: Reading, leaf: Field) -> list[Span]:
    """The names above the first line that begins with `as` and a label of the leaf, top to bottom."""
    wanted = tuple(label for text in labels_of(leaf) if len(label := squash(text)) > 3)
    for number, line in enumerate(reading.lines):
        begins = _AS.match(line.text) if "as" in line.text[:5].casefold() else None
        if begins is None or len(line.segments) > 1 or _at_edge(reading, line):
            continue
        if squash(_SHARED.sub("", line.text[begins.end() :])).startswith(wanted):
            above = reading.lines[max(0, number - 2 * NAMES) : number]
            names = _names_above([other for other in above if not _at_edge(reading, other)][-NAMES:])
            if names:
                return names
    return []


def _names_above(lines: Sequence[Line]) -> list[Span]:
    """The names directly above a capacity: the last one, and with it those that `and` or a comma joins to it."""
    found: list[Span] = []
    joined = True
    for line in reversed(lines):
        text = line.text.strip()
        if re.fullmatch(r"(?i)and|&", text):
            joined = True
            continue
        if _AS.match(text) or _TITLED.match(text) or len(line.segments) > 1:
            break
        if text[:1].islower():
            continue  # "for itself and on behalf of its subsidiaries"
        if not (text.isupper() or LEGAL_FORM.search(text)) or not (joined or text.rstrip().endswith((",", "."))):
            break
        span = trimmed(line.segments[0])
        if span is not None:
            found.insert(0, span)
        joined = False
    return found


def _name(span: Span) -> str:
    return re.sub(r"\s+and$", "", span.text.strip(), flags=re.IGNORECASE).rstrip(" ,;")


def _defined(reading: Reading, leaf: Field) -> Choice | None:
    """What the quoted term that is a leaf's label means: the date that its definition names, or the definition."""
    wanted = [squash(label) for label in labels_of(leaf)]
    wanted += [squash(" ".join(word for word in name_words(leaf.name) if word != "definition"))]
    for flow in _definitions(reading):
        term = _QUOTED.search(flow.text)
        if term is None or squash(term[1]) not in wanted:
            continue
        end = _sentence_end(flow.text, term.end())
        spans = flow.spans(term.start(), end)
        if role_of(leaf) == "text":
            return Choice(leaf.pointer, " ".join(flow.text[term.start() : end].split()), spans, DEFINED)
        days = [day for span in spans for day in reading.candidates_in(span, "date")]
        if days:
            return Choice(leaf.pointer, as_json(leaf, days[0]), (days[0].span,), DEFINED)
    return None


def _definitions(reading: Reading) -> Iterator[_Flow]:
    """A flow of lines from each line that begins a definition."""
    for number, line in enumerate(reading.lines):
        quoted = "“" in line.text[:8] or '"' in line.text[:8]
        if quoted and re.match(r"\W{0,3}(?:\([a-z\d]{1,3}\)\s*)?[“\"]", line.text):
            yield _flow(reading.lines[number : number + DEFINITION_LINES])


def _sentence_end(text: str, start: int) -> int:
    found = re.compile(r"\.(?=\s+[“\"A-Z]|\s*$)").search(text, start)
    return found.end() if found else len(text)


def _governing(reading: Reading, leaf: Field) -> Choice | None:
    for number, line in enumerate(reading.lines):
        if not re.search(r"(?i)governed|construed|contracts under", line.text):
            continue
        flow = _flow(reading.lines[number : number + 3])
        found = _LAW.search(flow.text)
        if found is not None:
            return Choice(leaf.pointer, " ".join(found[1].split()), flow.spans(*found.span(1)), GOVERNED)
    return None


def _flow(lines: Sequence[Line]) -> _Flow:
    starts, length = [], 0
    for line in lines:
        starts.append(length)
        length += len(line.text) + 1
    return _Flow(tuple(lines), "\n".join(line.text for line in lines), tuple(starts))


def _at_edge(reading: Reading, line: Line) -> bool:
    height = reading.page_sizes[line.page][1]
    return not EDGE * height < line.middle < (1 - EDGE) * height
