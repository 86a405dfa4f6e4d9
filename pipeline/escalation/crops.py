"""A part of a page, as an engine is shown it when it is asked to look closer.

The picture is of the part alone, and so are the words; coordinates stay those of the page, so that what is found there
needs no translating. A part is a band of the whole width: labels stand to the left, and the picture's budget is enough
for any line.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median

from model.engine import VISUAL_TOKENS, PageView
from schemas.page import WHOLE_PAGE, Box, PageText

LINES = 2.5  # line heights of what stands above and below that are shown too
LEAST = 0.06  # of the page's height: the least that is shown
LINE = 0.015  # of the page's height: a line where no word tells


def closer(view: PageView, region: Box, visual_tokens: int = VISUAL_TOKENS[-1]) -> PageView:
    """The view of a region of its page alone, at the highest budget: its picture, and the words and marks in it."""
    text = view.text
    if region != WHOLE_PAGE:
        text = replace(
            text,
            words=tuple(word for word in text.words if region.has_middle_of(word.box)),
            marks=tuple(mark for mark in text.marks if region.has_middle_of(mark.box)),
        )
    return replace(view, text=text, region=region, visual_tokens=visual_tokens)


def band(page: PageText, box: Box) -> Box:
    """The part of a page to show for what stands in a box: its lines over the whole width, with their neighbours."""
    askew = abs(math.tan(math.radians(page.skew))) * page.width / (page.height or 1.0)
    margin = max(LINES * line_height(page) + askew, (LEAST - box.height) / 2)
    return Box(0.0, max(0.0, box.y0 - margin), 1.0, min(1.0, box.y1 + margin))


def line_height(page: PageText) -> float:
    """Of the page's usual word, as a fraction of its height."""
    return median(word.box.height for word in page.words) if page.words else LINE
