"""Measures what torch's own allocator hands out: not what Python happens to hold."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import accumulate
from typing import TypeVar

from torch.profiler import ProfilerActivity, profile

Result = TypeVar("Result")


def peak_bytes(work: Callable[[], Result], *, mapped: Collection[int] = ()) -> tuple[Result, int]:
    """(what the work gives, the most bytes on the host that tensors took at once while it ran, beyond those before).

    mapped: sizes of files that the work maps into memory, which the allocator reports and nobody allocates.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        result = work()
    events = profiled.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    return result, max(accumulate(size for _, size in changes if abs(size) not in mapped), default=0)
