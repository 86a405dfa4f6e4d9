"""The text layer of a PDF page, and whether it can be trusted."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from pipeline.contents import COVERED, Contents, Rect
from pipeline.layout import turned
from schemas.page import BLANK, Box, Word

LIGATURES = {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
_TABLE = str.maketrans({**LIGATURES, "\u00ad": "", "\u200b": "", "\ufeff": "", "\x00": ""})
_UNNAMED = frozenset({"Co", "Cc", "Cn"})  # Unicode categories: private use, control, unassigned
_LATIN = re.compile(r"[A-Za-z]{3,}")
GARBAGE_SHARE = 0.05  # of the characters, from which a layer is not believed
FEW_WORDS = 8  # on a page under pictures: a stamp or a page number, not its text
BANDS, FEW_BANDS = 24, 4  # a page's height in bands; a scan's stamp and footer lie in few of them
ENOUGH = 80  # letters, or characters, to judge a layer by
LETTERS = dict(
    zip(
        "eainsrtolducmphgbfvwkzyjqx",
        (13, 9, 8, 8, 7, 7, 7, 7, 5, 4.5, 4.5, 3.5, 3, 2.5, 3, 2, 1.5, 1.5, 1.3, 1.3, 1.2, 1.2, 1, 0.5, 0.5, 0.3),
        strict=True,
    )
)  # percent, in English, German, French, Spanish, Italian, Dutch and Polish text together
LANGUAGE = -3.2  # mean log share of letters: pages of language have -3.1 or more, permuted alphabets -3.25 or less
SYMBOLS = 0.4  # of the characters, leaders aside; tables and codes have less
_LEADERS = str.maketrans("", "", "._-–—…*=·•|")
_LOG_SHARES = {letter: math.log(share / sum(LETTERS.values())) for letter, share in LETTERS.items()}

Verdict = Literal["sound", "suspect", "unfit"]


class Layer(NamedTuple):
    """words: as the file has them, on the page turned by `rotation` degrees clockwise so that they stand upright.
    verdict: `suspect` words are to be compared with what can be seen. reason: of the verdict, for the record."""

    words: tuple[Word, ...]
    verdict: Verdict
    reason: str
    rotation: int = 0


def text_layer(page: Any, contents: Contents) -> Layer:
    """The words of a PyMuPDF page, in the file's order, and whether to believe them."""
    words = _words(page, contents)
    if not words:
        if contents.empty:
            return Layer((), "sound", BLANK)
        return Layer((), "unfit", "no text layer, but pictures or drawings")
    share = garbage(words)
    if share > GARBAGE_SHARE:
        return Layer(words, "unfit", f"{share:.0%} of the text layer's characters have no meaning")
    if contents.covered > COVERED:
        if contents.buried > 0.5:
            return Layer(words, "unfit", "a scan with a hidden text layer of unknown quality")
        if len(words) < FEW_WORDS or _bands(words) <= FEW_BANDS:
            return Layer(words, "unfit", "a scan with hardly any text layer")
    if not reads_like_language(words):
        return Layer(words, "suspect", "the text layer's letters make no words")
    rotation = _rotation(page, contents, words)
    if rotation:
        words = tuple(word._replace(box=turned(word.box, rotation)) for word in words)
    return Layer(words, "sound", "text layer", rotation)


def garbage(words: Iterable[Word]) -> float:
    """The share of characters that stand for nothing: replacement, private use, control, unassigned."""
    counts = Counter(char for word in words for char in word.text if not "!" <= char <= "~")
    bad = sum(count for char, count in counts.items() if char == "\ufffd" or unicodedata.category(char) in _UNNAMED)
    total = sum(len(word.text) for word in words) if bad else 1
    return bad / total


def reads_like_language(words: Sequence[Word]) -> bool:
    """Whether letters are as frequent as in languages written in Latin script; True where there are too few to tell.

    A font whose codes are mapped to the wrong letters gives text that is well formed and senseless.
    """
    text = "".join(word.text for word in words).translate(_LEADERS)
    if len(text) >= ENOUGH and sum(not char.isalnum() for char in text) > SYMBOLS * len(text):
        return False
    letters = Counter("".join(part for word in words for part in _LATIN.findall(word.text)).casefold())
    total = letters.total()
    return total < ENOUGH or sum(count * _LOG_SHARES[letter] for letter, count in letters.items()) / total > LANGUAGE


def agrees(layer: Sequence[Word], seen: Sequence[Word]) -> bool:
    """Whether at least half of the longer words that OCR sees stand in the layer."""
    known = " ".join(word.text for word in layer).casefold()
    telling = [word.text.casefold() for word in seen if len(word.text) > 3]
    return sum(text in known for text in telling) * 2 >= len(telling)


def _words(page: Any, contents: Contents) -> tuple[Word, ...]:
    return tuple(
        Word(text, box)
        for text, rect in _named(page)
        if not any(_holds(hidden, rect) for hidden in contents.unseen)
        for box in (contents.sheet.box(rect),)
        if box.x1 > box.x0 and box.y1 > box.y0
    )


def _named(page: Any) -> Iterator[tuple[str, Rect]]:
    """Text and rectangle of every word, without what a button's appearance writes."""
    pressed = [tuple(button.rect) for button in buttons(page)] if page.first_widget is not None else []
    for *rect, text, _block, _line, _number in page.get_text("words"):
        if not text.isascii():
            text = text.translate(_TABLE)
        if text.strip() and not any(_holds(button, rect) for button in pressed):
            yield text, rect


def buttons(page: Any) -> Iterator[Any]:
    """The checkboxes and radio buttons among a page's form widgets."""
    import pymupdf

    kinds = (pymupdf.PDF_WIDGET_TYPE_CHECKBOX, pymupdf.PDF_WIDGET_TYPE_RADIOBUTTON)
    yield from (widget for widget in page.widgets() if widget.field_type in kinds)


def _holds(outer: Rect, inner: Rect) -> bool:
    """Whether the middle of one rectangle lies in another."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _bands(words: Iterable[Word]) -> int:
    return len({int(word.box.center[1] * BANDS) for word in words})


def _rotation(page: Any, contents: Contents, words: Sequence[Word]) -> int:
    """Degrees clockwise that put most of the text upright."""
    if not _lies(contents, words):
        return 0
    letters: Counter[int] = Counter()
    for block in page.get_text("dict", flags=0)["blocks"]:
        for line in block.get("lines", ()):
            angle = math.degrees(math.atan2(line["dir"][1], line["dir"][0])) + page.rotation
            if line["wmode"] == 0:
                letters[round(-angle / 90) * 90 % 360] += sum(len(span["text"]) for span in line["spans"])
    rotation, most = letters.most_common(1)[0] if letters else (0, 0)
    return rotation if most > 0.5 * letters.total() else 0


def _lies(contents: Contents, words: Sequence[Word]) -> bool:
    """Whether the words' boxes hint at text that does not run from left to right: higher than wide, or backwards."""
    width, height, _ = contents.sheet
    long = [word.box for word in words if len(word.text) > 3]
    high = sum(box.height * height > 1.2 * box.width * width for box in long)
    backwards = sum(_step(before.box, after.box) for before, after in pairwise(words)) < 0
    return high * 2 > len(long) > 0 or backwards


def _step(before: Box, after: Box) -> int:
    """1 or -1 for words that follow each other on one line to the right or to the left, else 0."""
    if abs(after.y0 - before.y0) > 0.5 * before.height:
        return 0
    return int(after.x0 >= before.x1) - int(after.x1 <= before.x0)
