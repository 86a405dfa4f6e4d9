"""Columns whose head says nothing to us, recognised by what stands in them: years, country codes, people's names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from model.embedded.candidates import Reading
from model.embedded.cells import cells
from model.embedded.headers import Head
from model.embedded.lines import Line
from model.embedded.roles import name_words, role_of
from schemas.field import Field

SAMPLE = 40  # lines looked at
SHARE = 0.75  # of the cells must look like the field's values
_YEAR = re.compile(r"(?:19|20)\d\d")
_COUNTRY = re.compile(r"[A-Z]{2,3}")
_PERSON = re.compile(r"[^\W\d_][^\W\d_'.-]*(?: [^\W\d_][^\W\d_'.-]*){1,5}")


def by_content(reading: Reading, head: Head, lines: list[Line], leaves: Sequence[Field]) -> None:
    """Gives leaves that no label matched to columns that none claimed, where exactly one column looks like them."""
    missing = [leaf for leaf in leaves if leaf.pointer not in head.pointers]
    free = [index for index, column in enumerate(head.columns) if column.pointer is None]
    if not missing or not free:
        return
    texts: dict[int, list[str]] = {index: [] for index in free}
    for line in lines[:SAMPLE]:
        filled = cells(line, head.columns)
        if len(filled) < 3:
            continue
        for index in free:
            if index in filled:
                texts[index].append(" ".join(span.text.strip() for span in filled[index]))
    for leaf in missing:
        looks = _looks_like(leaf)
        if looks is None:
            continue
        fitting = [
            index
            for index in free
            if head.columns[index].pointer is None
            and texts[index]
            and sum(looks(text) for text in texts[index]) >= SHARE * len(texts[index])
        ]
        if len(fitting) == 1:
            head.columns[fitting[0]].pointer = leaf.pointer


def _looks_like(leaf: Field) -> Callable[[str], bool] | None:
    role = role_of(leaf)
    if leaf.kind == "integer" and "year" in name_words(leaf.name):
        return lambda text: bool(_YEAR.fullmatch(text))
    if role == "country":
        return lambda text: bool(_COUNTRY.fullmatch(text))
    if role == "person":
        return lambda text: bool(_PERSON.fullmatch(text))
    return None
