"""What persons have said of records as truth beside its documents, as `pipeline.truth` reads it.

Only what a person set or confirmed is truth. A list is in it when all its values are; of a record that was approved as
a whole, everything is. Where a document was read again meanwhile, what was said of the earlier reading still holds: it
is about the document, not about its engine.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.addresses import is_url
from pipeline.ledger_view import LedgerView
from pipeline.review.basis import basis_of, built_in
from pipeline.sinks import file_name, record_path, write_atomically, write_bytes
from pipeline.truth import TRUTH, Trouble
from pipeline.versions import Changed, changed_readings, record_at
from schemas.contract import Contract
from schemas.errors import IntaglioError, UsageError
from schemas.pointer import escaped, leaves
from schemas.record import FieldResult, Record

SCHEMAS = "schemas"  # folder of those that are not built in
_LEFT_OUT = object()


@dataclass(frozen=True, slots=True)
class Wanted:
    """to: the folder. out: the output folder, where the traces are. records: a folder for what the engine itself read,
    if that is wanted. link: whether documents are linked to, not copied. boxes: whether places are told as well.
    replace: whether truths that are there and say something else are replaced. schema: as for `basis_of`.
    """

    to: Path
    out: Path
    records: Path | None = None
    link: bool = False
    boxes: bool = True
    replace: bool = False
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A truth. values: how many it has; whole: whether it has all of its record. remark: what the user should know."""

    name: str
    path: Path
    values: int
    whole: bool
    remark: str = ""


def write_truths(view: LedgerView, wanted: Wanted) -> Iterator[Written | Trouble]:
    """One for each document of which a person has said something; a trouble where that cannot be done."""
    for changed in changed_readings(view.connection, view.output):
        record = Record.model_validate_json(view.record(changed.document))
        if record.status == "failed" or not any(field.settled for field in record.fields.values()):
            continue  # what was said was taken back
        try:
            yield _written(view, changed, record, wanted)
        except IntaglioError as error:
            yield Trouble(changed.name, str(error))


def settled_part(data: Any, fields: Mapping[str, FieldResult]) -> Any:
    """The data with what a person settled, in its shape; None where that is nothing."""
    if fields and all(field.settled for field in fields.values()):
        return data
    part = _part(data, fields, "")
    return None if part is _LEFT_OUT else part


def _part(data: Any, fields: Mapping[str, FieldResult], pointer: str) -> Any:
    if isinstance(data, dict):
        parts = {key: _part(value, fields, f"{pointer}/{escaped(key)}") for key, value in data.items()}
        return {key: part for key, part in parts.items() if part is not _LEFT_OUT} or _LEFT_OUT
    places = [at for at, _ in leaves(data, pointer)]
    return data if places and all(at in fields and fields[at].settled for at in places) else _LEFT_OUT


def _written(view: LedgerView, changed: Changed, record: Record, wanted: Wanted) -> Written:
    basis = basis_of(record, wanted.out, wanted.schema)
    document = wanted.to / changed.name
    truth = document.with_name(f"{document.name}{TRUTH}")
    data = settled_part(record.data, record.fields)
    told: dict[str, Any] = {"schema": _schema(record, basis.contract, truth, wanted.to), "data": data}
    if wanted.boxes and (evidence := _evidence(record, data)):
        told["evidence"] = evidence
    text = json.dumps(told, indent=2, ensure_ascii=False)
    _check_free(truth, text, wanted.replace)
    _put_document(changed.place, document, record.document.sha256, wanted.link)
    write_atomically(truth, text)
    if wanted.records is not None and (own := record_at(view.connection, changed.newest, 0)) is not None:
        pretty = Record.model_validate_json(own).model_dump_json(indent=2)
        write_atomically(record_path(wanted.records, changed.name), pretty)
    remark = "" if basis.whole else f"{record.contract.name} is a model: for its own validators give it with --schema."
    return Written(changed.name, truth, sum(1 for _ in leaves(data)), data is record.data, remark)


def _schema(record: Record, contract: Contract, truth: Path, to: Path) -> str:
    """What the truth names: a built-in schema, or a file that is written for it."""
    if name := built_in(record.contract.fingerprint)[0]:
        return name
    path = to / SCHEMAS / record.contract.fingerprint / f"{file_name(contract.name.replace('/', '_'))}.json"
    if not path.exists():
        write_atomically(path, json.dumps(contract.json_schema, indent=2, ensure_ascii=False, default=str))
    return os.path.relpath(path, truth.parent)


def _evidence(record: Record, data: Any) -> dict[str, list[dict[str, Any]]]:
    """The places that are known of the values, by pointer."""
    within = {pointer for pointer, value in leaves(data) if value is not None}
    return {
        pointer: [{"page": item.page, "box": [round(side, 5) for side in item.box]} for item in field.evidence]
        for pointer, field in record.fields.items()
        if pointer in within and field.settled and field.evidence
    }


def _check_free(truth: Path, text: str, replace: bool) -> None:
    """A truth that somebody wrote by hand is not to be lost."""
    try:
        there = truth.read_text("utf-8")
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        there = ""
    if there.strip() != text.strip() and not replace:
        raise UsageError(f"{truth} is there already, and says something else.", remedy="Replace it with --replace.")


def _put_document(place: str, target: Path, sha256: str, link: bool) -> None:
    """The document itself, unless it is there. Raises UsageError for one that is gone or not as it was read."""
    if target.exists():
        if hashlib.sha256(target.read_bytes()).hexdigest() != sha256:
            raise UsageError(f"{target} is there already, and is another document.", remedy="Name another folder.")
        return
    content = _content(place)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UsageError(
            f"{place} is not as it was when it was read.", remedy="Give the same `intaglio ingest`, and look again."
        )
    if link and not is_url(place):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # a link that leads nowhere
        target.symlink_to(Path(place).absolute())
    else:
        write_bytes(target, [content])


def _content(place: str) -> bytes:
    try:
        if is_url(place):
            import fsspec

            with fsspec.open(place, "rb") as stream:
                return bytes(stream.read())
        return Path(place).read_bytes()
    except Exception as error:  # of any file system's own kind
        raise UsageError(
            f"the document {place} cannot be read: {error}.", remedy="Put it where it was when it was read."
        ) from error
