"""Paper from a till."""

from __future__ import annotations

from collections.abc import Sequence

from sample_docs.make.paper import Line, Paper, Piece, Type, Value


class Roll:
    """Printed line by line, `y` being the baseline of the next one."""

    def __init__(self, type: Type, width: float = 216) -> None:
        self.paper = Paper((width, 0))
        self.type = type
        self.y = 24.0

    def center(self, *lines: Line, type: Type | None = None) -> None:
        for line in lines:
            pieces = (line,) if isinstance(line, str | Value) else line
            self.paper.write(self.paper.width / 2, self.y, *pieces, type=self._reach(type), align="center")
            self._feed(type)

    def left(self, *pieces: Piece, indent: float = 0) -> None:
        self.paper.write(12 + indent, self.y, *pieces, type=self.type)
        self._feed()

    def pair(self, left: Sequence[Piece], right: Sequence[Piece], type: Type | None = None) -> None:
        own = self._reach(type)
        self.paper.write(12, self.y, *left, type=own)
        self.paper.write(self.paper.width - 12, self.y, *right, type=own, align="right")
        self._feed(type)

    def row(self, *cells: tuple[float, Piece]) -> None:
        """Cells that end at the x given, or begin there where it is negative."""
        for x, cell in cells:
            self.paper.write(abs(x), self.y, cell, type=self.type, align="right" if x > 0 else "left")
        self._feed()

    def line(self, sign: str = "-") -> None:
        count = int((self.paper.width - 24) / self.type.width(sign))
        self.center(sign * count)

    def gap(self, lines: float = 0.6) -> None:
        self.y += lines * 1.3 * self.type.size

    def cut(self) -> Paper:
        """The paper, as long as what was printed on it."""
        self.paper.height = self.y + 14
        return self.paper

    def _reach(self, type: Type | None) -> Type:
        """The type to print in; letters over the roll's own size get the room that they need."""
        self.y += max(0.0, (type or self.type).size - self.type.size)
        return type or self.type

    def _feed(self, type: Type | None = None) -> None:
        self.y += 0.3 * (type or self.type).size + self.type.size
