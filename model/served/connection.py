"""HTTP to one server, on an event loop in a thread of its own: many requests at once, each tried again with patience.

A request that is given up is cancelled by closing its connection, on which servers end the generation.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from model.served.address import Address
from model.served.faults import BUSY, Passing, Refused, fault_of, spoken

LARGEST_ERROR = 1 << 16  # bytes that are read of a reply that is no success
LARGEST_LINE = 1 << 23  # bytes of one event
LARGEST_REPLY = 1 << 26  # bytes of a reply that is not streamed
CHUNK = 1 << 20  # bytes of a request that are written at a time
ALONE = 4  # failed tries, before each of which another request got through: it is not the server then
MOST_BROKEN = 6  # replies to one request that break off

T = TypeVar("T")
Feed = Callable[[Mapping[str, Any]], bool]
"""Takes an event; whether no more are wanted."""


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds. patience: in all for one request to get through, a server's restart included. connect: to reach it.

    first: until a reply's first byte, with everything that waits before it. between: from byte to byte. whole: for one
    reply. pause, longest_pause: between tries; doubled each time, less a random part so that tries spread out.
    """

    patience: float = 240.0
    connect: float = 10.0
    first: float = 240.0
    between: float = 60.0
    whole: float = 3600.0
    pause: float = 0.5
    longest_pause: float = 15.0


class Connection:
    """For use from any thread; what it runs, runs on its own. last_good: when a request last got through, monotonic."""

    def __init__(self, address: Address, times: Times) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every URL, its query included
        self.address, self.times = address, times
        self.last_good = 0.0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True, name="intaglio-http").start()
        self._client = httpx.AsyncClient(
            headers={**address.headers, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(None, connect=times.connect),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        )

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = self.submit(coroutine)
        try:
            return future.result()
        finally:
            future.cancel()

    def close(self) -> None:
        self.run(self._client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def fetch(self, path: str, body: Any = None, *, root: bool = False) -> Any:
        """The JSON at a path; posts the body where there is one. Raises Passing, Refused."""
        content = None if body is None else (json.dumps(body).encode(),)
        async with self._open(self.address.url(path, root=root), content, self.times.between) as (response, pulse):
            return await self._whole(response, pulse)

    async def stream(self, path: str, content: Sequence[bytes], feed: Feed) -> None:
        """Feeds the events of a streamed reply, or the one of a server that does not stream, until `feed` is content.

        Raises Passing, Refused.
        """
        async with self._open(self.address.url(path), content, self.times.first) as (response, pulse):
            if "text/event-stream" not in response.headers.get("content-type", ""):
                feed(await self._whole(response, pulse))
                return
            rest = b""
            async for chunk in response.aiter_raw():
                pulse.beat()
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > LARGEST_LINE:
                    raise Refused("it sends lines without end", 200)
                for line in lines:
                    event = self._event(line, pulse)
                    if event is not None and feed(event):
                        return

    async def patiently(self, attempt: Callable[[], Awaitable[T]], patience: float | None = None) -> T:
        """What an attempt returns, once one succeeds. Raises Refused, and Passing when patience is at an end."""
        patience = self.times.patience if patience is None else patience
        since, spent, tries, broken, alone = time.monotonic(), 0.0, 0, 0, 0
        while True:
            tried = time.monotonic()
            try:
                result = await attempt()
            except Passing as fault:
                others, since = self.last_good > since, time.monotonic()
                tries, broken = tries + 1, broken + fault.received
                spent += 0.0 if fault.received else since - tried
                pause = fault.wait + self._pause(tries)
                alone += others and fault.status != BUSY
                if alone >= ALONE or broken >= MOST_BROKEN or spent + pause > patience:
                    fault.lost = not others
                    raise
                spent += pause
                await asyncio.sleep(pause)
            else:
                self.last_good = time.monotonic()
                return result

    def _pause(self, tries: int) -> float:
        longest = min(self.times.longest_pause, self.times.pause * 2.0 ** min(tries - 1, 16))
        return longest * random.uniform(0.5, 1.0)

    @asynccontextmanager
    async def _open(
        self, url: str, content: Sequence[bytes] | None, first: float
    ) -> AsyncIterator[tuple[httpx.Response, Pulse]]:
        """A response that is a success. What goes wrong until it is closed is Passing or Refused."""
        pulse = Pulse(self.times)
        method, sent = ("GET", {}) if content is None else ("POST", _sent(content))
        try:
            async with asyncio.timeout(first) as pulse.limit, self._client.stream(method, url, **sent) as response:
                if response.status_code != 200:
                    body = await _bytes(response, pulse, LARGEST_ERROR)
                    raise fault_of(response.status_code, response.headers, body, self.address)
                yield response, pulse
        except TimeoutError as error:
            raise Passing("nothing came in time", received=pulse.received) from error
        except httpx.HTTPError as error:
            raise Passing(str(error) or type(error).__name__, received=pulse.received) from error

    async def _whole(self, response: httpx.Response, pulse: Pulse) -> Any:
        """The JSON of a response that is not streamed."""
        kind = response.headers.get("content-type", "").partition(";")[0]
        body = await _bytes(response, pulse, LARGEST_REPLY)
        if len(body) > LARGEST_REPLY:
            raise Refused("its reply does not end", 200)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refused(f"it sends no JSON but {kind or 'bytes'}", 200) from error

    def _event(self, line: bytes, pulse: Pulse) -> Mapping[str, Any] | None:
        """The event of a line, if it holds one. Raises Passing, Refused for one that tells of an error."""
        name, _, data = line.partition(b":")
        data = data.strip()
        if name != b"data" or not data or data == b"[DONE]":
            return None
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Passing("it sends an event that is no JSON", received=True) from error
        if not isinstance(event, dict):
            return None
        if event.get("error") or event.get("object") == "error":
            inner = event["error"] if isinstance(event.get("error"), dict) else event
            code = inner.get("code")
            if isinstance(code, int) and 400 <= code < 500:
                raise fault_of(code, {}, data, self.address)
            raise Passing(spoken(data, self.address) or "an error", status=500, received=pulse.received)
        return event


class Pulse:
    """Whether a reply still comes. received: some of it has. limit: when it is taken for dead."""

    limit: asyncio.Timeout

    def __init__(self, times: Times) -> None:
        self.received = False
        self._between = times.between
        self._end = asyncio.get_running_loop().time() + times.whole

    def beat(self) -> None:
        self.received = True
        self.limit.reschedule(min(self._end, asyncio.get_running_loop().time() + self._between))


async def _bytes(response: httpx.Response, pulse: Pulse, most: int) -> bytes:
    """The body, or a little more than `most` of it."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        pulse.beat()
        body += chunk
        if len(body) > most:
            break
    return bytes(body)


def _sent(content: Sequence[bytes]) -> dict[str, Any]:
    length = sum(map(len, content))
    return {"content": _pieces(content), "headers": {"Content-Type": "application/json", "Content-Length": str(length)}}


async def _pieces(content: Sequence[bytes]) -> AsyncIterator[bytes]:
    """In pieces, so that a request whose pages other requests share is not copied whole for each."""
    for part in content:
        for begin in range(0, len(part), CHUNK):
            yield part[begin : begin + CHUNK]
