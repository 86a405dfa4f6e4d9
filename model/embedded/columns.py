"""What stands under a table's head says what its columns are: years, country codes and people's names under a title
that tells nothing, ranks under none at all, and prices under one that can mean a price or a rate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from model.embedded.candidates import Reading
from model.embedded.cells import cells
from model.embedded.headers import Column, Head
from model.embedded.lines import Line
from model.embedded.roles import name_words, role_of
from model.values.dates import dates
from schemas.field import Field
from schemas.lexicon import meant

SAMPLE = 40  # lines looked at
FILLED = 3  # columns that a line must fill to be looked at
SHARE = 0.75  # of the cells must look like the field's values
_YEAR = re.compile(r"(?:19|20)\d\d")
_COUNTRY = re.compile(r"[A-Z]{2,3}")
_RANK = re.compile(r"\d{1,4}\.?|[-–—*=]+")
_AMOUNT = re.compile(r"[-+]?\d[\d.,' ]*[.,]\d\d")
_RANKS = frozenset({"rank", "line_number"})
_WORDED = frozenset({"unit", "description"})
_PERSON = re.compile(r"[^\W\d_][^\W\d_'.-]*(?: [^\W\d_][^\W\d_'.-]*){1,5}")


def by_content(reading: Reading, head: Head, lines: list[Line], leaves: Sequence[Field]) -> None:
    """Corrects a head by the lines under it, in place.

    Columns without a title are added; columns that hold something else than their leaf's values go to another leaf that
    their title may stand for, or to none; leaves that no label matched get the one free column that looks like them.
    """
    _add_untitled(head, lines)
    texts = _texts(head, lines)
    by_pointer = {leaf.pointer: leaf for leaf in leaves}
    for column, found in zip(head.columns, texts, strict=True):
        if column.pointer and found and not _fits(by_pointer[column.pointer], column.title, found):
            free = (other for other in column.others if other in by_pointer and other not in head.pointers)
            column.pointer = next((other for other in free if _fits(by_pointer[other], column.title, found)), None)
    for leaf in leaves:
        looks = _looks_like(leaf)
        if leaf.pointer in head.pointers or looks is None:
            continue
        fitting = [
            column
            for column, found in zip(head.columns, texts, strict=True)
            if column.pointer is None and _share(looks, found) >= SHARE and (column.title or not _needs_title(leaf))
        ]
        if len(fitting) == 1:
            fitting[0].pointer = leaf.pointer


def _texts(head: Head, lines: list[Line]) -> list[list[str]]:
    """What stands in each column, in lines that fill at least three."""
    texts: list[list[str]] = [[] for _ in head.columns]
    for line in lines[:SAMPLE]:
        filled = cells(line, head.columns)
        if len(filled) >= FILLED:
            for index, spans in filled.items():
                texts[index].append(" ".join(span.text.strip() for span in spans))
    return texts


def _add_untitled(head: Head, lines: list[Line]) -> None:
    """A column before the first titled one, where most rows have something there that no title stands over."""
    left = min(column.x0 for column in head.columns)
    rows = [line for line in lines[:SAMPLE] if len(line.segments) >= FILLED]
    before = [line.segments[0] for line in rows if line.segments[0].x1 < left]
    if len(before) >= max(2, SHARE * len(rows)):
        head.columns.insert(0, Column(min(s.x0 for s in before), max(s.x1 for s in before), None))


def _share(looks: Callable[[str], bool], texts: list[str]) -> float:
    return sum(map(looks, texts)) / len(texts) if texts else 0.0


def _fits(leaf: Field, title: str, texts: list[str]) -> bool:
    """False for rates that show no per cent sign anywhere, and for units and descriptions that are amounts."""
    if role_of(leaf) == "percentage":
        return "%" in title or any("%" in text for text in texts)
    worded = any(concept.name in _WORDED for concept in meant(leaf.name, leaf.title, leaf.description, in_row=True))
    return not worded or leaf.kind != "string" or _share(lambda text: bool(_AMOUNT.fullmatch(text)), texts) < SHARE


def _needs_title(leaf: Field) -> bool:
    """Whether a leaf takes no column without any title: only ranks and numbers of lines go without one."""
    return not _is_rank(leaf)


def _is_rank(leaf: Field) -> bool:
    return leaf.kind == "integer" and any(
        concept.name in _RANKS for concept in meant(leaf.name, leaf.title, leaf.description, in_row=True)
    )


def _looks_like(leaf: Field) -> Callable[[str], bool] | None:
    role = role_of(leaf)
    if _is_rank(leaf):
        return lambda text: bool(_RANK.fullmatch(text))
    if leaf.kind == "integer" and "year" in name_words(leaf.name):
        return lambda text: bool(_YEAR.fullmatch(text))
    if role == "date":
        return lambda text: any(found.text == text.strip() for found in dates(text))
    if role == "country":
        return lambda text: bool(_COUNTRY.fullmatch(text))
    if role == "person":
        return lambda text: bool(_PERSON.fullmatch(text))
    return None
