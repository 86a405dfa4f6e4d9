"""A document that is open in a confined process of its own: its words come at once, its pictures when they are wanted.

For commands that have their engine in their own process, where a stranger's bytes have no business to be.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pipeline.addresses import is_remote
from pipeline.confinement import Cell, PrivateFolder, begin_document
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits, out_of_memory
from pipeline.messages import Garbled, received
from pipeline.serving import confined
from schemas.errors import DocumentTimeout, IntaglioError, PageFailure, ReaderCrashed
from schemas.page import WHOLE_PAGE, Box, Origin, PageText

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class _Told:
    """What the process tells of a document once it is read."""

    sha256: str
    media_type: str
    size: int
    notes: tuple[str, ...]
    pages: tuple[PageText, ...]


class Apart:
    """As `pipeline.document.Document`, as far as engines and records need it; use it as a context manager.

    source: a path or a URL. seconds: for opening and reading, and for each picture again. Raises a DocumentError where
    it cannot be opened, takes too long, or takes its process with it.
    """

    def __init__(
        self,
        source: str,
        *,
        name: str = "",
        passwords: Sequence[str] = (),
        seconds: float = 300.0,
        limits: DocumentLimits = DEFAULT_LIMITS,
    ) -> None:
        self.uri = name or source
        self.seconds = seconds
        self._folder = PrivateFolder()
        cell = Cell(self._folder.path, limits, is_remote(source), cpu_seconds=seconds)
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        work = (theirs, source, self.uri, tuple(passwords), cell)
        self._process = context.Process(target=_work, args=work, daemon=True, name="intaglio-document")
        self._process.start()
        theirs.close()
        try:
            told: _Told = self._received()
        except BaseException:
            self.close()
            raise
        self.sha256, self.media_type, self.size = told.sha256, told.media_type, told.size
        self.notes, self.pages = told.notes, told.pages

    def render(
        self,
        number: int,
        long_side: int,
        region: Box = WHOLE_PAGE,
        *,
        rotation: int = 0,
        origin: Origin | None = None,
    ) -> Image:
        """As `pipeline.render.render_page`. Raises PageFailure, and what the document raises."""
        from PIL import Image as Images

        try:
            self._pipe.send((number, long_side, region, rotation, origin))
            size, pixels = self._received()
        except BrokenPipeError as error:
            raise PageFailure("its process has ended.", document=self.uri, page=number) from error
        return Images.frombytes("RGB", size, pixels)

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._folder.remove()

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _received(self) -> Any:
        if not self._pipe.poll(self.seconds):
            raise DocumentTimeout(f"it took over {self.seconds:g} seconds.", document=self.uri, remedy="Split it.")
        try:
            message = received(self._pipe)
        except (EOFError, OSError) as error:
            if isinstance(error, Garbled):
                self._process.kill()
            self._process.join()
            raise ReaderCrashed(
                f"the process that read it ended with {self._process.exitcode}.",
                document=self.uri,
                remedy="Try again; if it ends so every time, leave it out.",
            ) from error
        if isinstance(message, IntaglioError):
            raise message
        return message


def _work(pipe: connection.Connection, source: str, name: str, passwords: Sequence[str], cell: Cell) -> None:
    """The process's whole life: a `_Told` or an error, then for each wish a picture's size and bytes, or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    with confined(cell):
        from pipeline.document import open_document
        from pipeline.read import read_pages
        from pipeline.render import render_page
    with contextlib.suppress(EOFError, BrokenPipeError):
        try:
            begin_document(cell)
            with open_document(source, name=name, passwords=passwords, limits=cell.limits) as document:
                pages = tuple(read_pages(document))
                pipe.send(_Told(document.sha256, document.media_type, document.size, document.notes, pages))
                while True:
                    number, long_side, region, rotation, origin = pipe.recv()
                    begin_document(cell)
                    try:
                        picture = render_page(document, number, long_side, region, rotation=rotation, origin=origin)
                        pipe.send((picture.size, picture.tobytes()))
                    except IntaglioError as error:
                        pipe.send(error)
        except IntaglioError as error:
            pipe.send(error)
        except MemoryError:
            pipe.send(out_of_memory(cell.limits, name))
