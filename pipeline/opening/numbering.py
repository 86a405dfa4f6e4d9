"""Numbers of lists, as Word and PowerPoint print them before paragraphs and do not store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.opening.xmltree import attribute, child, children, value_at

BULLET = "•"
_ROMAN = tuple(
    zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), "m cm d cd c xc l xl x ix v iv i".split(), strict=True)
)
LEVELS = 9


def in_form(number: int, form: str) -> str:
    """`3` in the form `lowerRoman` is `iii`. form: as in Word; PowerPoint's and HTML's are mapped to these."""
    if form in ("lowerRoman", "upperRoman"):
        text = roman(number)
        return text.upper() if form == "upperRoman" else text
    if form in ("lowerLetter", "upperLetter"):
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1) if number > 0 else "0"
        return letter.upper() if form == "upperLetter" else letter
    if form == "decimalZero":
        return f"{number:02d}"
    return "" if form == "none" else str(number)


def roman(number: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        count, number = divmod(max(0, min(number, 100_000)), value)
        text += letters * count
    return text


class Numbering:
    """The lists of one Word file, counted as its paragraphs come. root: of `numbering.xml`, or None."""

    def __init__(self, root: Any) -> None:
        self._levels: dict[str, dict[int, Any]] = {}
        self._abstract: dict[str, str] = {}
        self._starts: dict[tuple[str, int], int] = {}
        self._counts: dict[str, list[int | None]] = {}
        if root is None:
            return
        for one in children(root, "abstractNum"):
            self._levels[attribute(one, "abstractNumId") or ""] = dict(_by_level(one))
        for one in children(root, "num"):
            number = attribute(one, "numId") or ""
            self._abstract[number] = value_at(one, "abstractNumId") or ""
            for override in children(one, "lvlOverride"):
                start = value_at(override, "startOverride")
                if start is not None:
                    self._starts[number, _int(attribute(override, "ilvl"))] = _int(start)

    def label(self, number: str, level: int) -> str:
        """What stands before the next paragraph of a list; empty for one that is not in a list."""
        abstract = self._abstract.get(number, "")
        levels = self._levels.get(abstract, {})
        if number == "0" or level not in levels:
            return ""
        counts = self._counts.setdefault(abstract if (number, level) not in self._starts else number, [None] * LEVELS)
        before = counts[level]
        counts[level] = self._start(number, levels, level) if before is None else before + 1
        counts[level + 1 :] = [None] * (LEVELS - level - 1)
        form = value_at(levels[level], "numFmt") or "decimal"
        if form == "bullet":
            return BULLET

        def said(found: re.Match[str]) -> str:
            at = int(found.group(1)) - 1
            count = counts[at] if counts[at] is not None else self._start(number, levels, at)
            return in_form(count or 0, value_at(levels.get(at), "numFmt") or "decimal")

        shown = child(levels[level], "lvlText")
        return re.sub(r"%([1-9])", said, (attribute(shown, "val") or "") if shown is not None else "").strip()

    def _start(self, number: str, levels: dict[int, Any], level: int) -> int:
        return self._starts.get((number, level), _int(value_at(levels.get(level), "start"), 1))


def _by_level(abstract: Any) -> Iterator[tuple[int, Any]]:
    for level in children(abstract, "lvl"):
        place = _int(attribute(level, "ilvl"))
        if 0 <= place < LEVELS:
            yield place, level


def _int(text: str | None, default: int = 0) -> int:
    try:
        return int(text) if text is not None else default
    except ValueError:
        return default
