"""Labels: the printed words that say what the value beside or below them is.

A contract's own labels (x-labels, titles, names) and the shared lexicon are looked up in every line at once; the
longest match wins, so that "Order date" is never taken for "Date". Labels of things that the contract does not ask
for are kept as well: they claim the values beside them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from rapidfuzz import fuzz, process

from model.embedded.lines import SEPARATOR, Line, Span
from model.embedded.roles import Role, concept_role, name_words, party_of, role_of
from model.values.text import squash
from schemas.field import Field
from schemas.lexicon import Concept, concepts, meant

OWN, SHARED = 1.0, 0.9  # weight of a label from the schema itself, and of one from the lexicon
_PREFIX = 2
RECONCILED = ("total", "subtotal", "tax_amount", "amount_paid", "change", "rounding")  # amounts that add up
SUMMED_UP = ("amount_due", "opening_balance", "closing_balance")  # what a line of a table says of the whole document
LANDMARKS = (
    *RECONCILED,
    *SUMMED_UP,
    "buyer",
    "ship_to",
)  # looked for in every document, whether or not a field wants them
MISREAD_LETTERS, MISREAD_RATIO = 6, 84.0  # how long a label must be, and how alike, to be known though misread
SHORT = 3  # letters: "In" and "Au" are labels only where they stand alone


def labels_of(leaf: Field) -> list[str]:
    """All labels of a leaf or a list: its own, and the lexicon's for what it means."""
    shared = meant(leaf.name, leaf.title, leaf.description, in_row="*" in leaf.pointer)
    return [text for text in (*_own_labels(leaf), *(label for concept in shared for label in concept.labels)) if text]


def _own_labels(leaf: Field) -> list[str]:
    return [*leaf.labels, leaf.title, " ".join(name_words(leaf.name))]


def _own_share(leaf: Field) -> float:
    """Less than 1 for a recipient's numbers: "VAT no." is the issuer's unless the schema's own label says otherwise."""
    numbers = ("tax_id", "iban", "phone", "email")
    return 0.6 if role_of(leaf) in numbers and party_of(leaf) == "recipient" else 1.0


def _owner(leaf: Field) -> tuple[Concept, ...]:
    """For the `name` of an object, what the object is: a buyer's name stands behind "Bill to"."""
    parent = leaf.pointer.split("/")[-2]
    return meant(parent) if leaf.name == "name" and parent.isidentifier() else ()


def _lists(node: Field) -> Iterator[Field]:
    if node.item is not None:
        yield node
        yield from _lists(node.item)
    for child in node.children:
        yield from _lists(child)


def concept_pointer(concept: str) -> str:
    """Stands for a concept where a field's pointer would; no field's pointer begins like it."""
    return f"~{concept}"


@dataclass(frozen=True)
class Hit:
    """A label found on a page. pointers: weight by field that it may stand for; none for foreign ones.

    roles: of the values that the label introduces.
    """

    span: Span
    pointers: Mapping[str, float]
    roles: frozenset[Role]
    length: int

    @property
    def line(self) -> Line:
        return self.span.line

    @cached_property
    def is_caption(self) -> bool:
        """Whether it opens a remark in brackets, as cover pages print it under a value: `(State of incorporation)`."""
        segment = self.line.segment_at(self.span.start)
        text = segment.text.rstrip()
        return (
            text.startswith("(")
            and self.span.start == segment.start + 1
            and text.count(" ") >= 1
            and (text.endswith(")") or ")" not in text)
        )


