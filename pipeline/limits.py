"""What one document may take of a machine, time aside. More than that is a failure that says which limit it was."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.errors import DocumentTooLarge


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """memory: bytes of data in the process that reads it. bytes: of the document itself. pages: that it may have.

    pixels: of one picture, before it is unpacked; of a PDF, of all pictures together that one page shows. files: open
    at a time. written: bytes of the largest file that may be written, in the process's own temporary folder.
    """

    memory: int = 4 << 30
    bytes: int = 1 << 30
    pages: int = 10_000
    pixels: int = 200_000_000
    files: int = 512
    written: int = 1 << 28


DEFAULT_LIMITS = DocumentLimits()

_NO_MEMORY = re.compile(r"malloc|calloc|realloc|bad_alloc|failed to allocate|insufficient memory|out of memory", re.I)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a library says that it got no memory, in its own way."""
    return isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) is not None


def out_of_memory(limits: DocumentLimits, document: str) -> DocumentTooLarge:
    return DocumentTooLarge(
        f"it takes over {limits.memory >> 20} MiB of memory.",
        document=document,
        remedy="Allow more with --max-memory, or split it.",
    )


def too_many_pages(pages: int, limits: DocumentLimits, document: str) -> DocumentTooLarge:
    return DocumentTooLarge(
        f"it has {pages} pages, and at most {limits.pages} are read.",
        document=document,
        remedy="Allow more with --max-pages, or split it.",
    )


def too_many_pixels(size: str, limits: DocumentLimits, document: str) -> DocumentTooLarge:
    """size: how many it has, in words."""
    return DocumentTooLarge(
        f"{size}, and at most {limits.pixels:,} are unpacked.", document=document, remedy="Scale it down."
    )
