"""How much faster two workers are than one, on one PostgreSQL ledger.

    python -m benchmarks.workers [--documents N] [--seconds S] [--repeat N]

A worker is a process that does `ingest` with one reader process; its engine is the project's fake one, which takes as
long as a graphics card would for a batch, and no processor. Workers of one job start apart and share its documents by
claims. Counted is from the moment when every worker has done its first document until the last document is done: what
it takes to start them is left out, the end, when one may wait for the other, is not.

    one, two      documents a second
    speedup_two   two workers to one, the median of the repeats
    shares        how many documents each of two workers did

A table, then one last line of JSON. Two workers on two cores that others use too are slowed down by them, and so is the
speedup: look at `load`, the machine's load when it began.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.postgres import PostgresServer, postgres_server
from benchmarks.small_documents import ENGINE, write_documents
from model.engine import EngineSpec
from pipeline.batch import run_batch
from pipeline.confidence.trust import Trust
from pipeline.job import Event, Job, Row, Watch

ROOT = Path(__file__).parent.parent


def work(docs: str, schema: str, out: str, ledger: str) -> None:
    """A worker: does its share, and prints when it has done each of its documents."""

    def hear(event: Event) -> None:
        if isinstance(event, Row) and not event.elsewhere:
            print(time.time(), flush=True)

    trust, engine = Trust(escalations=0), EngineSpec("fake", ENGINE)
    run_batch(Job((docs,), (schema,), Path(out), engine, ledger, workers=1, trust=trust), Watch(hear))


def measured(workers: int, documents: int, seconds: float, server: PostgresServer, name: str) -> dict[str, Any]:
    """seconds: that the engine takes for a document."""
    with tempfile.TemporaryDirectory(prefix="intaglio-workers-") as folder:
        schema = write_documents(Path(folder, "docs"), documents)
        job = [str(Path(folder, "docs")), str(schema), str(Path(folder, "out")), server.make_database(name)]
        command = [sys.executable, "-c", "import sys; from benchmarks.workers import work; work(*sys.argv[1:])", *job]
        environment = {**os.environ, "INTAGLIO_FAKE_SECONDS": str(seconds), "OMP_NUM_THREADS": "1"}
        running = [
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(workers)
        ]
        done = [[float(line) for line in run.communicate()[0].split()] for run in running]
    assert sum(map(len, done)) == documents and all(done), [len(times) for times in done]
    every = sorted(time for times in done for time in times)
    begun = max(times[0] for times in done)
    counted = sum(time > begun for time in every)
    return {"rate": counted / (every[-1] - begun), "shares": [len(times) for times in done]}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    speedups, rows = [], []
    with postgres_server() as server:
        for number in range(options.repeat):
            one = measured(1, options.documents, options.seconds, server, f"one_{number}")
            two = measured(2, options.documents, options.seconds, server, f"two_{number}")
            speedups.append(two["rate"] / one["rate"])
            rows.append((one["rate"], two["rate"], speedups[-1], two["shares"]))
            print("one {:.2f}/s   two {:.2f}/s   speedup {:.3f}   shares {}".format(*rows[-1]), flush=True)
    figures = {
        "documents": options.documents,
        "one": round(statistics.median(row[0] for row in rows), 3),
        "two": round(statistics.median(row[1] for row in rows), 3),
        "speedup_two": round(statistics.median(speedups), 3),
        "shares": rows[-1][3],
        "load": round(load, 1),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