@dataclass
class LabelBook:
    """All labels worth looking for, squashed to letters and digits, with the fields that each stands for."""

    meanings: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    roles: dict[str, set[Role]] = field(default_factory=lambda: defaultdict(set))
    by_prefix: dict[str, list[str]] = field(default_factory=dict)
    long_labels: list[str] = field(default_factory=list)
    lettered: set[str] = field(default_factory=set)  # whose first word is one letter

    @classmethod
    def of(cls, root: Field) -> LabelBook:
        """The labels of a contract's leaves and lists."""
        book = cls()
        for leaf in (*root.leaves(), *_lists(root)):
            for text in _own_labels(leaf):
                book._add(text, leaf, OWN)
            for concept in (*meant(leaf.name, leaf.title, leaf.description, in_row="*" in leaf.pointer), *_owner(leaf)):
                for text in concept.labels:
                    book._add(text, leaf, SHARED * _own_share(leaf))
        for concept in concepts():
            if concept.name in LANDMARKS:
                for text in concept.labels:
                    book.meanings[squash(text)][concept_pointer(concept.name)] = SHARED
            role = concept_role(concept.name)
            for text in concept.labels:
                key = book._key(text)
                book.roles[key].add(role)
                book.meanings[key]  # a label that we know of, whether or not a field wants it
        book.meanings.pop("", None)
        book.long_labels = [key for key in book.meanings if len(key) >= MISREAD_LETTERS]
        groups: dict[str, list[str]] = defaultdict(list)
        for key in book.meanings:
            groups[key[:_PREFIX]].append(key)
        book.by_prefix = {start: sorted(keys, key=len, reverse=True) for start, keys in groups.items()}
        return book

    def _key(self, text: str) -> str:
        key = squash(text)
        if re.match(r"\w(?!\w)", text):
            self.lettered.add(key)
        return key

    def _add(self, text: str, leaf: Field, weight: float) -> None:
        key = self._key(text)
        if key:
            meanings = self.meanings[key]
            meanings[leaf.pointer] = max(weight, meanings.get(leaf.pointer, 0.0))
            self.roles[key].add(role_of(leaf))

    def hits(self, line: Line) -> list[Hit]:
        """Labels in a line, left to right, not overlapping."""
        squashed, places = _squashed_line(line)
        found: list[Hit] = []
        at = 0
        for start in _starts(line, places):
            if start < at:
                continue
            key = self._longest(squashed, places, start, line)
            if key is None:
                continue
            end = start + len(key)
            span = Span(line, places[start], places[end - 1] + 1)
            if len(key) < SHORT and not _stands_alone(span):
                continue
            found.append(Hit(span, self.meanings[key], frozenset(self.roles[key]), len(key)))
            at = end
        if line.words[0].source == "ocr":
            misread = self._misread(line, found)
            found = [hit for hit in found if not any(_inside(hit.span, other.span) for other in misread)] + misread
            found.sort(key=lambda hit: hit.span.start)
        return found

    def _misread(self, line: Line, found: list[Hit]) -> list[Hit]:
        """Labels at the start of a scanned segment that are a letter or two off: `Totel Amt Peyable`."""
        hits = []
        for segment in line.segments:
            lead = re.match(r"[^\d:]{6,40}", segment.text)
            if lead is None or any(hit.span.start == segment.start for hit in found):
                continue
            text = squash(lead[0])
            if len(text) < MISREAD_LETTERS:
                continue
            best = process.extractOne(text, self.long_labels, scorer=fuzz.ratio, score_cutoff=MISREAD_RATIO)
            if best is not None:
                key = best[0]
                span = Span(line, segment.start, segment.start + len(lead[0].rstrip(" .([")))
                weaker = {pointer: 0.9 * weight for pointer, weight in self.meanings[key].items()}
                hits.append(Hit(span, weaker, frozenset(self.roles[key]), len(key)))
        return hits

    def _longest(self, squashed: str, places: list[int], start: int, line: Line) -> str | None:
        for key in self.by_prefix.get(squashed[start : start + _PREFIX], ()):
            end = start + len(key)
            if squashed.startswith(key, start) and _ends_here(line.text, places, start, end):
                if key not in self.lettered and re.match(r"\w [^\W_]{2}", line.text[places[start] :]):
                    continue  # "a police report" is no "Apólice"
                return key
        return None


def _inside(inner: Span, outer: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _stands_alone(span: Span) -> bool:
    """Whether the span is all of its segment, or a colon follows."""
    segment = span.line.segment_at(span.start)
    return span.line.text[span.end :].lstrip(" .").startswith(":") or len(segment.text.strip(" .#")) == len(span.text)


def _squashed_line(line: Line) -> tuple[str, list[int]]:
    chars: list[str] = []
    places: list[int] = []
    for place, char in enumerate(line.text):
        if char.isascii():
            if char.isalnum():
                chars.append(char.lower())
                places.append(place)
            continue
        for plain in squash(char):
            chars.append(plain)
            places.append(place)
    return "".join(chars), places


def _starts(line: Line, places: list[int]) -> list[int]:
    """Indices into the squashed line at which a word, or a part of one behind punctuation, begins."""
    text = line.text
    return [
        index
        for index, place in enumerate(places)
        if place == 0 or not text[place - 1].isalnum() or (text[place - 1].isdigit() and text[place].isalpha())
    ]


def _ends_here(text: str, places: list[int], start: int, end: int) -> bool:
    """Whether the label stops at a word's end, inside one segment, and is not the start of a longer word."""
    first, last = places[start], places[end - 1]
    if SEPARATOR in text[first:last]:
        return False
    if last + 1 >= len(text) or not text[last + 1].isalnum():
        return True
    return end - start >= 6 and text[last + 1].isdigit() and not text[last].isdigit()
