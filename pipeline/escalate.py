"""What is doubtful is asked for again, closer, before a person has to look: a ladder of two steps.

    crop       the part of a page where the value should stand, alone and at the highest visual budget
    thinking   the same with thinking, and with leave to look up and zoom; for what the crop has not settled

Then it is for review. Every step is one round of a bounded number of asks, in the second a quarter of those in the
first, for thoughts are long. The required and the least sure values go first; how many values no ask was left for is
told (`Usage.unasked`). What is said again is grounded like what was said at first. The value that words state best is
kept, then the one that most readings give, then the first one. Agreement raises confidence and disagreement lowers it
(signals `agreed`, `disagreed`); where readings stand against each other and nothing settles it, that is an issue.

Only an engine that grasps what it reads is asked: one that follows rules says the same again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from model.engine import PageView
from pipeline.check import check_fields
from pipeline.confidence.model import Judge
from pipeline.confidence.trust import ESCALATIONS
from pipeline.escalation.doubts import Doubt, Known, doubts
from pipeline.escalation.looks import Asker, looks
from pipeline.escalation.places import Places
from pipeline.escalation.readings import Reading, Second
from pipeline.escalation.settling import Settled, put_value, settled
from pipeline.ground import Basis, Grounded
from pipeline.grounding.index import WordIndex
from pipeline.joining.entries import Source
from pipeline.rounds import Rounds
from pipeline.slices import Asked
from schemas.contract import Contract
from schemas.pointer import resolve
from schemas.record import Issue

CROP, THINKING = "crop", "thinking"
STEPS = (CROP, THINKING)
THOUGHTFUL = 4  # asks of the first step for one of the second


class Ladder:
    """The doubtful values of one document on their way. known: what was read at first. index: of all pages. most: asks
    that the first step may put.
    """

    def __init__(
        self,
        known: Known,
        views: Sequence[PageView],
        contract: Contract,
        rounds: Rounds,
        judge: Judge,
        index: WordIndex,
        most: int = ESCALATIONS,
    ) -> None:
        self.known, self.contract, self.rounds, self.judge, self.most = known, contract, rounds, judge, most
        self.views = {view.text.number: view for view in views}
        self.pages = [view.text for view in views]
        self.index = index
        self.first = known
        self.readings: dict[str, list[Reading]] = {}
        self.steps: dict[str, tuple[str, ...]] = {}

    def climbed(self, asked: Asked) -> Known:
        """What is known after all steps. `asked` grows."""
        for step in STEPS:
            wanted = [doubt for doubt in doubts(self.known, self.contract) if self._is_for(step, doubt)]
            if not wanted:
                break
            places = Places(self.known, self.contract, self.index)
            placed = [(doubt, spot) for doubt in wanted if (spot := places.of(doubt)) is not None]
            asker = Asker(step, self.contract, self.rounds.engine, self.views, places, thinks=step == THINKING)
            said = self.rounds.put(step, list(asker.asks(looks(placed)[: bound(step, self.most)])), in_parts=False)
            asked.add(said)
            if not said.parts:
                break
            self._hear(step, wanted, [Second(part, places) for part in said.parts])
        return self.known

    @property
    def unasked(self) -> int:
        """Doubtful values that no ask was about."""
        return sum(
            doubt.kind != "null" and doubt.pointer not in self.steps for doubt in doubts(self.known, self.contract)
        )

    def _is_for(self, step: str, doubt: Doubt) -> bool:
        """Thinking is for what the crop was about and has not settled: where it said the same, and only proof is
        lacking, a third reading adds none.
        """
        if step == CROP:
            return True
        if doubt.pointer not in self.steps:
            return False
        signals = self.known.fields[doubt.pointer].signals
        return not signals.get("agreed") or bool(signals.get("disagreed") or signals.get("doubted"))

    def _hear(self, step: str, wanted: Sequence[Doubt], replies: Sequence[Second]) -> None:
        """Takes in what was said of the values, and judges all anew."""
        for doubt in wanted:
            for second in replies:
                if not second.is_about(doubt):
                    continue
                self.steps[doubt.pointer] = (*self.steps.get(doubt.pointer, ()), step)
                self._weigh(doubt, second)
                break
        outcomes = {at: outcome for at, readings in self.readings.items() if (outcome := settled(readings))}
        self.known = self._judged(outcomes)

    def _weigh(self, doubt: Doubt, second: Second) -> None:
        """Adds what a reply says of a value to its readings. A null counts where the value's own words were shown."""
        value = resolve(self.first.data, doubt.pointer)
        reading = second.reading(doubt, value)
        ground = self.first.grounds.get(doubt.pointer, Grounded((), Basis.ABSENT))
        if reading is None or (reading.value is None and not second.shows(ground.evidence)):
            return
        stated = min((item.score for item in ground.evidence), default=0.0)
        if doubt.pointer not in self.readings:
            source = self.first.sources.get(doubt.pointer, Source())
            self.readings[doubt.pointer] = [Reading(value, ground, source, stated)]
        first, *later = self.readings[doubt.pointer]
        if value is not None:  # a crop shows fewer places: what was read at first has to be weighed by the same
            first = replace(first, score=max(first.score, second.printed(value, doubt.field)))
        self.readings[doubt.pointer] = [first, *later, reading]

    def _judged(self, outcomes: Mapping[str, Settled]) -> Known:
        """What is known with these values in it. The steps that led to each are told, also where they led nowhere."""
        first, data = self.first, copy.deepcopy(self.first.data)
        for pointer, outcome in outcomes.items():
            put_value(data, pointer, outcome.value)
        grounds = {**first.grounds, **{at: outcome.grounded for at, outcome in outcomes.items()}}
        sources = {**first.sources, **{at: outcome.source for at, outcome in outcomes.items()}}
        told = [*(issue for issue in first.told if not _is_settled(issue, outcomes)), *_disputes(outcomes)]
        fields, issues = check_fields(data, self.contract, grounds, sources, self.pages, self.judge, told)
        for pointer, steps in self.steps.items():
            if pointer in fields:
                fields[pointer] = fields[pointer].model_copy(update={"steps": steps})
        return Known(data, sources, grounds, fields, issues, told)


def bound(step: str, most: int) -> int:
    """How many asks a step may put where the first one may put `most`."""
    return most if step == CROP else -(-most // THOUGHTFUL)


def may_escalate(rounds: Rounds, contract: Contract, question: str) -> bool:
    """Whether asking again can tell more. What an engine says in its own words of all pages, no part of one settles."""
    return rounds.engine.limits.understands and not question and "understanding" not in contract.needs


def _is_settled(issue: Issue, outcomes: Mapping[str, Settled]) -> bool:
    """Whether parts of the document that disagreed about a value do so no more: a later reading sides with one."""
    if issue.code != "disputed":
        return False
    return all(at in outcomes and outcomes[at].agreed and outcomes[at].other is None for at in issue.pointers)


def _disputes(outcomes: Mapping[str, Settled]) -> Iterator[Issue]:
    for pointer, outcome in outcomes.items():
        if outcome.other is not None:
            yield Issue(
                code="disputed",
                message=f"{pointer}: asked again, the engine says {outcome.other!r}, and nothing settles it.",
                severity="error",
                pointers=(pointer,),
            )
