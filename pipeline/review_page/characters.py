"""Text of a document as a page may show it: what has no shape of its own, or would move other text, is spelled out."""

from __future__ import annotations

import unicodedata
from itertools import groupby

from markupsafe import Markup, escape

# Of controls, format characters (bidirectional ones among them), surrogates, private and unassigned code points, line
# and paragraph separators. Line ends and tabs lay out text, and the two joiners spell words of many scripts.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
KEPT = frozenset("\n\t\u200c\u200d")


def is_unseen(char: str) -> bool:
    return unicodedata.category(char) in UNSEEN and char not in KEPT


def plain(text: str) -> str:
    """For attributes: a right-to-left override becomes `[U+202E]`."""
    if text.isprintable():
        return text
    return "".join(f"[{_code(char)}]" if is_unseen(char) else char for char in text)


def marked(text: str) -> Markup:
    """For elements: the same, told from letters of the text by its look, and with its name."""
    if text.isprintable():
        return escape(text)
    pieces: list[Markup] = []
    for unseen, run in groupby(text, is_unseen):
        chars = "".join(run)
        pieces.extend(map(_spelled, chars) if unseen else [escape(chars)])
    return Markup("").join(pieces)


def _spelled(char: str) -> Markup:
    name = unicodedata.name(char, "character without a shape")
    return Markup('<span class="unseen" title="{}">{}</span>').format(name.lower(), _code(char))


def _code(char: str) -> str:
    return f"U+{ord(char):04X}"
