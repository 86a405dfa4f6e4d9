"""JSON Pointers (RFC 6901) into data: listing its leaves, and finding the value at one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def leaves(data: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """(pointer, value) of everything in the data that is no object and no list, null included, in order."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, f"{pointer}/{escaped(str(key))}")
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaves(value, f"{pointer}/{index}")
    else:
        yield pointer, data


def escaped(step: str) -> str:
    """A key as a step of a pointer."""
    return step.replace("~", "~0").replace("/", "~1")


def resolve(data: Any, pointer: str) -> Any:
    """The value at a pointer; None where there is none."""
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isascii() and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data
