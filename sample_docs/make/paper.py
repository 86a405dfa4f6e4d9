"""A sheet of paper that remembers where each value was printed on it.

Lengths are points (1/72 inch), origin top left; `y` of a text is its baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal, NamedTuple

import pymupdf

Align = Literal["left", "right", "center"]
Ink = tuple[float, float, float]
Rect = tuple[float, float, float, float]

BLACK: Ink = (0.08, 0.08, 0.1)
GREY: Ink = (0.42, 0.42, 0.45)
WHITE: Ink = (1, 1, 1)
A4 = (595.0, 842.0)
LETTER = (612.0, 792.0)

FACES = {
    "sans": "helv",
    "sans-bold": "hebo",
    "sans-italic": "heit",
    "serif": "tiro",
    "serif-bold": "tibo",
    "serif-italic": "tiit",
    "mono": "cour",
    "mono-bold": "cobo",
}
"""Our names to the names of PyMuPDF's built-in fonts."""

ABOVE, BELOW = 0.82, 0.22
"""How far a line's letters reach over and under the baseline, in font sizes: the height of a value's box."""


class Value(NamedTuple):
    """A text that states the value at a JSON Pointer of the data, or a part of it."""

    text: str
    pointer: str


Piece = str | Value
Line = Piece | tuple[Piece, ...]


class Type(NamedTuple):
    """How a text is set: face (a key of FACES), size in points, colour."""

    face: str = "sans"
    size: float = 9
    ink: Ink = BLACK

    def bold(self) -> Type:
        return self._replace(face=f"{self.face}-bold")

    def sized(self, size: float) -> Type:
        return self._replace(size=size)

    def inked(self, ink: Ink) -> Type:
        return self._replace(ink=ink)

    def width(self, text: str) -> float:
        return float(font(self.face).text_length(text, self.size))


PLAIN = Type()


class Mark(NamedTuple):
    """The place where the value at `pointer` is stated: 1-based page and rectangle in points."""

    pointer: str
    page: int
    rect: Rect


Stroke = Callable[[pymupdf.Shape], None]
"""One thing printed, told to the page when the document is finished."""


@cache
def font(face: str) -> pymupdf.Font:
    return pymupdf.Font(FACES[face])


def text_of(piece: Piece) -> str:
    return piece if isinstance(piece, str) else piece.text


class Paper:
    """A document in the making: what was printed on each page so far, and where its values stand."""

    def __init__(self, size: tuple[float, float] = A4) -> None:
        self.width, self.height = size
        self.marks: list[Mark] = []
        self._strokes: list[list[Stroke]] = [[]]
        self.number = 1

    @property
    def pages(self) -> int:
        return len(self._strokes)

    def add_page(self) -> None:
        self._strokes.append([])
        self.number = self.pages

    def turn_to(self, number: int) -> None:
        """Goes on printing on page `number`, 1-based."""
        self.number = number

    def write(self, x: float, y: float, *pieces: Piece, type: Type = PLAIN, align: Align = "left") -> float:
        """Prints one piece after the other, the line beginning, ending or centred at `x`; gives the line's end."""
        width = type.width("".join(map(text_of, pieces)))
        x -= {"left": 0.0, "right": width, "center": width / 2}[align]
        for piece in pieces:
            text = text_of(piece)
            self._print(x, y, text, type)
            end = x + type.width(text)
            if not isinstance(piece, str) and text.strip():
                start = x + type.width(text[: len(text) - len(text.lstrip())])
                self.mark(piece.pointer, (start, y - ABOVE * type.size, end, y + BELOW * type.size))
            x = end
        return x

    def mark(self, pointer: str, rect: Rect) -> None:
        self.marks.append(Mark(pointer, self.number, rect))

    def lines(self, x: float, y: float, *lines: Line, type: Type = PLAIN, step: float = 0) -> float:
        """Prints lines under each other, `step` apart, and gives the baseline that would come next."""
        for line in lines:
            self.write(x, y, *((line,) if isinstance(line, str | Value) else line), type=type)
            y += step or 1.3 * type.size
        return y

    def paragraph(self, x: float, y: float, piece: Piece, width: float, type: Type = PLAIN, step: float = 0) -> float:
        return self.lines(x, y, *wrapped(piece, width, type), type=type, step=step)

    def rule(self, x0: float, y0: float, x1: float, y1: float, weight: float = 0.6, ink: Ink = BLACK) -> None:
        self.curve([(x0, y0), (x1, y1)], weight, ink)

    def box(self, rect: Rect, fill: Ink | None = None, ink: Ink | None = None, weight: float = 0.6) -> None:
        """A rectangle, filled or outlined or both."""

        def stroke(shape: pymupdf.Shape) -> None:
            shape.draw_rect(rect)
            shape.finish(width=weight if ink else 0, color=ink, fill=fill)

        self._add(stroke)

    def curve(self, points: Sequence[tuple[float, float]], weight: float, ink: Ink = BLACK) -> None:
        """One pen stroke through the points."""

        def stroke(shape: pymupdf.Shape) -> None:
            shape.draw_polyline(points)
            shape.finish(width=weight, color=ink, lineCap=1, lineJoin=1, closePath=False)

        self._add(stroke)

    def finished(self) -> pymupdf.Document:
        """The document, with the letters that it uses embedded."""
        document = pymupdf.open()
        for strokes in self._strokes:
            shape = document.new_page(width=self.width, height=self.height).new_shape()
            for stroke in strokes:
                stroke(shape)
            shape.commit()
        document.subset_fonts()
        return document

    def _print(self, x: float, y: float, text: str, type: Type) -> None:
        name = "F" + type.face.replace("-", "")

        def stroke(shape: pymupdf.Shape) -> None:
            if name not in {entry[4] for entry in shape.page.get_fonts()}:
                shape.page.insert_font(fontname=name, fontbuffer=font(type.face).buffer)
            shape.insert_text((x, y), text, fontname=name, fontsize=type.size, color=type.ink)

        self._add(stroke)

    def _add(self, stroke: Stroke) -> None:
        self._strokes[self.number - 1].append(stroke)


def wrapped(piece: Piece, width: float, type: Type) -> list[Piece]:
    """The piece in lines that are no wider than `width`, broken at blanks and at newlines; each keeps the pointer."""
    lines: list[str] = []
    for part in text_of(piece).split("\n"):
        line = ""
        for word in part.split(" "):
            longer = f"{line} {word}" if line else word
            if line and type.width(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return [line if isinstance(piece, str) else Value(line, piece.pointer) for line in lines]
