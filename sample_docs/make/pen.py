"""Handwriting: letters drawn as single strokes, each a little different from the last.

A glyph is strokes parted by blanks; a stroke is points, each a digit for x and a letter for y: `a` the bottom of
descenders, `e` the baseline, `k` the top of small letters, `q` of tall ones. Corners are rounded when drawn.
"""

from __future__ import annotations

import random
from itertools import pairwise

from sample_docs.make.paper import Ink, Paper, Piece, text_of

GLYPHS = {
    "a": "5j3k1j0h0f2e4f5i 5k5f6e",
    "b": "0q0e 0h2k4j5h4f2e0f",
    "c": "5j3k1j0h1f3e5f",
    "d": "5j3k1j0h0f2e4f5i 5q5f6e",
    "e": "0h5h4j3k1j0h1f3e5f",
    "f": "5p4q2p2l2e 0k4k",
    "g": "5j3k1j0h0f2e4f5i 5k5c3a1a0b",
    "h": "0q0e 0h2k4k5i5e",
    "i": "1k1f2e 1n1o",
    "j": "3k3c2a0a 3n3o",
    "k": "0q0e 4k0h 1h5e",
    "l": "1q1f2e",
    "m": "0k0e 0i2k3j3e 3i5k7j7f8e",
    "n": "0k0e 0i2k4k5i5f6e",
    "o": "3k1j0h1f3e5f5h4j3k",
    "p": "0k0a 0i2k4j5h4f2e0f",
    "q": "5j3k1j0h0f2e4f5i 5k5a6b",
    "r": "0k0e 0h1j3k4j",
    "s": "5j3k1j1i4h5g4e2e0f",
    "t": "2o2f3e5f 0k4k",
    "u": "0k0g1e3e5h 5k5f6e",
    "v": "0k2e5k",
    "w": "0k2e4j6e8k",
    "x": "0k5e 5k0e",
    "y": "0k0g2e4f5h 5k5c3a1a",
    "z": "0k5k0e5e",
    "A": "0e3q6e 1i5i",
    "B": "0e0q4q5o4l0k 0k5k6h5e0e",
    "C": "6o4q1p0l0h2e5e6f",
    "D": "0e0q3q6n6i4e0e",
    "E": "5q0q0e6e 0k4k",
    "F": "0e0q5q 0k4k",
    "G": "6o4q1p0k1f4e6g6j4j",
    "H": "0q0e 6q6e 0k6k",
    "I": "1q1e",
    "J": "4q4g3e1e0g",
    "K": "0q0e 6q0k 1k6e",
    "L": "0q0e5e",
    "M": "0e0q4i8q8e",
    "N": "0e0q6e6q",
    "O": "3q0n0h3e6h6n3q",
    "P": "0e0q4q6o4k0k",
    "R": "0e0q4q6o4k0k 2k6e",
    "S": "5p3q0o1l5j6g3e0f",
    "T": "0q6q 3q3e",
    "U": "0q0g3e6g6q",
    "V": "0q3e6q",
    "W": "0q2e5n7e9q",
    "Y": "0q3k6q 3k3e",
    "Z": "0q6q0e6e",
    "0": "3q0n0h3e5h5n3q",
    "1": "0n3q3e",
    "2": "0o2q5o4k0e6e",
    "3": "0p3q5o3k 3k6h3e0f",
    "4": "4e4q0i6i",
    "5": "5q0q0l3l5i4f2e0f",
    "6": "5q1l0h2e5g4j0i",
    "7": "0q6q2e",
    "8": "3k0n3q5n3k0h3e6h3k",
    "9": "5n3q0n2k5m5n4e",
    ".": "0e1e",
    ",": "1f0c",
    "-": "0i3i",
    ":": "0f1f 0j1j",
    "'": "0q0n",
    "/": "0d5q",
    "?": "0o2q5o4l2j2h 2f2e",
    "!": "0q0h 0f0e",
    "ä": "5j3k1j0h0f2e4f5i 5k5f6e 1n1o 4n4o",
    "ü": "0k0g1e3e5h 5k5f6e 1n1o 4n4o",
    "ß": "0a0p3q4n2l5h4e2e",
}
UNIT = 1 / 20
"""One step of the grid in sizes of the hand: tall letters are 12 steps high."""


class Pen:
    """A hand that writes on a paper. size: in points, comparable with a font's. seed: of its unsteadiness."""

    def __init__(self, paper: Paper, seed: int, size: float = 16, ink: Ink = (0.1, 0.12, 0.35)) -> None:
        self.paper, self.size, self.ink = paper, size, ink
        self._hand = random.Random(seed)

    def write(self, x: float, y: float, *pieces: Piece) -> float:
        """Writes one piece after the other on the baseline `y`, rising a little; gives the line's end."""
        for piece in pieces:
            start = x
            for letter in text_of(piece):
                x += self._letter(x, y - 0.004 * (x - start), letter)
            if not isinstance(piece, str):
                high, low = 0.68 * self.size, 0.22 * self.size
                self.paper.mark(piece.pointer, (start, y - high, x + 0.05 * self.size, y + low))
        return x

    def stroke(self, *points: tuple[float, float]) -> None:
        """One free stroke through the points, a tick or an underline."""
        self.paper.curve(_rounded(list(points)), 0.075 * self.size, self.ink)

    def _letter(self, x: float, y: float, letter: str) -> float:
        """Draws one letter and gives how far it takes the hand."""
        if letter == " ":
            return self.size * self._hand.uniform(0.34, 0.46)
        unit = self.size * UNIT * self._hand.uniform(0.93, 1.07)
        slant, lift = self._hand.uniform(0.14, 0.24), self._hand.gauss(0, 0.25) * unit
        widest = 0.0
        for stroke in GLYPHS[letter].split():
            points = []
            for column, row in zip(stroke[::2], stroke[1::2], strict=True):
                right = int(column) + self._hand.gauss(0, 0.16)
                up = ord(row) - ord("e") + self._hand.gauss(0, 0.16)
                points.append((x + (right + slant * up) * unit, y - lift - up * unit))
                widest = max(widest, right)
            self.paper.curve(_rounded(points), self.size * self._hand.uniform(0.05, 0.065), self.ink)
        return (widest + self._hand.uniform(1.2, 2.1)) * unit


def _rounded(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The line with its corners cut twice (Chaikin, 1974); its ends stay."""
    for _ in range(2):
        if len(points) < 3:
            break
        cut = [points[0]]
        for (x0, y0), (x1, y1) in pairwise(points):
            cut += [(0.75 * x0 + 0.25 * x1, 0.75 * y0 + 0.25 * y1), (0.25 * x0 + 0.75 * x1, 0.25 * y0 + 0.75 * y1)]
        points = [*cut, points[-1]]
    return points
