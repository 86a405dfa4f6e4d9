"""What it costs that readers are confined: the same batch with and without, in turns.

    python -m benchmarks.isolation [--documents 500] [--rounds 4]

Ordinary PDFs of one to three pages of print are made on the spot and read with the embedded engine by one reader, which
is confined as it is in a batch, or by one of which nothing is taken and to which nothing is refused. Processor seconds
of the reader and of the parent are counted, its start included, since wall time is the machine's business. Rounds take
turns, which of the two goes first too.

    cost_ratio    of the sums over all rounds: confined / unconfined
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pymupdf

from model.engine import EMBEDDED
from pipeline import workers
from pipeline.confinement import Cell
from pipeline.discover import file_source
from pipeline.serving import Assignment
from pipeline.workers import Workers

LINES = 30  # of print on a page


def write_documents(folder: Path, count: int) -> list[Path]:
    """Invoices with some lines of items, no two alike."""
    paths = []
    for number in range(count):
        pdf = pymupdf.open()
        for sheet in range(1 + number % 3):
            page = pdf.new_page()
            head = ("Invoice", f"Invoice number: INV-{number}", f"Invoice date: 2026-01-{1 + number % 28:02}")
            items = [
                f"Item {line} of page {sheet + 1}    {line}    {line + number / 100:.2f} EUR" for line in range(LINES)
            ]
            for line, text in enumerate((*head, *items, f"Total: {number}.50 EUR")):
                page.insert_text((72, 60 + 21 * line), text)
        paths.append(folder / f"{number:04}.pdf")
        pdf.save(paths[-1], deflate=True)
        pdf.close()
    return paths


def processor_seconds() -> float:
    """Of this process, and of those it has waited for."""
    return sum(os.times()[:4])


def read(paths: list[Path]) -> float:
    """Processor seconds for all of them, start and end of the reader included."""
    before = processor_seconds()
    assignments = [Assignment(file_source(str(path), path.name), "invoice", EMBEDDED) for path in paths]
    with Workers(1, 300.0, EMBEDDED) as pool:
        failed = [outcome.code for outcome in pool.read(assignments) if outcome.code]
    assert not failed, failed
    return processor_seconds() - before


def no_cell(*told: object, **named: object) -> None:
    """In place of a cell: its reader is as any other process."""


@contextmanager
def unconfined() -> Iterator[None]:
    confining: Callable[..., Cell] = workers.Cell
    workers.Cell = no_cell  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        workers.Cell = confining  # type: ignore[misc]


def measure(documents: int, rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        paths = write_documents(Path(folder), documents)
        spent: dict[str, list[float]] = {"confined": [], "unconfined": []}
        for turn in range(rounds):
            for name in sorted(spent, reverse=bool(turn % 2)):
                if name == "confined":
                    spent[name].append(read(paths))
                else:
                    with unconfined():
                        spent[name].append(read(paths))
    confined, free = (sum(spent[name]) for name in ("confined", "unconfined"))
    seconds = {name: [round(value, 2) for value in values] for name, values in spent.items()}
    return {"documents": documents, "rounds": rounds, "seconds": seconds, "cost_ratio": round(confined / free, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description="What confining readers costs, in processor time.")
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    print(json.dumps(measure(options.documents, options.rounds)))


if __name__ == "__main__":
    main()
