"""What tests of review share: invoices that were read so strictly that all are in review, and the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from flows.cli import app
from pipeline.batch import run_batch
from pipeline.confidence.trust import Trust
from pipeline.job import Job
from pipeline.records import read_record
from schemas.record import Record
from tests.papers import write_invoices

STRICT = Trust(precision=0.9999)


def job_of(folder: Path, trust: Trust = STRICT, schema: str = "invoice", **more: Any) -> Job:
    return Job((str(folder / "docs"),), (schema,), folder / "out", workers=1, trust=trust, **more)


def read_invoices(folder: Path, count: int = 3) -> Path:
    """The output folder, all of whose records are in review; its documents lie beside it."""
    write_invoices(folder / "docs", count)
    run_batch(job_of(folder))
    return folder / "out"


def copied(out: Path, folder: Path) -> Path:
    """A copy of an output folder, whose documents stay where they were."""
    return Path(shutil.copytree(out, folder / "out"))


def intaglio(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def said(*arguments: object) -> Any:
    """What a command tells programs."""
    result = intaglio(*arguments, "--json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.output)


def review(out: Path, command: str, *arguments: object) -> Any:
    return said("review", command, out, *arguments)


def record_in(out: Path, name: str = "001.pdf") -> Record:
    return read_record(out / f"{name}.json")


def line_in(out: Path, name: str = "001.pdf") -> Record:
    """The record of `records.jsonl`."""
    for line in (out / "records.jsonl").read_text().splitlines():
        record = Record.model_validate_json(line)
        if record.document.uri.endswith(name):
            return record
    raise AssertionError(f"no {name}")
