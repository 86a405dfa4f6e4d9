"""Pages for tests, drawn as text: one character is 6 points wide, one line 12 points high with 3 points of leading."""

from schemas.page import Box, Mark, PageText, Word

CHAR, LINE, GAP = 6.0, 9.0, 12.0
WIDTH, HEIGHT = 612.0, 792.0


def page(text: str, number: int = 1, marks: tuple[Mark, ...] = ()) -> PageText:
    """The words of a text drawing, at the places where they stand in it."""
    words = []
    for row, line in enumerate(text.strip("\n").splitlines()):
        column = 0
        for piece in line.split(" "):
            if piece:
                words.append(Word(piece, box(row, column, column + len(piece))))
            column += len(piece) + 1
    return PageText(number, WIDTH, HEIGHT, tuple(words), marks)


def box(row: int, start: int, end: int) -> Box:
    """The place of characters start..end of a line, both counted from 0."""
    left, top = 36 + start * CHAR, 36 + row * GAP
    return Box(left / WIDTH, top / HEIGHT, (36 + end * CHAR) / WIDTH, (top + LINE) / HEIGHT)
