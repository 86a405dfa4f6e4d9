"""Ctrl-C, or a scheduler's request to end, stops what is under way in good order; a second one ends it at once.

A handler of ours and no KeyboardInterrupt the first time: that may come in the middle of a library's code, which may
swallow it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # exit code


@contextmanager
def stopping(
    stop: threading.Event, can_stop: Callable[[], bool] = lambda: True, told: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Sets `stop`, and tells so, where something that heeds it is under way, as `can_stop` says; else interrupts."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set() or not can_stop():
            raise KeyboardInterrupt
        stop.set()
        told()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
