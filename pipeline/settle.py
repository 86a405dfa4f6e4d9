"""Files that somebody is still writing are left for the next run."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from pipeline.addresses import is_url
from pipeline.discover import Source
from pipeline.opening.within import way_into


def settled(sources: Sequence[Source], seconds: float) -> list[Source]:
    """Those that did not change within so many seconds; objects in a store are whole once they can be seen.

    It waits only where something changed just now, and then compares: a file system's clock need not be ours. What is
    inside of a file is as settled as that.
    """
    if seconds <= 0:
        return list(sources)
    recent = {source.place: state for source in sources if (state := _state(source)) and _is_recent(state, seconds)}
    if not recent:
        return list(sources)
    time.sleep(seconds)
    return [source for source in sources if source.place not in recent or _state(source) == recent[source.place]]


def _state(source: Source) -> tuple[int, int, int] | None:
    """Size, and when contents and inode last changed; None for what is no file, or is gone."""
    if is_url(source.path):
        return None
    try:
        state = _stat(source.path)
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)  # noqa: PTH116 - a Path for each of 100,000 files costs seconds
    except NotADirectoryError:
        way = way_into(path)
        if way is None:
            raise
        return os.stat(way.holder)  # noqa: PTH116 - as above


def _is_recent(state: tuple[int, int, int], seconds: float) -> bool:
    """By the inode's change too: a copy that keeps the time of its original changes that last."""
    return max(state[1:]) / 1e9 > time.time() - seconds
