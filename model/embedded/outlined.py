"""Lists that stand as sections of an outline: works, dated items, plain items, and the sections that no list claims."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.embedded.bibliography import work_leaves, work_rows
from model.embedded.lines import Span
from model.embedded.outline import Section, continues, fitness, items, of_list, passages, said
from model.embedded.printed import Printed
from model.embedded.roles import name_words
from model.embedded.rows import Row
from model.embedded.scalars import Choice
from model.embedded.texts import separated
from schemas.field import Field
from schemas.lexicon import meant

OPENING_WORDS = 15  # from which text before the first heading is a summary
LISTED = 0.55  # the confidence in what a heading and a bullet tell
_DATES = re.compile(
    r"\s*\((?:[^()\d]{0,40}[ ,:])?((?:19|20)\d\d(?:\s*[-–—,]\s*(?:(?:19|20)\d\d|present))*)\)", re.IGNORECASE
)


_USUAL = tuple(
    Field(name, f"/{name}", "array")
    for name in "experience education skills languages publications certifications summary references".split()
)


def outlined_rows(printed: Printed, node: Field, rivals: Sequence[Field]) -> list[Row]:
    """Rows for a list of objects that the headings of sections name; none for other kinds of lists."""
    found = printed.sections
    if not found or node.item is None:
        return []
    if work_leaves(node):
        return [row for section in of_list(found, node, rivals) for row in work_rows(node, items(section.pieces))]
    leaves = [leaf for leaf in node.item.leaves() if leaf.pointer.count("*") == node.pointer.count("*") + 1]
    title, content = _named(leaves, "title heading section"), _named(leaves, "content text body")
    if title is not None and content is not None and len(leaves) == 2:
        return _sections(found, node, rivals, title, content)
    date, text = _named(leaves, "date year"), _named(leaves, "description name title award")
    if date is None or text is None or date is text:
        return []
    organization = _named(leaves, "organization organisation issuer institution")
    return [
        _dated(spans, date, text, organization)
        for section in of_list(found, node, rivals)
        for spans in items(section.pieces)
        if spans
    ]


def outlined_items(printed: Printed, node: Field, rivals: Sequence[Field]) -> list[Choice]:
    """The bulleted items of a list of texts, under the heading that names it."""
    assert node.item is not None
    listed = [
        spans
        for section in of_list(printed.sections, node, rivals)
        for spans in items(section.pieces) or _separated(section, node)
        if spans
    ]
    return [Choice(node.item.pointer, said(spans), spans, LISTED) for spans in listed]


def _separated(section: Section, node: Field) -> list[tuple[Span, ...]]:
    """What separators part under a heading that is the list's own label; an item may wrap on to the next line."""
    if fitness(node, section.heading.text) < 3:
        return []
    found: list[tuple[Span, ...]] = []
    for passage in passages(section.pieces):
        for number, span in enumerate(passage):
            parts = separated(span)
            open_end = (
                number > 0 and bool(found) and not passage[number - 1].text.rstrip().endswith((",", ";", "|", "•"))
            )
            if open_end and parts:
                found[-1] = (*found[-1], parts[0])
                parts = parts[1:]
            found += [(part,) for part in parts]
    return found


def choose_opening(printed: Printed, leaves: Sequence[Field]) -> dict[str, Choice]:
    """For a leaf that asks for a summary: the running text that opens a document before its first heading."""
    wanted = [
        leaf
        for leaf in leaves
        if leaf.kind == "string" and any(c.name == "summary" for c in meant(leaf.name, leaf.title, leaf.description))
    ]
    found = printed.sections if wanted else []
    if len(found) < 2:
        return {}
    first = next(iter(printed.by_page.values()))
    largest = max((line.size for line in first), default=0.0)
    heading = next((s.heading for s in found if s.heading.line.size < 0.95 * largest), None)
    if heading is None or not first or heading.page != first[0].page:
        return {}
    text: list[Span] = []
    for line in first[: heading.line.index]:
        piece = line.segments[0]
        if text and continues(text[-1], piece):
            text.append(piece)
        elif len(said(text).split()) >= OPENING_WORDS:
            break
        else:
            text = [piece]
    if len(said(text).split()) >= OPENING_WORDS:
        return {leaf.pointer: Choice(leaf.pointer, said(text), tuple(text), LISTED) for leaf in wanted}
    return {}


def _dated(spans: tuple[Span, ...], date: Field, text: Field, organization: Field | None) -> Row:
    """An item with its date in brackets: `Honorary Doctorate, University of Sampleton (2009)`."""
    row = Row((spans[0].page, spans[0].line.y0), score=LISTED)
    whole = said(spans)
    dates = _DATES.search(whole)
    described = (whole[: dates.start()] + whole[dates.end() :]).strip() if dates else whole
    row.values[text.pointer] = described
    if dates:
        year = re.match(r"\d{4}", dates[1])
        row.values[date.pointer] = int(year[0]) if date.kind == "integer" and year else dates[1]
    parts = described.split(", ")
    if organization is not None and len(parts) == 2 and parts[1][:1].isupper():
        row.values[organization.pointer] = parts[1]
    row.spans = dict.fromkeys(row.values, spans)
    return row


def _sections(
    found: Sequence[Section], node: Field, rivals: Sequence[Field], title: Field, content: Field
) -> list[Row]:
    """The sections that no other list claims, where the contract has others; else those with no usual heading."""
    others = [other for other in rivals if other is not node] or _USUAL
    claimed = [section for other in others for section in of_list(found, other, [*rivals, *others])]
    if not claimed:
        return []
    rows = []
    largest = max(section.heading.line.size for section in found)
    for section in found:
        titles = section is found[0] and section.heading.line.size > 0.95 * largest and len(found) > 1
        if section in claimed or not section.pieces or titles:
            continue
        row = Row((section.heading.page, section.heading.line.y0), score=LISTED)
        row.values[title.pointer] = section.heading.text.strip()
        row.values[content.pointer] = "\n".join(said(passage) for passage in passages(section.pieces))
        row.spans = {title.pointer: (section.heading,), content.pointer: section.pieces}
        rows.append(row)
    return rows


def _named(leaves: Sequence[Field], words: str) -> Field | None:
    """The first leaf whose name has one of the words."""
    wanted = set(words.split())
    return next((leaf for leaf in leaves if wanted & set(name_words(leaf.name))), None)
