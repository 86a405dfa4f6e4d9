"""Writes the container of Outlook's mails and older office files ([MS-CFB], version 3), as small as it goes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
Tree = Mapping[str, Union[bytes, "Tree"]]


@dataclass
class _Entry:
    name: str
    kind: int  # 1 storage, 2 stream, 5 root
    right: int = FREE
    child: int = FREE
    start: int = END
    size: int = 0
    content: bytes = field(default=b"", repr=False)

    def packed(self) -> bytes:
        name = self.name.encode("utf-16-le") + b"\0\0"
        head = name.ljust(64, b"\0") + struct.pack("<HBB", len(name), self.kind, 1)
        return (
            head
            + struct.pack("<III", FREE, self.right, self.child)
            + bytes(36)
            + struct.pack("<IQ", self.start, self.size)
        )


def ole(tree: Tree) -> bytes:
    """tree: streams by name, and storages, which hold more of them."""
    entries = [_Entry("Root Entry", 5)]
    _add(entries, 0, tree)
    small, mini_fat, sectors, fat = bytearray(), [], bytearray(), []

    def put(content: bytes) -> int:
        """The first sector of a chain."""
        count = -(-len(content) // SECTOR)
        start = len(fat)
        sectors.extend(content.ljust(count * SECTOR, b"\0"))
        fat.extend([*range(start + 1, start + count), END] if count else [])
        return start if count else END

    for entry in entries:
        if entry.kind == 2 and 0 < entry.size < CUTOFF:
            entry.start = len(mini_fat)
            count = -(-entry.size // MINI)
            mini_fat += [*range(entry.start + 1, entry.start + count), END]
            small.extend(entry.content.ljust(count * MINI, b"\0"))
        elif entry.kind == 2:
            entry.start = put(entry.content)
    entries[0].start, entries[0].size = put(bytes(small)), len(small)
    mini_start = put(b"".join(struct.pack("<I", number) for number in mini_fat))
    empty = b"\0" * 64 + struct.pack("<HBBIII", 0, 0, 0, FREE, FREE, FREE) + bytes(48)
    listing = b"".join(entry.packed() for entry in entries)
    folders = put(listing + empty * (-len(entries) % 4))
    tables = 1
    while (len(fat) + tables) * 4 > tables * SECTOR:
        tables += 1
    first = len(fat)
    fat += [FAT] * tables
    table = b"".join(struct.pack("<I", number) for number in fat).ljust(tables * SECTOR, b"\xff")
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack(
        "<IIIIIIIII", 0, tables, folders, 0, CUTOFF, mini_start, -(-len(mini_fat) * 4 // SECTOR), END, 0
    )
    header += b"".join(struct.pack("<I", first + n if n < tables else FREE) for n in range(109))
    return header + bytes(sectors) + table


def _add(entries: list[_Entry], parent: int, tree: Tree) -> None:
    before = FREE
    for name, content in tree.items():
        number = len(entries)
        if isinstance(content, bytes):
            entries.append(_Entry(name, 2, size=len(content), content=content))
        else:
            entries.append(_Entry(name, 1))
            _add(entries, number, content)
        if before == FREE:
            entries[parent].child = number
        else:
            entries[before].right = number
        before = number


def text(tag: str, value: str) -> dict[str, bytes]:
    """A property of a mail that is a text."""
    return {f"__substg1.0_{tag}001F": value.encode("utf-16-le")}


def fixed(numbers: Mapping[int, tuple[int, int]], header: int) -> dict[str, bytes]:
    """Properties that are numbers: (type, value) by tag. header: bytes before them."""
    rows = b"".join(struct.pack("<HHIQ", kind, tag, 6, value) for tag, (kind, value) in numbers.items())
    return {"__properties_version1.0": bytes(header) + rows}
