"""What it costs to keep what made a record, and to make the record again from it.

    python -m benchmarks.replay [--rows N ...] [--kind K]

Documents are made up, and read by a simulation of Gemma 4 that fails as language models do (`benchmarks.simulator`), so
that they are asked about in slices and again. For each number of rows:

    record_bytes        of the record as JSON
    trace_bytes         of its trace, as it is kept: compressed
    bytes_a_word        of the trace, by the document's words
    keep_seconds        CPU seconds to note down and compress what made the record
    live_seconds        CPU seconds to make the record, those of the simulation left out: what any engine costs beside
    replay_seconds      CPU seconds to make it again, the trace's file read
    same                whether it is the very same record, but for its seconds

A table, then one last line of JSON, with `ratio_record` and `ratio_replay`, trace to record and replay to live, of the
longest document.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.long_documents import long_document
from benchmarks.simulator import Simulator
from benchmarks.slices import views
from benchmarks.statements import KINDS, Kind
from pipeline.changes import changes
from pipeline.extract import Clock, record_of
from pipeline.replay import replay
from pipeline.rounds import Live
from pipeline.trace_file import packed, read_trace
from pipeline.tracing import Shutter, trace_of
from schemas.record import DocumentInfo

ROWS = (100, 1000, 6000)


def measured(rows: int, kind: Kind) -> dict[str, Any]:
    document = long_document(rows, kind, 1)
    pages, engine = views(document), Simulator(document, seed=1)
    info = DocumentInfo(uri="long.pdf", sha256="0" * 64, media_type="application/pdf", bytes=1)
    live = Live(engine)
    begun = time.process_time()
    record = record_of(info, pages, document.contract, live, Clock())
    made = time.process_time()
    content = packed(trace_of(record, pages, document.contract, live, Shutter()))
    kept = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json.gz"
        path.write_bytes(content)
        again = replay(record, read_trace(path)).record
    ended = time.process_time()
    words = sum(len(view.text.words) for view in pages)
    return {
        "rows": rows,
        "pages": len(pages),
        "words": words,
        "record_bytes": len(record.model_dump_json()),
        "trace_bytes": len(content),
        "bytes_a_word": len(content) / words,
        "keep_seconds": kept - made,
        "live_seconds": made - begun - engine.cpu_seconds,
        "replay_seconds": ended - kept,
        "same": not changes(record, again).any,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--kind", choices=KINDS, default="rows")
    options = parser.parse_args(arguments)
    found = [measured(rows, options.kind) for rows in options.rows]
    for name in found[0]:
        print(f"{name:16}" + "".join(f"{figures[name]:>14,.2f}" for figures in found))
    longest = found[-1]
    figures = {name: round(value, 3) for name, value in longest.items()} | {
        "same": all(each["same"] for each in found),
        "ratio_record": round(longest["trace_bytes"] / longest["record_bytes"], 3),
        "ratio_replay": round(longest["replay_seconds"] / longest["live_seconds"], 3),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
