"""How alike two squashed texts are, where OCR may have misread one of them, and which words of a stretch are meant."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz
from rapidfuzz.distance import LCSseq

ALIKE = 0.75  # the least likeness at which words are taken to state a text
CONFUSION = 0.2  # what a confusion of letters that look alike costs, as a share of another error
AT_MOST = 0.97  # likeness of a text that is not literally the same
_KEPT = 0.6  # share of a word's letters that must be matched
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("ii", "u"))
_LETTERS = str.maketrans("oqdliszbgt|", "00011528611")


def unconfused(key: str) -> str:
    """What two keys have in common that differ only in letters that look alike: `rnodel5` and `model5`, `O` and `0`."""
    for pair, single in _PAIRS:
        key = key.replace(pair, single)
    return key.translate(_LETTERS)


def likeness(form: str, text: str) -> float:
    """0..1: similarity of Levenshtein's kind (insertions and deletions), with confusions of letters costing less.

    ratio + (1 - CONFUSION) (ratio of the unconfused texts - ratio), at most AT_MOST unless the same.
    """
    if form == text:
        return 1.0
    plain = fuzz.ratio(form, text) / 100
    folded = fuzz.ratio(unconfused(form), unconfused(text)) / 100
    return min(AT_MOST, plain + (1 - CONFUSION) * max(0.0, folded - plain))


def meant(form: str, keys: Sequence[str]) -> list[int]:
    """Which of the words, in order, spell the form best: those that its longest common subsequence fills."""
    text = "".join(keys)
    filled = [0] * len(keys)
    owners = [place for place, key in enumerate(keys) for _ in key]
    for block in LCSseq.opcodes(unconfused_in_place(form), unconfused_in_place(text)):
        if block.tag == "equal":
            for char in range(block.dest_start, block.dest_end):
                filled[owners[char]] += 1
    return [place for place, key in enumerate(keys) if key and filled[place] >= _KEPT * len(key)]


def unconfused_in_place(key: str) -> str:
    """The same, letter by letter, so that places in the text stay."""
    return key.translate(_LETTERS)
