"""The name of whoever wrote the document, where no label says it: by legal form, by place, and by what stands below."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.embedded.addresses import LIKELY, address_run, likeness
from model.embedded.blocks import Block
from model.embedded.candidates import EMAIL, IBAN, URL, Reading
from model.embedded.imprint import imprint_name
from model.embedded.lines import Span
from model.embedded.vocabulary import LEGAL_FORM, NOT_ADDRESS, POSTCODE, TITLE
from model.values.text import squash

_REGISTRATION = re.compile(
    r"\s*\(\s*(?:co\W*(?:reg)?\W*(?:no)?\W*)?[\d.\s]{4,}[-\s.·]?\s?[A-Z]?\s*\)?\s*$", re.IGNORECASE
)
_REMARK = re.compile(r"^\s*\([^()]*\)\s*(?=\w)")
_TAIL = re.compile(
    r"(?i)(?:enterprise|trading|sdn|bhd|gmbh|ltd|limited|inc|llc|plc|pte|pvt)\b[^:\d]*$"
)  # begins no name
BODY = (0.35, 0.85)  # of the page's height, between letterhead and footer, where other names stand
_HEADING = re.compile(r"(?i)\b(?:details|information|particulars|summary|coordonn[ée]es|angaben|datos|gegevens)\s*:?$")
_HOUSE = re.compile(r"[^\W\d]\s+\d{1,4}\s?[a-z]?$", re.IGNORECASE)
HEADING_ROLES = frozenset({"organization", "person", "address"})


def issuer_name(reading: Reading, groups: Sequence[Block]) -> tuple[list[Span], float] | None:
    """The spans of the issuer's name on the first page, and how sure that is, 0..1."""
    text_of_page = squash(" ".join(line.text for line in reading.by_page[groups[0].page])) if groups else ""
    height = reading.page_sizes[groups[0].page][1] if groups else 1.0
    best: tuple[float, list[Span]] | None = None
    rank = 0
    for block in groups:
        for index, segment in enumerate(block.segments):
            if not may_name(reading, segment) or _HEADING.search(segment.text) or _in_address(block, index):
                continue
            name = _whole_name(block, index)
            score = _score(block, index, name, rank) + 0.12 * (text_of_page.count(squash(name[0].text)) > 1)
            if _addressed(reading, block, index):
                score -= 0.25
            if BODY[0] < segment.line.y0 / height < BODY[1]:
                score -= 0.15
            if best is None or score > best[0]:
                best = (score, name)
            rank += 1
    told = imprint_name(reading.by_page[groups[0].page], height) if groups else None
    if told and (best is None or told[1] > best[0]):
        return told
    return None if best is None else (best[1], best[0])


def without_registration(name: str) -> str:
    """A company's name without the registration number that is printed behind it in brackets, or a remark before it."""
    return _REGISTRATION.sub("", _REMARK.sub("", name)).strip(" *-:,#")


def may_name(reading: Reading, segment: Span) -> bool:
    """Whether a segment can be a name: mostly letters, no title, no contact, and no label at its start."""
    text = without_registration(segment.text).strip(".")
    letters = sum(char.isalpha() for char in text)
    if letters < 4 or letters < 0.5 * len(text.replace(" ", "")) or TITLE.match(text):
        return False
    if EMAIL.search(text) or URL.search(text) or IBAN.search(text):
        return False
    return not any(hit.span.start == segment.start and hit.length > 3 for hit in reading.hits_on(segment.line))


def _in_address(block: Block, index: int) -> bool:
    """Whether it is a street and its number above a line with a postcode, or a country below one."""
    above, below = block.segments[max(0, index - 1) : index], block.segments[index + 1 : index + 2]
    text = block.segments[index].text.strip()
    street = below and POSTCODE.search(below[0].text) and _HOUSE.search(text)
    country = above and POSTCODE.search(above[0].text) and " " not in text
    return bool((street or country) and not LEGAL_FORM.search(text))


def _score(block: Block, index: int, name: Sequence[Span], rank: int) -> float:
    text = without_registration(block.segments[index].text).strip(".")
    score = 0.34 + max(0.0, 0.14 - 0.03 * rank) + 0.04 * (index == 0)
    if _ends_with_form(" ".join(span.text for span in name)):
        score += 0.22 if text.count("(") >= text.count(")") else 0.1
    if address_run(block.segments[index + 1 : index + 4]):
        score += 0.14
    if len(text.split()) > 7 or text.endswith(".") or text[:1].islower():
        score -= 0.12
    if likeness(text) >= LIKELY + 0.1 and not _ends_with_form(text):
        score -= 0.2
    if NOT_ADDRESS.search(text):
        score -= 0.25
    return score


def _whole_name(block: Block, index: int) -> list[Span]:
    """The name's spans. One that opens a bracket, or lacks the legal form that the next line is, goes on below it; one
    that begins with a legal form goes on from the line above."""
    spans = [block.segments[index]]
    if index > 0 and _TAIL.match(spans[0].text) and _named_above(block.segments[index - 1].text):
        spans.insert(0, block.segments[index - 1])
    for following in block.segments[index + 1 : index + 3]:
        text = " ".join(span.text for span in spans)
        tail = _is_tail(following.text) or bool(_TAIL.match(following.text) and _named_above(text))
        if text.count("(") > text.count(")") or (not LEGAL_FORM.search(text) and tail):
            spans.append(following)
        else:
            break
    return spans


def _named_above(text: str) -> bool:
    """Whether a line can be the start of a name that a line beginning with a legal form ends."""
    return text.replace(" ", "").isalpha() and not TITLE.match(text) and not LEGAL_FORM.search(text)


def _is_tail(text: str) -> bool:
    """Whether a line is the end of a name begun above it: little more than a legal form."""
    form = LEGAL_FORM.search(text)
    if form is None or "," in text or len(text[: form.start()].split()) > 1:
        return False
    return _ends_with_form(text) or text.count("(") > text.count(")")


def _ends_with_form(text: str) -> bool:
    """Whether the last legal form in a text stands at its end, registration numbers apart."""
    bare = without_registration(text)
    return any(form.end() >= len(bare) - 4 for form in LEGAL_FORM.finditer(bare))


def _addressed(reading: Reading, block: Block, index: int) -> bool:
    """Whether the block is headed by a label (`Bill to:`), so that what follows is somebody else's."""
    first = block.segments[0]
    return index > 0 and any(
        hit.span.start == first.start and hit.roles & HEADING_ROLES for hit in reading.hits_on(first.line)
    )
