"""A Prefect server for one run, where the user has configured none: silent, and gone with the run, however it ends.

Prefect starts one by itself when needed, but that one writes to the terminal, is stopped by the Ctrl-C that its run
wants to report, and outlives a killed run. As a program, `python -m flows.server PORT` is the server itself: it ends
when its standard input does.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from schemas.errors import IntaglioError

START_SECONDS = 180  # a first start makes the database, which takes up to a minute on a small machine
STOP_SECONDS = 10
REACH_SECONDS = 15  # for the first answer of a server that the user has configured
HOST = "127.0.0.1"
# What Prefect reads when it is imported. A setting of the user's own stays.
DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the terminal is ours; a server of the user's has the logs
}


class ServerFailed(IntaglioError):
    """Prefect's server cannot be started."""


def prepare_environment() -> None:
    """Call it before anything imports Prefect. Where the home folder cannot be written, Prefect gets another."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if "PREFECT_HOME" not in os.environ and not _is_writable(Path.home() / ".prefect"):
        folder = tempfile.TemporaryDirectory(prefix="intaglio-prefect-")
        atexit.register(folder.cleanup)
        os.environ["PREFECT_HOME"] = folder.name


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@contextmanager
def prefect_api() -> Iterator[bool]:
    """The user's Prefect server where one is configured, else one of our own, which nobody hears. Raises ServerFailed.

    Gives whether it is the user's.
    """
    from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

    if url := PREFECT_API_URL.value():
        _reach(url)
        yield True
        return
    with _own_server() as url, temporary_settings({PREFECT_API_URL: url, PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield False


def _reach(url: str) -> None:
    """Whatever the user's own server answers, Prefect will tell; that nothing answers is told here, without a trace."""
    import httpx

    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=REACH_SECONDS)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ServerFailed(
            f"Prefect's server at {url} does not answer: {error}.",
            remedy="Start it, unset PREFECT_API_URL, or run with --direct, which needs none.",
        ) from error


@contextmanager
def _own_server() -> Iterator[str]:
    port = _free_port()
    url = f"http://{HOST}:{port}/api"
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "flows.server", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # else the terminal's Ctrl-C would end it before the run can say how it ended
            env={**os.environ, "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"},
        )
        try:
            _wait_until_healthy(server, url, log)
            yield url
        finally:
            _end(server)


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str, log: IO[bytes]) -> None:
    import httpx

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    why = f"it ended with {server.returncode}" if server.poll() is not None else f"no answer in {START_SECONDS} s"
    raise ServerFailed(
        f"Prefect's server cannot be started: {why}{f': {lines[-1]}' if lines else ''}.",
        remedy="Run with --direct, which needs none, or set PREFECT_API_URL to a server of yours.",
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    server.stdin.close()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def serve(port: int) -> None:
    """Serves Prefect's API until standard input ends, as it does when the run that started us is gone."""
    import uvicorn

    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        host=HOST,
        port=port,
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True  # which it heeds once it has started
        time.sleep(STOP_SECONDS if server.started else 0)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    server.run()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
