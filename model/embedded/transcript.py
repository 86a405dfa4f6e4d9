"""A page's text as Markdown, in reading order: columns one after another, larger print as headings."""

from __future__ import annotations

from statistics import median

from model.embedded.blocks import Block, blocks
from model.embedded.candidates import Reading
from model.embedded.roles import role_of
from model.embedded.rows import Row
from schemas.field import Field

UNPROVED = 0.8  # the words are right, but their order and what pictures say nobody has checked
HEADING = 1.25  # times the page's usual line height
GUTTER = 1.2  # in line heights: the least white between two columns


def page_rows(reading: Reading, leaves: tuple[Field, ...]) -> list[Row] | None:
    """One row a page for a list with a `markdown` leaf; None where the list has none."""
    text = next((leaf for leaf in leaves if role_of(leaf) == "markdown"), None)
    if text is None:
        return None
    number = next((leaf for leaf in leaves if role_of(leaf) == "page_number"), None)
    rows = []
    for page in reading.pages:
        ordered = reading_order(blocks(reading.by_page[page.number]))
        row = Row((page.number, 0.0), {text.pointer: markdown(ordered)}, score=UNPROVED)
        row.spans[text.pointer] = tuple(span for block in ordered for span in block.segments)
        if number is not None:
            row.values[number.pointer] = page.number
            row.spans[number.pointer] = ()
        rows.append(row)
    return rows


def markdown(ordered: list[Block]) -> str:
    """Blocks as paragraphs; lines inside a block keep their breaks."""
    if not ordered:
        return ""
    usual = median(segment.line.size for block in ordered for segment in block.segments)
    parts = []
    for block in ordered:
        text = "\n".join(line.strip() for line in block.texts)
        heading = block.size > HEADING * usual and len(block.segments) <= 2
        parts.append(f"## {' '.join(text.split())}" if heading else text)
    return "\n\n".join(parts)


def reading_order(found: list[Block]) -> list[Block]:
    """Recursive X-Y cut: bands of the page from top to bottom, inside a band columns from left to right.

    Source: Nagy and Seth, Hierarchical representation of optically scanned documents, 1984.
    """
    if len(found) < 2:
        return found
    bands = _cut(found, vertical=True)
    if len(bands) > 1:
        return [block for band in bands for block in _columns(band)]
    return _columns(found)


def _columns(band: list[Block]) -> list[Block]:
    columns = _cut(band, vertical=False)
    if len(columns) < 2:
        return sorted(band, key=lambda block: (block.y0, _extent(block, vertical=False)[0]))
    return [block for column in columns for block in reading_order(column)]


def _cut(found: list[Block], vertical: bool) -> list[list[Block]]:
    """Groups of blocks between which a white band runs across all of them."""
    ordered = sorted(found, key=lambda block: _extent(block, vertical)[0])
    groups: list[list[Block]] = [[ordered[0]]]
    reach = _extent(ordered[0], vertical)[1]
    for block in ordered[1:]:
        start, end = _extent(block, vertical)
        if start > reach + (0.0 if vertical else GUTTER * 0.5 * block.size):
            groups.append([block])
        else:
            groups[-1].append(block)
        reach = max(reach, end)
    return groups


def _extent(block: Block, vertical: bool) -> tuple[float, float]:
    if vertical:
        return block.segments[0].line.y0, block.segments[-1].line.y1
    return min(segment.x0 for segment in block.segments), max(segment.x1 for segment in block.segments)
