"""Where the ink of a straightened line is, so that words get boxes as tight as their print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.detection import Picture

LEAST_CONTRAST = 24.0  # of 255, between ink and paper
LEAST_INK = 0.004  # of a row's pixels, from which it holds ink and not dirt
TRIM = 0.22  # of a line's height, above and below the letters, where no ink can be told
DESCENT, ASCENT = 0.28, 0.35  # of the ink's height, which letters reach below the base line and above the small letters
SPACE = 0.6  # of the letters' height: a gap this wide between two letters parts words, whatever the recogniser says
_LOW = frozenset("gjpqyQ,;()[]{}|@$_/ç")
_FLAT = frozenset("acemnorsuvwxzg.,-–—_:;*~=+·•qpy")


class Ink(NamedTuple):
    """top, bottom: of the letters with ascenders and descenders, as fractions of the line's height.
    columns: by pixel of the line's width, whether it holds ink between them; empty where none can be told."""

    top: float
    bottom: float
    columns: NDArray[np.bool_]


def find_ink(line: Picture, text: str) -> Ink:
    """The ink of a straightened RGB line (h, w, 3) that says `text`."""
    import cv2

    gray = cv2.cvtColor(line, cv2.COLOR_RGB2GRAY)
    level, _ = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    dark = gray <= level
    ink = ~dark if dark.mean() > 0.5 else dark
    nothing = Ink(TRIM, 1 - TRIM, np.zeros(0, np.bool_))
    if not ink.any() or ink.all() or abs(float(gray[ink].mean()) - float(gray[~ink].mean())) < LEAST_CONTRAST:
        return nothing
    high = len(ink)
    rows = ink.mean(axis=1) > LEAST_INK
    middle = high // 4 + int(np.argmax(ink[high // 4 : high - high // 4].sum(axis=1))) if high > 4 else high // 2
    if not rows[middle]:
        return nothing
    blank = np.flatnonzero(~rows)
    top = int(blank[blank < middle].max(initial=-1)) + 1
    bottom = int(blank[blank > middle].min(initial=high))
    columns = ink[top:bottom].any(axis=0)
    reach = bottom - top
    above = 0.0 if any(char not in _FLAT for char in text) else ASCENT * reach
    below = 0.0 if any(char in _LOW for char in text) else DESCENT * reach
    return Ink(max(0.0, (top - above) / high), min(1.0, (bottom + below) / high), columns)


def spans(ink: Ink, runs: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """For each run, given by where its first and last letters stand, from where to where its ink goes; all as
    fractions of the line's width. Neighbouring runs part in the middle of the widest gap between them."""
    columns = ink.columns
    wide = len(columns)
    inner = [gap_between(columns, last, first)[0] for (_, last), (first, _) in pairwise(runs)]
    for left, right in pairwise([0, *inner, wide]):
        inked = np.flatnonzero(columns[left:right])
        first, last = (left + inked[0], left + inked[-1] + 1) if len(inked) else (left, right)
        yield first / wide, last / wide


def gap_between(columns: NDArray[np.bool_], before: float, after: float) -> tuple[int, int]:
    """(middle, width) in pixels of the widest run of blank columns between two places, fractions of the width."""
    start, end = int(before * len(columns)), max(int(before * len(columns)) + 1, int(after * len(columns)))
    edges = np.diff(np.concatenate([[0], ~columns[start:end], [0]]).astype(np.int8))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(begins):
        return (start + end) // 2, 0
    widest = int((ends - begins).argmax())
    return start + int(begins[widest] + ends[widest]) // 2, int(ends[widest] - begins[widest])
