"""How wide text is. Helvetica's own widths for ASCII, so that layouts are the same everywhere and need no font."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_ASCII = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584"
)  # from the space on, in thousandths of the size: Adobe's font metrics
_WIDTHS = {chr(code): int(width) / 1000 for code, width in enumerate(_ASCII.split(), ord(" "))}
OTHER, WIDE = 0.6, 1.0  # of any other letter; of East Asian ones
SPACE = _WIDTHS[" "]
FIXED = 0.6  # of every letter of a text of columns


@lru_cache(maxsize=1 << 14)
def text_width(text: str) -> float:
    """In sizes: times 10 for points of text of 10 points."""
    return sum(_WIDTHS.get(letter) or letter_width(letter) for letter in text)


def letter_width(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    return WIDE if is_wide(letter) else OTHER


def is_wide(letter: str) -> bool:
    """Whether it takes a square, as Chinese, Japanese and Korean letters do; text of them breaks anywhere."""
    return letter > "\u1100" and unicodedata.east_asian_width(letter) in "WF"
