"""Who wrote the document and to whom: names of organisations and people, and their addresses.

Labels win (`Bill to`, `Patient name`); without one, the issuer is looked for where letterheads and footers stand, by
legal form, by position and by what else the block holds. An unlabelled recipient is the other address block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from model.embedded.blocks import Block, blocks
from model.embedded.candidates import EMAIL, IBAN, URL, Reading
from model.embedded.lines import Span
from model.embedded.roles import party_of, role_of
from model.embedded.scalars import Choice
from model.embedded.texts import labelled_text
from model.embedded.vocabulary import LEGAL_FORM, NOT_ADDRESS, POSTCODE, STREET, TITLE
from model.values.text import squash
from schemas.field import Field

RIVALRY = 0.8  # of the score, where a label and the letterhead say different things
_REGISTRATION = re.compile(
    r"\s*\(\s*(?:co\W*(?:reg)?\W*(?:no)?\W*)?[\d.\s]{4,}[-\s.·]?\s?[A-Z]?\s*\)?\s*$", re.IGNORECASE
)
_CONTACT = re.compile(
    r"(?i)[\s,;|(]*(?<![a-z])(?:(?:tel|phone|fax|hp|mobile|e-?mail|www|gst|tax id|co\.?\s?reg)[\s.&]*(?:no)?\W*[:+(\d]"
    r"|[tf]\s?:).*$"
)


def choose_parties(reading: Reading, leaves: Sequence[Field]) -> dict[str, Choice]:
    """Values for the organisation, person and address leaves."""
    wanted = [leaf for leaf in leaves if role_of(leaf) in ("organization", "person", "address")]
    if not wanted or not reading.lines:
        return {}
    first_page = reading.lines[0].page
    groups = blocks(reading.by_page[first_page])
    chosen: dict[str, Choice] = {}
    issuer = _issuer(reading, groups)
    for leaf in wanted:
        role, party = role_of(leaf), party_of(leaf)
        said = labelled_text(reading, leaf, address=role == "address")
        shown = None
        if party != "recipient" and role == "organization" and issuer:
            shown = _name_choice(leaf, issuer)
        elif party != "recipient" and role == "address":
            shown = _address_choice(leaf, reading, groups, issuer)
        elif party == "" and role == "person" and said is None:
            shown = _prominent(leaf, groups)
        letterhead_first = role == "address" and party == "issuer"
        choice = (shown or said) if letterhead_first else (said or shown)
        if choice is None:
            continue
        if said and shown and squash(str(said.value)) != squash(str(shown.value)):
            choice = replace(choice, score=choice.score * RIVALRY)
        chosen[leaf.pointer] = choice
    return chosen


def _prominent(leaf: Field, groups: list[Block]) -> Choice | None:
    """A person's name in the largest print at the top of the page, as on a résumé."""
    top = [segment for block in groups[:6] for segment in block.segments[:1]]
    if not top:
        return None
    largest = max(top, key=lambda segment: segment.line.size)
    words = largest.text.split()
    if not 2 <= len(words) <= 5 or not all(word.strip(".,-'").isalpha() for word in words) or TITLE.match(largest.text):
        return None
    return Choice(leaf.pointer, largest.text.strip(), (largest,), 0.6)


def _issuer(reading: Reading, groups: list[Block]) -> tuple[list[Span], float] | None:
    """The spans of the issuer's name and how sure that is."""
    scored: list[tuple[float, list[Span]]] = []
    rank = 0
    for block in groups:
        for index, segment in enumerate(block.segments):
            text = without_registration(segment.text).strip(".")
            if not _may_name(reading, segment, text):
                continue
            score = 0.34 + max(0.0, 0.14 - 0.03 * rank)
            name = _whole_name(block, index)
            if _ends_with_form(" ".join(span.text for span in name)):
                score += 0.22 if text.count("(") >= text.count(")") else 0.1
            if index == 0:
                score += 0.04
            if _address_lines(reading, block.segments[index + 1 : index + 4]):
                score += 0.14
            if len(text.split()) > 7 or text.endswith("."):
                score -= 0.12
            if _address_likeness(text) >= 0.6 and not _ends_with_form(text):
                score -= 0.2
            if NOT_ADDRESS.search(text):
                score -= 0.25
            if _addressed(reading, block, index):
                score -= 0.25
            scored.append((score, name))
            rank += 1
    if not scored:
        return None
    best = max(score for score, _ in scored)
    return next((spans, score) for score, spans in scored if score == best)


