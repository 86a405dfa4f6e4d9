"""A batch: many documents, each done once. The ledger says what is done; this does the rest, and loses nothing.

Order of writing, for every document: its JSON file, whole or not at all, then the ledger's row. A run that dies between
the two does that document again, to the same file; a row whose file is missing gets it back without any work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.discover import LEDGER_FOLDER, Routes, Source, discover
from pipeline.ledger import Entry, Key, Ledger
from pipeline.sinks import open_folder, record_path, remove_partial, write_atomically, write_jsonl
from pipeline.workers import Assignment, Outcome, Workers, contract_of, engine_of
from schemas.errors import UsageError

MOST_ATTEMPTS = 3  # at a document whose failure may pass
UNREADABLE = "0" * 64  # the hash of a file that cannot be read


@dataclass(frozen=True, slots=True)
class Job:
    """What a user asked for. schemas: as `Routes.of` takes them; ledger: a URL, by default SQLite in `out`."""

    places: tuple[str, ...]
    schemas: tuple[str, ...]
    out: Path
    engine: str = "embedded"
    ledger: str = ""
    passwords: tuple[str, ...] = ()
    workers: int = 1
    seconds: float = 300.0
    retry_failed: bool = False

    @property
    def ledger_url(self) -> str:
        return self.ledger or f"sqlite:///{(self.out / LEDGER_FOLDER / 'ledger.sqlite').resolve()}"


@dataclass
class Plan:
    """What a job comes to. todo: to be read now; done: what the ledger has already; same: by source, the one that has
    the same bytes; names: the output name for each key."""

    job: Job
    todo: list[Assignment] = field(default_factory=list)
    done: dict[Key, Entry] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    assignments: dict[Key, Assignment] = field(default_factory=dict)

    @property
    def documents(self) -> int:
        return len(self.assignments)


def plan_batch(job: Job, ledger: Ledger) -> Plan:
    """Finds the documents, and what is left to do. Raises UsageError before any work for what is wrong with the job."""
    routes = Routes.of(job.schemas)
    for named in routes.schemas:
        contract_of(named)
    engine_of(job.engine)
    sources = discover(job.places)
    unrouted = [source.name for source in sources if routes.schema(source) is None]
    if unrouted:
        more = f" and {len(unrouted) - 5} more" if len(unrouted) > 5 else ""
        raise UsageError(
            f"no schema is given for {', '.join(unrouted[:5])}{more}.",
            remedy="Add --schema FOLDER=SCHEMA, or one for all.",
        )
    plan = Plan(job)
    hashes = _hashes(sources, ledger)
    for source in sources:
        schema = routes.schema(source) or ""
        key = Key(
            _identity(hashes[source.uri], source),
            contract_of(schema).fingerprint,
            engine_of(job.engine).info.fingerprint,
        )
        if key in plan.assignments:
            plan.same[source.name] = plan.assignments[key].source.name
        else:
            plan.assignments[key] = Assignment(source, schema, job.engine, key.sha256, job.passwords)
    known = ledger.entries(list(plan.assignments))
    for key, assignment in plan.assignments.items():
        entry = known.get(key)
        if entry is None or _again(entry, job):
            plan.todo.append(assignment)
        else:
            plan.done[key] = entry
    return plan


def run_batch(plan: Plan, todo: Sequence[Assignment], ledger: Ledger, workers: Workers) -> Iterator[Outcome]:
    """Reads the documents, and keeps each record in its file and in the ledger before it is given out."""
    for outcome in workers.read(todo):
        keep(plan, outcome, ledger)
        yield outcome


def keep(plan: Plan, outcome: Outcome, ledger: Ledger) -> None:
    """Writes one record: file first, then the ledger."""
    text = outcome.record.model_dump_json()
    assignment = outcome.assignment
    write_atomically(record_path(plan.job.out, assignment.source.name), _pretty(outcome))
    ledger.save(_key(plan, assignment), outcome.record, text, outcome.retryable)


def open_output(job: Job) -> None:
    """Makes the output folder ready. Raises OutputUnwritable."""
    open_folder(job.out)
    if not job.ledger:
        open_folder(job.out / LEDGER_FOLDER)
    remove_partial(job.out)


def restore_files(plan: Plan, ledger: Ledger) -> int:
    """Writes again the files of finished records that are missing. Returns how many there were."""
    missing = {
        key: path
        for key in plan.done
        if not (path := record_path(plan.job.out, plan.assignments[key].source.name)).exists()
    }
    from schemas.record import Record

    for key, text in ledger.records(list(missing)):
        write_atomically(missing[key], Record.model_validate_json(text).model_dump_json(indent=2))
    return len(missing)


def write_all(plan: Plan, ledger: Ledger) -> Path:
    """The JSONL of all records of the job so far, in the order of the documents' names."""
    texts = dict(ledger.records(list(plan.assignments)))
    return write_jsonl(plan.job.out, (texts[key] for key in plan.assignments if key in texts))


def _key(plan: Plan, assignment: Assignment) -> Key:
    fingerprint = engine_of(assignment.engine).info.fingerprint
    return Key(assignment.sha256, contract_of(assignment.schema).fingerprint, fingerprint)


def _again(entry: Entry, job: Job) -> bool:
    """Whether a document that was done is to be done again: only failures, and only those that may pass unless told."""
    if entry.status != "failed":
        return False
    return job.retry_failed or (entry.retryable and entry.attempts < MOST_ATTEMPTS)


def _hashes(sources: Sequence[Source], ledger: Ledger) -> dict[str, str]:
    """sha256 by URI; of local files that have not changed since the ledger saw them, without reading them."""
    known = ledger.hashes()
    seen: dict[str, tuple[int, int, str]] = {}
    found: dict[str, str] = {}
    for source in sources:
        if "://" in source.uri:
            found[source.uri] = UNREADABLE
            continue
        path = Path(source.uri)
        uri = str(path.resolve())
        try:
            state = path.stat()
            if uri in known and known[uri][:2] == (state.st_size, state.st_mtime_ns):
                found[source.uri] = known[uri][2]
                continue
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            found[source.uri] = UNREADABLE
            continue
        found[source.uri] = digest
        seen[uri] = (state.st_size, state.st_mtime_ns, digest)
    ledger.remember(seen)
    return found


def _identity(sha256: str, source: Source) -> str:
    """What a document is known by: its bytes; where these cannot be read yet, its place."""
    return sha256 if sha256 != UNREADABLE else hashlib.sha256(source.uri.encode()).hexdigest()


def _pretty(outcome: Outcome) -> str:
    return outcome.record.model_dump_json(indent=2)
