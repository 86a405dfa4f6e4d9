"""A record made again from its trace: joined, grounded and checked by the code of today, without its engine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from model.engine import Answer, Ask, Limits, PageView
from pipeline.check import record_status
from pipeline.confidence.model import Judge
from pipeline.confidence.trust import Trust
from pipeline.extract import Clock, record_of
from pipeline.refit import not_asked, refitted
from pipeline.slices import Asked
from pipeline.trace import Trace
from schemas.contract import Contract
from schemas.errors import AnswerError, UsageError
from schemas.record import EngineInfo, Record
from schemas.registry import BUILTIN, load_contract


@dataclass(frozen=True, slots=True)
class Silent:
    """The engine of a trace: it tells what it was, and answers nothing. Implements `model.engine.Engine`."""

    info: EngineInfo
    limits: Limits

    def load(self) -> None:
        """It has nothing to load."""

    def count(self, ask: Ask) -> int:
        return 0

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        raise AnswerError("a replay has no engine.", remedy="Read the document again.")


@dataclass(frozen=True, slots=True)
class Retold:
    """The rounds of a trace; see `pipeline.rounds.Rounds`. What was not asked on the day has no answer."""

    engine: Silent
    said: Mapping[str, Asked]

    def put(self, name: str, asks: Sequence[Ask], *, in_parts: bool = True) -> Asked:
        return self.said.get(name, Asked())


@dataclass(frozen=True, slots=True)
class Replay:
    """remark: what a reader has to know to judge the record; empty where it is as if its document were read again."""

    record: Record
    remark: str = ""


def replay(record: Record, trace: Trace, contract: Contract | None = None) -> Replay:
    """The record, made again. contract: another one, of which the values are taken that were asked for.

    Raises UsageError for the trace of another record, and for a contract that has no field of what was asked.
    """
    if (record.document.sha256, record.contract, record.engine) != (trace.sha256, trace.contract, trace.engine):
        raise UsageError("the trace is that of another record.", remedy="Name the one of the same run with --trace.")
    old, known = contract_of(trace)
    persons = _PERSONS if record.version else ""
    if contract is None:
        again = _made(record, trace, old, trace.said(old))
        if known:
            return Replay(again, persons)
        remark = f"{_OWN_CODE.format(trace.contract.name)} {persons}".strip()
        return Replay(again.model_copy(update={"contract": trace.contract}), remark)
    if _text(contract) == _text(old):
        return Replay(_made(record, trace, contract, trace.said(contract)), persons)
    said = {name: refitted(asked, old, contract) for name, asked in trace.said(old).items()}
    again, new = _made(record, trace, contract, said), not_asked(old, contract)
    issues = (*again.issues, *new)
    return Replay(
        again.model_copy(
            update={"issues": issues, "status": record_status(again.data, contract, again.fields, issues)}
        ),
        persons,
    )


def contract_of(trace: Trace) -> tuple[Contract, bool]:
    """The contract of a trace, and whether all of it is there: a model's own code is not, unless it is built in. Code
    is never loaded because a trace says so.
    """
    plain = Contract.from_json_schema(trace.json_schemas[0], trace.contract.name)
    if plain.fingerprint == trace.contract.fingerprint:
        return plain, True
    for name in BUILTIN:
        built_in = load_contract(name)
        if (built_in.name, _text(built_in)) == (plain.name, _text(plain)):
            return built_in, True
    return plain, False


def _made(record: Record, trace: Trace, contract: Contract, said: Mapping[str, Asked]) -> Record:
    views = [PageView(page) for page in trace.pages]
    limits = replace(trace.limits, context_tokens=None)  # nothing has to fit any more
    rounds = Retold(Silent(trace.engine, limits), said)
    info = record.document.model_copy(update={"pages": ()})
    judge = Judge.of(trace.engine.name, Trust(record.precision))
    return record_of(info, views, contract, rounds, Clock(), trace.question, judge)


def _text(contract: Contract) -> str:
    """A model's schema may hold what JSON does not; a trace has it as text."""
    return json.dumps(contract.json_schema, sort_keys=True, default=str)


_PERSONS = "Persons have changed the record: what they said is not in a replay, which has the engine's replies alone."
_OWN_CODE = "{} is a model, whose own code a trace does not hold: its validators were not run. Name it with --schema."