def _may_name(reading: Reading, segment: Span, text: str) -> bool:
    letters = sum(char.isalpha() for char in text)
    if letters < 4 or letters < 0.5 * len(text.replace(" ", "")) or TITLE.match(text):
        return False
    if EMAIL.search(text) or URL.search(text) or IBAN.search(text):
        return False
    hits = [hit for hit in reading.hits_on(segment.line) if segment.start <= hit.span.start < segment.end]
    return not any(hit.span.start == segment.start and hit.length > 3 for hit in hits)


def _whole_name(block: Block, index: int) -> list[Span]:
    """The name's spans. One that opens a bracket, or lacks the legal form that the next line is, goes on below it."""
    spans = [block.segments[index]]
    for following in block.segments[index + 1 : index + 3]:
        text = " ".join(span.text for span in spans)
        if text.count("(") > text.count(")") or (not LEGAL_FORM.search(text) and _is_tail(following.text)):
            spans.append(following)
        else:
            break
    return spans


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
        hit.span.start == first.start and hit.roles & {"organization", "person", "address"}
        for hit in reading.hits_on(first.line)
    )


def _name_choice(leaf: Field, issuer: tuple[list[Span], float]) -> Choice:
    spans, score = issuer
    text = " ".join(span.text.strip() for span in spans)
    return Choice(leaf.pointer, without_registration(text), tuple(spans), score, 0.1)


def without_registration(name: str) -> str:
    """A company's name without the registration number that is printed behind it in brackets."""
    return _REGISTRATION.sub("", name).strip(" *-:,#")


def _address_lines(reading: Reading, segments: Sequence[Span]) -> list[Span]:
    """The run of address-like segments at the start of the given ones, company numbers before it skipped."""
    run: list[Span] = []
    for segment in segments:
        text = _CONTACT.sub("", segment.text)
        likeness = _address_likeness(text)
        if run and likeness < 0.3 and not _goes_on(run[-1].text, text):
            break
        if likeness >= 0.5 or run:
            run.append(segment)
            continue
        if not run and (LEGAL_FORM.search(text) or NOT_ADDRESS.search(text) or re.search(r"\d{4,}", text)):
            continue
        if not run:
            break
    return run


def _goes_on(above: str, text: str) -> bool:
    """Whether a line of nothing but words ends the address above it: a place name behind a comma."""
    words = text.split()
    plain = all(word.strip(".,").isalpha() for word in words)
    return plain and len(words) <= 4 and above.rstrip().endswith(",") and not TITLE.match(text)


def _address_likeness(text: str) -> float:
    """0..1: how much a line looks like part of a postal address."""
    begin = NOT_ADDRESS.search(text)
    if begin and (begin.start() < 4 or not POSTCODE.search(text)):
        return 0.0
    if re.fullmatch(r"[\d\s()+./-]+[A-Z]?\)?", text.strip()):
        return 0.0  # a telephone or registration number
    if EMAIL.search(text) or URL.search(text):
        return 0.0
    score = 0.0
    if STREET.search(text):
        score += 0.45
    if POSTCODE.search(text):
        score += 0.35
    if re.search(r"\d", text):
        score += 0.15
    if "," in text:
        score += 0.2
    letters = sum(char.isalpha() for char in text)
    if letters >= 4 and letters > 0.55 * len(text.replace(" ", "")):
        score += 0.25
    if re.search(r"(?<![\d,])\d+[.,]\d\d\s*$|[$€£]", text):
        score -= 0.6
    return min(1.0, score)


def _address_choice(
    leaf: Field, reading: Reading, groups: list[Block], issuer: tuple[list[Span], float] | None
) -> Choice | None:
    best: tuple[float, list[Span]] | None = None
    for block in groups:
        for start in range(min(len(block.segments), 8)):
            run = _address_lines(reading, block.segments[start:])
            if not run or run[0] is not block.segments[start]:
                continue
            score = _address_score(run)
            if issuer and block.page == issuer[0][0].page:
                gap = run[0].line.index - issuer[0][-1].line.index
                score += 0.35 if 0 < gap <= 3 else 0.0
            if best is None or score > best[0] + 1e-9:
                best = (score, run)
    if best is None or best[0] < 0.5:
        return None
    score, run = best
    return Choice(leaf.pointer, address_text(run), tuple(run), min(0.75, score), 0.1)


def address_text(spans: Sequence[Span]) -> str:
    """The lines of an address joined by a space, less telephone numbers at their ends."""
    lines = [_CONTACT.sub("", span.text).strip() for span in spans]
    return " ".join(line for line in lines if line)


def _address_score(run: list[Span]) -> float:
    text = " ".join(span.text for span in run)
    score = 0.1 + 0.08 * min(len(run), 4)
    if POSTCODE.search(text):
        score += 0.25
    if STREET.search(text):
        score += 0.2
    return score
