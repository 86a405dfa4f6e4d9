"""Mutated documents, thousands of them, through the real reader processes: does the program live, answer, stay small?

    python -m benchmarks.fuzz [--inputs 20000] [--seed 1] [--workers 2] [--keep FOLDER]

Seeds are small documents of every kind that is opened (`benchmarks.fuzz_seeds`); each is bent by a few mutations, which
know of PDF's numbers, references, names and streams, and of what stands in the headers of pictures. The same seed gives
the same files. Each is written to a folder and read by `pipeline.workers` with the embedded engine.

    crashes    failures of our own code, wherever it ran: an error that we did not foresee, or one in the parent
    hangs      documents of which nothing was heard in their time and a tenth more
    mb_growth  of the parent's memory, from a tenth of the inputs to the end

Beside them: how often a native library took its reader with it (`reader_crashes`), and how often a document was ended
for its time (`timeouts`): both cost that document only. --keep copies what did any of this to a folder.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.fuzz_seeds import SEEDS, mutated
from model.engine import EMBEDDED
from pipeline.discover import file_source
from pipeline.limits import DocumentLimits
from pipeline.serving import Assignment, Outcome
from pipeline.workers import Workers

SECONDS = 20.0  # that a document may take; seeds take a hundredth
LIMITS = DocumentLimits(memory=1 << 30)
OURS = "failed unexpectedly"  # what a reader says of an error of our own


class Fuzzing:
    """inputs: how many files. folder: where each lies while it is read. keep: for those that did harm."""

    def __init__(self, inputs: int, seed: int, folder: Path, keep: Path | None) -> None:
        self.inputs, self.seed, self.folder, self.keep = inputs, seed, folder, keep
        self.given: dict[str, float] = {}  # when each was handed out
        self.counts: Counter[str] = Counter()
        self.late = 0
        self.memory = 0

    def assignments(self) -> Iterator[Assignment]:
        """Made one by one, as readers ask for them."""
        kinds = sorted(SEEDS)
        for number in range(self.inputs):
            random = Random(f"{self.seed}:{number}")
            kind = kinds[number % len(kinds)]
            path = self.folder / f"{number:06}.{kind}"
            path.write_bytes(mutated(kind, random))
            self.given[path.name] = time.monotonic()
            yield Assignment(file_source(str(path), path.name), "invoice", EMBEDDED)

    def take(self, outcome: Outcome) -> None:
        path = Path(outcome.assignment.source.path)
        took = time.monotonic() - self.given.pop(path.name)
        message = outcome.record.issues[0].message if outcome.record.issues else ""
        what = outcome.code or outcome.record.status
        if OURS in message:
            what = "crashes"
            print(f"{path.name}: {message}", file=sys.stderr)
        self.counts[what] += 1
        self.late += took > SECONDS * 1.1 + 10.0  # starting a reader anew counts for nobody
        if self.keep is not None and what in ("crashes", "reader-crashed", "document-timeout"):
            shutil.copy(path, self.keep / f"{what}-{path.name}")
        path.unlink()
        done = self.counts.total()
        if done == max(1, self.inputs // 10):
            self.memory = memory()
        if done % 1000 == 0:
            print(f"{done} read, {memory() / 1e6:.1f} MB: {dict(self.counts)}", file=sys.stderr)


def memory() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def fuzz(inputs: int, seed: int, workers: int, keep: Path | None = None) -> dict[str, object]:
    """The figures. Whatever is raised in the parent is raised here: that would be the worst of all."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="intaglio-fuzz-") as folder:
        fuzzing = Fuzzing(inputs, seed, Path(folder), keep)
        with Workers(workers, SECONDS, EMBEDDED, limits=LIMITS) as pool:
            for outcome in pool.read(fuzzing.assignments()):
                fuzzing.take(outcome)
    counts = fuzzing.counts
    return {
        "inputs": counts.total(),
        "crashes": counts.pop("crashes", 0),
        "hangs": fuzzing.late,
        "mb_growth": round((memory() - fuzzing.memory) / 1e6, 1),
        "reader_crashes": counts.pop("reader-crashed", 0),
        "timeouts": counts.pop("document-timeout", 0),
        "outcomes": dict(sorted(counts.items())),
        "minutes": round((time.monotonic() - begun) / 60, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutated documents through the real reader processes.")
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=None)
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    print(json.dumps(fuzz(options.inputs, options.seed, options.workers, options.keep), indent=2))


if __name__ == "__main__":
    main()
