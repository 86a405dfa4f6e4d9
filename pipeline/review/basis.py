"""What a changed record is checked and grounded by: its schema, and the words of its pages where its trace has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.confidence.model import Judge
from pipeline.confidence.trust import Trust
from pipeline.replay import contract_of
from pipeline.trace import Trace
from pipeline.trace_file import read_trace, trace_path
from schemas.contract import Contract
from schemas.errors import UsageError
from schemas.page import PageText
from schemas.record import Record
from schemas.registry import BUILTIN, load_contract


@dataclass(frozen=True, slots=True)
class Basis:
    """whole: whether all of the contract is at hand; of a Python model that is not named, its own validators are not.

    pages: the words; none without a trace.
    """

    contract: Contract
    judge: Judge
    whole: bool = True
    pages: tuple[PageText, ...] = ()


def basis_of(record: Record, folder: Path, schema: str = "") -> Basis:
    """folder: the output folder, where the traces are. schema: as `ingest` had it, if the user names it.

    Raises UsageError: another schema than the record's, or none at hand.
    """
    path = trace_path(folder, record)
    trace = read_trace(path) if path.is_file() else None
    contract, whole = _contract(record, schema, trace)
    judge = Judge.of(record.engine.name, Trust(record.precision))
    return Basis(contract, judge, whole, trace.pages if trace else ())


def _contract(record: Record, schema: str, trace: Trace | None) -> tuple[Contract, bool]:
    wanted = record.contract
    if schema:
        contract = load_contract(schema)
        if contract.fingerprint != wanted.fingerprint:
            raise UsageError(
                f"{schema} is not the schema that the record was made by, {wanted.name} ({wanted.fingerprint}).",
                remedy="Name that one, or read the document again with the new one.",
            )
        return contract, True
    if (known := built_in(wanted.fingerprint)[1]) is not None:
        return known, True
    if trace is not None:
        return contract_of(trace)
    raise UsageError(
        f"the schema {wanted.name} ({wanted.fingerprint}) is not built in, and the record has no trace that holds it.",
        remedy="Name it with --schema, as `ingest` had it.",
    )


@lru_cache(maxsize=64)
def built_in(fingerprint: str) -> tuple[str, Contract | None]:
    """The name and contract of the built-in schema with a fingerprint."""
    for name in BUILTIN:
        if (contract := load_contract(name)).fingerprint == fingerprint:
            return name, contract
    return "", None
