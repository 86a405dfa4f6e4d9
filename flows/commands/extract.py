"""`intaglio extract`: one document, one record on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from model.registry import load_engine
from pipeline.extract import extract
from schemas.errors import UsageError
from schemas.registry import load_contract


def run(file: str, schemas: Sequence[str], engine: str, passwords: tuple[str, ...], only_data: bool) -> int:
    """Returns the exit code: 1 for a document that failed, whose reason goes to standard error."""
    if len(schemas) != 1:
        raise UsageError("one document is read by one schema.", remedy="Give --schema once.")
    record = extract(file, load_contract(schemas[0]), load_engine(engine), passwords=passwords)
    if record.status == "failed":
        print(f"intaglio: {record.issues[0].message}", file=sys.stderr)
    if only_data and record.status != "failed":
        print(json.dumps(record.data, indent=2, ensure_ascii=False))
    elif not only_data:
        print(record.model_dump_json(indent=2))
    return 1 if record.status == "failed" else 0
