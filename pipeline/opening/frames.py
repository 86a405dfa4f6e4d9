"""Films and animations as pages: of every view that is held still, the sharpest frame.

A person who films a stack of paper holds each page for a moment. What moves between is left out; a view that comes back
at once is the same page.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.opening.blocks import Picture
from schemas.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, UnsupportedDocument

if TYPE_CHECKING:
    from PIL.Image import Image

STILL_SECONDS = 0.4  # that a view is held, to be a page
EVERY = 0.15  # seconds between the frames of a film that are looked at
MOST_SECONDS = 3600.0  # of a film
MOST_PAGES = 500
MOST_PIXELS = 40_000_000  # of a frame
MOVED = 0.03  # of 1: mean difference of two frames, from which the view moves
SAME = 0.06  # … below which two views that follow each other are one page
LOOK = (96, 96)  # pixels in which views are compared
SHARP = 800  # pixels of the longer side in which sharpness is told
_FORMATS = {"video/mp4": "mp4", "video/quicktime": "mov", "video/webm": "matroska", "video/avi": "avi"}


class Frame(NamedTuple):
    """seconds: how long it is seen."""

    picture: Image
    seconds: float


class _View(NamedTuple):
    """A view so far. look: small and grey, of its best frame; seconds: held."""

    best: Image
    sharpness: float
    look: NDArray[np.float32]
    seconds: float


def read_film(content: bytes, uri: str, kind: str) -> tuple[Picture, ...]:
    """Its pages as JPEG. Raises UnsupportedDocument where the package for films is missing, DamagedDocument, and
    EmptyDocument for one with no picture."""
    try:
        import av
    except ImportError as error:
        raise UnsupportedDocument(
            "films need a package that is not installed.",
            document=uri,
            remedy="Install it: pip install 'intaglio[video]'",
        ) from error
    try:
        with av.open(io.BytesIO(content), format=_FORMATS[kind]) as film:
            pages = _pages(views(_frames_of(film, uri)), uri, "JPEG")
    except (av.FFmpegError, ValueError, IndexError, OSError) as error:
        raise DamagedDocument(f"it cannot be played: {error}.", document=uri, remedy="Fetch it again.") from error
    if not pages:
        raise EmptyDocument("it shows no picture.", document=uri, remedy="Check how it was made.")
    return pages


def read_animation(picture: Any, uri: str) -> tuple[Picture, ...]:
    """Pages of an open animation; none where no view is held still, and it is a picture like others.

    Raises DamagedDocument for one that is broken in the middle.
    """
    try:
        pages = _pages(views(_frames_of_animation(picture, uri), moving=False), uri, "PNG")
    except (OSError, EOFError, ValueError, SyntaxError) as error:
        raise DamagedDocument(f"its frames cannot be read: {error}.", document=uri, remedy="Fetch it again.") from error
    finally:
        picture.seek(0)
    return pages if len(pages) > 1 else ()


def views(frames: Iterable[Frame], moving: bool = True) -> Iterator[Image]:
    """The sharpest frame of each view that is held. moving: where none is, the sharpest of all frames is given."""
    sharpest: _View | None = None

    def looked_at() -> Iterator[_View]:
        nonlocal sharpest
        for frame in frames:
            view = _looked_at(frame)
            sharpest = view if sharpest is None else _better(sharpest, view)
            yield view

    last: _View | None = None  # which may come back
    for view in _held(looked_at()):
        if last is not None and _difference(last.look, view.look) >= SAME:
            yield last.best
            last = view
        else:
            last = view if last is None else _better(last, view)
    if last is not None:
        yield last.best
    elif sharpest is not None and moving:
        yield sharpest.best


def _held(seen: Iterable[_View]) -> Iterator[_View]:
    """Runs of frames that hardly differ, if they are long enough."""
    still: _View | None = None
    for view in seen:
        if still is not None and _difference(still.look, view.look) < MOVED:
            still = _better(still, view)._replace(look=view.look, seconds=still.seconds + view.seconds)
            continue
        if still is not None and still.seconds >= STILL_SECONDS:
            yield still
        still = view
    if still is not None and still.seconds >= STILL_SECONDS:
        yield still


def _better(one: _View, other: _View) -> _View:
    return one if one.sharpness >= other.sharpness else other


def _looked_at(frame: Frame) -> _View:
    picture = frame.picture
    small = picture.convert("L").resize(LOOK, reducing_gap=2.0)
    return _View(picture, _sharpness(picture), np.asarray(small, np.float32) / 255.0, frame.seconds)


def _difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.abs(one - other).mean())


def _sharpness(picture: Image) -> float:
    """Variance of the Laplacian (Pech-Pacheco and others, 2000), of a grey picture of one size."""
    import cv2

    grey = picture.convert("L")
    scale = SHARP / max(grey.size)
    if scale < 1.0:
        grey = grey.resize((max(1, round(grey.width * scale)), max(1, round(grey.height * scale))), reducing_gap=2.0)
    return float(cv2.Laplacian(np.asarray(grey), cv2.CV_64F).var())


def _frames_of(film: Any, uri: str) -> Iterator[Frame]:
    """Frames some time apart, turned as the film says."""
    stream = film.streams.video[0]
    stream.thread_count = 1
    seen: float | None = None
    for frame in film.decode(stream):
        now = float(frame.time or 0.0)
        if now > MOST_SECONDS:
            raise DocumentTooLarge(f"it is over {MOST_SECONDS:g} seconds long.", document=uri, remedy="Cut it.")
        if seen is not None and now - seen < EVERY:
            continue
        if frame.width * frame.height > MOST_PIXELS:
            raise DocumentTooLarge(f"it is {frame.width} × {frame.height}.", document=uri, remedy="Scale it down.")
        picture = frame.to_image()
        turn = round(getattr(frame, "rotation", 0) or 0) % 360
        yield Frame(picture.rotate(turn, expand=True) if turn else picture, EVERY if seen is None else now - seen)
        seen = now


def _frames_of_animation(picture: Any, uri: str) -> Iterator[Frame]:
    for number in range(min(int(picture.n_frames), 10 * MOST_PAGES)):
        picture.seek(number)
        if picture.width * picture.height > MOST_PIXELS:
            raise DocumentTooLarge(f"it is {picture.width} × {picture.height}.", document=uri, remedy="Scale it down.")
        yield Frame(_on_paper(picture), float(picture.info.get("duration", 0)) / 1000.0)


def _on_paper(frame: Image) -> Image:
    """RGB; what is transparent is white."""
    from PIL import Image as Images

    frame = frame.convert("RGBA")
    return Images.alpha_composite(Images.new("RGBA", frame.size, "white"), frame).convert("RGB")


def _pages(pictures: Iterable[Image], uri: str, kind: str) -> tuple[Picture, ...]:
    pages = [_saved(picture, kind) for picture in islice(pictures, MOST_PAGES + 1)]
    if len(pages) > MOST_PAGES:
        raise DocumentTooLarge(f"it shows over {MOST_PAGES} pages.", document=uri, remedy="Cut it.")
    return tuple(pages)


def _saved(picture: Image, kind: str) -> Picture:
    stream = io.BytesIO()
    picture.save(stream, kind, **({"quality": 95} if kind == "JPEG" else {"compress_level": 3}))
    return Picture(stream.getvalue())
