"""A real Prefect server, and real workers, as processes on this machine that end with the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).parent.parent
PATIENCE = 300.0  # seconds: the machine may be busy with other things
_T = TypeVar("_T")
QUICK = {  # services that look every minute, or less often, look every second or two
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "2",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_WORKER_PREFETCH_SECONDS": "2",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


@dataclass
class Deployed:
    """A server and what belongs to it. folder: in which commands are given and workers run."""

    folder: Path
    environment: dict[str, str]
    url: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *command: str, **environment: str) -> str:
        """A command of the same Python's environment, which has to succeed; gives what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout

    def work(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Starts a worker."""
        log = (self.folder / f"worker-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--type", "process", *options],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def ask(self, path: str, json: Any = None, **body: Any) -> Any:
        """What the server's API answers: to a POST where there is a body."""
        answer = self._send("POST", path, json=json or body) if json or body else self._send("GET", path)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def refused(self, path: str, **body: Any) -> int:
        """The HTTP status with which the server's API refuses a POST."""
        return self._send("POST", path, json=body).status_code

    def patch(self, path: str, **body: Any) -> None:
        self._send("PATCH", path, json=body).raise_for_status()

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Waits while the server's database is busy, as Prefect's own client does."""

        def look() -> httpx.Response | None:
            with suppress(httpx.TransportError):
                answer = httpx.request(method, f"{self.url}{path}", timeout=60, trust_env=False, **more)
                return None if answer.status_code == 503 else answer
            return None

        return until(look, f"answer to {method} {path}", is_there=lambda answer: answer is not None)

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """Runs of a flow, the first begun first; those that are only scheduled are left out."""
        found = self.ask(
            "/flow_runs/filter",
            flows={"name": {"any_": [flow]}},
            flow_runs={"state": {"type": {"not_any_": ["SCHEDULED"]}}},
            sort="EXPECTED_START_TIME_ASC",
        )
        return list(found)


def until(look: Callable[[], _T | None], what: str, is_there: Callable[[_T | None], bool] = bool) -> _T:
    """The first thing that the look gives which is there: by default, which is not nothing."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found is not None and is_there(found):
            return found
        time.sleep(0.3)
    raise AssertionError(f"in {PATIENCE:.0f} seconds there was no {what}")


@contextmanager
def deployed(folder: Path, database: Path) -> Iterator[Deployed]:
    """A server that is up. database: of a Prefect of this version, migrated; it is copied."""
    home = folder / "prefect"
    home.mkdir(parents=True)
    shutil.copy(database, home / "prefect.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "INTAGLIO_"))}
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        **kept,
        **QUICK,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": url,
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "127.0.0.1",
    }
    found = Deployed(folder, environment, url)
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        until(lambda: _is_healthy(server, url), f"server; it said: {(folder / 'server.log').read_text()}")
        yield found
    finally:
        for process in (*found.processes, server):
            _end(process)


def migrated(database: Path) -> Path:
    """Makes the database of an empty Prefect server, once."""
    if not database.exists():
        home = database.parent / "making"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
        environment = {**kept, "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=PATIENCE)
        (home / "prefect.db").replace(database)
    return database


def _is_healthy(server: subprocess.Popen[bytes], url: str) -> bool:
    assert server.poll() is None, "the server has ended"
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code == 200
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks it to end, and in the end takes its whole session, of which we are no part."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
