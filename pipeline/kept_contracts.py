"""The contracts that records in a ledger were made by. The ledger has their fingerprints, the records their names; the
schema itself is one that is built in, that a trace holds, or that the user names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pydantic_core import from_json

from pipeline.ledger_view import Group, LedgerView, Wanted
from pipeline.trace_file import read_trace, trace_path
from schemas.contract import Contract
from schemas.errors import UsageError
from schemas.record import Record
from schemas.registry import BUILTIN, load_contract

MOST_TRIED = 20  # records whose trace is looked for


@dataclass(frozen=True, slots=True)
class Chosen:
    """A contract of the ledger. contract: the schema itself, where it was named; `schema_of` finds it otherwise."""

    fingerprint: str
    contract: Contract | None = None


def names_of(view: LedgerView, groups: Sequence[Group]) -> dict[str, str]:
    """The contracts' names by their fingerprint."""
    samples = {group.contract: group.sample for group in groups}
    return {print_: from_json(view.record(number))["contract"]["name"] for print_, number in samples.items()}


def choose(spec: str, names: Mapping[str, str]) -> Chosen:
    """The contract that a user means. spec: a name or fingerprint as `status` shows it, or as `load_contract` takes it.

    names: of the ledger's contracts, by fingerprint. Raises UsageError where it has none such, or several.
    """
    meant = [print_ for print_, name in names.items() if spec in (print_, name)]
    if len(meant) == 1:
        return Chosen(meant[0])
    if meant:
        raise UsageError(
            f"the records were made by several versions of the schema {spec}.",
            remedy=f"Give --schema with the fingerprint of one: {', '.join(sorted(meant))}.",
        )
    contract = load_contract(spec)
    if contract.fingerprint not in names:
        raise UsageError(
            f"no record was made by the schema {spec} as it is now.", remedy=f"Records are of {listed(names)}."
        )
    return Chosen(contract.fingerprint, contract)


def only(names: Mapping[str, str]) -> Chosen:
    """The one contract of a ledger. Raises UsageError where it has several, or none."""
    if len(names) == 1:
        return Chosen(next(iter(names)))
    if not names:
        raise UsageError("there are no records yet, so that no columns are known.")
    raise UsageError(
        f"a table has the columns of one schema, and the records are of {listed(names)}.",
        remedy="Give one with --schema.",
    )


def schema_of(chosen: Chosen, view: LedgerView, folder: Path) -> Contract:
    """The contract itself. folder: the output folder, where the traces are. Raises UsageError where none is at hand."""
    return chosen.contract or _builtin(chosen.fingerprint) or _traced(chosen.fingerprint, view, folder)


def listed(names: Mapping[str, str]) -> str:
    """Contracts in words."""
    return ", ".join(f"{name} ({print_})" for print_, name in sorted(names.items(), key=lambda pair: pair[::-1]))


def _builtin(fingerprint: str) -> Contract | None:
    return next((found for found in map(load_contract, BUILTIN) if found.fingerprint == fingerprint), None)


def _traced(fingerprint: str, view: LedgerView, folder: Path) -> Contract:
    documents = view.documents(Wanted(("accepted", "review"), contract=fingerprint))
    for kept in islice(documents, MOST_TRIED):
        record = Record.model_validate_json(kept.record)
        path = trace_path(folder, record)
        if path.is_file():
            return Contract.from_json_schema(read_trace(path).json_schemas[0], record.contract.name)
    raise UsageError(
        f"the schema with the fingerprint {fingerprint} is not built in, and no trace of its records is at hand.",
        remedy="Name it with --schema, as `ingest` had it.",
    )
