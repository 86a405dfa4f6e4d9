"""Pages made worse, as scanners, faxes and telephones do it: pictures in, a document's bytes out.

Every way takes the pages of a document as RGB pictures (h, w, 3) at `DPI` and a generator, which alone decides how.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import cv2
import numpy as np
import pymupdf
from numpy.typing import NDArray
from PIL import Image

from sample_docs.make.sample import pdf_bytes

Picture = NDArray[np.uint8]
Chance = np.random.Generator
Way = Callable[[Sequence[Picture], Chance], bytes]

DPI = 200
PAPER = (255, 255, 255)
PHOTO = 2400  # pixels, of the longer side of a photo
FAX_DPI = 204  # across; group 3 has 98 lines to the inch, or 196 if the sender chose fine


def scanned(pages: Sequence[Picture], dpi: int = DPI) -> bytes:
    """A PDF of pictures, without a text layer."""
    document = pymupdf.open()
    for picture in pages:
        page = document.new_page(width=picture.shape[1] * 72 / dpi, height=picture.shape[0] * 72 / dpi)
        page.insert_image(page.rect, stream=_jpeg(picture))
    return pdf_bytes(document)


def rotated(pages: Sequence[Picture], chance: Chance, degrees: int) -> bytes:
    """On another side."""
    return scanned([np.ascontiguousarray(np.rot90(page, -degrees // 90)) for page in pages])


def skewed(pages: Sequence[Picture], chance: Chance, degrees: float) -> bytes:
    """Laid askew on the glass, to either side."""
    return scanned([turned_askew(page, degrees * chance.choice([-1, 1])) for page in pages])


def turned_askew(picture: Picture, degrees: float) -> Picture:
    """Turned clockwise on a white sheet that holds all of it."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    wide, high = math.ceil(width * cosine + height * sine), math.ceil(width * sine + height * cosine)
    matrix[:, 2] += (wide - width) / 2, (high - height) / 2
    return cv2.warpAffine(picture, matrix, (wide, high), flags=cv2.INTER_CUBIC, borderValue=PAPER)


def faxed(pages: Sequence[Picture], chance: Chance, lines: int) -> bytes:
    """Black and white, with fewer lines down than dots across, and some of the dots lost: a TIFF of group 4."""
    sheets = []
    for page in pages:
        size = round(page.shape[1] * FAX_DPI / DPI), round(page.shape[0] * lines / DPI)
        grey = cv2.resize(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        black = grey.astype(np.float32) + chance.normal(0, 12, grey.shape) < 150
        black ^= chance.random(grey.shape) < 0.0008
        sheets.append(Image.fromarray(np.where(black, 0, 255).astype(np.uint8)).convert("1"))
    stream = io.BytesIO()
    sheets[0].save(stream, "TIFF", save_all=True, append_images=sheets[1:], compression="group4", dpi=(FAX_DPI, lines))
    return stream.getvalue()


def photographed(pages: Sequence[Picture], chance: Chance) -> bytes:
    """Lying on a table, caught from an angle, in uneven light, a little out of focus."""
    return scanned([photo(page, chance) for page in pages])


def photo(page: Picture, chance: Chance) -> Picture:
    high, wide = page.shape[:2]
    scale = PHOTO / max(high, wide)
    height, width = (PHOTO, round(PHOTO * 3 / 4)) if high > wide else (round(PHOTO * 3 / 4), PHOTO)
    fit = 0.86 * min(width / (wide * scale), height / (high * scale)) * scale
    middle, half = np.array([width, height]) / 2, np.array([wide, high]) * fit / 2
    turn = math.radians(chance.uniform(-6, 6))
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ spin.T + middle
    corners += chance.uniform(-0.05, 0.05, (4, 2)) * [width, height]
    corners = np.clip(corners, 0.01 * width, [0.99 * width, 0.99 * height]).astype(np.float32)
    whole = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    flat = cv2.getPerspectiveTransform(whole, corners)
    paper = cv2.warpPerspective(page, flat, (width, height), flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.full((high, wide), 255, np.uint8), flat, (width, height))[..., None] / 255.0
    seen = _table(height, width, chance) * (1 - inside) + 0.94 * paper * inside
    seen *= _light(height, width, chance)[..., None]
    seen = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), chance.uniform(0.7, 1.2))
    return np.clip(seen + chance.normal(0, 5, seen.shape), 0, 255).astype(np.uint8)


