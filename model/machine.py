"""What this machine has: processor, memory, graphics cards, and the versions of the libraries that matter.

Reads and never changes anything. torch is imported only to look for cards, and only where it is installed.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIB = 1 << 20
SMI_FIELDS = "name,memory.total,memory.free,driver_version"
SMI_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card; bytes are None where the driver does not say. usable: torch can compute on it."""

    name: str
    total_bytes: int | None
    free_bytes: int | None
    usable: bool


@dataclass(frozen=True, slots=True)
class Cards:
    """All cards. driver: its version, empty where unknown. trouble: why torch can use none; empty where it can."""

    found: tuple[Card, ...]
    driver: str
    trouble: str


@dataclass(frozen=True, slots=True)
class Machine:
    """memory_bytes: what this process may use, by its container's limit too. available_bytes: of that, now free."""

    system: str
    processor: str
    cores: int
    memory_bytes: int | None
    available_bytes: int | None
    cards: Cards


@dataclass(frozen=True, slots=True)
class Library:
    """version: None where it is not installed. extra: what brings it; empty for the base install."""

    name: str
    version: str | None
    extra: str


EXTRAS = {  # the name in an import is the name in lower case
    "torch": "gemma",
    "transformers": "gemma",
    "bitsandbytes": "gemma",
    "accelerate": "gemma",
    "llguidance": "gemma",
    "PyMuPDF": "",
    "rapidocr": "",
    "onnxruntime": "",
    "prefect": "",
}


def look() -> Machine:
    return Machine(
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=_memory(),
        available_bytes=available_memory(),
        cards=_cards(),
    )


def libraries() -> tuple[Library, ...]:
    """Those that the engines and the pipeline stand on. A library counts as installed only if Python would find it."""
    return tuple(Library(name, _version(name), extra) for name, extra in EXTRAS.items())


def available_memory() -> int | None:
    """Bytes that the kernel would give without swapping, or that the container's limit leaves; None where unknown."""
    sizes = [int(line.split()[1]) * 1024 for line in _lines("/proc/meminfo") if line.startswith("MemAvailable")]
    used = [int(line) for line in _lines("/sys/fs/cgroup/memory.current") if line.isdigit()]
    if (memory := _memory()) is not None and used:
        sizes.append(max(0, memory - used[0]))
    return min(sizes, default=None)


def own_version() -> str:
    return _metadata("intaglio") or "from a source folder"


def _version(name: str) -> str | None:
    try:
        found = importlib.util.find_spec(name.lower())
    except ImportError:
        found = None
    return (_metadata(name) or "of unknown version") if found else None


def _metadata(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """platform.processor() says nothing on most Linux systems."""
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    sizes = [int(line) for line in _lines("/sys/fs/cgroup/memory.max") if line.isdigit()]
    if hasattr(os, "sysconf"):
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(sizes, default=None)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _cards() -> Cards:
    """As torch sees them; else as NVIDIA's own tool lists them, for a card that torch cannot use is worth a word."""
    listed, driver = _listed_by_the_driver()
    usable, trouble = _seen_by_torch()
    return Cards(usable or listed, driver, "" if usable else trouble)


def _seen_by_torch() -> tuple[tuple[Card, ...], str]:
    if _version("torch") is None:
        return (), "torch is not installed (extra `gemma`)"
    try:
        torch: Any = importlib.import_module("torch")
    except (ImportError, OSError) as error:  # a torch whose own libraries are missing raises OSError
        return (), f"torch is installed but cannot be imported: {error}"
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return (), f"torch {torch.__version__} is built for the CPU only"
    if not torch.cuda.is_available():
        return (), f"torch {torch.__version__} finds no card that it can use"
    return tuple(_card(torch, number) for number in range(torch.cuda.device_count())), ""


def _card(torch: Any, number: int) -> Card:
    free, total = torch.cuda.mem_get_info(number)
    return Card(torch.cuda.get_device_name(number), total, free, usable=True)


def _listed_by_the_driver() -> tuple[tuple[Card, ...], str]:
    command = ["nvidia-smi", f"--query-gpu={SMI_FIELDS}", "--format=csv,noheader,nounits"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=SMI_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return (), ""
    rows = [[cell.strip() for cell in line.rsplit(",", 3)] for line in result.stdout.splitlines()]
    rows = [row for row in rows if len(row) == 4]
    cards = tuple(Card(name, _mib(total), _mib(free), usable=False) for name, total, free, _ in rows)
    return cards, rows[0][3] if rows else ""


def _mib(text: str) -> int | None:
    """Cards that share the host's memory answer [N/A]."""
    return int(text) * MIB if text.isdigit() else None
