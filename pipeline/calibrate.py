"""Calibration: documents with their truth are read, or their records taken, and confidence is fitted to what was right.

Records keep the signals of every value, so that those that `ingest` wrote are enough: no engine runs again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.engine import EngineSpec
from model.needs import check_needs
from pipeline.confidence.fit import Sample
from pipeline.evaluate import Records
from pipeline.score import score
from pipeline.serving import Assignment, contract_of, engine_of
from pipeline.truth import Case, Trouble
from pipeline.workers import Workers, how_many
from schemas.errors import UsageError
from schemas.record import Record


@dataclass(frozen=True, slots=True)
class Labelled:
    """A source's documents with their truth. name: what is left out together when the fit is measured."""

    name: str
    cases: tuple[Case, ...]


def samples_of(source: str, case: Case, record: Record) -> Iterator[Sample]:
    """Every value that the record found and the truth judges. A document that must fail has none."""
    if case.fails or record.status == "failed":
        return
    for outcome in score(case.truth, record, contract_of(case.schema), case.evidence).outcomes:
        field = record.fields.get(outcome.found_pointer or "")
        if field is not None and field.signals and outcome.verdict != "missed":
            yield Sample(source, case.source.name, outcome.template, field.signals, outcome.verdict == "right")


def read_samples(
    labelled: Sequence[Labelled],
    engine: EngineSpec,
    seconds: float,
    workers: int | None = None,
    passwords: tuple[str, ...] = (),
) -> Iterator[list[Sample]]:
    """Reads the documents in worker processes; the samples of each as it comes. Raises UsageError before any work."""
    loaded = engine_of(engine)
    told = [(each.name, case) for each in labelled for case in each.cases]
    schemas = tuple(dict.fromkeys(case.schema for _, case in told))
    for schema in schemas:
        check_needs(loaded, contract_of(schema))
    assignments = [Assignment(case.source, case.schema, engine, passwords=passwords) for _, case in told]
    by_assignment = dict(zip(map(id, assignments), told, strict=True))
    count = how_many(engine, len(told), workers)
    with Workers(count, seconds, engine, schemas=schemas) as pool:
        for outcome in pool.read(assignments):
            yield list(samples_of(*by_assignment[id(outcome.assignment)], outcome.record))


def recorded_samples(labelled: Sequence[Labelled], folder: Path, engine: str) -> Iterator[list[Sample] | Trouble]:
    """The samples of each document from its record; a trouble where there is none.

    engine: the name of the one to calibrate. Raises UsageError for records of another.
    """
    records = Records(folder)
    for source, case in ((each.name, case) for each in labelled for case in each.cases):
        found = records.find(case)
        if isinstance(found, Trouble):
            yield found
            continue
        record, _ = found
        if record.version:
            yield Trouble(case.source.name, _CHANGED)
            continue
        if record.engine.name != engine:
            raise UsageError(
                f"the record of {case.source.name} was made by the engine {record.engine.name}.",
                remedy=f"Add --engine {record.engine.name}, or name other records.",
            )
        yield list(samples_of(source, case, record))


_CHANGED = (
    "persons have changed its record, so that it does not say what the engine read. Take the folder that `intaglio "
    "review truth` writes with --records."
)


def flattened(parts: Iterable[list[Sample]]) -> list[Sample]:
    """All samples in an order that does not hang on which document was done first."""
    return sorted((sample for part in parts for sample in part), key=lambda sample: (*sample[:3], str(sample.signals)))
