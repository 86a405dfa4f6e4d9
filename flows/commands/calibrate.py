"""`intaglio calibrate`: an engine's confidence fitted to documents of which is known what is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from flows.terminal import console, plain
from model.engine import EngineSpec
from pipeline.calibrate import Labelled, flattened, read_samples, recorded_samples
from pipeline.confidence.fit import Sample, fit
from pipeline.confidence.model import Calibration
from pipeline.sinks import write_atomically
from pipeline.truth import Trouble, find_cases


@dataclass(frozen=True, slots=True)
class Calibrating:
    """What is to be fitted to. records: a folder that ingest wrote, else all is read."""

    folders: tuple[Path, ...]
    out: Path
    schemas: tuple[str, ...]
    engine: EngineSpec
    records: Path | None = None
    workers: int | None = None
    seconds: float = 300.0
    passwords: tuple[str, ...] = ()


def run(job: Calibrating) -> int:
    """Writes the calibration and shows what it is worth; returns the exit code."""
    found = {folder: find_cases(folder, job.schemas) for folder in job.folders}
    troubles = [trouble for cases in found.values() for trouble in cases.troubles]
    labelled = [Labelled(str(folder), cases.cases) for folder, cases in found.items()]
    parts: list[list[Sample]] = []
    for part in _parts(job, labelled):
        if isinstance(part, Trouble):
            troubles.append(part)
        else:
            parts.append(part)
    samples = flattened(parts)
    documents = len({(sample.source, sample.document) for sample in samples})
    about = f"Fitted by intaglio calibrate to {documents} documents, {len(samples)} values."
    calibration = fit(samples, job.engine.name, about).calibration
    write_atomically(job.out, calibration.model_dump_json(indent=1) + "\n")
    _show(calibration, job.out, troubles)
    return 1 if troubles else 0


def _parts(job: Calibrating, labelled: list[Labelled]) -> Iterator[list[Sample] | Trouble]:
    if job.records is not None:
        yield from recorded_samples(labelled, job.records, job.engine.name)
    else:
        yield from read_samples(labelled, job.engine, job.seconds, job.workers, job.passwords)


def _show(calibration: Calibration, out: Path, troubles: list[Trouble]) -> None:
    screen = console()
    screen.print(_sources(calibration), "")
    screen.print(_weights(calibration), "")
    for trouble in troubles:
        screen.print(Text(plain(f"Left out {trouble.name}: {trouble.reason}"), style="yellow"), soft_wrap=True)
    for each in calibration.thresholds:
        screen.print(f"For a precision of {each.precision} values are accepted from {each.confidence} on.")
    if not calibration.thresholds:
        screen.print("No precision could be shown to be reached: values are accepted from the precision itself on.")
    screen.print(Text(plain(f"Kept in {out}. Use it with --calibration {out}")), soft_wrap=True)


def _sources(calibration: Calibration) -> Table:
    table = Table(title="On documents that were left out of the fit", title_justify="left", box=None, pad_edge=False)
    table.add_column("source", overflow="fold")
    for title in ("documents", "values", "right", "log loss", "ECE", "accepted", "right of them"):
        table.add_column(title, justify="right")
    for each in calibration.sources:
        table.add_row(
            Text(plain(each.name)),
            str(each.documents),
            str(each.leaves),
            f"{each.right / each.leaves:.3f}",
            f"{each.log_loss:.3f}",
            f"{each.ece:.3f}",
            str(each.accepted),
            f"{each.accepted_right / each.accepted:.3f}" if each.accepted else "–",
        )
    return table


def _weights(calibration: Calibration) -> Table:
    table = Table(title="Weights", title_justify="left", box=None, pad_edge=False)
    table.add_column("signal")
    table.add_column("weight", justify="right")
    table.add_row("(always)", f"{calibration.intercept:+.2f}")
    for name, weight in sorted(calibration.weights.items(), key=lambda pair: -pair[1]):
        table.add_row(name, f"{weight:+.2f}")
    return table
