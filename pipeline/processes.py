"""Starting processes that end with this one, and leave Ctrl-C to it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context, resource_tracker
from multiprocessing.context import SpawnProcess
from typing import Any


def started(target: Callable[..., None], arguments: tuple[Any, ...], name: str) -> SpawnProcess:
    """A process that runs `target`.

    Ctrl-C at a terminal reaches every process of the group; this one inherits a mask against it, and leaves it to us.
    Python's resource tracker would lift the mask where it starts with the first of them.
    """
    process = get_context("spawn").Process(target=target, args=arguments, daemon=True, name=name)
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
