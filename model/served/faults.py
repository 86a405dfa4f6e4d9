"""What may go wrong with a request: what passes if one waits, and what a server refuses for good."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TypeVar

from model.served.address import KEYS, Address
from schemas.errors import EngineUnavailable, IntaglioError

LONGEST_MESSAGE = 300  # characters of what a server says
BUSY = 429
_PASSING = frozenset((408, 425, BUSY, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529))
Error = TypeVar("Error", bound=IntaglioError)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Passing(Exception):
    """Worth another try. status: of HTTP, 0 where nothing came. wait: seconds, as the server says.

    received: part of a reply had come. lost: set where no other request gets through either.
    """

    def __init__(self, message: str, *, status: int = 0, wait: float = 0.0, received: bool = False) -> None:
        super().__init__(message)
        self.status, self.wait, self.received = status, wait, received
        self.lost = False


class Refused(Exception):
    """Not worth another try. status: of HTTP; 200 for a reply that is none."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def fault_of(status: int, headers: Mapping[str, str], body: bytes, address: Address) -> Passing | Refused:
    """The fault behind a status that is no success."""
    said = f"HTTP {status}"
    if message := spoken(body, address):
        said += f": {message}"
    if status in _PASSING:
        return Passing(said, status=status, wait=_wait(headers.get("retry-after", "")))
    return Refused(said, status)


def spoken(body: bytes, address: Address) -> str:
    """What a server says in an error, on one line, short, and without the key."""
    text = body.decode("utf-8", errors="replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
        text = "" if "<" in text[:200] else text  # a page of HTML
    if isinstance(data, dict):
        inner = data.get("error", data.get("detail", data.get("message", "")))
        inner = inner.get("message", "") if isinstance(inner, dict) else inner
        text = inner if isinstance(inner, str) else json.dumps(inner)
    return address.without_key(_CONTROL.sub(" ", text).strip())[:LONGEST_MESSAGE]


def explained(
    kind: type[Error], fault: Passing | Refused, address: Address, model: str, offered: tuple[str, ...] = ()
) -> Error:
    """The fault as an error that says what to do. kind: EngineUnavailable before any work, else AnswerError."""
    if isinstance(fault, Passing):
        return kind(
            f"the server at {address} does not answer: {fault}.",
            remedy="Start it, or check --url." if kind is EngineUnavailable else "The same command tries again.",
        )
    if fault.status in (401, 403):
        remedy = f"Check the key in {address.key_from}." if address.key_from else f"Set its key in {KEYS[0]}."
        return kind(f"the server at {address} refuses the key: {fault}.", remedy=remedy)
    if fault.status == 404:
        remedy = f"It serves: {', '.join(offered)}." if offered else "Check --url and --model."
        return kind(f"the server at {address} does not serve {model!r}: {fault}.", remedy=remedy)
    if fault.status == 413:
        return kind(f"the server at {address} takes no request of this size.", remedy="Allow it more, or split it.")
    if fault.status == 200 or fault.status // 100 == 3:
        return kind(f"what answers at {address} is no OpenAI-compatible server: {fault}.", remedy="Check --url.")
    return kind(
        f"the server at {address} refuses the request: {fault}.",
        remedy="Where it is too long for it, give the server a longer context, or split the document.",
    )


def _wait(text: str) -> float:
    """Seconds of a Retry-After header, which may also be a date; 0 without one."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
