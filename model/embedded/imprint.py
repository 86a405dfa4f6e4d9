"""The issuer's name in the imprint: where the page tells where a company is registered, it tells its name beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.embedded.lines import Line, Span
from model.embedded.vocabulary import LEGAL_FORM, TITLE

REGISTERED = re.compile(
    r"(?i)(?<![a-z])(?:si[eè]ge social|(?:au|avec un) capital|r\.?c\.?s\.?(?=\W)|handelsregister|hr[ab](?=\W*\d)|"
    r"amtsgericht|registergericht|sitz der gesellschaft|gesch[aä]ftsf[uü]hr\w+|stammkapital|"
    r"(?:registered|regd|reg)\.? (?:office|address|in|with|company)|company reg\w*|incorporated in|share capital|"
    r"kvk(?:-nummer)?|statutair gevestigd|registro mercantil|inscrita en|domicilio social|capital social|"
    r"capitale sociale|sede legale|registro (?:delle )?imprese|sede social)(?![a-z])"
)
LOWER = 0.6  # of the page's height, below which an imprint stands
NAMED, ABOVE = 0.72, 0.68  # how sure a name is that has its legal form, and one that only stands above
MOST_WORDS = 7
_BREAK = re.compile(r"\t|[:·•|–—,;]|\s-\s")


def imprint_name(lines: Sequence[Line], height: float) -> tuple[list[Span], float] | None:
    """The spans of the name in the imprint of a page, and how sure that is, 0..1. height: of the page, in points."""
    below = [line for line in lines if line.y0 > LOWER * height]
    for place, line in enumerate(below):
        told = REGISTERED.search(line.text)
        if told is None:
            continue
        if span := _with_form(line):
            return [span], NAMED
        opens = not line.text[: told.start()].strip(" \t-–·|")
        if opens and place > 0 and (above := _short_name(below[place - 1], line)):
            return [above], NAMED if LEGAL_FORM.search(above.text) else ABOVE
    return None


def _with_form(line: Line) -> Span | None:
    """`Paper Works Ltd` of `Registered office: Paper Works Ltd, 1 High Street`."""
    for form in LEGAL_FORM.finditer(line.text):
        breaks = [match.end() for match in _BREAK.finditer(line.text, 0, form.start())]
        start = max(breaks, default=0)
        start += len(line.text[start:]) - len(line.text[start:].lstrip())
        words = line.text[start : form.start()].split()
        if 1 <= len(words) <= MOST_WORDS and words[0][:1].isupper() and not REGISTERED.search(" ".join(words)):
            return Span(line, start, _last_form(line.text, form.end()))
    return None


def _last_form(text: str, end: int) -> int:
    """Where the legal forms that follow one another end: `Private Limited`."""
    while (following := LEGAL_FORM.match(text, end + 1)) and text[end] == " ":
        end = following.end()
    return end


def _short_name(above: Line, line: Line) -> Span | None:
    """The segment right above a line that begins with where the company is registered."""
    if line.y0 - above.y1 > max(line.size, above.size):
        return None
    for segment in above.segments:
        words = segment.text.split()
        letters = sum(map(str.isalpha, segment.text))
        beside = min(segment.x1, line.x1) > max(segment.x0, line.x0)
        if beside and 1 <= len(words) <= MOST_WORDS and letters > 0.7 * len(segment.text) and words[0][:1].isupper():
            return None if TITLE.match(segment.text) else segment
    return None
