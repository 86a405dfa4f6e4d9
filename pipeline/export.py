"""Records of a ledger as one file: JSON lines, CSV or Parquet, written as they are read, a few in memory at a time.

A CSV is opened in spreadsheets, which take text that begins with `=`, `+`, `-` or `@` for a formula, and documents are
hostile. So such text gets an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection), and text
that begins with an apostrophe or a control character gets one too: taking one away from each cell that begins with one
gives the values back. Numbers are written as they are.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any

from pydantic_core import from_json

from pipeline.flat import Column, Table
from pipeline.ledger_view import Kept
from schemas.errors import UsageError

GROUP = 5_000  # rows of a Parquet file that are in memory at a time
UNFIT = Column("unfit", "json")
_FORMULA = frozenset("=+-@＝＋－＠")  # some spreadsheets read the wide forms as the narrow ones
_UNSEEN = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))  # categories that may stand before a formula, unseen or trimmed
_EXACT = 1 << 53  # whole numbers up to here are floating point numbers too
_INT64 = 1 << 63
_Unfit = dict[str, Any]


def jsonl(documents: Iterable[Kept], *, only_data: bool = False) -> Iterator[bytes]:
    """Records, one a line; or the data alone, of those that did not fail."""
    for kept in documents:
        if not only_data:
            yield f"{kept.record}\n".encode()
        elif kept.status != "failed":
            yield f"{json.dumps(from_json(kept.record)['data'], ensure_ascii=False)}\n".encode()


def csv_lines(documents: Iterable[Kept], table: Table) -> Iterator[bytes]:
    """RFC 4180 in UTF-8, a head first. Nothing where there is no value; see the module for text."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([column.name for column in table.columns])
    for kept in documents:
        for row in table.flatten(kept):
            writer.writerow([cell(value) for value in row])
            yield _drained(buffer)
    yield _drained(buffer)


def cell(value: Any) -> str:
    """A value as a cell of a CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str):
        return f"'{value}" if _is_hazardous(value) else value
    return json.dumps(value, ensure_ascii=False)


def _is_hazardous(text: str) -> bool:
    """Whether a spreadsheet may take the text for a formula, or for text less its apostrophe."""
    if not text:
        return False
    if text[0] == "'" or unicodedata.category(text[0]) in ("Cc", "Cf"):
        return True
    seen = next((char for char in text if unicodedata.category(char) not in _UNSEEN), "")
    return seen in _FORMULA


def parquet(documents: Iterable[Kept], table: Table) -> Iterator[bytes]:
    """A Parquet file, its types from the contract.

    A value that is not of its column's type, as a record in review may have, is null there and stands in the last
    column, `unfit`: a JSON object by column. Raises UsageError where pyarrow is missing.
    """
    return _parquet(_arrow(), documents, table)


def _parquet(arrow: Any, documents: Iterable[Kept], table: Table) -> Iterator[bytes]:
    columns = (*table.columns, UNFIT)
    schema = arrow.schema([(column.name, _arrow_type(arrow, column)) for column in columns])
    parts = _Parts()
    rows = (row for kept in documents for row in table.flatten(kept))
    with arrow.parquet.ParquetWriter(arrow.PythonFile(parts, mode="w"), schema) as writer:
        while group := list(islice(rows, GROUP)):
            typed = [_typed(row, table.columns) for row in group]
            arrays = [
                arrow.array(values, field.type) for values, field in zip(zip(*typed, strict=True), schema, strict=True)
            ]
            writer.write_batch(arrow.record_batch(arrays, schema=schema))
            yield parts.taken()
    yield parts.taken()


class _Parts:
    """A file for pyarrow to write to, whose content is taken away as it comes."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(self._parts[-1])

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            f"Parquet is written by pyarrow, which is not installed here ({error}).",
            remedy="Run: pip install 'intaglio[parquet]'",
        ) from error
    return pyarrow


def _arrow_type(arrow: Any, column: Column) -> Any:
    kinds = {"integer": arrow.int64, "number": arrow.float64, "boolean": arrow.bool_, "date": arrow.date32}
    if column.kind == "time":
        return arrow.timestamp("us", tz="UTC")
    return kinds.get(column.kind, arrow.string)()


def _typed(row: Sequence[Any], columns: Sequence[Column]) -> list[Any]:
    """The row's values in the types of their columns, and last what does not fit."""
    unfit: _Unfit = {}
    values = [_fitting(value, column, unfit) for value, column in zip(row, columns, strict=True)]
    return [*values, json.dumps(unfit, ensure_ascii=False) if unfit else None]


def _fitting(value: Any, column: Column, unfit: _Unfit) -> Any:
    fitted = None if value is None else _fit(value, column)
    if fitted is None and value is not None:
        unfit[column.name] = value
    return fitted


def _fit(value: Any, column: Column) -> Any:
    """The value in its column's type; None where it is of another, or would not be the same there."""
    match column.kind, value:
        case ("text" | "json", str()) | ("boolean", bool()) | ("time", datetime()):
            return value
        case "date", str():
            return _date(value)
        case ("integer" | "number" | "boolean", bool()):
            return None
        case "integer", int():
            return value if -_INT64 <= value < _INT64 else None
        case "integer", float():
            return int(value) if value.is_integer() and abs(value) <= _EXACT else None
        case "number", float():
            return value
        case "number", int():
            return float(value) if abs(value) <= _EXACT else None
    return None


def _date(text: str) -> date | None:
    """Of the one form that JSON Schema's `date` has."""
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-31") else None
    except ValueError:
        return None


def _drained(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
