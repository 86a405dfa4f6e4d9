"""From what a user names (folders, globs, files, URLs) to the list of documents, each with a name for its output."""

from __future__ import annotations

import glob as globbing
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from schemas.errors import UsageError

SUFFIXES = frozenset(".pdf .png .jpg .jpeg .webp .tif .tiff .bmp .gif".split())
LEDGER_FOLDER = ".intaglio"


@dataclass(frozen=True, slots=True)
class Source:
    """A document to read. uri: path or URL; name: relative to what the user named, unique within the run."""

    uri: str
    name: str


def discover(places: Sequence[str]) -> list[Source]:
    """The documents, sorted by name. A file that is named is always taken; in folders only known kinds are.

    Raises UsageError where a place does not exist or nothing is found.
    """
    found: dict[str, Source] = {}
    for place in places:
        for source in _in_place(place):
            found.setdefault(source.uri, source)
    if not found:
        raise UsageError(
            f"no document in {', '.join(places)}.", remedy=f"Folders are searched for {' '.join(sorted(SUFFIXES))}."
        )
    return sorted(_told_apart(list(found.values())), key=lambda source: source.name)


def _in_place(place: str) -> Iterator[Source]:
    if "://" in place:
        yield Source(place, place.partition("://")[2])
        return
    path = Path(place)
    if path.is_dir():
        yield from (Source(str(file), file.relative_to(path).as_posix()) for file in _files(path))
    elif path.is_file():
        yield Source(place, path.name)
    elif globbing.has_magic(place):
        for match in sorted(globbing.glob(place, recursive=True)):  # noqa: PTH207 - the pattern may be absolute
            yield from _in_place(match)
    else:
        raise UsageError(f"there is no {place}.", remedy="Name a folder, a file, a glob in quotes, or a URL.")


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.casefold() in SUFFIXES and path.is_file():
            yield path


def _told_apart(sources: list[Source]) -> list[Source]:
    """Gives documents of the same name a suffix made of where they lie, the same in every run."""
    count = Counter(source.name for source in sources)
    return [
        source
        if count[source.name] == 1
        else replace(source, name=f"{source.name}-{hashlib.sha256(source.uri.encode()).hexdigest()[:8]}")
        for source in sources
    ]


@dataclass(frozen=True, slots=True)
class Routes:
    """Which schema reads which document: one for all, or by folder or glob of the document's name, first match wins."""

    rules: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, options: Sequence[str]) -> Routes:
        """From `invoice`, or `invoices=invoice` and the like. Raises UsageError for a mixture that says nothing."""
        rules = tuple(_rule(option) for option in options)
        if not rules:
            raise UsageError("no schema.", remedy="Give one with --schema; `intaglio schemas` lists those built in.")
        if sum(pattern == "*" for pattern, _ in rules) > 1:
            raise UsageError(
                "several schemas for every document.", remedy="Say which reads which: --schema FOLDER=SCHEMA."
            )
        return cls(tuple(sorted(rules, key=lambda rule: rule[0] == "*")))

    def schema(self, source: Source) -> str | None:
        for pattern, schema in self.rules:
            if pattern == "*" or fnmatch(source.name, pattern) or source.name.startswith(f"{pattern.rstrip('/')}/"):
                return schema
        return None

    @property
    def schemas(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(schema for _, schema in self.rules))


def _rule(option: str) -> tuple[str, str]:
    pattern, equals, schema = option.partition("=")
    return (pattern, schema) if equals else ("*", option)
