"""Whether anything is lost, doubled or left over when workers and the database are killed in the middle of their work.

    python -m benchmarks.faults [--documents N] [--workers N] [--kills N] [--seconds S] [--seed N]

Several `intaglio ingest` over one folder share a real PostgreSQL ledger. While they work, one of them or the database
server is killed with -9, each so many times, at moments drawn by the seed, and started again, as a service manager
would. What an operator does at the end is done too: the same command once more. Then:

    documents     there were
    records       stand in the JSONL
    wrong         documents that have no record, more than one, or one that is not by their truth, in JSONL or file
    leftovers     claims in the ledger, and partial files and files of runs in the output folder

A table, then one last line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.postgres import PostgresServer, postgres_server
from benchmarks.small_documents import ENGINE, truth, write_documents

ROOT = Path(__file__).parent.parent
LOOK_SECONDS = 0.05
AGAIN_SECONDS = 0.5  # until a worker that ended is started again
MOST_SECONDS = 1800.0


@dataclass
class Fleet:
    """Worker processes that do the same job. One that ends is started again."""

    command: list[str]
    count: int
    seconds: float
    started: int = 0
    ended: Counter[int] = field(default_factory=Counter)
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    def keep_up(self) -> bool:
        """Starts again those that were killed or failed. Returns whether one has finished the whole job."""
        for worker in [worker for worker in self.workers if worker.poll() is not None]:
            self.ended[worker.returncode] += 1
            self.workers.remove(worker)
            if worker.returncode == 0:
                return True
            time.sleep(AGAIN_SECONDS)
        while len(self.workers) < self.count:
            self.workers.append(self._start())
        return False

    def kill(self, rng: random.Random) -> None:
        rng.choice(self.workers).kill()

    def finish(self) -> int:
        """Waits for all, and does the job once more; its exit code."""
        for worker in self.workers:
            worker.wait()
        return self._start().wait()

    def stop(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()

    def _start(self) -> subprocess.Popen[str]:
        self.started += 1
        environment = {**os.environ, "INTAGLIO_FAKE_SECONDS": str(self.seconds), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(self.command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, text=True)


def tortured(documents: int, workers: int, kills: int, seconds: float, seed: int) -> dict[str, Any]:
    """kills: of workers, and as many of the database. seconds: that the engine takes for a document."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="intaglio-faults-") as folder, postgres_server() as server:
        docs, out = Path(folder, "docs"), Path(folder, "out")
        schema = write_documents(docs, documents)
        engine = ["--engine", "fake", "--model", ENGINE, "--escalations", "0", "--workers", "1"]
        job = ["ingest", str(docs), "--schema", str(schema), "--out", str(out), "--ledger", server.url]
        command = [sys.executable, "-m", "flows.cli", *job, *engine, "--direct", "--quiet"]
        fleet = Fleet(command, workers, seconds)
        begun = time.monotonic()
        try:
            killed = _run(fleet, server, out, _moments(documents, kills, rng), rng)
            code = fleet.finish()
        finally:
            fleet.stop()
        return {
            "documents": documents,
            **_checked(out, documents),
            "leftovers": len(_leftovers(out, server.url)),
            "kills": dict(killed),
            "workers_started": fleet.started,
            "last_exit_code": code,
            "seconds": round(time.monotonic() - begun, 1),
        }


def _moments(documents: int, kills: int, rng: random.Random) -> list[tuple[int, str]]:
    """(how many documents are done, what is killed then), in order."""
    what = ["worker", "database"] * kills
    rng.shuffle(what)
    return list(zip(sorted(rng.sample(range(1, max(2 * kills + 1, documents - 5)), 2 * kills)), what, strict=True))


def _run(
    fleet: Fleet, server: PostgresServer, out: Path, moments: Sequence[tuple[int, str]], rng: random.Random
) -> Counter[str]:
    """Until a worker has finished the whole job."""
    killed: Counter[str] = Counter()
    coming = list(moments)
    deadline = time.monotonic() + MOST_SECONDS
    while not fleet.keep_up():
        assert time.monotonic() < deadline, f"it hangs after {killed}, with {fleet.ended}"
        if coming and len(list(out.glob("*.json"))) >= coming[0][0]:
            _, what = coming.pop(0)
            killed[what] += 1
            if what == "worker":
                fleet.kill(rng)
            else:
                server.kill()
                time.sleep(rng.uniform(0.1, 1.5))
                server.start()
        time.sleep(LOOK_SECONDS)
    return killed


def _checked(out: Path, documents: int) -> dict[str, int]:
    lines = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    by_name: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_name.setdefault(Path(line["document"]["uri"]).name, []).append(line)
    names = [f"{number:04}.pdf" for number in range(documents)]
    return {"records": len(lines), "wrong": sum(not _is_right(name, by_name.get(name, []), out) for name in names)}


def _is_right(name: str, records: Sequence[dict[str, Any]], out: Path) -> bool:
    file = out / f"{name}.json"
    return (
        len(records) == 1
        and records[0]["status"] != "failed"
        and records[0]["data"] == truth(name)
        and file.is_file()
        and json.loads(file.read_text()) == records[0]
    )


def _leftovers(out: Path, url: str) -> list[str]:
    from sqlalchemy import select

    from pipeline.database import Database
    from pipeline.ledger_tables import CLAIMS

    database = Database(url)
    claims = database.read(lambda connection: [row.owner for row in connection.execute(select(CLAIMS.c.owner))])
    database.close()
    runs = (out / ".intaglio" / "runs").iterdir()
    return [*claims, *map(str, out.rglob("*.partial")), *map(str, runs)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    found = tortured(options.documents, options.workers, options.kills, options.seconds, options.seed)
    for name, value in found.items():
        print(f"{name:16} {value}")
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
