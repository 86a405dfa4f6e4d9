"""Postal addresses: which lines look like one, and where one begins and ends."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model.embedded.candidates import EMAIL, URL
from model.embedded.lines import Span
from model.embedded.vocabulary import LEGAL_FORM, NOT_ADDRESS, POSTCODE, STREET, TITLE

LIKELY, POSSIBLE = 0.5, 0.3  # likeness of a line that begins an address, and of one that goes on with it
PLACE_LETTERS = 5
RUNNING = 14  # words, from which a line without a postcode is running text
_COMPANY_NUMBER = re.compile(r"(?i)^\W*co\W*(?:reg\W*)?no\W*\d[\d-]*(?:-[A-Z])?(?:\W+|$)")
_CONTACT = re.compile(
    r"(?i)[\s,;|(]*(?<![a-z])(?:(?:tel|phone|fax|hp|mobile|e-?mail|www|gst|tax id|co\.?\s?reg)[\s.&]*(?:no)?\W*[:+(\d]"
    r"|[tf]\s?:).*$"
)
_PARTS = re.compile(r"\s+[·•|]\s+")


def address_run(segments: Sequence[Span]) -> list[Span]:
    """The lines of the address at the start of the given ones; company numbers before it are skipped."""
    run: list[Span] = []
    for index, segment in enumerate(segments):
        text = _CONTACT.sub("", segment.text)
        alike = likeness(text)
        following = segments[index + 1].text if index + 1 < len(segments) else ""
        if not run and alike < LIKELY and text.rstrip().endswith(",") and text[:1].isdigit():
            alike = likeness(f"{text} {following}")  # "109, SS21/1A," says little without its second line
        if run:
            if alike < POSSIBLE and not _goes_on(run[-1].text, text, following):
                break
            run.append(segment)
        elif alike >= LIKELY:
            run.append(segment)
        elif not (LEGAL_FORM.search(text) or NOT_ADDRESS.search(text) or re.search(r"\d{4,}", text)):
            break
    return run


def likeness(text: str) -> float:
    """0..1: how much a line looks like part of a postal address."""
    begin = NOT_ADDRESS.search(text)
    if begin and (begin.start() < 4 or not POSTCODE.search(text)):
        return 0.0
    if re.fullmatch(r"[\d\s()+./-]+[A-Z]?\)?", text.strip()):
        return 0.0  # a telephone or registration number
    if EMAIL.search(text) or URL.search(text):
        return 0.0
    if text.count(" ") >= RUNNING and not POSTCODE.search(text):
        return 0.0
    score = 0.45 * bool(STREET.search(text)) + 0.35 * bool(POSTCODE.search(text))
    score += 0.15 * bool(re.search(r"\d", text)) + 0.2 * ("," in text)
    letters = sum(char.isalpha() for char in text)
    if letters >= 4 and letters > 0.55 * len(text.replace(" ", "")):
        score += 0.25
    if re.search(r"(?<![\d,])\d+[.,]\d\d\s*$|[$€£]|\d\d[./-]\d\d[./-]\d\d|(?:19|20)\d\d\s*[-–—]", text):
        score -= 0.6  # an amount, a date or a period
    return max(0.0, min(1.0, score))


def address_score(run: Sequence[Span]) -> float:
    """0..1: how complete an address the lines make."""
    text = " ".join(span.text for span in run)
    return 0.1 + 0.08 * min(len(run), 4) + 0.25 * bool(POSTCODE.search(text)) + 0.2 * bool(STREET.search(text))


def address_text(run: Sequence[Span]) -> str:
    """The lines joined by a space, less telephone numbers at their ends.

    Of a one-line letterhead (`Name · Street 1 · 12345 Town`) the parts that are no address are left out.
    """
    lines = []
    for span in run:
        parts = _PARTS.split(_COMPANY_NUMBER.sub("", _CONTACT.sub("", span.text)).strip())
        kept = [part for part in parts if likeness(part) >= POSSIBLE] if len(parts) > 1 else parts
        lines.append(", ".join(kept))
    return " ".join(line for line in lines if line)


def _goes_on(above: str, text: str, below: str) -> bool:
    """Whether a line of nothing but words belongs to the address: a place behind a comma or a postcode, or between two
    such lines."""
    words = text.split()
    plain = bool(words) and all(word.strip(".,'-").isalpha() for word in words)
    if not plain or len(words) > 4 or TITLE.match(text):
        return False
    if len(words) == 1 and len(words[0]) >= PLACE_LETTERS and POSTCODE.search(above):
        return True  # a state or a country behind the postcode's line
    return above.rstrip().endswith(",") or bool(POSTCODE.search(below) and likeness(below) >= LIKELY)
