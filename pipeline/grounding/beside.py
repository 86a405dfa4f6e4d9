"""Whether the words before or above a value say that it is a field's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from model.values.text import squash
from pipeline.grounding.amounts import Run
from pipeline.grounding.words import SAME_LINE, Words
from schemas.field import Field
from schemas.lexicon import meant

OWN, SHARED = 1.0, 0.9  # weight of the schema's own labels, and of the lexicon's
LONGEST = 5  # words of a label
GAP = 3  # words between a label and its value, at most
PER_WORD = 0.05  # weight that each of them takes
ABOVE = 0.85  # weight of a label above its value
LINES_ABOVE = 2.6
_BACK = 80  # words that are looked through for those above


class Labels:
    """What documents print beside the values of fields, and where they do."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self._keys: dict[tuple[str, str], dict[str, float]] = {}

    def of(self, field: Field) -> Mapping[str, float]:
        """The field's labels, squashed, with their weights."""
        key = field.pointer, field.name
        if key not in self._keys:
            found: dict[str, float] = {}
            in_row = "*" in field.pointer
            for concept in meant(field.name, field.title, field.description, in_row=in_row):
                found.update((squash(label), SHARED) for label in concept.labels)
            own = (*field.labels, field.title, field.name.replace("_", " "))
            found.update((squash(label), OWN) for label in own)
            found.pop("", None)
            self._keys[key] = found
        return self._keys[key]

    def weight(self, run: Run, field: Field) -> float:
        """0..1: how well a label left of the words, or above them, says that they are the field's."""
        keys = self.of(field)
        inside = self.words.key(run.first)
        glued = max((weight for key, weight in keys.items() if len(key) > 2 and inside.startswith(key)), default=0.0)
        return max(glued, self._left(run, keys), self._above(run, keys))

    def _left(self, run: Run, keys: Mapping[str, float]) -> float:
        best = 0.0
        first, end = self.words.page_edges(run.first)
        for gap in range(GAP + 1):
            last = run.first - gap
            if last <= first or last > end or not self.words.near(last - 1, run.first, SAME_LINE):
                break
            best = max(best, self._ending(last, first, keys) - PER_WORD * gap)
        return best

    def _ending(self, last: int, first: int, keys: Mapping[str, float]) -> float:
        """The weight of the longest label whose last word is just before `last`."""
        text, weight = "", 0.0
        for start in range(last - 1, max(first, last - LONGEST) - 1, -1):
            text = self.words.key(start) + text
            weight = max(weight, keys.get(text, 0.0))
        return weight

    def _above(self, run: Run, keys: Mapping[str, float]) -> float:
        first, end = self.words.page_edges(run.first)
        return max((ABOVE * self._around(number, first, end, keys) for number in self._over(run, first)), default=0.0)

    def _around(self, number: int, first: int, end: int, keys: Mapping[str, float]) -> float:
        """The weight of the best label that a word is part of."""
        best = 0.0
        before = ""
        for start in range(number, max(first, number - LONGEST + 1) - 1, -1):
            if not self.words.near(start, number, SAME_LINE):
                break
            before = self.words.key(start) + before
            text = before
            best = max(best, keys.get(text, 0.0))
            for last in range(number + 1, min(end, start + LONGEST)):
                if not self.words.near(number, last, SAME_LINE):
                    break
                text += self.words.key(last)
                best = max(best, keys.get(text, 0.0))
        return best

    def _over(self, run: Run, first: int) -> Iterator[int]:
        """Words in the lines above that stand over the run."""
        words = self.words
        left, right = words.x0[run.first], max(words.x1[run.first : run.last])
        for number in range(run.first - 1, max(first, run.first - _BACK) - 1, -1):
            drop = words.drop(number, run.first)
            if drop > LINES_ABOVE:
                return
            if drop > SAME_LINE and words.x0[number] < right and words.x1[number] > left:
                yield number
