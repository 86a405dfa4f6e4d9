"""What a job comes to: its documents, which of them the ledger has, and which are to be read now."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError

from model.engine import EngineSpec
from pipeline.addresses import is_url
from pipeline.confidence.trust import Trust
from pipeline.discover import Source
from pipeline.ledger import Entry, Key, Ledger, Seen
from pipeline.remote import open_remote, tag_of
from pipeline.serving import Assignment
from pipeline.sinks import file_name

MOST_ATTEMPTS = 3  # at a document whose failure may pass
HASHERS = 8  # threads; reading waits for disks and networks, and hashing releases Python's lock
BLOCK = 1 << 20  # bytes read at a time
MOST_PLANS = 5  # where runs on several machines plan for the same output at once


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a job. name: of its output; copies: the places of all sources with these bytes, its own first.

    attempts: at it before, all failed; None where it has no record yet.
    """

    assignment: Assignment
    key: Key
    name: str
    copies: tuple[str, ...]
    attempts: int | None = None

    def is_done(self, entry: Entry | None) -> bool:
        """Whether the ledger's entry, as it is now, is the work of another run since this was planned."""
        return entry is not None and (entry.status != "failed" or entry.attempts != self.attempts)


@dataclass(frozen=True, slots=True)
class Done:
    """A document that the ledger has. name: of its output."""

    name: str
    schema: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Plan:
    """todo: to be read now. done: in the ledger already. same: names of documents by those that have the same bytes."""

    todo: tuple[Document, ...]
    done: tuple[Done, ...]
    same: dict[str, str] = field(default_factory=dict)

    @property
    def documents(self) -> int:
        return len(self.todo) + len(self.done)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which failures are tried again: those that may pass, those that a password may open, or all."""

    retry_failed: bool = False
    passwords: tuple[str, ...] = ()

    def again(self, entry: Entry) -> bool:
        if entry.status != "failed":
            return False
        unlocked = bool(self.passwords) and entry.code == "encrypted-document"
        return self.retry_failed or unlocked or (entry.retryable and entry.attempts < MOST_ATTEMPTS)


@dataclass(frozen=True, slots=True)
class Reader:
    """What makes records. fingerprint: changes when the same document can give another record."""

    engine: EngineSpec
    trust: Trust
    fingerprint: str


def take_in(
    routed: Sequence[tuple[Source, str]],
    contracts: dict[str, str],
    reader: Reader,
    policy: Policy,
    ledger: Ledger,
) -> Plan:
    """Compares a job's documents with the ledger, and keeps there what was seen of them.

    routed: each source with its schema. contracts: fingerprint by schema.
    """
    for _ in range(MOST_PLANS - 1):
        with suppress(IntegrityError):  # another run has named a source meanwhile; nothing that was hashed is lost
            return _take_in(routed, contracts, reader, policy, ledger)
    return _take_in(routed, contracts, reader, policy, ledger)


def _take_in(
    routed: Sequence[tuple[Source, str]],
    contracts: dict[str, str],
    reader: Reader,
    policy: Policy,
    ledger: Ledger,
) -> Plan:
    known = {seen.place: seen for seen in ledger.sources()}
    looked = _look([source for source, _ in routed], known)
    named = _name(looked, known)
    order = {place: number for number, place in enumerate([*known, *(seen.place for seen in named.values())])}
    groups: dict[Key, list[tuple[Source, str]]] = {}
    for source, schema in sorted(routed, key=lambda pair: order[pair[0].place]):
        key = Key(named[source.place].sha256, contracts[schema], reader.fingerprint)
        groups.setdefault(key, []).append((source, schema))
    entries = ledger.entries(groups)
    todo: list[Document] = []
    done: list[Done] = []
    same: dict[str, str] = {}
    for key, group in groups.items():
        (first, schema), *others = group
        same.update({named[other.place].name: named[first.place].name for other, _ in others})
        entry = entries.get(key)
        if entry is not None and not policy.again(entry):
            done.append(Done(named[first.place].name, schema, entry))
            for source, _ in group:
                named[source.place] = named[source.place]._replace(document=entry.id)
        else:
            assignment = Assignment(first, schema, reader.engine, key.sha256, policy.passwords, reader.trust)
            copies = tuple(source.place for source, _ in group)
            attempts = None if entry is None else entry.attempts
            todo.append(Document(assignment, key, named[first.place].name, copies, attempts))
    ledger.see([seen for place, seen in named.items() if known.get(place) != seen])
    return Plan(tuple(sorted(todo, key=lambda document: document.name)), tuple(done), same)


def _look(sources: Sequence[Source], known: dict[str, Seen]) -> dict[str, Seen]:
    """Each source as it is now, by place; one that has not changed is not read again. Names are still as given."""

    def look(source: Source) -> Seen:
        before = known.get(source.place)
        stamp = _stamp(source)
        if before is not None and stamp and stamp == before.stamp:
            return before
        sha256 = _sha256(source)
        if sha256 is None:  # known by its place, so that the failure is kept until it can be read
            stamp, sha256 = "", hashlib.sha256(source.place.encode()).hexdigest()
        document, written = (before.document, before.written) if before else (None, None)
        return Seen(source.place, source.name, stamp, sha256, document, written)

    def unchanged(source: Source) -> bool:
        at_hand = source.stamp or not is_url(source.path)
        return bool(at_hand) and source.place in known and known[source.place].stamp == _stamp(source)

    looked = {source.place: known[source.place] for source in sources if unchanged(source)}
    with ThreadPoolExecutor(HASHERS) as threads:
        rest = threads.map(look, [source for source in sources if source.place not in looked])
        return looked | {seen.place: seen for seen in rest}


def _name(looked: dict[str, Seen], known: dict[str, Seen]) -> dict[str, Seen]:
    """Gives every source the name of its output: the one it had before, else its own, told apart where that is taken.

    Names differ by more than case, for file systems that see none.
    """
    taken = {seen.name.casefold() for seen in known.values()}
    named: dict[str, Seen] = {}
    for place, seen in looked.items():
        if place in known:
            named[place] = seen._replace(name=known[place].name)
            continue
        name = file_name(seen.name)
        if name.casefold() in taken:
            name += f"~{hashlib.sha256(place.encode()).hexdigest()[:8]}"
        taken.add(name.casefold())
        named[place] = seen._replace(name=name)
    return named


def _stamp(source: Source) -> str:
    """Changes when the bytes do; empty where that cannot be told without reading them."""
    if source.sha256:
        return f"sha256:{source.sha256}"
    try:
        if not is_url(source.path):
            state = os.stat(source.path)  # noqa: PTH116 - a Path for each of 100,000 files costs seconds
            return f"{state.st_size}:{state.st_mtime_ns}"
        return source.stamp or tag_of(source.path)
    except Exception:  # of any file system's own kind; reading it will say what is wrong
        return ""


def _sha256(source: Source) -> str | None:
    """Of its bytes; None where they cannot be read."""
    if source.sha256:
        return source.sha256
    digest = hashlib.sha256()
    try:
        with _open(source) as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    except Exception:  # as above
        return None
    return digest.hexdigest()


def _open(source: Source) -> Any:
    return open_remote(source.path) if is_url(source.path) else Path(source.path).open("rb")
