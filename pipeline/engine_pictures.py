"""Pictures on their way to the engine: made by the readers shortly before they are needed, and let go once taken.

An engine reads a page in less time than it takes to render it, so that it must not wait for that. What the asks in line
show is wanted of their readers ahead, in the order of the line, as far as `MOST_BYTES` allow. An engine that looks at
no pictures is spared them: none is wanted ahead before it has looked at one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from model.engine import Ask
from model.pictures import picture_of
from pipeline.engine_messages import Rendered, Sheet, Shot, Wanted
from schemas.errors import AnswerError
from schemas.page import Box

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 256 << 20  # of pictures that wait: some thirty dense pages
MOST_AT_ONCE = 64  # pictures
SECONDS = 60.0  # that the engine waits for one


@dataclass(eq=False)
class Viewing:
    """The pictures that one call needs. shots: all, in order. ahead: those that are not wanted yet."""

    want: Callable[[Wanted], None]
    shots: dict[Shot, int]
    ahead: deque[Shot] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Remote:
    """Implements `PageView.image` with a sheet that another process has. Equal where it is the same page's."""

    pictures: Pictures
    reader: int
    sheet: Sheet

    def __call__(self, long_side: int, region: Box) -> Image:
        return self.pictures.take(self.reader, Shot(self.sheet, long_side, region))


class Pictures:
    """All pictures that wait, of all readers. Its methods may be called from any thread.

    waited: seconds that the engine has waited for pictures. taken: called after each that it took.
    """

    def __init__(self, taken: Callable[[], None] = lambda: None, most_bytes: int = MOST_BYTES) -> None:
        self.waited = 0.0
        self._taken, self._most_bytes = taken, most_bytes
        self._changed = threading.Condition()
        self._viewings: dict[int, Viewing] = {}  # by reader, in the order of the line
        self._sizes: dict[tuple[int, Shot], int] = {}  # of what is wanted or here
        self._here: dict[tuple[int, Shot], Rendered] = {}
        self._seen: dict[int, set[Shot]] = {}  # what the engine has taken of each reader's document
        self._looks = False

    def expect(self, reader: int, asks: Sequence[Ask], want: Callable[[Wanted], None]) -> None:
        """A call has come in. Its pictures are wanted ahead, but those that the engine has seen, and may remember."""
        shots = _shots(asks)
        with self._changed:
            seen = self._seen.setdefault(reader, set())
            documents = {shot.sheet.document for shot in shots}
            seen.intersection_update([shot for shot in seen if shot.sheet.document in documents])
            self._viewings[reader] = Viewing(want, shots, deque(shot for shot in shots if shot not in seen))
            self._want_ahead()

    def take(self, reader: int, shot: Shot) -> Image:
        """Waits for the picture. Raises what its reader says, and AnswerError where that is gone or takes too long."""
        begun = time.monotonic()
        with self._changed:
            self._looks = True
            viewing = self._viewings.get(reader)
            if viewing is not None and (reader, shot) not in self._sizes:
                self._want_now(reader, viewing, shot)
            self._want_ahead()
            self._changed.wait_for(lambda: (reader, shot) in self._here or reader not in self._viewings, SECONDS)
            rendered = self._here.pop((reader, shot), None)
            self._sizes.pop((reader, shot), None)
            if rendered is not None and reader in self._seen:
                self._seen[reader].add(shot)
            self._want_ahead()
            self.waited += time.monotonic() - begun
        if rendered is None:
            raise AnswerError("a picture of a page did not come from the process that reads it.", remedy="Try again.")
        self._taken()
        return rendered.picture()

    def put(self, reader: int, rendered: Rendered) -> None:
        """A picture has come; one that nobody waits for any more is let go."""
        with self._changed:
            if (reader, rendered.shot) in self._sizes:
                self._here[reader, rendered.shot] = rendered
                self._changed.notify_all()

    def drop(self, reader: int) -> None:
        """The reader's call is over, or the reader is gone."""
        with self._changed:
            self._viewings.pop(reader, None)
            for key in [key for key in self._sizes if key[0] == reader]:
                del self._sizes[key]
                self._here.pop(key, None)
            self._want_ahead()
            self._changed.notify_all()

    def forget(self, reader: int) -> None:
        """The reader is gone."""
        self.drop(reader)
        with self._changed:
            self._seen.pop(reader, None)

    def _want_now(self, reader: int, viewing: Viewing, shot: Shot) -> None:
        """And ahead what follows it: pages that have to be read again are read in order."""
        self._sizes[reader, shot] = viewing.shots.get(shot, 0)
        viewing.want(Wanted(shot))
        if shot in viewing.shots:
            order = list(viewing.shots)
            viewing.ahead = deque(order[order.index(shot) + 1 :])

    def _want_ahead(self) -> None:
        if not self._looks:
            return
        held = sum(self._sizes.values())
        for reader, viewing in self._viewings.items():
            while viewing.ahead:
                shot = viewing.ahead[0]
                size = viewing.shots[shot]
                if held and (held + size > self._most_bytes or len(self._sizes) >= MOST_AT_ONCE):
                    return
                viewing.ahead.popleft()
                if (reader, shot) not in self._sizes:
                    self._sizes[reader, shot] = size
                    held += size
                    viewing.want(Wanted(shot))


def _shots(asks: Sequence[Ask]) -> dict[Shot, int]:
    """The pictures of all pages, each once, in the order of the asks, with their bytes."""
    found: dict[Shot, int] = {}
    for pages in {id(ask.pages): ask.pages for ask in asks}.values():
        for picture in filter(None, map(picture_of, pages)):
            image: Any = picture.image
            found[Shot(image.sheet, picture.long_side, picture.region)] = 3 * picture.width * picture.height
    return found
