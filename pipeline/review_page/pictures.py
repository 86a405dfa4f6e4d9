"""Pictures of a document's pages, made in a process of their own: one that hangs or crashes costs pictures, no more."""

from __future__ import annotations

import contextlib
import io
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing import connection, get_context

from pipeline.addresses import is_remote
from pipeline.confinement import Cell, PrivateFolder
from pipeline.document import Document, open_document
from pipeline.messages import received
from pipeline.render import render_page
from pipeline.serving import confined
from schemas.errors import DocumentError, IntaglioError
from schemas.page import Origin

LONG_SIDE = 1400  # pixels: 6-point print on A4 can be read
QUALITY = 60  # of WebP; a page of print takes 40 to 100 kB
EFFORT = 2  # of 0 to 6: half the time of 4, for 3 % more bytes
MOST_BYTES = 24 << 20  # of all pictures; some 300 pages


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as WebP. width, height: pixels."""

    webp: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """rotations: degrees clockwise to turn each page further, by page, the most needed page first. origins: of pages
    that were cut out of their sheet or put straight."""

    source: str
    sha256: str
    rotations: Mapping[int, int]
    passwords: tuple[str, ...] = field(default=(), repr=False)
    origins: Mapping[int, Origin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pictures:
    """By page. missing: why a page has none."""

    made: Mapping[int, Picture]
    missing: Mapping[int, str]


def make_pictures(wanted: Wanted, seconds: float, most_bytes: int = MOST_BYTES) -> Pictures:
    """Every page's picture, as far as time and bytes go; what is over is missing, and why.

    seconds: for all of them. Raises DocumentError: the document cannot be opened, or its bytes are not those of the
    SHA-256, which says that the record was made from others.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    folder = PrivateFolder()
    cell = Cell(folder.path, network=is_remote(wanted.source), cpu_seconds=seconds)
    process = context.Process(target=_work, args=(theirs, wanted, cell), daemon=True, name="intaglio-pictures")
    process.start()
    theirs.close()
    try:
        made, missing, why = _received(ours, time.monotonic() + seconds, most_bytes)
    finally:
        process.kill()
        process.join()
        ours.close()
        folder.remove()
    left = (page for page in wanted.rotations if page not in made and page not in missing)
    return Pictures(made, missing | dict.fromkeys(left, why))


def _received(
    pipe: connection.Connection, deadline: float, most_bytes: int
) -> tuple[dict[int, Picture], dict[int, str], str]:
    """The pictures, the failures, and why there are none of the rest."""
    made: dict[int, Picture] = {}
    missing: dict[int, str] = {}
    room = most_bytes
    while pipe.poll(max(0.0, deadline - time.monotonic())):
        try:
            message = received(pipe)
        except (EOFError, OSError):
            return made, missing, "the process that made the pictures ended before it was done"
        if isinstance(message, IntaglioError):
            raise message
        page, result = message
        if isinstance(result, str):
            missing[page] = result
        elif len(result.webp) > room:
            return made, missing, f"the pictures of a page are limited to {most_bytes >> 20} MiB together"
        else:
            made[page] = result
            room -= len(result.webp)
    return made, missing, "making the pictures took too long; allow more with --timeout"


def _work(pipe: connection.Connection, wanted: Wanted, cell: Cell) -> None:
    """The process's whole life: over the pipe go a picture or a reason for each page, or an error for all of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    with confined(cell):
        import pymupdf  # noqa: F401 - loaded before the process is shut
    with contextlib.suppress(BrokenPipeError):
        try:
            with open_document(wanted.source, passwords=wanted.passwords) as document:
                _check_unchanged(document, wanted.sha256)
                for page, rotation in wanted.rotations.items():
                    pipe.send((page, _picture(document, page, rotation, wanted.origins.get(page))))
        except IntaglioError as error:
            pipe.send(error)


def _check_unchanged(document: Document, sha256: str) -> None:
    if document.sha256 != sha256:
        raise DocumentError(
            "it is not the document that the record was made from: its bytes have another SHA-256, and the boxes may "
            "belong elsewhere.",
            document=document.uri,
            remedy="Read it again, or name the document as it was with --document.",
        )


def _picture(document: Document, page: int, rotation: int, origin: Origin | None) -> Picture | str:
    if (origin.sheet if origin else page) > document.page_count:
        return "the document has no such page"
    try:
        picture = render_page(document, page, LONG_SIDE, rotation=rotation, origin=origin)
    except IntaglioError as error:
        return error.message.rstrip(".")
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=QUALITY, method=EFFORT)
    return Picture(stream.getvalue(), picture.width, picture.height)
