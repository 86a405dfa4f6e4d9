"""Evaluation: a folder of documents with their truth is read, or its records are taken, and every value is judged.

What the figures mean stands in `docs/evaluation.md`; how leaves are judged in `pipeline.score`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model.engine import EngineSpec
from model.needs import check_needs
from pipeline.confidence.model import fingerprint_of
from pipeline.confidence.trust import DEFAULT, Trust
from pipeline.score import score
from pipeline.scoring.misfits import Misfit, misfits
from pipeline.scoring.tally import Score, joined
from pipeline.serving import Assignment, contract_of, engine_of
from pipeline.sinks import OWN_FOLDER, file_name, record_path
from pipeline.truth import TRUTH, Case, Trouble
from pipeline.workers import Workers, how_many
from schemas.errors import UsageError
from schemas.record import SCHEMA_VERSION, Record, RecordStatus


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A document that was judged. name: relative to the folder. pages: that it has.

    failure: the code with which it failed, fails: the one with which it must fail; empty for neither. A document that
    must fail has no score; one that fails and must not misses everything. misfits: of the truth. notes: what else the
    user should know.
    """

    name: str
    schema: str
    engine: str
    status: RecordStatus
    pages: int
    failure: str
    fails: str
    score: Score
    misfits: tuple[Misfit, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failed_well(self) -> bool:
        """Whether it failed as its truth says that it must."""
        return bool(self.fails) and self.failure == self.fails

    @property
    def failed(self) -> bool:
        """Whether it failed and should not have, or did not fail as it should."""
        return self.failure != self.fails


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A whole run. without_truth: documents that could not be judged for that. left: documents an interruption left."""

    documents: tuple[Evaluated, ...]
    without_truth: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    left: int = 0

    @property
    def score(self) -> Score:
        """Of all documents together."""
        return joined(document.score for document in self.documents)

    @property
    def whole(self) -> int:
        """How many documents have no wrong, missed or invented value."""
        return sum(
            not document.fails and all(outcome.verdict == "right" for outcome in document.score.outcomes)
            for document in self.documents
        )

    @property
    def clean(self) -> bool:
        """Whether every document could be judged, and none failed that should not."""
        return not (self.troubles or any(document.failed for document in self.documents))


def judged(case: Case, record: Record, notes: tuple[str, ...] = ()) -> Evaluated:
    """What a record is worth by the truth of its document."""
    contract = contract_of(case.schema)
    failed = record.status == "failed"
    return Evaluated(
        name=case.source.name,
        schema=case.schema,
        engine=" ".join(filter(None, (record.engine.name, record.engine.model, record.engine.revision))),
        status=record.status,
        pages=len(record.document.pages),
        failure=(record.issues[0].code if record.issues else "unknown") if failed else "",
        fails=case.fails,
        score=Score() if case.fails else score(case.truth, record, contract, case.evidence),
        misfits=() if case.fails else misfits(case.truth, contract, case.evidence),
        notes=notes,
    )


def evaluate(
    cases: Sequence[Case],
    engine: EngineSpec,
    seconds: float,
    workers: int | None = None,
    passwords: tuple[str, ...] = (),
    trust: Trust = DEFAULT,
    stop: threading.Event | None = None,
) -> Iterator[Evaluated]:
    """Reads the documents in worker processes, and judges each as it comes; none any more once `stop` is set.

    seconds: the most that one document may take. Raises UsageError before any work where the engine cannot do what a
    schema needs.
    """
    loaded = engine_of(engine)
    schemas = tuple(dict.fromkeys(case.schema for case in cases))
    for schema in schemas:
        check_needs(loaded, contract_of(schema))
    fingerprint_of(loaded.info.name, trust)  # a calibration that cannot be used is told before any work
    assignments = [Assignment(case.source, case.schema, engine, passwords=passwords, trust=trust) for case in cases]
    by_assignment = dict(zip(map(id, assignments), cases, strict=True))
    count = how_many(engine, len(cases), workers)
    with Workers(count, seconds, engine, schemas=schemas) as pool:
        for outcome in pool.read(assignments, stop):
            yield judged(by_assignment[id(outcome.assignment)], outcome.record)


class Records:
    """Records that `ingest` wrote, found again by the bytes of their document, else by its name."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError where the folder has no JSON at all."""
        self.folder = folder
        self._by_sha256: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*.json")):
            if OWN_FOLDER not in path.relative_to(folder).parts and not path.name.endswith(TRUTH):
                self._by_sha256.setdefault(_sha256_of(path), []).append(path)
        if not self._by_sha256:
            raise UsageError(f"{folder} holds no records.", remedy="Name the folder that ingest wrote to.")

    def judge(self, case: Case) -> Evaluated | Trouble:
        """Judges the record of a case's document; a trouble where there is none, or none that can be read."""
        found = self.find(case)
        return found if isinstance(found, Trouble) else judged(case, *found)

    def find(self, case: Case) -> tuple[Record, tuple[str, ...]] | Trouble:
        """The record of a case's document, and what the user should know of it."""
        schema = contract_of(case.schema)
        reasons = [f"{self.folder} has no record of it by the schema {schema.name}. Read it with `intaglio ingest`."]
        older: Record | None = None
        for path in self._candidates(case):
            try:
                record = load_record(path)
            except UsageError as error:
                reasons.insert(0, str(error))
                continue
            if record.contract.fingerprint == schema.fingerprint:
                return record, (_CHANGED,) if record.version else ()
            if record.contract.name == schema.name:
                older = older or record
        if older is not None:
            return older, ("its record was made with another version of the schema",)
        return Trouble(case.source.name, reasons[0])

    def _candidates(self, case: Case) -> list[Path]:
        """Records of the same bytes, then one of the same name that does not say of which bytes it is."""
        named = record_path(self.folder, file_name(case.source.name))
        unknown = [path for path in self._by_sha256.get("", ()) if path == named]
        return [*self._by_sha256.get(_digest(case.path), ()), *unknown]


_CHANGED = "persons have changed its record, which is judged as it is now, not as the engine read it"


def load_record(path: Path) -> Record:
    """A record from its file. Raises UsageError, which says so where another version of Intaglio wrote it."""
    data = _json_of(path)
    version = data.get("schema_version")
    if version != SCHEMA_VERSION and {"document", "contract"} <= data.keys():
        raise UsageError(
            f"{path} is a record of version {version}, and this Intaglio reads version {SCHEMA_VERSION}.",
            remedy="Make it again with `intaglio ingest`.",
        )
    try:
        return Record.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(map(str, first["loc"]))
        raise UsageError(
            f"{path} is not a record of this version, at {where}: {first['msg']}.",
            remedy="Make it again with `intaglio ingest`.",
        ) from error


def _json_of(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy="Set its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {error}.", remedy="Make it again with `intaglio ingest`.") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} is not a record of Intaglio.", remedy="Name the folder that ingest wrote to.")
    return data


def _sha256_of(path: Path) -> str:
    """Of the document that a record is of; empty where it could not be opened, or the record cannot be read."""
    try:
        document = _json_of(path).get("document")
    except UsageError:
        return ""
    sha256 = document.get("sha256") if isinstance(document, dict) else None
    return sha256 if isinstance(sha256, str) else ""


def _digest(path: Path) -> str:
    """SHA-256 of a document; a dash, which is none, where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return "-"
