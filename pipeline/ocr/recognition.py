"""What a line says: CTC recognition of straightened lines, and on which side a sample of them stands."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.detection import Picture
from pipeline.ocr.models import Models, run

HEIGHT = 48  # pixels, of the recogniser's input
BATCH = 8
BATCH_WIDTH = 2400  # pixels in all
ALIKE = 1.25  # lines this much wider than the narrowest still share its batch
DIRECTION_SIZE = (192, 48)
DIRECTION_RATIO = 5  # times as wide as high: what of a line is looked at, from its beginning


class Reading(NamedTuple):
    """A line's text; where each character stands, as fractions 0..1 of the line's width; and its confidence 0..1."""

    text: str
    positions: tuple[float, ...]
    confidence: float


def recognize(models: Models, lines: Sequence[Picture]) -> list[Reading]:
    """A reading for each straightened line, in their order."""
    widths = [max(16, math.ceil(HEIGHT * line.shape[1] / line.shape[0])) for line in lines]
    readings: list[Reading] = [Reading("", (), 0.0)] * len(lines)
    for batch in _batches(widths):
        wide = math.ceil(max(widths[index] for index in batch) / 8) * 8
        pixels = np.zeros((len(batch), 3, HEIGHT, wide), np.float32)
        for row, index in enumerate(batch):
            pixels[row, :, :, : widths[index]] = _line_pixels(lines[index], widths[index])
        for index, output in zip(batch, run(models.recognition, pixels), strict=True):
            readings[index] = _decoded(output, models.characters, widths[index] / wide)
    return readings


def upside_down(models: Models, lines: Sequence[Picture]) -> float:
    """0..1: the share of the lines, by weight of certainty, that the direction classifier takes for turned by 180°."""
    import cv2

    batch = np.zeros((len(lines), 3, DIRECTION_SIZE[1], DIRECTION_SIZE[0]), np.float32)
    for row, whole in enumerate(lines):
        line = whole[:, : DIRECTION_RATIO * whole.shape[0]]  # squeezed letters look the same on their head
        wide = min(DIRECTION_SIZE[0], max(1, math.ceil(HEIGHT * line.shape[1] / line.shape[0])))
        resized = cv2.resize(line, (wide, HEIGHT))
        batch[row, :, :, :wide] = ((resized.astype(np.float32) / 255.0 - 0.5) / 0.5).transpose(2, 0, 1)
    turned = run(models.direction, batch)[:, 1]
    certainty = np.abs(turned - 0.5)
    return float((certainty * (turned > 0.5)).sum() / max(float(certainty.sum()), 1e-9))


def _batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of lines of similar width, a few at a time, so that little of a batch is padding."""
    batch: list[int] = []
    for index in sorted(range(len(widths)), key=lambda line: widths[line]):
        full = len(batch) >= BATCH or widths[index] * (len(batch) + 1) > BATCH_WIDTH
        if batch and (full or widths[index] > widths[batch[0]] * ALIKE + 16):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _line_pixels(line: Picture, width: int) -> NDArray[np.float32]:
    import cv2

    resized = cv2.resize(line, (width, HEIGHT))
    pixels: NDArray[np.float32] = ((resized.astype(np.float32) / 255.0 - 0.5) / 0.5).transpose(2, 0, 1)
    return pixels


def _decoded(output: NDArray[np.float32], characters: Sequence[str], used: float) -> Reading:
    """Best path of CTC: repeats and blanks dropped. used: the share of the input's width that is not padding."""
    best = output.argmax(axis=1)
    kept = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])
    steps = np.flatnonzero(kept)
    if not len(steps):
        return Reading("", (), 0.0)
    text, positions = "", []
    for step in steps:
        text += characters[best[step]]
        positions.append(min(1.0, (float(step) + 0.5) / (len(best) * used)))
    return Reading(text, tuple(positions), float(output.max(axis=1)[kept].mean()))
