"""URLs as they may be kept and shown: without the credentials that some carry.

A URL is opened as the user gave it, and told everywhere else (records, ledger, errors, Prefect's pages) as `shown`.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

WEB = ("http", "https")
_ANY = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s'\"<>]+")
_SECRET = re.compile(r"secret|token|passw|pwd|auth|credential|signature|api.?key|access.?key|^key$|^sig$|^code$", re.I)
_SIGNATURE = re.compile(r"^(x-.+-)?signature$|^sig$", re.I)
# What a signature of Amazon, Google or Azure has beside it: it changes with every signing, and names no document.
_SIGNING = re.compile(
    r"^x-(amz|goog|oss)-|^(awsaccesskeyid|googleaccessid|expires|policy|key-pair-id)$"
    r"|^(s[evprt]|sip|spr|ss|srt|skoid|sktid|skt|ske|sks|skv)$",
    re.I,
)


def is_url(place: str) -> bool:
    return "://" in place


def is_remote(place: str) -> bool:
    """Whether its bytes come over a network."""
    return is_url(place) and not place.startswith(("file:", "memory:"))


def scheme_of(url: str) -> str:
    return url.partition("://")[0].casefold()


def shown(url: str) -> str:
    """The URL without user and password, and without secrets in its query; always the same for the same document."""
    return "::".join(_shown(part) for part in url.split("::"))


def scrubbed(text: str) -> str:
    """A message of some library, every URL in it as it is shown."""
    return _ANY.sub(lambda found: shown(found[0]), text)


def _shown(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    host, slash, path = rest.partition("/")
    place = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
    return _without_secrets(place) if scheme.casefold() in WEB else place


def _without_secrets(url: str) -> str:
    bare, mark, query = url.partition("#")[0].partition("?")
    if not mark:
        return bare
    pairs = parse_qsl(query, keep_blank_values=True)
    signed = any(_SIGNATURE.match(name) for name, _ in pairs)
    kept = [pair for pair in pairs if not _SECRET.search(pair[0]) and not (signed and _SIGNING.match(pair[0]))]
    if len(kept) == len(pairs):
        return f"{bare}?{query}"
    return f"{bare}?{urlencode(kept)}" if kept else bare
