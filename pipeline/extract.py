"""One document's way from bytes to record. Read this first."""

from __future__ import annotations

from pathlib import Path

from model.engine import Engine
from schemas.contract import Contract
from schemas.record import Record


def extract(
    source: str | Path | bytes, contract: Contract, engine: Engine, *, name: str = "", passwords: tuple[str, ...] = ()
) -> Record:
    """The record of one document; a document that cannot be read gives a record with status `failed`, never an error.

    source: a path, a URL that fsspec opens, or the bytes themselves; `name` is then what the record calls them.
    """
    raise NotImplementedError
