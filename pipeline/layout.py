"""Where words stand towards each other: the order in which they are read, and pages that lie on a side."""

from __future__ import annotations

import math
from collections.abc import Iterable

from schemas.page import Box, Word

SAME_LINE = 0.5  # of a word's height: the most that its centre may lie off its line's


def in_reading_order(words: Iterable[Word], skew: float = 0.0, aspect: float = 1.0) -> tuple[Word, ...]:
    """Lines from top to bottom, in each the words from left to right.

    skew: degrees clockwise by which the lines run askew; they are followed. aspect: the page's width by its height.
    """
    slope = math.tan(math.radians(skew)) * aspect
    placed = sorted(
        (((box[1] + box[3] - slope * (box[0] + box[2])) / 2, word) for word in words for box in (word.box,)),
        key=lambda pair: pair[0],
    )
    lines: list[list[Word]] = []
    middle = height = 0.0
    for center, word in placed:
        high = word.box[3] - word.box[1]
        if lines and center - middle <= SAME_LINE * min(high, height):
            line = lines[-1]
            line.append(word)
            middle += (center - middle) / len(line)
            height = min(height, high)
        else:
            lines.append([word])
            middle, height = center, high
    return tuple(word for line in lines for word in sorted(line, key=lambda word: word.box[0]))


def turned(box: Box, rotation: int) -> Box:
    """The box on the page turned clockwise by 0, 90, 180 or 270 degrees, in fractions of the turned page."""
    x0, y0, x1, y1 = box
    if rotation == 90:
        return Box(1 - y1, x0, 1 - y0, x1)
    if rotation == 180:
        return Box(1 - x1, 1 - y1, 1 - x0, 1 - y0)
    if rotation == 270:
        return Box(y0, 1 - x1, y1, 1 - x0)
    return box
