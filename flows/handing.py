"""Shards that a run hands out, and hands out again where whoever had one ended without having done it.

Nothing but numbers of the ledger is handed out, and nothing but counts comes back: what is done stands in the ledger.
So a shard that comes back undone is handed out as it was, and what is left of it is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.shards import Shard
from schemas.errors import IntaglioError

MOST_TRIES = 3  # of a shard that comes back without having been done


class ShardsFailed(IntaglioError):
    """Whoever read shards ended without doing their documents, again and again."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Task:
    """A shard to be handed out. number: of the shard, from 1; tries: how often it was."""

    number: int
    shard: Shard
    tries: int = 0


class Handout:
    """All shards of a run. warn: is told of each that is handed out again."""

    def __init__(self, shards: Sequence[Shard], warn: Callable[[str], None]) -> None:
        self._waiting = deque(Task(number, shard) for number, shard in enumerate(shards, 1))
        self._shards = len(shards)
        self._failed: list[str] = []
        self._warn = warn

    @property
    def waits(self) -> bool:
        """Whether there is a shard to be handed out."""
        return bool(self._waiting)

    def next(self) -> Task:
        task = self._waiting.popleft()
        return replace(task, tries=task.tries + 1)

    def again(self, task: Task, what: str, why: str = "") -> None:
        """Takes back what was not done, but not for ever. what: has become of it."""
        if task.tries < MOST_TRIES:
            self._warn(f"{what}; it is submitted again")
            self._waiting.append(task)
        else:
            self._failed.append(f"{what}{why and f', {why}'}")

    def check(self) -> None:
        """Raises ShardsFailed where shards are left that came back `MOST_TRIES` times."""
        if self._failed:
            raise ShardsFailed(
                f"{len(self._failed)} of {self._shards} shards are not done: {self._failed[0]}.",
                remedy="What is done is kept; the same run again does the rest.",
            )
