"""What documents print before a value, for things that many schemas ask for, in the languages of their countries.

The data, `lexicon.json`, holds concepts; each has the names that a schema may give it and the labels that documents
print. It lets a field called `invoice_number` find `Rechnungsnr.` with no labels of its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

_JOINING = frozenset(("the", "of", "a", "an"))


@dataclass(frozen=True, slots=True)
class Concept:
    """name: its main name; names: all names that a schema may use for it; labels: as printed.

    row: only a list's rows have it (the amount of a line, not of the document).
    """

    name: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    row: bool = False


@cache
def concepts() -> tuple[Concept, ...]:
    text = resources.files("schemas").joinpath("lexicon.json").read_text(encoding="utf-8")
    return tuple(
        Concept(name, (name, *entry["names"]), tuple(entry["labels"]), entry.get("row", False))
        for name, entry in json.loads(text).items()
    )


@cache
def _by_name() -> dict[tuple[str, ...], tuple[Concept, ...]]:
    found: dict[tuple[str, ...], tuple[Concept, ...]] = {}
    for concept in concepts():
        for name in concept.names:
            key = tuple(_words(name))
            found[key] = (*found.get(key, ()), concept)
    return found


@lru_cache(maxsize=4096)  # every field is asked about many times
def meant(name: str, title: str = "", description: str = "", in_row: bool = False) -> tuple[Concept, ...]:
    """The concepts that a field's name, title and description mean; `in_row`: it is a column of a list.

    A name means a concept if it is one of its names, or ends in one (`seller_vat_number`); a description if it opens
    with one of two words or more ("invoice date, as printed").
    """
    found = (*_ending(_words(name)), *_ending(_words(title)), *_opening(description))
    return tuple(dict.fromkeys(concept for concept in found if in_row or not concept.row))


def _ending(words: list[str]) -> tuple[Concept, ...]:
    for length in range(min(len(words), 4), 0, -1):
        found = _by_name().get(tuple(words[-length:]))
        if found:
            return found
    return ()


def _opening(description: str) -> tuple[Concept, ...]:
    """Its first six words tell, phrase by phrase: "total, tax included" is no total tax."""
    left = 6
    for phrase in re.split(r"[^\w\s-]", description):
        words = _words(phrase)[:left]
        left -= len(words)
        for length in range(min(len(words), 4), 1, -1):
            for start in range(len(words) - length + 1):
                found = _by_name().get(tuple(words[start : start + length]))
                if found:
                    return found
    return ()


def _words(name: str) -> list[str]:
    """The words of a name in any case style or of a phrase, less those that only join: date of loss → date, loss."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word for word in re.split(r"[\W_]+", spaced.casefold()) if word and word not in _JOINING]
