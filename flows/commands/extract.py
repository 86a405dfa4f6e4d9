"""`intaglio extract`: one document, one record on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from model.engine import EngineSpec
from model.needs import check_needs
from pipeline.addresses import shown
from pipeline.confidence.model import fingerprint_of
from pipeline.confidence.trust import Trust
from pipeline.discover import Source, is_document
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits
from pipeline.serving import Assignment, contract_of, engine_of
from pipeline.sinks import write_bytes
from pipeline.workers import Workers
from schemas.errors import OutputUnwritable, UsageError


def run(
    file: str,
    schemas: Sequence[str],
    engine: EngineSpec,
    passwords: tuple[str, ...],
    seconds: float,
    trust: Trust,
    trace: Path | None,
    limits: DocumentLimits = DEFAULT_LIMITS,
    *,
    only_data: bool,
) -> int:
    """Returns the exit code: 1 for a document that failed, whose reason goes to standard error.

    trace: the new file that what made the record is written to, if that is wanted.

    The document is read in a worker, as in a batch: one that hangs or crashes its reader fails with a record too.
    """
    if len(schemas) != 1:
        raise UsageError("one document is read by one schema.", remedy="Give --schema once.")
    if not is_document(file):
        raise UsageError(f"there is no document {file}.", remedy="For folders use `intaglio ingest`.")
    if trace is not None and trace.exists():
        raise OutputUnwritable(f"{trace} is there already.", remedy="Name a new file with --trace.")
    check_needs(engine_of(engine), contract_of(schemas[0]))
    fingerprint_of(engine_of(engine).info.name, trust)  # a calibration that cannot be used is told before any work
    assignment = Assignment(Source(file, file, shown(file)), schemas[0], engine, passwords=passwords, trust=trust)
    with Workers(1, seconds, engine, traces=trace is not None, limits=limits, schemas=schemas) as workers:
        (outcome,) = workers.read([assignment])
    record = outcome.record
    if record.status == "failed":
        print(f"intaglio: {record.issues[0].message}", file=sys.stderr)
    if trace is not None and outcome.trace:
        write_bytes(trace, [outcome.trace])
    if not only_data:
        print(record.model_dump_json(indent=2))
    elif record.status != "failed":
        print(json.dumps(record.data, indent=2, ensure_ascii=False))
    return 1 if record.status == "failed" else 0
