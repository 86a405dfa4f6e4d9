"""A record and its pages' pictures as one page of HTML that needs nothing else: no network, no other file.

Everything in it that comes from a document is hostile. Jinja escapes all of it; before that, characters that have no
shape or would move other text are spelled out (`characters`). The page allows itself its own style and script, known
by their hashes, and pictures inside it; whatever else it might be brought to load or run, the browser refuses.
"""

from __future__ import annotations

import hashlib
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from pipeline.review_page.boxes import Outline, outlines, places_of
from pipeline.review_page.characters import marked, plain
from pipeline.review_page.choosing import Chosen
from pipeline.review_page.fields import Group, Leaf, Table, blocks, listed, shown_leaves
from pipeline.review_page.notices import notices
from pipeline.review_page.pictures import Picture
from schemas.page import Box
from schemas.record import Issue, PageInfo, Record

SIGNS = {"accepted": "✓", "review": "?", "absent": "–"}  # for who sees no colours, and for print
WIDTH = 1000.0  # of a page, in the units in which boxes are drawn
LEAST_SIDE = 4.0  # of a box, in the same units, to be seen
ASPECTS = (0.1, 10.0)  # height by width of a page that can be shown
A4 = 842 / 595
MOST_DOUBTFUL = 100  # fields of the list of those to look at first
MOST_ISSUES = 500
MOST_CHARACTERS = 5_000  # of one text
MOST_TITLE = 200  # characters of a text in a title
MOST_LINKS = 50  # fields of an issue that it leads to


@dataclass(frozen=True, slots=True)
class Drawn:
    """A box as the template draws it, in units of its sheet. links: ids of its fields; title: what it says."""

    id: str
    box: Box
    status: str
    links: tuple[str, ...]
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page to show. height: where its width is WIDTH; source: of its picture, empty for a blank one; why: it is."""

    page: int
    height: float
    source: Markup
    why: str
    info: PageInfo | None
    boxes: tuple[Drawn, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something to look at: an issue, or nothing but its fields. leaves: those that are shown."""

    issue: Issue
    leaves: tuple[Leaf, ...]


def review_page(
    record: Record, chosen: Chosen, pictures: Mapping[int, Picture], missing: Mapping[int, str] | None = None
) -> str:
    """The HTML. pictures: of the chosen pages, by number; a page without one is drawn blank, with the words in its
    boxes. missing: why it has none."""
    missing = missing or {}
    shown = listed(record)
    drawn = outlines({pointer: record.fields[pointer] for pointer in shown.values if pointer in record.fields})
    leaves = shown_leaves(record, shown.values, places_of(drawn))
    style, script = _part("page.css"), _part("page.js")
    doubtful = sorted(
        (leaf for leaf in leaves.values() if leaf.status == "review"), key=lambda leaf: leaf.confidence or 0
    )
    html: str = _template().render(
        record=record,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        signs=SIGNS,
        width=WIDTH,
        most=MOST_CHARACTERS,
        most_title=MOST_TITLE,
        counts={status: sum(leaf.status == status for leaf in leaves.values()) for status in SIGNS},
        notices=notices(record, chosen, missing, shown.left_out),
        issues=[_doubt(issue, leaves) for issue in record.issues[:MOST_ISSUES]],
        more_issues=max(0, len(record.issues) - MOST_ISSUES),
        doubtful=doubtful[:MOST_DOUBTFUL],
        more_doubtful=max(0, len(doubtful) - MOST_DOUBTFUL),
        blocks=_blocks(record, leaves),
        sheets=_sheets(record, chosen, pictures, missing, drawn, leaves),
    )
    return html


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    environment.filters["marked"] = marked
    environment.tests["table"] = lambda block: isinstance(block, Table)
    return environment.from_string(_part("page.html"))


def _shown(value: Any) -> Any:
    """What the template prints in place of a value: nothing that it prints has unseen characters."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _part(name: str) -> str:
    return resources.files("pipeline.review_page").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """The Content-Security-Policy (https://www.w3.org/TR/CSP3/): inline parts by the hash of their text."""
    hashes = [b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _blocks(record: Record, leaves: Mapping[str, Leaf]) -> list[Group | Table]:
    """The data's own, then the fields that the data leaves out."""
    within: set[str] = set()

    def at(pointer: str) -> Leaf | None:
        within.add(pointer)
        return leaves.get(pointer)

    found = [] if record.data is None else list(blocks(record.data, at))
    outside = tuple((pointer, leaf) for pointer, leaf in leaves.items() if pointer not in within)
    return [*found, Group(("left out of the data",), outside)] if outside else found


def _doubt(issue: Issue, leaves: Mapping[str, Leaf]) -> Doubt:
    return Doubt(issue, tuple(leaves[pointer] for pointer in issue.pointers[:MOST_LINKS] if pointer in leaves))


def _sheets(
    record: Record,
    chosen: Chosen,
    pictures: Mapping[int, Picture],
    missing: Mapping[int, str],
    drawn: Sequence[Outline],
    leaves: Mapping[str, Leaf],
) -> list[Sheet]:
    infos = {info.number: info for info in record.document.pages}
    on_pages: dict[int, list[Outline]] = {}
    for outline in drawn:
        on_pages.setdefault(outline.page, []).append(outline)
    sheets = []
    for page in sorted(chosen.shown):
        picture, info = pictures.get(page), infos.get(page)
        height = WIDTH * _aspect(picture or info)
        boxes = tuple(_drawn(outline, height, leaves) for outline in on_pages.get(page, ()))
        sheets.append(Sheet(page, height, _source(picture), missing.get(page, ""), info, boxes))
    return sheets


def _drawn(outline: Outline, height: float, leaves: Mapping[str, Leaf]) -> Drawn:
    stated = [leaves[pointer] for pointer in outline.pointers]
    said = [
        f"{leaf.pointer[:MOST_TITLE]}: {leaf.value[:MOST_TITLE]} ({leaf.status}, {leaf.confidence:.2f})"
        for leaf in stated
    ]
    x0, y0, x1, y1 = outline.box
    wide, high = max((x1 - x0) * WIDTH, LEAST_SIDE), max((y1 - y0) * height, LEAST_SIDE)
    left, top = min(x0 * WIDTH, WIDTH - wide), min(y0 * height, height - high)
    return Drawn(
        id=outline.id,
        box=Box(left, top, left + wide, top + high),
        status=outline.status,
        links=tuple(leaf.id for leaf in stated),
        title="\n".join(said),
        text=outline.text,
    )


def _aspect(sheet: Picture | PageInfo | None) -> float:
    """Height by width; a record may hold any numbers."""
    if sheet is None or not (math.isfinite(sheet.width) and math.isfinite(sheet.height)) or sheet.width <= 0:
        return A4
    return min(max(sheet.height / sheet.width, ASPECTS[0]), ASPECTS[1])


def _source(picture: Picture | None) -> Markup:
    return Markup("data:image/webp;base64," + b64encode(picture.webp).decode()) if picture else Markup("")
