"""A picture's words with their boxes: finds the lines, puts the page upright, reads them, and cuts them into words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from pipeline.ocr.detection import Picture, Quad, cut_out, find_lines, ordered, size
from pipeline.ocr.ink import SPACE, Ink, find_ink, gap_between, spans
from pipeline.ocr.models import Models
from pipeline.ocr.recognition import Reading, recognize, upside_down
from schemas.page import Box, Word

LEAST_CONFIDENCE = 0.5
SAMPLE = 6  # of the widest lines, that tell which way up the page is
DOUBT = 0.15  # of the lines for the other way up, from which the recogniser is asked as well
MOST_SKEW = 20.0  # degrees
NUMERIC = frozenset("0123456789.,-/")
UPRIGHT = 1.2  # a line is this much wider than high


@dataclass(frozen=True, slots=True)
class OcrLine:
    """One line: its quad in pixels of the upright picture, what it says, and where in the quad its ink is."""

    quad: Quad
    reading: Reading
    ink: Ink


@dataclass(frozen=True, slots=True)
class OcrPage:
    """rotation: degrees clockwise by which the picture was turned to be upright. skew: degrees clockwise of its lines
    against its edges, left as it is. width, height: pixels of the upright picture."""

    words: tuple[Word, ...]
    rotation: int
    skew: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class OcrSheet:
    """The lines of a picture, in no order. picture: RGB (h, w, 3), turned upright by `rotation` degrees clockwise."""

    picture: Picture
    rotation: int
    lines: tuple[OcrLine, ...]


class Ocr:
    """Reads pictures. Keeps its models once they are loaded; use one instance a process."""

    def __init__(self, threads: int = 0) -> None:
        self.models = Models(threads)

    def read(self, picture: Picture) -> OcrPage:
        """The words of an RGB picture (h, w, 3), which may stand on any of its sides, on one page as large as it."""
        sheet = self.sheet(picture)
        height, width = sheet.picture.shape[:2]
        return OcrPage(words_of(sheet.lines, width, height), sheet.rotation, skew_of(sheet.lines), width, height)

    def sheet(self, picture: Picture) -> OcrSheet:
        """The lines of an RGB picture (h, w, 3), which may stand on any of its sides."""
        quads = find_lines(self.models, picture)
        rotation = self._rotation(picture, quads)
        if rotation:
            quads = [turned(quad, rotation, picture.shape[1], picture.shape[0]) for quad in quads]
            picture = np.ascontiguousarray(np.rot90(picture, -rotation // 90))
        cuttings = [cut_out(picture, quad) for quad in quads]
        readings = recognize(self.models, cuttings)
        lines = tuple(
            OcrLine(quad, reading, find_ink(cutting, reading.text))
            for quad, cutting, reading in zip(quads, cuttings, readings, strict=True)
            if reading.confidence >= LEAST_CONFIDENCE and reading.text.strip()
        )
        return OcrSheet(picture, rotation, lines)

    def _rotation(self, picture: Picture, quads: Sequence[Quad]) -> int:
        """0, 90, 180 or 270 degrees clockwise that put the lines upright.

        Lines higher than wide lie on their side. Which of the two ways is right is asked of a classifier, and, unless
        that finds them upright as they are, of the recogniser: a line upside down is read with confidence, but with
        less.
        """
        sizes = [size(quad) for quad in quads]
        across = sum(width for width, height in sizes if width > UPRIGHT * height)
        along = sum(height for width, height in sizes if height > UPRIGHT * width)
        lies = along > across
        longest = sorted(range(len(quads)), key=lambda index: -max(sizes[index]))[:SAMPLE]
        lines = [cut_out(picture, quads[index]) for index in longest if max(sizes[index]) > 2 * min(sizes[index])]
        if lies:
            lines = [np.ascontiguousarray(np.rot90(line, -1)) for line in lines if line.shape[0] > line.shape[1]]
        if not lines:
            return 0
        upended = upside_down(self.models, lines)
        if lies or upended > DOUBT:
            as_is = _sureness(recognize(self.models, lines))
            flipped = [np.ascontiguousarray(line[::-1, ::-1]) for line in lines]
            upended = 1.0 if _sureness(recognize(self.models, flipped)) > as_is + 0.02 else 0.0
        return (270 if upended > 0.5 else 90) if lies else (180 if upended > 0.5 else 0)


def turned(quad: Quad, rotation: int, width: int, height: int) -> Quad:
    """The quad on its picture (width × height pixels) turned clockwise by 90, 180 or 270 degrees."""
    x, y = quad[:, 0], quad[:, 1]
    columns = {90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[rotation]
    return ordered(np.stack(columns, axis=1).astype(np.float32))


def words_of(lines: Sequence[OcrLine], width: float, height: float) -> tuple[Word, ...]:
    """The words of the lines of a page of width × height pixels, in no order."""
    return tuple(word for line in lines for word in split(line, width, height))


def split(line: OcrLine, width: float, height: float) -> list[Word]:
    """The words of a line of a page of width × height pixels, in boxes as tight as their ink."""
    text, positions, confidence = line.reading
    runs = list(_runs(line))
    ends = [(positions[start], positions[end - 1]) for start, end in runs]
    if len(line.ink.columns):
        places = list(spans(line.ink, ends))
    else:
        pitch = (positions[-1] - positions[0]) / (len(positions) - 1) if len(positions) > 1 else 1.0
        places = [(max(0.0, first - pitch * 0.6), min(1.0, last + pitch * 0.6)) for first, last in ends]
    return [
        Word(text[start:end], _box(line, place, width, height), round(confidence, 3), "ocr")
        for (start, end), place in zip(runs, places, strict=True)
    ]


def _runs(line: OcrLine) -> Iterator[tuple[int, int]]:
    """Start and end in the line's text of each word: parted by spaces, and by gaps in the ink as wide as a space."""
    text, positions, _ = line.reading
    columns = line.ink.columns
    wide = SPACE * (line.ink.bottom - line.ink.top) * size(line.quad)[1]
    for match in re.finditer(r"\S+", text):
        start = match.start()
        for at in range(match.start() + 1, match.end() if len(columns) else 0):
            if {text[at - 1], text[at]} <= NUMERIC:
                continue  # digits are set wide as often as not
            if gap_between(columns, positions[at - 1], positions[at])[1] > wide:
                yield start, at
                start = at
        yield start, match.end()


