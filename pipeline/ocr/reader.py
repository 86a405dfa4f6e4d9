"""A picture's words with their boxes: finds the lines, puts the page upright, reads them, and cuts them into words."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from pipeline.ocr.detection import Picture, Quad, cut_out, find_lines, size
from pipeline.ocr.models import Models
from pipeline.ocr.recognition import Reading, recognize, upside_down
from schemas.page import Box, Word

LEAST_CONFIDENCE = 0.5
SAMPLE = 10  # of the widest lines, that tell which way up the page is
MOST_SKEW = 20.0  # degrees
UPRIGHT = 1.2  # a line is this much wider than high


@dataclass(frozen=True, slots=True)
class OcrLine:
    """One line: its quad in pixels of the upright picture, and what it says."""

    quad: Quad
    reading: Reading


@dataclass(frozen=True, slots=True)
class OcrPage:
    """rotation: degrees clockwise by which the picture was turned to be upright. skew: degrees clockwise of its lines
    against its edges, left as it is. width, height: pixels of the upright picture."""

    words: tuple[Word, ...]
    rotation: int
    skew: float
    width: int
    height: int


class Ocr:
    """Reads pictures. Keeps its models once they are loaded; use one instance a process."""

    def __init__(self, threads: int = 0) -> None:
        self.models = Models(threads)

    def read(self, picture: Picture) -> OcrPage:
        """The words of an RGB picture (h, w, 3), which may stand on any of its sides."""
        quads = find_lines(self.models, picture)
        rotation = self._rotation(picture, quads)
        if rotation in (90, 270):
            picture = np.ascontiguousarray(np.rot90(picture, -rotation // 90))
            quads = find_lines(self.models, picture)
        elif rotation == 180:
            high, wide = picture.shape[:2]
            picture = np.ascontiguousarray(picture[::-1, ::-1])
            quads = [(np.array([wide, high], np.float32) - quad)[[2, 3, 0, 1]] for quad in quads]
        readings = recognize(self.models, [cut_out(picture, quad) for quad in quads])
        height, width = picture.shape[:2]
        lines = [
            OcrLine(quad, reading)
            for quad, reading in zip(quads, readings, strict=True)
            if reading.confidence >= LEAST_CONFIDENCE and reading.text.strip()
        ]
        words = [word for line in lines for word in split(line, width, height)]
        return OcrPage(tuple(words), rotation, _skew(lines), width, height)

    def _rotation(self, picture: Picture, quads: Sequence[Quad]) -> int:
        """0, 90, 180 or 270 degrees clockwise that put the lines upright.

        Lines higher than wide lie on their side. Which of the two ways is right is asked of a classifier and of the
        recogniser: a line upside down is read with confidence, but with less.
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
        turned = upside_down(self.models, lines)
        if 0.15 < turned < 0.85 or lies or turned >= 0.85:
            as_is = _sureness(recognize(self.models, lines))
            flipped = [np.ascontiguousarray(line[::-1, ::-1]) for line in lines]
            turned = 1.0 if _sureness(recognize(self.models, flipped)) > as_is + 0.02 else 0.0
        return (270 if turned > 0.5 else 90) if lies else (180 if turned > 0.5 else 0)


def split(line: OcrLine, width: int, height: int) -> list[Word]:
    """The words of a line. A word's box spans its characters, found by where the recogniser saw them."""
    text, positions, confidence = line.reading
    pitch = (positions[-1] - positions[0]) / max(1, len(positions) - 1) if len(positions) > 1 else 0.5
    words = []
    for match in re.finditer(r"\S+", text):
        start = max(0.0, positions[match.start()] - pitch * 0.6)
        end = min(1.0, positions[match.end() - 1] + pitch * 0.6)
        box = _box(line.quad, start, end, width, height)
        words.append(Word(match[0], box, round(confidence, 3), "ocr"))
    return words


def _box(quad: Quad, start: float, end: float, width: int, height: int) -> Box:
    """The box around a part of a quad, fractions start..end of its length, in fractions of the page."""
    top_left, top_right, bottom_right, bottom_left = quad
    corners = [
        side[0] + (side[1] - side[0]) * at
        for side in ((top_left, top_right), (bottom_left, bottom_right))
        for at in (start, end)
    ]
    xs, ys = [float(corner[0]) / width for corner in corners], [float(corner[1]) / height for corner in corners]
    return Box(max(0.0, min(xs)), max(0.0, min(ys)), min(1.0, max(xs)), min(1.0, max(ys)))


def _skew(lines: Sequence[OcrLine]) -> float:
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
