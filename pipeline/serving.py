"""What a worker process does: it reads the documents it is given, one by one, with an engine of its own, or with one
that another process has.

Only light imports here: how many threads native libraries take is settled before they are imported.
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from multiprocessing import connection, parent_process, reduction
from typing import TYPE_CHECKING, NamedTuple

from pipeline.confidence.trust import DEFAULT, Trust
from pipeline.discover import Source
from schemas import errors
from schemas.errors import DocumentTooLarge, IntaglioError, ReaderCrashed, error_code
from schemas.record import DocumentInfo, Record

if TYPE_CHECKING:
    from model.engine import Engine, EngineSpec
    from pipeline.trace import Trace
    from schemas.contract import Contract


@dataclass(frozen=True, slots=True)
class Assignment:
    """One document to read: where it is, by which schema and engine, its hash, and how far values are to be trusted."""

    source: Source
    schema: str
    engine: EngineSpec
    sha256: str = ""
    passwords: tuple[str, ...] = field(default=(), repr=False)
    trust: Trust = DEFAULT


class Read(NamedTuple):
    """What a worker makes of a document. record: as JSON; trace: packed, empty where there is none."""

    record: bytes
    trace: bytes


class Waits(NamedTuple):
    """A worker's word that it waits for the engine, or works again: waiting is not the document's time."""

    waiting: bool


class Cut(NamedTuple):
    """A worker's word that its line to the engine is cut; it waits for another one, as a handle over the same pipe."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An assignment's record. code: of its first issue where it failed; retryable: that, or what kept a record in
    review from being asked about again, may pass. trace: packed.
    """

    assignment: Assignment
    record: Record
    code: str = ""
    retryable: bool = False
    trace: bytes = b""


def serve(
    pipe: connection.Connection,
    engine: EngineSpec,
    threads: int,
    memory: int | None,
    traces: bool,
    line: connection.Connection | None = None,
) -> None:
    """A worker's whole life. Over the pipe go assignments one way, and the other way None for a start that succeeded,
    then for each assignment what it has read or the error that kept it from that; in between, whether it waits for the
    engine, or needs a new line to it. memory: bytes that it may take. traces: whether it notes down what made the
    records. line: to the process that has the engine, where this one is not to load it."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    confine(memory)
    try:
        engine_for = _engines(pipe, engine, line)
        from pipeline import extract  # noqa: F401 - loaded now, so that it counts for no document's time
    except IntaglioError as error:
        pipe.send(error)
        return
    pipe.send(None)
    with contextlib.suppress(EOFError, BrokenPipeError):  # the parent is done with us
        while True:
            assignment = pipe.recv()
            pipe.send(_read(assignment, engine_for(assignment), traces))


def _engines(
    pipe: connection.Connection, spec: EngineSpec, line: connection.Connection | None
) -> Callable[[Assignment], Engine]:
    """What gives the engine for a document: this process's own, loaded now, or the one of another process."""
    if line is None:
        engine_of(spec).load()
        return lambda assignment: engine_of(assignment.engine)
    from pipeline.engine_client import Door, EngineClient

    def renewed() -> connection.Connection:
        pipe.send(Cut())
        return connection.Connection(reduction.recv_handle(pipe))

    door = Door(line, renewed, lambda waits: pipe.send(Waits(waits)))
    return lambda assignment: EngineClient(door, assignment.schema)


def confine(memory: int | None) -> None:
    """Has this process end with its parent, and take no more memory than so many bytes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if memory is not None:
        with contextlib.suppress(ValueError, OSError):  # a lower limit is set already
            resource.setrlimit(resource.RLIMIT_DATA, (memory, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def finished(assignment: Assignment, read: Read) -> Outcome:
    """The outcome of what a worker sent."""
    record = Record.model_validate_json(read.record)
    code = record.issues[0].code if record.status == "failed" and record.issues else ""
    passing = any(issue.code in _retryable_codes() for issue in record.issues)
    return Outcome(assignment, record, code, passing, read.trace)


def failed(assignment: Assignment, error: IntaglioError) -> Outcome:
    """The outcome of an assignment that gave no record."""
    from pipeline.extract import failed_record

    info = DocumentInfo(uri=assignment.source.uri, sha256=assignment.sha256, media_type="", bytes=0)
    record = failed_record(info, error, contract_of(assignment.schema), engine_of(assignment.engine))
    return Outcome(assignment, record, error_code(error), error.retryable)


@lru_cache(maxsize=64)
def contract_of(schema: str) -> Contract:
    """The contract of a schema, loaded once in each process. Raises SchemaNotFound, SchemaUnsupported."""
    from schemas.registry import load_contract

    return load_contract(schema)


@lru_cache(maxsize=1)
def engine_of(spec: EngineSpec) -> Engine:
    """The process's one engine, which may still have to load. Raises EngineUnavailable."""
    from model.registry import load_engine

    return load_engine(spec)


def _read(assignment: Assignment, engine: Engine, traced: bool) -> Read | IntaglioError:
    from pipeline.extract import extract

    uri = assignment.source.uri
    traces: list[Trace] = []
    try:
        record = extract(
            assignment.source.path,
            contract_of(assignment.schema),
            engine,
            name=uri,
            passwords=assignment.passwords,
            trust=assignment.trust,
            keep=traces.append if traced else None,
        )
        return Read(record.model_dump_json().encode(), _packed(traces, assignment.engine))
    except IntaglioError as error:
        return error
    except MemoryError:
        return DocumentTooLarge("it takes too much memory.", document=uri, remedy="Split it, or use fewer --workers.")
    except Exception as bug:  # ours, not the document's: it costs this document only, and is told in full
        reason = f"{type(bug).__name__}: {bug}"
        return ReaderCrashed(f"reading it failed unexpectedly: {reason}.", document=uri, remedy="Please report it.")


def _packed(traces: Sequence[Trace], engine: EngineSpec) -> bytes:
    from pipeline.trace import without_address
    from pipeline.trace_file import packed

    settings = without_address(asdict(engine))
    return b"".join(packed(trace.model_copy(update={"settings": settings})) for trace in traces)


def _end_with_parent() -> None:
    """A worker must not outlive a killed parent, even in the middle of a document."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


@lru_cache(maxsize=1)
def _retryable_codes() -> frozenset[str]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, IntaglioError)]
    return frozenset(error_code(kind("")) for kind in kinds if kind.retryable)
