"""A resident reader on a Ray cluster: it loads its engine once, and reads one shard after another.

It imports no Ray, and is told its job by a call and not when it is made: Ray keeps what actors are made of, and shows
their environment.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass

from pipeline.engine_process import EngineLoad
from pipeline.job import Job, Watch
from pipeline.preparing import readers_of
from pipeline.shards import Shard, open_shard
from pipeline.workers import Workers
from schemas.errors import IntaglioError, UsageError


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a call. host: of the actor; error: that kept it from doing it; load: of its engine so far, where
    that is in a process of its own."""

    host: str
    error: IntaglioError | None = None
    load: EngineLoad | None = None


class Reader:
    """Runs as a Ray actor of two threads, so that `stop` is heard while `read` is at work."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._open = ExitStack()
        self._pool: Workers | None = None

    def begin(self, job: Job, folder: str, readers: int) -> Told:
        """Makes ready for shards of the job. folder: in which the run was started, where schemas in files are found.
        readers: processes, which start with the first shard."""
        _hide_program()
        try:
            os.chdir(folder)
            self._job = job
            self._pool = self._open.enter_context(readers_of(job, readers))
        except IntaglioError as error:
            return self._told(error)
        except OSError as error:
            what = f"the folder {folder} of the run cannot be opened there: {error.strerror}."
            return self._told(UsageError(what, remedy="All machines need it at the same path."))
        return self._told()

    def read(self, shard: Shard) -> Told:
        """Reads what is left of a shard, into the ledger and the output folder."""
        try:
            with open_shard(self._job, shard, Watch(stop=self._stop), self._pool) as batch:
                for _ in batch.read():
                    pass
        except IntaglioError as error:
            return self._told(error)
        return self._told()

    def stop(self) -> None:
        """What is done is kept, nothing new is begun."""
        self._stop.set()

    def end(self) -> Told:
        """Ends its processes. Nothing may be asked of it afterwards."""
        told = self._told()
        self._open.close()
        return told

    def _told(self, error: IntaglioError | None = None) -> Told:
        return Told(socket.gethostname(), error, self._pool.load if self._pool else None)


def _hide_program() -> None:
    """Every process that is started from here would run Ray's program for workers once more, and import all of Ray."""
    vars(sys.modules["__main__"]).pop("__file__", None)
