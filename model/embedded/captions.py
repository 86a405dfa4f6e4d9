"""What financial statements call the figures that schemas ask for: `Net sales` is a revenue, `(0.01) Basic` an EPS.

The data, `captions.json`, is general accounting vocabulary: for each figure the names that a schema may give it and,
the surest first, regular expressions of the captions that statements print before it. A figure that the data does not
know is looked for by the field's own words.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from model.embedded.roles import name_words
from schemas.field import Field

MOST_WORDS = 6  # of what opens a description, to be a caption


@dataclass(frozen=True, slots=True)
class Caption:
    """patterns: whole plain captions, the surest first. outflow: its name says that money goes out, so that the amount
    is told without the brackets that a cash flow statement prints around it. percent: it is a rate, None where nobody
    knows.
    """

    patterns: tuple[re.Pattern[str], ...]
    outflow: bool = False
    percent: bool | None = None

    def rank(self, label: str, heading: str) -> int | None:
        """The place of the first pattern that a plain label matches, alone or behind its heading (`Earnings per share:`
        `basic`); None where none does. The heading alone says nothing of what stands under it."""
        for place, pattern in enumerate(self.patterns):
            if pattern.fullmatch(label):
                return place
            if heading and pattern.fullmatch(f"{heading} {label}") and not pattern.fullmatch(f"{heading} x"):
                return place
        return None


def caption_of(node: Field) -> Caption:
    """How statements name what a field stands for."""
    own = [" ".join(name_words(node.name)), plain(node.title), _opening(node.description), *map(plain, node.labels)]
    for text in own:
        if known := _by_name().get(text):
            return known
    return Caption(tuple(re.compile(re.escape(text)) for text in own if text))


def is_known(node: Field) -> bool:
    """Whether a field's own name is that of a figure of general accounting."""
    return " ".join(name_words(node.name)) in _by_name()


def plain(text: str) -> str:
    """A caption without case, brackets, footnote marks and punctuation: `Net income (loss) (A)` → `net income`."""
    text = re.sub(r"\([^()]*\)", " ", text.casefold())
    text = re.sub(r"['’‘`]", "", text)
    return " ".join(re.findall(r"[^\W_]+", text))


def _opening(description: str) -> str:
    """What opens a description, up to its first mark: `Total debt: short-term and long-term` → `total debt`."""
    words = plain(re.split(r"[:(.;,]", description, maxsplit=1)[0]).split()
    return " ".join(words) if len(words) <= MOST_WORDS else ""


@cache
def _by_name() -> dict[str, Caption]:
    text = resources.files("model.embedded").joinpath("captions.json").read_text(encoding="utf-8")
    known: dict[str, Caption] = {}
    for name, entry in json.loads(text).items():
        caption = Caption(
            tuple(map(re.compile, entry["captions"])), entry.get("outflow", False), entry.get("percent", False)
        )
        for key in (name, *entry["names"]):
            known[" ".join(name_words(key))] = caption
    return known
