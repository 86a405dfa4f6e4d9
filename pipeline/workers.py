"""Worker processes that read documents: a hung or crashed one costs its document, never the batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from types import TracebackType
from typing import Any

from pebble import ProcessExpired, ProcessPool

from pipeline.discover import Source
from pipeline.extract import extract, failed_record
from schemas.contract import Contract
from schemas.errors import DocumentError, DocumentTimeout, ReaderCrashed
from schemas.record import DocumentInfo, Record

RECYCLE_AFTER = 200  # documents; native libraries leak
QUEUED = 3  # documents handed out for each worker, so that none waits for the next


@dataclass(frozen=True, slots=True)
class Assignment:
    """One document to read: where it is, by which schema and engine, and its hash."""

    source: Source
    schema: str
    engine: str
    sha256: str
    passwords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """An assignment's record. retryable: it failed in a way that may pass."""

    assignment: Assignment
    record: Record
    retryable: bool = False


class Workers:
    """A pool of reader processes. seconds: the most that one document may take."""

    def __init__(self, count: int, seconds: float) -> None:
        self.count = count
        self.seconds = seconds
        if count > 1:
            os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by ONNX Runtime's sessions in the children
        self._pool = ProcessPool(max_workers=count, max_tasks=RECYCLE_AFTER, context=get_context("spawn"))

    def read(self, assignments: Sequence[Assignment]) -> Iterator[Outcome]:
        """An outcome for each assignment, as they come. Whoever stops asking stops the work."""
        waiting = iter(assignments)
        running: dict[Future[str], Assignment] = {}
        while True:
            while len(running) < self.count * QUEUED and (assignment := next(waiting, None)) is not None:
                running[self._pool.schedule(_read, args=(assignment,), timeout=self.seconds)] = assignment
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield self._outcome(running.pop(future), future)

    def _outcome(self, assignment: Assignment, future: Future[str]) -> Outcome:
        uri = assignment.source.uri
        error: DocumentError
        try:
            return Outcome(assignment, Record.model_validate_json(future.result()))
        except TimeoutError:
            error = DocumentTimeout(
                f"it took over {self.seconds:g} seconds.",
                document=uri,
                remedy="Allow more with --timeout, or split it.",
            )
        except ProcessExpired as expired:
            error = ReaderCrashed(
                f"the process that read it ended with {expired.exitcode}.",
                document=uri,
                remedy="Run again to retry it.",
            )
        except Exception as bug:  # ours, not the document's; it costs this document, and is told in full
            error = ReaderCrashed(
                f"reading it failed unexpectedly: {type(bug).__name__}: {bug}.",
                document=uri,
                remedy="Please report it, with the document if you can.",
            )
        info = DocumentInfo(uri=uri, sha256=assignment.sha256, media_type="", bytes=0)
        record = failed_record(info, error, contract_of(assignment.schema), engine_of(assignment.engine))
        return Outcome(assignment, record, error.retryable)

    def stop(self) -> None:
        """Ends the workers at once, whatever they are doing."""
        self._pool.stop()
        self._pool.join()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@lru_cache(maxsize=32)
def contract_of(schema: str) -> Contract:
    """The contract of a schema, loaded once in each process."""
    from schemas.registry import load_contract

    return load_contract(schema)


@lru_cache(maxsize=1)
def engine_of(name: str) -> Any:
    """The process's one engine."""
    from model.registry import load_engine

    return load_engine(name)


def _read(assignment: Assignment) -> str:
    record = extract(
        assignment.source.uri,
        contract_of(assignment.schema),
        engine_of(assignment.engine),
        name=assignment.source.uri,
        passwords=assignment.passwords,
    )
    return record.model_dump_json()
