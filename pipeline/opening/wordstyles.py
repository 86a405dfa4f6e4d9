"""Styles of a Word file: which are headings, and which put paragraphs into lists."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pipeline.opening.blocks import Stop
from pipeline.opening.xmltree import attribute, child, children, value_at

_HEADING = re.compile(r"heading\s*([1-9])", re.IGNORECASE)


class Style(NamedTuple):
    """heading: its level from 1, 0 for text. number, level: of the list that it belongs to. stops: for tabs."""

    heading: int = 0
    number: str = ""
    level: int = 0
    stops: tuple[Stop, ...] = ()


class Styles:
    """root: of `styles.xml`, or None."""

    def __init__(self, root: Any) -> None:
        self._styles = (
            {attribute(one, "styleId") or "": one for one in children(root, "style")} if root is not None else {}
        )
        self._known: dict[str, Style] = {}

    def of(self, name: str | None) -> Style:
        name = name or ""
        if name not in self._known:
            self._known[name] = self._looked_up(name)
        return self._known[name]

    def _looked_up(self, name: str) -> Style:
        heading, number, level = 0, "", 0
        stops: tuple[Stop, ...] = ()
        seen: set[str] = set()
        while name in self._styles and name not in seen:
            seen.add(name)
            style = self._styles[name]
            heading = heading or _level(value_at(style, "name") or "", value_at(style, "pPr", "outlineLvl"))
            if not number:
                number = value_at(style, "pPr", "numPr", "numId") or ""
                depth = value_at(style, "pPr", "numPr", "ilvl") or "0"
                level = int(depth) if depth.isdigit() else 0
            properties = child(style, "pPr")
            stops = stops or (tab_stops(properties) if properties is not None else ())
            name = value_at(style, "basedOn") or ""
        return Style(heading, number, level, stops)


def tab_stops(properties: Any) -> tuple[Stop, ...]:
    """Of a paragraph's properties, in order. Word measures in twentieths of a point."""
    found = []
    for tab in children(child(properties, "tabs") if child(properties, "tabs") is not None else (), "tab"):
        kind, at = attribute(tab, "val") or "left", attribute(tab, "pos") or ""
        if kind != "clear" and at.lstrip("-").isdigit():
            found.append(Stop(int(at) / 20.0, ends=kind in ("right", "end", "decimal")))
    return tuple(sorted(found))


def _level(name: str, outline: str | None) -> int:
    if outline is not None and outline.isdigit() and int(outline) < 9:
        return int(outline) + 1
    found = _HEADING.match(name)
    return int(found.group(1)) if found else 1 if name.casefold() == "title" else 0