def _box(line: OcrLine, place: tuple[float, float], width: float, height: float) -> Box:
    """The box around a part of a line, from and to fractions of its length, in fractions of the page."""
    top_left, top_right, bottom_right, bottom_left = line.quad
    down = (bottom_left - top_left + bottom_right - top_right) / 2
    corners = np.array(
        [
            top_left + (top_right - top_left) * along + down * across
            for along in place
            for across in (line.ink.top, line.ink.bottom)
        ]
    ) / [width, height]
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return Box(max(0.0, float(x0)), max(0.0, float(y0)), min(1.0, float(x1)), min(1.0, float(y1)))


def skew_of(lines: Sequence[OcrLine]) -> float:
    """Degrees clockwise of the lines, by the median of the long ones."""
    angles = [
        math.degrees(math.atan2(line.quad[1][1] - line.quad[0][1], line.quad[1][0] - line.quad[0][0]))
        for line in lines
        if size(line.quad)[0] > 5 * size(line.quad)[1]
    ]
    skew = median(angles) if angles else 0.0
    return round(skew, 2) if abs(skew) <= MOST_SKEW else 0.0  # steeper text is a drawing's, not a page's


def _sureness(readings: Sequence[Reading]) -> float:
    """Mean confidence, weighted by how much was read."""
    letters = sum(len(reading.text) for reading in readings)
    return sum(reading.confidence * len(reading.text) for reading in readings) / letters if letters else 0.0
