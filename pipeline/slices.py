"""Asking for less at a time: an ask whose reply is not whole is put again in halves, each with some of the fields."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from model.engine import Answer, Ask, Engine
from schemas.errors import AnswerError
from schemas.narrow import narrowed
from schemas.pointer import escaped


@dataclass(frozen=True, slots=True)
class Asked:
    """answers: together they answer the ask; one that is still not whole says so. spent: replies that were given up."""

    answers: list[Answer] = field(default_factory=list)
    spent: list[Answer] = field(default_factory=list)


def ask_whole(engine: Engine, ask: Ask) -> Asked:
    """Puts an ask to the engine, and its halves where the reply is cut off, goes in circles or is no JSON, down to
    single fields. All are about the same pages, which an engine that keeps them reads once.

    Raises AnswerError where the engine gives no answer.
    """
    asked, waiting = Asked(), [ask]
    while waiting:
        given = {answer.ask_id: answer for answer in engine.answer(waiting)}
        smaller: list[Ask] = []
        for each in waiting:
            answer = given.get(each.id)
            if answer is None:
                raise AnswerError(f"the engine gave no answer to ask {each.id}.", remedy="Ask again.")
            parts = () if answer.finish == "stop" else halves(each)
            smaller += parts
            (asked.spent if parts else asked.answers).append(answer)
        waiting = smaller
    return asked


def halves(ask: Ask) -> tuple[Ask, ...]:
    """Two asks for half of the fields each, in order; none where there is one field only."""
    names = list(ask.contract.json_schema.get("properties", {}))
    if len(names) < 2:
        return ()
    middle = len(names) // 2
    return tuple(
        replace(ask, id=f"{ask.id}.{place}", contract=narrowed(ask.contract, [f"/{escaped(name)}" for name in part]))
        for place, part in enumerate((names[:middle], names[middle:]), 1)
    )
