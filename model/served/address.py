"""Where a server is, and the key that it wants. The key comes from the environment, and goes into one header only."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from urllib.request import getproxies

from schemas.errors import EngineUnavailable

KEYS = ("INTAGLIO_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key; the first that is set counts."""


@dataclass(frozen=True, slots=True)
class Address:
    """base: URL of the API, as a rule ending in `/v1`. query: goes along always. key, key_from: empty for none."""

    base: str
    query: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    key_from: str = ""

    def __str__(self) -> str:
        """For messages: the query may hold a secret."""
        return self.base + ("?…" if self.query else "")

    @property
    def root(self) -> str:
        """Where servers keep what is not OpenAI's."""
        return self.base.removesuffix("/v1")

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def url(self, path: str, *, root: bool = False) -> str:
        return (self.root if root else self.base) + path + (f"?{self.query}" if self.query else "")

    def without_key(self, text: str) -> str:
        """A server's own words, which may quote the key."""
        return text.replace(self.key, "…") if self.key else text


def address_of(url: str, environment: Mapping[str, str] = os.environ) -> Address:
    """The address behind a URL as a user gives it: `http://host:8000`, with or without `/v1`.

    Raises EngineUnavailable for none, for one that holds a password, and where the key would be sent in the clear over
    a network that is not private.
    """
    if not url:
        raise EngineUnavailable(
            "the served engine needs a server.", remedy="Give --url http://host:8000/v1, or set INTAGLIO_URL."
        )
    try:
        parts = urlsplit(url)
        host, at = parts.hostname or "", parts.netloc.rpartition("@")[2]
        _ = parts.port
    except ValueError:
        parts, host, at = urlsplit(""), "", ""
    if parts.scheme not in ("http", "https") or not host:
        raise EngineUnavailable(
            f"{_without_secrets(url)!r} is no address of a server.", remedy="Give --url http://host:8000/v1."
        )
    if parts.username or parts.password:
        raise EngineUnavailable(
            f"the address {parts.scheme}://…@{at} holds a password, which others could read in lists of processes.",
            remedy=f"Put the key into the environment variable {KEYS[0]}.",
        )
    name = next((name for name in KEYS if environment.get(name, "").strip()), "")
    key = environment.get(name, "").strip()
    if not key.isascii() or not key.isprintable():
        raise EngineUnavailable(f"{name} holds characters that no key has.", remedy="Set it again.")
    if name and parts.scheme == "http" and not _is_private(host):
        raise EngineUnavailable(
            f"the key of {name} would go to {at} over the network in the clear.",
            remedy=f"Use https, or unset {name} if the server wants no key.",
        )
    base = f"{parts.scheme}://{at}{parts.path.rstrip('/') or '/v1'}"
    return Address(base, parts.query, key, name)


def _without_secrets(url: str) -> str:
    return url.rpartition("@")[2].partition("?")[0]


def _is_private(host: str) -> bool:
    """Whether a host is this machine or in a network of one's own. One that is not known there cannot be reached."""
    try:
        found = {str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return not getproxies()
    return not any(ipaddress.ip_address(place).is_global for place in found)
