"""Blocks: segments that stand under one another without a gap, as addresses, letterheads and paragraphs do."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.embedded.lines import Line, Span

LEADING = 0.95  # in line heights: a wider gap between two lines begins a new block


@dataclass
class Block:
    """Segments of one column, top to bottom, at most one a line."""

    segments: list[Span] = field(default_factory=list)

    @property
    def page(self) -> int:
        return self.segments[0].page

    @property
    def y0(self) -> float:
        return self.segments[0].line.y0

    @property
    def size(self) -> float:
        return max(segment.line.size for segment in self.segments)

    @property
    def texts(self) -> list[str]:
        return [segment.text for segment in self.segments]


def blocks(lines: list[Line]) -> list[Block]:
    """The blocks of one page, ordered by their first line."""
    found: list[Block] = []
    open_blocks: list[Block] = []
    for line in lines:
        reach = line.y0 - LEADING * line.size
        open_blocks = [block for block in open_blocks if block.segments[-1].line.y1 >= reach]
        for segment in line.segments:
            above = [block for block in open_blocks if _continues(block.segments[-1], segment)]
            if above:
                best = min(above, key=lambda block: abs(block.segments[-1].x0 - segment.x0))
                best.segments.append(segment)
            else:
                block = Block([segment])
                found.append(block)
                open_blocks.append(block)
    return found


def _continues(above: Span, below: Span) -> bool:
    if above.line is below.line:
        return False
    size = max(above.line.size, below.line.size)
    if min(above.line.size, below.line.size) < 0.6 * size:
        return False
    if below.line.y0 - above.line.y1 > LEADING * size:
        return False
    centered = abs((above.x0 + above.x1) - (below.x0 + below.x1)) < 3 * size
    overlap = min(above.x1, below.x1) - max(above.x0, below.x0)
    return abs(above.x0 - below.x0) < 0.8 * size or (centered and overlap > 0)
