"""Documents that are not files of this machine: object storage, web servers, whatever fsspec reads.

Credentials come from where each store's own package looks for them (environment, profile, role of the machine), never
from a setting of ours.
"""

from __future__ import annotations

import glob as globbing
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote

from pipeline.addresses import WEB, scheme_of, scrubbed, shown
from schemas.errors import SourceUnreachable, UsageError

MOST_FOLDERS = 10_000  # of a web server: its pages may link on without end
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
_TAGS = ("ETag", "etag", "LastModified", "Last-Modified", "mtime", "updated")


class Found(NamedTuple):
    """A document in a store. url: opens it; name: relative to what was asked for; stamp: as of `Source`.

    named: by the user, himself or by a pattern, and not only found in a folder.
    """

    url: str
    name: str
    stamp: str
    named: bool


def listed(place: str) -> Iterator[Found]:
    """Everything behind a URL: itself, all of a folder at any depth, or what fits a pattern.

    A web address is a folder where it ends in a slash, and a pattern where it has a star; any other is taken for a
    document without a look. Raises UsageError: there is nothing, access is refused, or a package is missing; and
    SourceUnreachable.
    """
    if scheme_of(place) in WEB:
        yield from _on_web(place)
        return
    with _told(place):
        system, path = _system(place)
        system.invalidate_cache()
        yield from _in_store(system, path, place)


def open_remote(url: str) -> Any:
    """A binary stream of what is behind a URL. Raises whatever its file system raises."""
    system, path = _system(url)  # not fsspec.open, which takes a star in a name for a pattern
    return system.open(path, "rb")


def tag_of(url: str) -> str:
    """Changes when the bytes behind a URL do; empty where the store does not say. Raises what its file system does."""
    system, path = _system(url)
    return _stamp(system.info(path))


def is_hidden(name: str) -> bool:
    """Whether it, or a folder of it, begins with a dot. name: relative, with `/`."""
    return any(part.startswith(".") and part not in (".", "..") for part in name.split("/"))


def _system(url: str) -> tuple[Any, str]:
    import fsspec

    system, path = fsspec.core.url_to_fs(url)
    return system, path


def _stamp(facts: Mapping[str, Any]) -> str:
    tag = next((facts[name] for name in _TAGS if facts.get(name)), "")
    return f"{facts.get('size')}:{tag}" if tag else ""


def _in_store(system: Any, path: str, place: str) -> Iterator[Found]:
    try:
        facts = system.info(path)
    except FileNotFoundError:
        if not globbing.has_magic(path):
            raise
        yield from _matching(system, path)
        return
    if facts["type"] == "directory" or place.endswith("/"):
        yield from _below(system, path, path)
    else:
        yield Found(place, shown(place).partition("://")[2], _stamp(facts), named=True)


def _matching(system: Any, pattern: str) -> Iterator[Found]:
    """Names are relative to the part before the first wildcard. As in a shell, wildcards match nothing hidden."""
    fixed = re.split(r"[*?\[]", pattern)[0].rpartition("/")[0]
    for path, facts in sorted(system.glob(pattern, detail=True).items()):
        if is_hidden(path.removeprefix(fixed)) and "/." not in pattern:
            continue
        if facts["type"] != "directory":
            yield _found(system, path, fixed, facts, named=True)
        elif not pattern.rstrip("/").endswith("**"):  # which lists what is inside by itself
            yield from _below(system, path, path)


def _below(system: Any, folder: str, base: str) -> Iterator[Found]:
    for path, facts in sorted(system.find(folder, detail=True).items()):
        if facts["type"] != "directory" and not path.endswith("/"):  # some stores keep objects for their folders
            yield _found(system, path, base, facts, named=False)


def _found(system: Any, path: str, base: str, facts: Mapping[str, Any], *, named: bool) -> Found:
    name = path.removeprefix(base).lstrip("/")
    return Found(system.unstrip_protocol(path), name, _stamp(facts), named)


def _on_web(place: str) -> Iterator[Found]:
    address, _, query = place.partition("?")
    if "*" in address:
        folder, pattern = address[: address.index("*")].rpartition("/")[0] + "/", _pattern(address)
    elif address.endswith("/") and not query:
        folder, pattern = address, None
    else:
        yield Found(place, shown(place).partition("://")[2].partition("?")[0], "", named=True)
        return
    with _told(place):
        system, _ = _system(folder)
        system.invalidate_cache()
        for url in sorted(_links_below(system, folder)):
            if pattern is None or pattern.match(unquote(url)):
                yield Found(url, unquote(url.removeprefix(folder)), "", named=pattern is not None)


def _pattern(address: str) -> re.Pattern[str]:
    from fsspec.utils import glob_translate

    return re.compile(glob_translate(unquote(address)))


def _links_below(system: Any, folder: str) -> Iterator[str]:
    """Files that the server's pages of a folder link to, never any outside it."""
    seen, waiting = {folder}, [folder]
    for _ in range(MOST_FOLDERS):
        if not waiting:
            return
        page = waiting.pop()
        for link in system.ls(page, detail=False):
            inside = link.startswith(page) and not re.search(r"[?#]", link) and ".." not in unquote(link).split("/")
            if inside and link not in seen:
                seen.add(link)
                if link.endswith("/"):
                    waiting.append(link)
                else:
                    yield link
    raise UsageError(f"{shown(folder)} has over {MOST_FOLDERS} folders.", remedy="Name those that are meant.")


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Says what a store's own error means for the user."""
    where = shown(place)
    try:
        yield
    except (UsageError, SourceUnreachable):
        raise
    except (ImportError, ValueError) as error:
        raise _unread(where, error) from None
    except FileNotFoundError:
        raise UsageError(
            f"there is no document or folder {where}.", remedy="Check the address; put patterns in quotes."
        ) from None
    except Exception as error:  # every file system has errors of its own
        reason = scrubbed(" ".join(str(error).split())) or type(error).__name__
        if isinstance(error, PermissionError) or "Credential" in type(error).__name__ or _refused(error):
            raise UsageError(f"{where} refuses access: {reason}.", remedy=_CREDENTIALS) from None
        raise SourceUnreachable(
            f"{where} cannot be listed: {reason}.", remedy="Check that its server can be reached, and try again."
        ) from None


_CREDENTIALS = "Give credentials in the environment: AWS_ACCESS_KEY_ID and so on, or GOOGLE_APPLICATION_CREDENTIALS."


def _refused(error: Exception) -> bool:
    return getattr(error, "status", None) in (401, 403)


def _unread(where: str, error: Exception) -> UsageError:
    """For a package that is missing, or an address that no package reads."""
    if isinstance(error, ImportError) and (extra := _EXTRAS.get(scheme_of(where))):
        return UsageError(
            f"{where} cannot be read: a package is missing.", remedy=f"Install it: pip install 'intaglio[{extra}]'."
        )
    return UsageError(f"{where} cannot be read: {scrubbed(str(error))}.", remedy="Check the address.")
