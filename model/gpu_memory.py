"""How full the memory of this machine's graphics cards is, whichever process fills it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """Of one card, in bytes. index: as NVIDIA's driver counts them."""

    index: int
    used: int
    total: int


def gpu_memory() -> tuple[GpuMemory, ...]:
    """Of every card that NVIDIA's driver tells of through `nvidia-ml-py`; none where either is missing.

    The driver is asked, and not torch, because the engine that fills the card is in a process of its own.
    """
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # no package, no driver, no right to ask: there is nothing to tell
        return ()
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        memories = [nvml.nvmlDeviceGetMemoryInfo(handle) for handle in handles]
        return tuple(GpuMemory(index, memory.used, memory.total) for index, memory in enumerate(memories))
    except nvml.NVMLError:  # a card that was lost, or that shares the host's memory
        return ()
    finally:
        nvml.nvmlShutdown()
