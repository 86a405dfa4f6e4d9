"""What a worker process does: it loads its engine, then reads the documents it is given, one by one.

Only light imports here: how many threads native libraries take is settled before they are imported.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from multiprocessing import connection, parent_process
from typing import TYPE_CHECKING, NamedTuple

from pipeline.confidence.trust import DEFAULT, Trust
from pipeline.confinement import Cell, begin_document, empty_folder, enter, shut
from pipeline.discover import Source
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits, is_out_of_memory, out_of_memory
from schemas import errors
from schemas.errors import IntaglioError, ReaderCrashed
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """An assignment's record. code: of its first issue where it failed; retryable: that may pass. trace: packed."""

    assignment: Assignment
    record: Record
    code: str = ""
    retryable: bool = False
    trace: bytes = b""


def serve(pipe: connection.Connection, engine: EngineSpec, threads: int, cell: Cell | None, traces: bool) -> None:
    """A worker's whole life. Over the pipe go assignments one way, and the other way None for a start that succeeded,
    then for each assignment what it has read or the error that kept it from that. cell: what confines it; None for an
    engine with a device, whose drivers want more than a document may have. traces: whether it notes down what made the
    records."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    with confined(cell):
        try:
            engine_of(engine).load()
            from pipeline import extract  # noqa: F401 - loaded now, so that it counts for no document's time
        except IntaglioError as error:
            pipe.send(error)
            return
    pipe.send(None)
    with contextlib.suppress(EOFError, BrokenPipeError):  # the parent is done with us
        while True:
            assignment = pipe.recv()
            if cell is not None:
                begin_document(cell)
            pipe.send(_read(assignment, traces, cell.limits if cell else DEFAULT_LIMITS))


@contextlib.contextmanager
def confined(cell: Cell | None) -> Iterator[None]:
    """Has this process end with its parent, and confines it for good: limits hold from here on, and after the block,
    in which libraries are loaded, what it may not do is out of its reach."""
    if cell is not None:
        enter(cell)
    threading.Thread(target=_end_with_parent, args=(cell,), daemon=True).start()
    yield
    if cell is not None:
        shut(cell)


def finished(assignment: Assignment, read: Read) -> Outcome:
    """The outcome of what a worker sent."""
    record = Record.model_validate_json(read.record)
    code = record.issues[0].code if record.status == "failed" and record.issues else ""
    return Outcome(assignment, record, code, code in _retryable_codes(), read.trace)


def failed(assignment: Assignment, error: IntaglioError) -> Outcome:
    """The outcome of an assignment that gave no record."""
    from pipeline.extract import error_code, failed_record

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


def _read(assignment: Assignment, traced: bool, limits: DocumentLimits) -> Read | IntaglioError:
    from pipeline.extract import extract

    uri = assignment.source.uri
    traces: list[Trace] = []
    try:
        record = extract(
            assignment.source.path,
            contract_of(assignment.schema),
            engine_of(assignment.engine),
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


def _end_with_parent(cell: Cell | None) -> None:
    """A worker must not outlive a killed parent, even in the middle of a document, nor leave anything of it."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        try:
            if cell is not None:
                empty_folder(cell.folder)
        finally:
            os._exit(1)


@lru_cache(maxsize=1)
def _retryable_codes() -> frozenset[str]:
    from pipeline.extract import error_code

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, IntaglioError)]
    return frozenset(error_code(kind("")) for kind in kinds if kind.retryable)
