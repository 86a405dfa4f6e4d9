"""Documents inside of a document: what a ZIP file holds, and what is attached to a mail, as deep as it goes.

A ZIP file is a folder: what a folder would leave out is left out of it. A mail is a document, and what is attached to
it is another one if it is of a known kind. Names are made safe and told apart, so that `mail.eml/invoice.pdf` is one
place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from pipeline.opening.archive import ZIP, Archive, kind_of_zip
from pipeline.opening.kinds import SUFFIXES, TEXTS, ZIPS, media_type
from pipeline.opening.mail import Attachment, parse_mail
from pipeline.opening.ole import MSG
from pipeline.opening.outlook import parse_msg
from pipeline.opening.texts import MAIL
from pipeline.sinks import file_name
from schemas.errors import DocumentError, DocumentTooLarge, EmptyDocument, MissingDocument, UnsupportedDocument

MOST_DEPTH = 4  # containers in each other
MOST_DOCUMENTS = 10_000  # in one file
MOST_BYTES = 4 << 30  # unpacked of one file, all depths together
FREE_BYTES, MOST_RATIO = 256 << 20, 200  # … beyond so many, so many times the file's own
_OF_MACS = "__MACOSX"  # a folder of what only their own file system has


class Member(NamedTuple):
    """name: safe, and like no other in the same container. read: its bytes; raises DocumentError."""

    name: str
    read: Callable[[], bytes]


class Found(NamedTuple):
    """A document inside of a file. name: its path in there. sha256: of its bytes, empty where they cannot be had."""

    name: str
    sha256: str


@dataclass(slots=True)
class Room:
    """What may still be unpacked of one file. Raises DocumentTooLarge once it is used up."""

    uri: str
    bytes: int
    documents: int

    @classmethod
    def for_file(cls, uri: str, size: int) -> Room:
        return cls(uri, min(MOST_BYTES, max(FREE_BYTES, MOST_RATIO * size)), MOST_DOCUMENTS)

    def take(self, size: int) -> None:
        self.bytes -= size
        self.documents -= 1
        if self.bytes < 0 or self.documents < 0:
            raise DocumentTooLarge(
                "it unpacks to more than is allowed.",
                document=self.uri,
                remedy="If it is not meant to do harm, unpack it and give what is in it.",
            )


def listed(stream: BinaryIO, uri: str) -> list[Found]:
    """Every document inside of a file, at any depth; not the file itself.

    Raises DocumentError where it cannot be looked into. A document inside that cannot be read is listed all the same.
    """
    size = stream.seek(0, 2)
    return list(_listed(_contents(stream, uri), uri, Room.for_file(uri, size), 1))


def document_within(stream: BinaryIO, uri: str, inside: str, passwords: Sequence[str] = ()) -> bytes:
    """The bytes of the document at the path `inside`. Raises DocumentError."""
    name, content = inside, stream
    room = Room.for_file(uri, stream.seek(0, 2))
    for _ in range(MOST_DEPTH):
        member = _on_the_way(members(_contents(content, uri), uri, passwords), name)
        if member is None:
            break
        found = member.read()
        room.take(len(found))
        if member.name == name:
            return found
        name = name.removeprefix(f"{member.name}/")
        content, uri = found, f"{uri}/{member.name}"  # type: ignore[assignment]
    raise DocumentError(f"it holds no {inside}.", document=uri, remedy="It may have changed since.")


def unlisted(stream: BinaryIO, uri: str) -> DocumentError:
    """Why what is attached to a mail was not found when a run was planned."""
    try:
        found = listed(stream, uri)
    except DocumentError as error:
        return error
    return MissingDocument(
        f"what is attached to it, {len(found)} documents, could not be told when the run was planned.",
        document=uri,
        remedy="The same command tries it again.",
    )


def members(content: bytes | Archive, uri: str, passwords: Sequence[str] = ()) -> list[Member]:
    """What a ZIP file or mail holds, of whatever kind, but for hidden files; of any other file nothing."""
    if isinstance(content, Archive):
        shown = (name for name in content.names if not _is_hidden(name))
        return _distinct((name, partial(content.read, name, passwords)) for name in shown)
    return _distinct((one.name, partial(_itself, one.content)) for one in _attached(content, uri))


def unopened(content: bytes, uri: str) -> DocumentError:
    """Why a ZIP file is no document: what is wrong with it, or how to name what is in it."""
    import io

    try:
        found = listed(io.BytesIO(content), uri)
    except DocumentError as error:
        return error
    if not found:
        return EmptyDocument("it holds no document.", document=uri, remedy="Check how it was made.")
    return UnsupportedDocument(
        f"it is an archive of {len(found)} documents.",
        document=uri,
        remedy=f"Name one, as in {uri}/{found[0].name}, or have `intaglio ingest` read them all.",
    )


def _contents(content: bytes | BinaryIO, uri: str) -> bytes | Archive:
    """A ZIP file opened, of which only what is asked for is unpacked; of others all bytes."""
    if isinstance(content, bytes):
        return Archive(content, uri) if content.startswith(ZIPS) else content
    content.seek(0)
    start = content.read(4)
    content.seek(0)
    return Archive(content, uri) if start in ZIPS else content.read()


def _listed(content: bytes | Archive, uri: str, room: Room, depth: int) -> Iterator[Found]:
    if isinstance(content, Archive) and kind_of_zip(content) != ZIP:
        return
    attached = not isinstance(content, Archive)
    for member in members(content, uri):
        if not attached and not _is_known(member.name):
            continue
        at = f"{uri}/{member.name}"
        try:
            found = member.read()
        except DocumentError:  # reading it will say why
            yield Found(member.name, "")
            continue
        room.take(len(found))
        kind = _kind(found, at)
        if attached and not _is_document(member.name, kind):
            continue
        yield from _with_inner(member.name, found, kind, at, room, depth)


def _with_inner(name: str, content: bytes, kind: str, uri: str, room: Room, depth: int) -> Iterator[Found]:
    itself = Found(name, hashlib.sha256(content).hexdigest())
    inner: list[Found] = []
    if kind in (ZIP, MAIL, MSG) and depth < MOST_DEPTH:
        try:
            inner = list(_listed(_contents(content, uri), uri, room, depth + 1))
        except DocumentTooLarge as error:
            if error.document == room.uri:
                raise
        except DocumentError:  # as above
            inner = []
    if kind != ZIP or not inner:
        yield itself
    yield from (one._replace(name=f"{name}/{one.name}") for one in inner)


def _attached(content: bytes, uri: str) -> Sequence[Attachment]:
    kind = _kind(content, uri)
    if kind == MAIL:
        return parse_mail(content, uri).attachments
    return parse_msg(content, uri).attachments if kind == MSG else ()


def _kind(content: bytes, uri: str) -> str:
    """Empty where it is none that is read."""
    try:
        return media_type(content, uri)
    except DocumentError:
        return ""


def _is_hidden(name: str) -> bool:
    parts = re.split(r"[\\/]", name)
    return any(part.startswith(".") and part.strip(".") for part in parts) or _OF_MACS in parts


def _is_known(name: str) -> bool:
    return PurePosixPath(name).suffix.casefold() in SUFFIXES


def _is_document(name: str, kind: str) -> bool:
    """By its name as in a folder; of what is attached also by its bytes, where they are no text."""
    return _is_known(name) or (bool(kind) and kind not in TEXTS)


def _distinct(named: Iterable[tuple[str, Callable[[], bytes]]]) -> list[Member]:
    """Names that are safe, and differ by more than case; in the order of the file, so that they stay the same."""
    taken: set[str] = set()
    found = []
    for name, read in named:
        safe = file_name(name)
        number = 2
        distinct = safe
        while distinct.casefold() in taken:
            path = PurePosixPath(safe)
            distinct = str(path.with_name(f"{path.stem}~{number}{path.suffix}"))
            number += 1
        taken.add(distinct.casefold())
        found.append(Member(distinct, read))
    return found


def _on_the_way(found: Sequence[Member], name: str) -> Member | None:
    """The member of that name, else the one that it lies in."""
    exact = next((member for member in found if member.name == name), None)
    return exact or next((member for member in found if name.startswith(f"{member.name}/")), None)


def _itself(content: bytes) -> bytes:
    return content
