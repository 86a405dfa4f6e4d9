"""A small OpenAI-compatible server that says what a test tells it to, and misbehaves on demand. Real HTTP, no model."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SEALED = '{"sealed":"k7"}'


@dataclass
class Reply:
    """One reply. tokens: its text in parts; each is one event. cut: the connection is cut after so many of them."""

    tokens: Sequence[str] = ()
    finish: str | None = "stop"
    thought: str = ""
    logprob: float | None = -0.25
    cut: int | None = None
    pause: float = 0.0
    streams: bool = True
    before: Callable[[], None] | None = None
    endless: bool = False


@dataclass
class Failure:
    """A status that is no success, or a page that is no reply."""

    status: int
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    kind: str = "application/json"


@dataclass
class Hang:
    """Takes the request, and says nothing."""

    seconds: float = 30.0


Said = Reply | Failure | Hang


def text(content: str, **options: Any) -> Reply:
    """A reply, one character a token: the shortest that there are."""
    return Reply(tokens=list(content), **options)


@dataclass
class Server:
    """say: the reply to a request that is no trial. can: what it supports; the rest it refuses with HTTP 400, or, where
    `ignores` names it, does not heed. requests: the bodies of those that were no trials. aborted: replies whose
    connection the client closed.
    """

    say: Callable[[dict[str, Any]], Said]
    can: frozenset[str] = frozenset(("logprobs", "images", "schema", "thinking", "usage", "detail"))
    ignores: frozenset[str] = frozenset()
    models: Failure | Sequence[dict[str, Any]] = ({"id": "tiny", "max_model_len": 50_000},)
    tokenizes: bool = False
    key: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    trials: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    aborted: int = 0
    together: int = 0
    most_together: int = 0
    lock: Any = field(default_factory=threading.Lock)
    url: str = ""

    def handle(self, handler: Handler, body: dict[str, Any]) -> None:
        self.headers.append(dict(handler.headers))
        self.paths.append(handler.path)
        path = handler.path.partition("?")[0]
        if self.key and handler.headers.get("Authorization") != f"Bearer {self.key}":
            said = handler.headers.get("Authorization", "")
            handler.fail(Failure(401, f"wrong key {said}"))
        elif path == "/v1/models":
            handler.fail(self.models) if isinstance(self.models, Failure) else handler.give({"data": list(self.models)})
        elif path == "/tokenize" and self.tokenizes:
            handler.give({"tokens": list(body["prompt"].split())})
        elif path == "/v1/chat/completions":
            self.chat(handler, body)
        else:
            handler.fail(Failure(404, "not found"))

    def chat(self, handler: Handler, body: dict[str, Any]) -> None:
        wanted = {
            "logprobs": "logprobs" in body,
            "schema": "response_format" in body,
            "thinking": "chat_template_kwargs" in body,
            "usage": "stream_options" in body,
            "detail": "mm_processor_kwargs" in body,
            "images": "image_url" in json.dumps(body["messages"]),
        }
        for name, asked in wanted.items():
            if asked and name not in self.can | self.ignores:
                return handler.fail(Failure(400, f"{name} is not supported"))
        heeded = {name for name, asked in wanted.items() if asked and name not in self.ignores}
        if body["messages"][0]["content"][0] == {"type": "text", "text": "Is everything ready?"}:
            self.trials += 1
            reply: Said = text(SEALED if "schema" in heeded else "Yes, it is.")
        else:
            with self.lock:
                self.requests.append(body)
                self.together += 1
                self.most_together = max(self.most_together, self.together)
            reply = self.say(body)
        try:
            handler.reply(reply, heeded)
        finally:
            if body in self.requests:
                with self.lock:
                    self.together -= 1
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Server

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.owner.handle(self, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.owner.handle(self, body)

    def give(self, data: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send(json.dumps(data).encode(), "application/json", status, headers)

    def send(self, body: bytes, kind: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def fail(self, failure: Failure) -> None:
        body = json.dumps({"error": {"message": failure.message}}).encode() if failure.body is None else failure.body
        self.send(body, failure.kind, failure.status, failure.headers)

    def reply(self, said: Said, heeded: set[str]) -> None:
        if isinstance(said, Failure):
            return self.fail(said)
        if isinstance(said, Hang):
            return self.hang(said)
        if said.before:
            said.before()
        if not said.streams:
            return self.give(whole(said, heeded))
        return self.stream(said, heeded)

    def stream(self, said: Reply, heeded: set[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for number, event in enumerate(events(said, heeded)):
                if number == said.cut:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    self.connection.close()
                    return
                self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
                self.wfile.flush()
                time.sleep(said.pause)
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.owner.aborted += 1
        finally:
            self.close_connection = True

    def hang(self, said: Hang) -> None:
        self.connection.settimeout(said.seconds)
        try:
            if not self.connection.recv(1):
                self.owner.aborted += 1
        except OSError:
            pass
        self.close_connection = True


def events(said: Reply, heeded: set[str]) -> Iterator[dict[str, Any]]:
    yield {"choices": [{"delta": {"role": "assistant", "content": ""}}]}
    if said.thought:
        yield {"choices": [{"delta": {"reasoning_content": said.thought}, **logged(said.thought, said, heeded)}]}
    while said.tokens:
        for token in said.tokens:
            yield {"choices": [{"delta": {"content": token}, **logged(token, said, heeded)}]}
        if not said.endless:
            break
    if said.finish:
        yield {"choices": [{"delta": {}, "finish_reason": said.finish, **logged("<end>", said, heeded)}]}
    if "usage" in heeded:
        yield {"choices": [], "usage": usage(said, heeded)}


def whole(said: Reply, heeded: set[str]) -> dict[str, Any]:
    message = {"content": "".join(said.tokens), "reasoning_content": said.thought}
    content = [logged(token, said, heeded)["logprobs"]["content"][0] for token in said.tokens] if said.logprob else []
    choice = {"message": message, "finish_reason": said.finish, "logprobs": {"content": content}}
    return {"choices": [choice], "usage": usage(said, heeded)}


def logged(token: str, said: Reply, heeded: set[str]) -> dict[str, Any]:
    if "logprobs" not in heeded or said.logprob is None:
        return {}
    entry = {"token": token, "logprob": said.logprob, "bytes": list(token.encode()), "top_logprobs": []}
    return {"logprobs": {"content": [entry]}}


def usage(said: Reply, heeded: set[str]) -> dict[str, int]:
    picture = (66 if "detail" in heeded else 258) if "images" in heeded else 0
    return {"prompt_tokens": 5000 + picture, "completion_tokens": len(said.tokens)}


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


@contextmanager
def serving(server: Server, port: int = 0) -> Iterator[Server]:
    """Runs it on loopback; its `url` says where."""
    handler = type("Bound", (Handler,), {"owner": server})
    http = _Threads(("127.0.0.1", port), handler)
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
