"""A run whose documents are read by resident actors of a Ray cluster.

Plain actors, each of which is given one shard at a time: an engine is then loaded once for each actor, which is not so
for tasks of Ray that have a GPU, and what becomes of a shard is known, which it is not of a row in Ray Data. The ledger
tells what is done; a shard whose actor died goes to another.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from flows.handing import Handout, Task
from flows.ray_cluster import Cluster, ClusterUnusable, Crew, connected, crew_for, nodes_of
from flows.ray_reader import Reader, Told
from pipeline.batch import Batch
from pipeline.engine_process import EngineLoad
from pipeline.job import Job
from pipeline.shards import SHARD, shards_of
from pipeline.workers import IN_LINE, is_heavy
from schemas.errors import LedgerLost, UsageError

LEAST_SHARDS = 4  # for each actor, so that all of them have work until the end
LOOK_SECONDS = 2.0  # at least, between looks at the ledger
LOOK_SHARE = 0.1  # of the time, at most, that looking may take
TICK_SECONDS = 0.5  # how often to look whether to stop
PLACE_SECONDS = 120.0  # for the first actor to be there
END_SECONDS = 30.0  # for actors to end what they are at
MOST_LOSSES = 3  # of actors in a row that end before they are ready


def read_with_ray(batch: Batch, cluster: Cluster, stop: Event, shard: int = SHARD) -> None:
    """Has actors read what a batch has to do, and waits for it; stops when told to. shard: most documents of one.

    Raises ClusterUnusable, ShardsFailed, and UsageError for what is wrong on a machine of the cluster. However it ends,
    no actor goes on, and what is done is kept.
    """
    batch.note("starting Ray")
    with connected(cluster) as ray:
        nodes = nodes_of(ray)
        heavy = is_heavy(batch.job.engine)
        crew = crew_for(cluster, nodes, heavy)
        _check_ledger(batch, {node.host for node in nodes})
        readers = batch.job.workers or crew.cpus + (IN_LINE if heavy else 0)
        most = math.ceil(len(batch.plan.todo) / (LEAST_SHARDS * crew.actors))
        handout = Handout(shards_of(batch.plan, batch.ledger, max(1, min(shard, most))), batch.note)
        actors = _Actors(ray, replace(batch.job, places=(), out=batch.job.out.absolute()), crew, readers)
        with batch.delegated(readers * crew.actors), _at_work(actors, batch):
            _drive(batch, actors, handout, stop)
    if not stop.is_set():
        handout.check()


def _check_ledger(batch: Batch, hosts: set[str]) -> None:
    if len(hosts) > 1 and not batch.ledger.is_server:
        raise UsageError(
            f"the ledger is a file, and the Ray cluster has {len(hosts)} machines.",
            remedy="Give a PostgreSQL database with --ledger.",
        )


@contextmanager
def _at_work(actors: _Actors, batch: Batch) -> Iterator[None]:
    """However the work ends, the actors do, and what they have done is counted."""
    try:
        yield
    finally:
        actors.end()
        batch.engine_load = actors.load
        with suppress(LedgerLost):  # which who closes the batch is told again
            batch.collect()


def _drive(batch: Batch, actors: _Actors, handout: Handout, stop: Event) -> None:
    looked = time.monotonic()
    pause = LOOK_SECONDS
    while (handout.waits or actors.reading) and not stop.is_set():
        for actor in actors.idle():
            if handout.waits:
                actor.give(handout.next())
        for task, lost in actors.ended():
            handout.again(task, f"the actor that read shard {task.number} is gone", lost)
        if missing := actors.missing:
            batch.note(f"waiting for {missing} of {actors.crew.actors} Ray actors")
        now = time.monotonic()
        if now - looked >= pause:
            batch.collect()
            looked = time.monotonic()
            pause = max(LOOK_SECONDS, (looked - now) / LOOK_SHARE)


@dataclass(eq=False, slots=True)
class _Actor:
    """doing: the call that it is at; task: the shard that it reads; ready: whether it can be given one."""

    handle: Any
    doing: Any
    task: Task | None = None
    ready: bool = False
    load: EngineLoad | None = None

    def give(self, task: Task) -> None:
        self.task, self.doing = task, self.handle.read.remote(task.shard)


class _Actors:
    """The actors of a run; one that dies is replaced. readers: processes of each."""

    def __init__(self, ray: Any, job: Job, crew: Crew, readers: int) -> None:
        self.crew = crew
        self._ray, self._job, self._readers = ray, job, readers
        self._lost: list[_Actor] = []
        self._losses = 0  # in a row, before they were ready
        self._there = time.monotonic()  # when last one was
        self._actors = [self._started() for _ in range(crew.actors)]

    @property
    def reading(self) -> bool:
        return any(actor.task for actor in self._actors)

    @property
    def missing(self) -> int:
        """How many are not ready yet."""
        return sum(not actor.ready for actor in self._actors)

    @property
    def load(self) -> EngineLoad | None:
        """Of all engines together, as far as it is known."""
        loads = [actor.load for actor in (*self._actors, *self._lost) if actor.load is not None]
        if not loads:
            return None
        return EngineLoad(
            sum(load.batches for load in loads),
            sum(load.asks for load in loads),
            sum(load.busy for load in loads),
            sum(load.span for load in loads),
        )

    def idle(self) -> list[_Actor]:
        return [actor for actor in self._actors if actor.ready and actor.doing is None]

    def ended(self) -> Iterator[tuple[Task, str]]:
        """Shards that were not done, and why not, after a while. Raises UsageError for what would be so again."""
        doing = {actor.doing: actor for actor in self._actors if actor.doing is not None}
        done, _ = self._ray.wait(list(doing), timeout=TICK_SECONDS)
        for call in done:
            actor = doing[call]
            task, actor.task, actor.doing = actor.task, None, None
            try:
                told = self._ray.get(call)
            except self._ray.exceptions.RayError as error:
                self._replace(actor, error)
                if task is not None:
                    yield task, _last_line(error)
                continue
            self._take(actor, told)
            if told.error is not None and task is not None:
                yield task, str(told.error)
        self._check_placed()

    def end(self) -> None:
        """In good order: each ends after the documents that it has in hand, or drops them."""
        ready = [actor for actor in self._actors if actor.ready]
        with suppress(self._ray.exceptions.RayError):
            for actor in ready:
                actor.handle.stop.remote()
            self._wait([actor.doing for actor in ready if actor.doing is not None])
            ends = {actor.handle.end.remote(): actor for actor in ready}
            for call in self._wait(list(ends)):
                with suppress(self._ray.exceptions.RayError):
                    ends[call].load = self._ray.get(call).load
        for actor in self._actors:
            self._ray.kill(actor.handle)

    def _started(self) -> _Actor:
        options = {"num_cpus": self.crew.cpus, "num_gpus": self.crew.gpus, "max_concurrency": 2}
        handle = self._ray.remote(Reader).options(**options, max_restarts=0, scheduling_strategy="SPREAD").remote()
        return _Actor(handle, handle.begin.remote(self._job, os.getcwd(), self._readers))  # noqa: PTH109 - as text

    def _replace(self, actor: _Actor, error: Exception) -> None:
        self._losses = 0 if actor.ready else self._losses + 1
        if self._losses >= MOST_LOSSES:
            raise ClusterUnusable(
                f"Ray actors end before they are ready: {_last_line(error)}",
                remedy="Every machine of the cluster needs the same version of intaglio, and memory enough.",
            ) from error
        self._lost.append(actor)
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor.handle)
        self._actors[self._actors.index(actor)] = self._started()

    def _take(self, actor: _Actor, told: Told) -> None:
        if told.error is not None and not told.error.retryable:
            raise UsageError(f"on {told.host}, {told.error}") from told.error
        actor.ready, actor.load = True, told.load or actor.load

    def _check_placed(self) -> None:
        now = time.monotonic()
        if any(actor.ready for actor in self._actors):
            self._there = now
        elif now - self._there > PLACE_SECONDS:
            free = self._ray.available_resources()
            each = f"{self.crew.cpus} CPUs and {self.crew.gpus:g} GPUs"
            raise ClusterUnusable(
                f"Ray has placed no actor in {PLACE_SECONDS:g} seconds. Each needs {each}; free are "
                f"{free.get('CPU', 0):g} CPUs and {free.get('GPU', 0):g} GPUs in all.",
                remedy="Wait until other jobs of the cluster end, or give more --actors, which are smaller.",
            )

    def _wait(self, calls: list[Any]) -> list[Any]:
        """Those of the calls that end in time."""
        if not calls:
            return []
        done, _ = self._ray.wait(calls, num_returns=len(calls), timeout=END_SECONDS)
        return list(done)


def _last_line(error: Exception) -> str:
    """What Ray says of it in its last line, which is the error's own, without the trace before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
