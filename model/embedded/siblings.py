"""Values that no label introduces but their form does, on one line with those of their siblings.

`Event No. 15   MEN   50m   Freestyle`: a gender word and a length stand as cells of their own, and the cell beside them
belongs to the sibling that is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from model.embedded.candidates import Reading
from model.embedded.lines import Line, Span
from model.embedded.roles import name_words, role_of
from model.embedded.scalars import Choice
from model.values.text import squash
from schemas.field import Field
from schemas.lexicon import meant

FORMED, BESIDE = 0.55, 0.5  # the confidence in a value that its form tells, and in the one beside it
_GENDERS = frozenset(
    "men women man woman male female boys girls mixed herren damen männer frauen hommes femmes messieurs dames uomini"
    " donne hombres mujeres heren mannlich weiblich männlich masculin féminin".split()
)
_LENGTH = re.compile(r"\d{1,5}(?:[.,]\d+)? ?(?:m|km|mi|yd|y|ft|metres?|meters?|miles?|yards?)", re.IGNORECASE)
_LENGTHS = frozenset({"length", "distance"})


def choose_siblings(reading: Reading, leaves: Sequence[Field]) -> dict[str, Choice]:
    """Values for groups of text leaves of one object, of which one at least tells itself by its form."""
    chosen: dict[str, Choice] = {}
    for group in _groups(leaves):
        forms = {leaf.pointer: form for leaf in group if (form := _form(leaf))}
        if forms:
            chosen.update(_on_one_line(reading, group, forms))
    return chosen


def _groups(leaves: Sequence[Field]) -> list[list[Field]]:
    """The free text leaves of each object."""
    groups: dict[str, list[Field]] = {}
    for leaf in leaves:
        if leaf.kind == "string" and not leaf.choices and not leaf.format and role_of(leaf) == "text":
            groups.setdefault(leaf.pointer.rsplit("/", 1)[0], []).append(leaf)
    return list(groups.values())


def _form(leaf: Field) -> Callable[[str], bool] | None:
    if any(concept.name == "gender" for concept in meant(leaf.name, leaf.title, leaf.description)):
        return lambda text: text.casefold() in _GENDERS
    if _LENGTHS & set(name_words(leaf.name)):
        return lambda text: bool(_LENGTH.fullmatch(text))
    return None


def _on_one_line(
    reading: Reading, group: Sequence[Field], forms: dict[str, Callable[[str], bool]]
) -> dict[str, Choice]:
    """The values of the first line that has one for every form; none where another such line says otherwise."""
    found: list[dict[str, Choice]] = []
    for line in reading.lines:
        told = _told(line, forms)
        if len(told) == len(forms):
            found.append({**told, **_beside(line, group, told)})
    said = {tuple(squash(str(choice.value)) for choice in choices.values()) for choices in found}
    return found[0] if len(said) == 1 else {}


def _told(line: Line, forms: dict[str, Callable[[str], bool]]) -> dict[str, Choice]:
    told: dict[str, Choice] = {}
    for segment in line.segments:
        for pointer, form in forms.items():
            if pointer not in told and form(segment.text.strip()):
                told[pointer] = Choice(pointer, segment.text.strip(), (segment,), FORMED)
                break
    return told


def _beside(line: Line, group: Sequence[Field], told: dict[str, Choice]) -> dict[str, Choice]:
    """For the one leaf that is left, the cell of words right of the others."""
    left = [leaf for leaf in group if leaf.pointer not in told]
    end = max(span.end for choice in told.values() for span in choice.spans)
    cell = next((segment for segment in line.segments if segment.start > end), None)
    if len(left) != 1 or len(told) < 2 or cell is None or not _worded(cell):
        return {}
    return {left[0].pointer: Choice(left[0].pointer, cell.text.strip(), (cell,), BESIDE)}


def _worded(cell: Span) -> bool:
    return cell.text.replace(" ", "").isalpha() and len(cell.text.strip()) > 2
