"""From what a user names (folders, globs, files, URLs) to the list of documents, and which schema reads which."""

from __future__ import annotations

import glob as globbing
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from pipeline.addresses import is_url, shown
from pipeline.listing import Inside, listed_inside
from pipeline.opening.kinds import CONTAINERS, SUFFIXES
from pipeline.opening.within import ATTACHED, way_into
from pipeline.remote import is_hidden, listed
from schemas.errors import NoDocuments, UsageError


@dataclass(frozen=True, slots=True)
class Source:
    """A document to read.

    path: path or URL as the user named it; open this, and show it nobody: a URL may hold credentials. name: relative to
    the folder that the user named, with `/`; for the URL of a document its host and path. place: absolute path or URL,
    the same from wherever the command is given. stamp: changes when the bytes do, where a listing has told it. sha256:
    of a document inside of another, told when that was looked into.
    """

    path: str = field(repr=False)
    name: str
    place: str
    stamp: str = field(default="", compare=False)
    sha256: str = ""

    @property
    def uri(self) -> str:
        """The path as text that any program can read, file names on Linux need not be; of a URL, what may be shown."""
        return shown(self.path) if is_url(self.path) else _text(self.path)


def discover(places: Sequence[str]) -> list[Source]:
    """The documents, sorted by name. A file that is named is always taken; in folders only known kinds are.

    A ZIP file is a folder. What is attached to a mail is a document beside it. A process looks into these (see
    `pipeline.listing`).
    Raises UsageError where a place does not exist, NoDocuments where nothing is found, SourceUnreachable.
    """
    found: dict[str, Source] = {}
    for place in places:
        for source in _in_place(place):
            found.setdefault(source.place, source)
    if not found:
        raise NoDocuments(
            f"no document in {', '.join(shown(place) for place in places)}.",
            remedy=f"Folders are searched for {' '.join(sorted(SUFFIXES))}; name other files one by one.",
        )
    return sorted(_with_inner(found.values()), key=lambda source: (source.name, source.place))


def _with_inner(sources: Iterable[Source]) -> Iterator[Source]:
    """The documents, and those inside of them; a ZIP file only where it cannot be looked into. What is attached to a
    mail that cannot be is one document, which says why."""
    holders = [source for source in sources if _suffix(source) in CONTAINERS]
    inner = dict(zip(holders, listed_inside([source.path for source in holders]), strict=True))
    for source in sources:
        listed = inner.get(source)
        if listed is None or listed.is_document:
            yield source
        for inside, sha256 in _inside(source, listed) if listed is not None else ():
            path, name, place = (f"{text}/{inside}" for text in (source.path, source.name, source.place))
            yield Source(path, name, place, sha256=sha256)


def _inside(source: Source, listed: Inside) -> Iterator[tuple[str, str]]:
    """(path in it, hash) of each document."""
    if not listed.is_known and _suffix(source) != ".zip":
        yield ATTACHED, ""
    yield from listed.documents


def _suffix(source: Source) -> str:
    return PurePosixPath(source.name).suffix.casefold()


def is_document(place: str) -> bool:
    """Whether there is a file, or a document inside of one; a URL is taken at its word."""
    return is_url(place) or os.path.isfile(place) or way_into(place) is not None  # noqa: PTH113 - a Path raises


def _in_place(place: str) -> Iterator[Source]:
    if is_url(place):
        yield from _in_store(place)
    elif (path := Path(place)).is_dir():
        yield from _in_folder(place)
    elif path.is_file():
        yield file_source(place, path.name)
    elif (way := way_into(place)) is not None:
        yield file_source(place, f"{Path(way.holder).name}/{way.inside}")
    elif globbing.has_magic(place):
        yield from _in_glob(place)
    else:
        raise UsageError(f"there is no document or folder {place}.", remedy="Check the path; put globs in quotes.")


def _in_store(place: str) -> Iterator[Source]:
    """As of a folder: known kinds, and nothing hidden. What a pattern matches is taken whatever its kind.

    What is called like a document is taken for one without a look; where it is not there (yet), its record says so.
    """
    if _is_known(place) and not globbing.has_magic(place):
        yield Source(place, shown(place).partition("://")[2], shown(place))
        return
    for found in listed(place):
        if found.named or (_is_known(found.name) and not is_hidden(found.name)):
            yield Source(found.url, found.name, shown(found.url), found.stamp)


