"""How one document is asked about, round after round: of an engine, or of what an engine said earlier.

Whatever makes a record puts its asks to `Rounds` and works on with what comes back, never with what it put: a replay
gives back what was said to the asks of that day, whatever the code of today would ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from model.engine import Ask, Engine
from pipeline.slices import MOST_PARTED, Asked, ask_all
from schemas.errors import AnswerError, error_code
from schemas.record import Issue

FIRST = "first"  # the round of what was planned; the others are for what it left open


class Rounds(Protocol):
    """engine: for what it is and can; it is asked through `put` alone."""

    @property
    def engine(self) -> Engine: ...

    def put(self, name: str, asks: Sequence[Ask], *, in_parts: bool = True) -> Asked:
        """What comes of the asks, which may be none. name: of the round, unique within the document. in_parts: whether
        what does not come back whole is asked for again in parts.

        Raises AnswerError where the engine gives no answer in the first round. Where it does so later, what was said
        before stands, and the failure is told in `Asked.failures`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Live:
    """Rounds with an engine at hand. said: by the rounds' names, what came of each."""

    engine: Engine
    said: dict[str, Asked] = field(default_factory=dict)

    def put(self, name: str, asks: Sequence[Ask], *, in_parts: bool = True) -> Asked:
        try:
            asked = ask_all(self.engine, asks, self._left() if in_parts else 0)
        except AnswerError as error:
            if FIRST not in self.said:
                raise
            asked = Asked(put=len(asks), failures=[_failure(name, error)])
        if asks:
            self.said[name] = asked
        return asked

    def _left(self) -> int | None:
        """How many asks may still be parted: what an engine fails at in the first round it fails at in the next."""
        if FIRST not in self.said:
            return None
        return max(0, MOST_PARTED + self.said[FIRST].put - sum(len(asked.spent) for asked in self.said.values()))


def _failure(name: str, error: AnswerError) -> Issue:
    return Issue(
        code=error_code(error),
        message=f"What the first answers left open was asked for again ({name}), in vain: {error}",
        severity="error",
    )
