"""What a batch costs beyond reading: Prefect's flow, the ledger, the files, and the process that holds them together.

    python -m benchmarks.overhead [--documents 100000] [--engine fake] [--direct] [--keep FOLDER]

Writes small distinct PDFs (one page, a text layer), ingests them through `intaglio ingest` with a fake engine that
takes no time and says nothing, and then gives the same command again:

    ms_per_document    CPU of the run's own process and of its Prefect server, from start to end, over the documents:
                       everything but the reader processes. Of the first run
    skip_seconds       wall time of the second run, which finds everything done
    mb_growth          most resident memory of the run's own process from the first tenth of the documents on, less what
                       it was at that tenth, in MB

and, to judge them by:

    start_cpu_seconds  how much of that CPU was spent before the first record was kept, however many documents there are
    parent_ms, server_ms, reader_ms   CPU a document of the run's own process, its Prefect server, its readers
    wall_ms            wall time a document, readers included: at most as good as the machine is idle
    ms_after_start     that CPU without what was spent before the first record, over the documents
    skip_cpu_seconds   CPU of the second run
    mb_growth_reading  as mb_growth, but only until the last document was kept: the end of a run, which writes JSONL,
                       has the names of all documents in memory
    mb_at_tenth, skip_mb   resident memory of the first run at that tenth, and the most of the second run
    load               the machine's load average when the runs began

A record of the fake engine has no values. With --engine embedded, records are as large as real ones. --direct leaves
Prefect out. Linux only: CPU and memory are what /proc says, five times a second. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

DIGITS = 8
FOLDER = 1000  # documents in one folder
LOOK_SECONDS = 0.2
TICKS = os.sysconf("SC_CLK_TCK")
LINES = ("Invoice", "Invoice number: INV-{}", "Invoice date: 2026-01-02", "Total: {}.50 EUR")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--engine", default="fake")
    parser.add_argument("--direct", action="store_true", help="without Prefect")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it there")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="intaglio-overhead-"))
    try:
        print(json.dumps(measured(folder, options.documents, options.engine, options.direct)))
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def measured(folder: Path, count: int, engine: str, direct: bool) -> dict[str, float | int | str]:
    """Both runs, in a folder of their own. Raises SystemExit where they do not do what they were told."""
    write_documents(folder / "documents", count)
    load = os.getloadavg()[0]
    first = run(folder, engine, direct)
    second = run(folder, engine, direct)
    if first.told["read"] != count or second.told["read"] or second.told["done_before"] != count:
        raise SystemExit(f"not what was to be measured: {first.told}, {second.told}")
    at_tenth = first.memory_at(count // 10)
    return {
        "ms_per_document": round(1000 * (first.parent + first.server) / count, 3),
        "skip_seconds": round(second.wall, 1),
        "mb_growth": round(first.most_memory_from(count // 10) - at_tenth, 1),
        "ms_after_start": round(1000 * (first.parent + first.server - first.start) / count, 3),
        "skip_cpu_seconds": round(second.total, 1),
        "mb_growth_reading": round(first.most_memory_between(count // 10, count) - at_tenth, 1),
        "start_cpu_seconds": round(first.start, 1),
        "parent_ms": round(1000 * first.parent / count, 3),
        "server_ms": round(1000 * first.server / count, 3),
        "reader_ms": round(1000 * (first.total - first.parent - first.server) / count, 3),
        "wall_ms": round(1000 * first.wall / count, 3),
        "mb_at_tenth": round(at_tenth, 1),
        "skip_mb": round(max(look.megabytes for look in second.looks), 1),
        "documents": count,
        "engine": engine,
        "load": round(load, 1),
    }


def write_documents(folder: Path, count: int) -> None:
    """`count` PDFs that differ in a number of fixed width, so that the offsets in their cross-reference stay right."""
    mark = "N" * DIGITS
    template = document([line.format(mark) for line in LINES])
    for number in range(count):
        path = folder / f"{number // FOLDER:04}" / f"{number:0{DIGITS}}.pdf"
        if number % FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(template.replace(mark.encode(), f"{number:0{DIGITS}}".encode()))


def document(lines: list[str]) -> bytes:
    """A PDF of one page with these lines (ISO 32000-1, 7.5: header, objects, cross-reference table, trailer)."""
    shown = "\n".join(f"1 0 0 1 72 {760 - 24 * place} Tm ({line}) Tj" for place, line in enumerate(lines))
    content = f"BT /F1 12 Tf\n{shown}\nET"
    bodies = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    text, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(text))
        text += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(bodies) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(text)}\n%%EOF\n"
    return f"{text}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")


@dataclass(frozen=True, slots=True)
class Look:
    """A run at one moment. CPU seconds so far; documents: that the ledger has."""

    parent: float
    server: float
    megabytes: float
    documents: int


@dataclass(slots=True)
class Run:
    """A run that has ended. told: its summary; wall, total: seconds, of all its processes; looks: on its way."""

    told: dict[str, int] = field(default_factory=dict)
    wall: float = 0.0
    total: float = 0.0
    looks: list[Look] = field(default_factory=list)

    @property
    def parent(self) -> float:
        return max(look.parent for look in self.looks)

    @property
    def server(self) -> float:
        return max(look.server for look in self.looks)

    @property
    def start(self) -> float:
        return max(look.parent + look.server for look in self.looks if not look.documents)

    def memory_at(self, documents: int) -> float:
        return next(look.megabytes for look in self.looks if look.documents >= documents)

    def most_memory_between(self, first: int, last: int) -> float:
        return max(look.megabytes for look in self.looks if first <= look.documents < last)

    def most_memory_from(self, documents: int) -> float:
        return max(look.megabytes for look in self.looks if look.documents >= documents)


def run(folder: Path, engine: str, direct: bool) -> Run:
    """One `intaglio ingest`, looked at until it ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [
        sys.executable, "-m", "flows.cli", "ingest", str(folder / "documents"), "-s", "invoice", "-e", engine,
        "-o", str(folder / "out"), "--json", *(["--direct"] if direct else []),
    ]  # fmt: skip
    found = Run()
    begun = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, env={**kept, "PREFECT_HOME": str(folder / "prefect")})
        while True:
            pid, _, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            found.looks += look(process.pid, folder / "out" / ".intaglio" / "ledger.sqlite")
            time.sleep(LOOK_SECONDS)
        said.seek(0)
        found.told = json.loads(said.read() or b"{}")
    found.wall = time.monotonic() - begun
    found.total = used.ru_utime + used.ru_stime  # its own, and of the processes that it has waited for: all of them
    return found


def look(pid: int, ledger: Path) -> list[Look]:
    """The run now; nothing once it has ended."""
    try:
        server = max((cpu(child) for child in children(pid) if is_server(child)), default=0.0)
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return [Look(cpu(pid), server, pages * os.sysconf("SC_PAGE_SIZE") / 1e6, kept(ledger))]
    except (OSError, IndexError):
        return []


def cpu(pid: int) -> float:
    """CPU seconds of a process, those of its children not included (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_server(pid: int) -> bool:
    try:
        return b"flows.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def kept(ledger: Path) -> int:
    """How many records the ledger has: no row is ever taken out, so the newest one's number says it."""
    if not ledger.exists():
        return 0
    try:
        with sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM documents").fetchone()[0])
    except sqlite3.OperationalError:  # it is being made
        return 0


if __name__ == "__main__":
    main()