def _is_known(name: str) -> bool:
    return PurePosixPath(name).suffix.casefold() in SUFFIXES


def _in_folder(folder: str) -> Iterator[Source]:
    """Known kinds at any depth. Hidden files and folders are left out, and with them Intaglio's own `.intaglio`.

    A link that leads nowhere is a document too: its record says that it could not be read. Raises UsageError.
    """
    for root, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = os.path.join(root, name)  # noqa: PTH118 - a Path for each of 100,000 files costs seconds
            known = not name.startswith(".") and Path(name).suffix.casefold() in SUFFIXES
            if known and (os.path.isfile(path) or not os.path.exists(path)):  # noqa: PTH110, PTH113
                yield file_source(path, os.path.relpath(path, folder))


def _unreadable(error: OSError) -> None:
    """A folder that cannot be listed may hold documents; they must not be left out in silence."""
    raise UsageError(
        f"the folder {_text(str(error.filename))} cannot be read: {error.strerror}.",
        remedy="Set its permissions, or name the others.",
    )


def _in_glob(pattern: str) -> Iterator[Source]:
    """What the shell would make of it; names are relative to the part before the first wildcard."""
    fixed = Path(*_before_wildcard(Path(pattern).parts))
    for match in sorted(globbing.glob(pattern, recursive=True)):  # noqa: PTH207 - the pattern may be absolute
        if Path(match).is_dir():
            if not pattern.rstrip("/").endswith("**"):  # which lists the files inside by itself
                yield from _in_folder(match)
        elif Path(match).is_file():
            yield file_source(match, os.path.relpath(match, fixed))


def _before_wildcard(parts: tuple[str, ...]) -> Iterator[str]:
    for part in parts:
        if globbing.has_magic(part):
            return
        yield part


def file_source(path: str, name: str) -> Source:
    """A file as a source. name: its path relative to the folder that the user named."""
    readable = os.fsencode(Path(name).as_posix()).decode("utf-8", "replace")
    return Source(path, readable, _text(os.path.abspath(path)))  # noqa: PTH100 - see above


def _text(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Routes:
    """Which schema reads which document: by folder or glob of its name, the first match wins; `*` is last."""

    rules: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, options: Sequence[str]) -> Routes:
        """From `invoice`, or `invoices=invoice` and the like. Raises UsageError for a mixture that says nothing."""
        rules = [_rule(option) for option in options]
        if not rules:
            raise UsageError("no schema.", remedy="Give one with --schema; `intaglio schemas` lists those built in.")
        if sum(pattern == "*" for pattern, _ in rules) > 1:
            raise UsageError(
                "several schemas for every document.", remedy="Say which reads which: --schema FOLDER=SCHEMA."
            )
        return cls(tuple(sorted(rules, key=lambda rule: rule[0] == "*")))

    def schema(self, source: Source) -> str | None:
        name = PurePosixPath(source.name).as_posix()
        for pattern, schema in self.rules:
            if fnmatch(name, pattern) or name.startswith(f"{pattern.rstrip('/')}/"):
                return schema
        return None

    def assign(self, sources: Sequence[Source]) -> list[tuple[Source, str]]:
        """Each source with its schema.

        Raises UsageError where one has none, before any work: a mistyped pattern should cost no run, and a document
        left out in silence would be lost.
        """
        routed = [(source, schema) for source in sources if (schema := self.schema(source)) is not None]
        if len(routed) < len(sources):
            missed = [source.name for source in sources if self.schema(source) is None]
            more = f" and {len(missed) - 5} more" if len(missed) > 5 else ""
            raise UsageError(
                f"no schema is given for {', '.join(missed[:5])}{more}.",
                remedy="Add --schema FOLDER=SCHEMA for them, or --schema SCHEMA for all the rest.",
            )
        return routed

    @property
    def schemas(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(schema for _, schema in self.rules))


def _rule(option: str) -> tuple[str, str]:
    pattern, equals, schema = option.rpartition("=")
    if equals and not (pattern and schema):
        raise UsageError(f"--schema {option} lacks a side.", remedy="Write FOLDER=SCHEMA, or SCHEMA alone.")
    return (pattern.removeprefix("./"), schema) if equals else ("*", option)
