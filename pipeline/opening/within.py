"""A path that leads into a file: `inbox/mail.eml/invoice.pdf`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

_IN_URL = re.compile(r"\A(.*?\.(?:zip|eml|msg)(?:\?[^/]*)?)/(.+)\Z", re.IGNORECASE | re.DOTALL)


ATTACHED = ".attachments"
"""Stands for all that is attached to a mail that could not be looked into: a name that nothing in a mail is given."""


class Way(NamedTuple):
    """holder: path or URL of the file. inside: the path in it."""

    holder: str
    inside: str


def way_into(path: str) -> Way | None:
    """None where no part of the path is a file."""
    if "://" in path:
        found = _IN_URL.match(path)
        return Way(found.group(1), found.group(2)) if found else None
    try:
        for parent in Path(path).parents:
            if parent.is_file():
                return Way(str(parent), Path(path).relative_to(parent).as_posix())
            if parent.is_dir():
                return None
    except (OSError, ValueError):  # a name that no file can have
        return None
    return None


def content_within(path: str, passwords: Sequence[str] = ()) -> bytes | None:
    """The bytes of a document inside of a file; None where the path does not lead into one. Raises DocumentError."""
    way = way_into(path)
    if way is None:
        return None
    from pipeline.opening.members import document_within, unlisted

    with opened(way.holder) as stream:
        if way.inside == ATTACHED:
            raise unlisted(stream, way.holder)
        return document_within(stream, way.holder, way.inside, passwords)


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A file or URL, to be read at any place. Raises OSError, and what fsspec raises."""
    if "://" not in path:
        with Path(path).open("rb") as stream:
            yield stream
        return
    from pipeline.remote import open_remote

    with open_remote(path) as stream:
        yield stream
