"""What a worker process does: it reads the documents it is given, one by one, with an engine of its own, or with one
that another process has.

Only light imports here: how many threads native libraries take is settled before they are imported.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from multiprocessing import connection, parent_process, reduction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.confidence.trust import DEFAULT, Trust
from pipeline.confinement import Cell, begin_document, empty_folder, enter, shut
from pipeline.discover import Source
from pipeline.limits import DocumentLimits, is_out_of_memory, out_of_memory
from schemas import errors
from schemas.errors import IntaglioError, ReaderCrashed, error_code
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
    cell: Cell,
    traces: bool,
    line: connection.Connection | None = None,
) -> None:
    """A worker's whole life. Over the pipe go assignments one way, and the other way None for a start that succeeded,
    then for each assignment what it has read or the error that kept it from that; in between, whether it waits for the
    engine, or needs a new line to it. cell: what confines it. traces: whether it notes down what made the records.
    line: to the process that has the engine, where this one is not to load it."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    with confined(cell):
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
            begin_document(cell)
            pipe.send(_read(assignment, engine_for(assignment), traces, cell.limits))


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


@contextlib.contextmanager
def confined(cell: Cell) -> Iterator[None]:
    """Has this process end with its parent, and confines it for good: limits hold from here on, and after the block,
    in which libraries are loaded, what it may not do is out of its reach."""
    enter(cell)
    end_with_parent(cell.folder)
    yield
    shut(cell)


def end_with_parent(folder: Path | None = None) -> None:
    """A process must not outlive a killed parent, even in the middle of a document, nor leave anything of it. folder:
    its own, for temporary files."""
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()


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


def _read(assignment: Assignment, engine: Engine, traced: bool, limits: DocumentLimits) -> Read | IntaglioError:
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
            limits=limits,
        )
        return Read(record.model_dump_json().encode(), _packed(traces, assignment.engine))
    except IntaglioError as error:
        return error
    except Exception as bug:  # ours, not the document's: it costs this document only, and is told in full
        if is_out_of_memory(bug):
            return out_of_memory(limits, uri)
        reason = f"{type(bug).__name__}: {bug}"
        return ReaderCrashed(f"reading it failed unexpectedly: {reason}.", document=uri, remedy="Please report it.")


def _packed(traces: Sequence[Trace], engine: EngineSpec) -> bytes:
    from pipeline.trace import without_address
    from pipeline.trace_file import packed

    settings = without_address(asdict(engine))
    return b"".join(packed(trace.model_copy(update={"settings": settings})) for trace in traces)


def _end_with_parent(folder: Path | None) -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        try:
            if folder is not None:
                empty_folder(folder)
        finally:
            os._exit(1)


@lru_cache(maxsize=1)
def _retryable_codes() -> frozenset[str]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, IntaglioError)]
    return frozenset(error_code(kind("")) for kind in kinds if kind.retryable)