def _table(height: int, width: int, chance: Chance) -> NDArray[np.float64]:
    """A surface with a grain, darker than paper, of some colour."""
    grain = cv2.resize(chance.normal(0, 1, (height // 4, width // 40)), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(chance.uniform(50, 150, 3) + 12 * grain[..., None])


def _light(height: int, width: int, chance: Chance) -> NDArray[np.float64]:
    """From one side, with the soft shadow of whoever holds the telephone."""
    rows, columns = np.mgrid[0:height, 0:width] / [[[height]], [[width]]]
    angle = chance.uniform(0, 2 * math.pi)
    along = (columns - 0.5) * math.cos(angle) + (rows - 0.5) * math.sin(angle)
    shadow = 1 / (1 + np.exp(-(along + chance.uniform(-0.3, 0.3)) * chance.uniform(8, 25)))
    return np.asarray((0.85 + 0.35 * along) * (0.72 + 0.28 * shadow))


def pale(pages: Sequence[Picture], chance: Chance) -> bytes:
    """Grey print on grey paper."""
    weak = [205 - (255 - page.astype(np.float32)) * 0.16 + chance.normal(0, 2, page.shape) for page in pages]
    return scanned([np.clip(page, 0, 255).astype(np.uint8) for page in weak])


def two_up(pages: Sequence[Picture], chance: Chance) -> bytes:
    """Two pages on each scan, side by side, each laid by hand; a last one alone has a blank beside it."""
    sheets = []
    for first in range(0, len(pages), 2):
        left = pages[first]
        right = pages[first + 1] if first + 1 < len(pages) else np.full_like(left, 255)
        sheets.append(np.hstack([_laid(page, left.shape, chance) for page in (left, right)]))
    return scanned(sheets)


def _laid(page: Picture, shape: tuple[int, ...], chance: Chance) -> Picture:
    """The page, moved by a millimetre or two and turned by a part of a degree."""
    height, width = shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), chance.uniform(-0.6, 0.6), 1.0)
    matrix[:, 2] += chance.uniform(-14, 14, 2)
    return np.asarray(cv2.warpAffine(page, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=PAPER), np.uint8)


def stamped(pages: Sequence[Picture], chance: Chance) -> bytes:
    """With two stamps and some pen strokes over the print of each page."""
    return scanned([_stamped(page, chance) for page in pages])


def _stamped(page: Picture, chance: Chance) -> Picture:
    ink = np.full_like(page, 255)
    high, wide = page.shape[:2]
    for text in ("RECEIVED", "PAID"):
        colour = ((190, 40, 50), (50, 60, 170))[int(chance.integers(2))]
        ink = np.minimum(ink, _placed(_stamp(text, colour), (high, wide), chance))
    for _ in range(3):
        start = chance.uniform([0.1, 0.1], [0.7, 0.9]) * [wide, high]
        steps = np.cumsum(chance.normal([9, 0], [14, 16], (26, 2)), axis=0)
        points = cv2.GaussianBlur((start + steps).astype(np.float32), (1, 5), 1).round().astype(np.int32)
        cv2.polylines(ink, [points], False, (40, 50, 130), 3, cv2.LINE_AA)
    return np.asarray(page.astype(np.float32) * (0.25 + 0.75 * ink / 255.0), np.uint8)


def _stamp(text: str, colour: tuple[int, int, int]) -> Picture:
    picture = np.full((170, 460, 3), 255, np.uint8)
    cv2.rectangle(picture, (6, 6), (453, 163), colour, 6)
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 2.4, 5)
    cv2.putText(picture, text, ((460 - wide) // 2, 110), cv2.FONT_HERSHEY_DUPLEX, 2.4, colour, 5, cv2.LINE_AA)
    return picture


def _placed(stamp: Picture, size: tuple[int, int], chance: Chance) -> Picture:
    """The stamp somewhere on a blank page of that height and width, pressed on at an angle."""
    high, wide = stamp.shape[:2]
    at = chance.uniform([0.25, 0.2], [0.75, 0.8]) * [size[1], size[0]]
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), chance.uniform(-25, 25), 1.0)
    matrix[:, 2] += at - [wide / 2, high / 2]
    return np.asarray(cv2.warpAffine(stamp, matrix, size[::-1], borderValue=PAPER), np.uint8)


def small(pages: Sequence[Picture], chance: Chance, dpi: int = 100) -> bytes:
    """Scanned at too few dots."""
    scale = dpi / DPI
    return scanned([cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for page in pages], dpi)


def _jpeg(picture: Picture) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=80)
    return stream.getvalue()


WAYS: Mapping[str, Way] = {
    "scan": lambda pages, chance: scanned(pages),
    "rotated 90": partial(rotated, degrees=90),
    "rotated 180": partial(rotated, degrees=180),
    "rotated 270": partial(rotated, degrees=270),
    "skewed 3": partial(skewed, degrees=3.0),
    "skewed 8": partial(skewed, degrees=8.0),
    "skewed 15": partial(skewed, degrees=15.0),
    "fax 204x196": partial(faxed, lines=196),
    "fax 204x98": partial(faxed, lines=98),
    "photo": photographed,
    "pale": pale,
    "two-up": two_up,
    "stamped": stamped,
    "100 dpi": small,
}
