"""Asking for less at a time: an ask whose reply is not whole is put again in halves, each with some of the fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from model.engine import Answer, Ask, Engine
from schemas.contract import Contract
from schemas.errors import AnswerError


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
        replace(ask, id=f"{ask.id}.{place}", contract=_with_fields(ask.contract, part))
        for place, part in enumerate((names[:middle], names[middle:]), 1)
    )


def _with_fields(contract: Contract, names: Sequence[str]) -> Contract:
    """Checks between fields are left out: they are run over the whole."""
    schema = {key: value for key, value in contract.json_schema.items() if key != "x-checks"}
    schema["properties"] = {name: contract.json_schema["properties"][name] for name in names}
    schema["required"] = [name for name in contract.json_schema.get("required", ()) if name in names]
    return Contract(contract.name, schema)
