"""Who wrote the document and to whom: names of organisations and people, and their addresses.

Labels win (`Bill to`, `Patient name`); without one, the issuer is looked for where letterheads and footers stand, and
an unlabelled recipient is the other address of the page's upper half.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from model.embedded.addresses import address_run, address_score, address_text
from model.embedded.blocks import Block, blocks
from model.embedded.candidates import Reading
from model.embedded.issuers import issuer_name, may_name, without_registration
from model.embedded.lines import Span
from model.embedded.relations import RECIPIENTS
from model.embedded.roles import party_of, role_of
from model.embedded.scalars import Choice
from model.embedded.texts import labelled_text
from model.embedded.vocabulary import LEGAL_FORM, POSTCODE, TITLE
from model.values.text import squash
from schemas.field import Field

HARDLY_SAID = 0.4  # of a label's score, below which the letterhead is believed
RIVALRY = 0.8  # of the score, where a label and the letterhead say different things
NEAR_NAME = 4  # lines below the issuer's name, in which its address most often begins
LEAST_ADDRESS = 0.5
MOST_ADDRESS = 0.75  # the confidence in an address that no label names
UPPER = 0.5  # of the page, in which recipients stand


@dataclass(frozen=True)
class Party:
    """A name and the address lines under it, each with how sure it is."""

    name: tuple[Span, ...] = ()
    address: tuple[Span, ...] = ()
    name_score: float = 0.0
    address_score: float = 0.0


def choose_parties(reading: Reading, leaves: Sequence[Field]) -> dict[str, Choice]:
    """Values for the organisation, person and address leaves."""
    wanted = [leaf for leaf in leaves if role_of(leaf) in ("organization", "person", "address")]
    if not wanted or not reading.lines:
        return {}
    groups = blocks(reading.by_page[reading.lines[0].page])
    issuer = _issuer(reading, groups)
    recipient = _recipient(reading, groups, issuer)
    chosen: dict[str, Choice] = {}
    for leaf in wanted:
        choice = _choice(reading, leaf, recipient if party_of(leaf) == "recipient" else issuer, groups)
        if choice is not None:
            chosen[leaf.pointer] = choice
    return chosen


def _choice(reading: Reading, leaf: Field, party: Party, groups: Sequence[Block]) -> Choice | None:
    role = role_of(leaf)
    said = labelled_text(reading, leaf, address=role == "address")
    if said and role == "organization":
        said = replace(said, value=without_registration(str(said.value)))
    if said and role != "address" and not _is_name(str(said.value)):
        said = None
    shown = None
    if role == "address" and party.address:
        shown = Choice(leaf.pointer, address_text(party.address), party.address, party.address_score)
    elif role == "organization" and party.name:
        text = without_registration(" ".join(span.text.strip() for span in party.name))
        shown = Choice(leaf.pointer, text, party.name, party.name_score)
    elif role == "person" and party_of(leaf) == "":
        shown = _prominent(leaf, groups)
    letterhead_first = role == "address" and party_of(leaf) != ""
    if shown and said and said.score < HARDLY_SAID:
        said = None  # "from the date of purchase" names nobody
    choice = (shown or said) if letterhead_first else (said or shown)
    if choice and said and shown and squash(str(said.value)) != squash(str(shown.value)):
        return replace(choice, score=choice.score * RIVALRY)
    return choice


def _is_name(text: str) -> bool:
    """Whether a text has letters enough for a name, and is not the legal form behind one or a number only."""
    if sum(map(str.isdigit, text)) > sum(map(str.isalpha, text)):
        return False
    return sum(char.isalpha() for char in LEGAL_FORM.sub("", text)) >= 2 and any(map(str.isalpha, text[:2]))


def _issuer(reading: Reading, groups: Sequence[Block]) -> Party:
    found = issuer_name(reading, groups)
    name, score = found if found else ([], 0.0)
    best: tuple[float, list[Span]] = (0.0, [])
    for block in groups:
        for start in range(min(len(block.segments), 8)):
            run = address_run(block.segments[start:])
            if not run or run[0] is not block.segments[start]:
                continue
            fit = address_score(run)
            if name and 0 < run[0].line.index - name[-1].line.index <= NEAR_NAME and _in_column(run[0], name[-1]):
                fit += 0.35
            if fit > best[0] + 1e-9:
                best = (fit, run)
    if best[0] < LEAST_ADDRESS:
        return Party(tuple(name), (), score)
    return Party(tuple(name), tuple(best[1]), score, min(MOST_ADDRESS, best[0]))


def _recipient(reading: Reading, groups: Sequence[Block], issuer: Party) -> Party:
    """From the block under a `Bill to`, else the upper half's address block that is not the issuer's."""
    for block in groups:
        for index, segment in enumerate(block.segments):
            heads = any(
                hit.pointers.keys() & RECIPIENTS and hit.span.start == segment.start and hit.span.end >= segment.end - 1
                for hit in reading.hits_on(segment.line)
            )
            if heads and index + 1 < len(block.segments) and may_name(reading, block.segments[index + 1]):
                return _party_at(block, index + 1, 0.8)
    height = reading.page_sizes[groups[0].page][1] if groups else 0.0
    taken = {id(span) for span in (*issuer.address, *issuer.name)}
    for block in groups:
        for index, segment in enumerate(block.segments):
            party = _party_at(block, index, 0.6)
            text = " ".join(span.text for span in party.address)
            own = any(id(span) in taken for span in (*party.address, segment))
            if party.address and POSTCODE.search(text) and not own and segment.line.y1 < UPPER * height:
                named = may_name(reading, segment) and squash(segment.text) != squash(
                    " ".join(s.text for s in issuer.name)
                )
                if named:
                    return party
    return Party()


def _party_at(block: Block, index: int, score: float) -> Party:
    """The name at a line of a block, and the address under it."""
    run = address_run(block.segments[index + 1 : index + 6])
    skipped = block.segments.index(run[0]) - index - 1 if run else 0
    address = tuple(run) if skipped <= 1 else ()
    return Party((block.segments[index],), address, score, min(MOST_ADDRESS, score))


def _in_column(left: Span, right: Span) -> bool:
    return min(left.x1, right.x1) > max(left.x0, right.x0)


def _prominent(leaf: Field, groups: Sequence[Block]) -> Choice | None:
    """A person's name in the largest print at the top of the page, as on a résumé."""
    top = [segment for block in groups[:6] for segment in block.segments[:1]]
    if not top:
        return None
    largest = max(top, key=lambda segment: segment.line.size)
    words = largest.text.split()
    if (
        not 2 <= len(words) <= 5
        or not all(re.fullmatch(r"[^\W\d_]+(?:[-'’.][^\W\d_]+)*[.,]?", word) for word in words)
        or TITLE.match(largest.text)
    ):
        return None
    return Choice(leaf.pointer, largest.text.strip(), (largest,), 0.6)
