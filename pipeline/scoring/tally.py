"""What became of leaves and rows, and how it is counted; the definitions stand in `pipeline.score`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pipeline.scoring.forms import Kind
from schemas.record import FieldStatus

Verdict = Literal["right", "wrong", "missed", "invented"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one leaf. template: `/lines/*/amount`; pointers into truth and data, None where it has no leaf.

    exact: right without the help of closeness. kind: as what the value was compared, the truth's if it has one.
    similarity: of a text in the truth, its share in ANLS. status, confidence: of the record's leaf, where it has one.
    located, cited: truth and record say where the value stands.
    """

    template: str
    truth_pointer: str | None
    found_pointer: str | None
    expected: Any
    got: Any
    verdict: Verdict
    exact: bool
    kind: Kind
    similarity: float | None = None
    status: FieldStatus | None = None
    confidence: float | None = None
    located: bool = False
    cited: bool = False
    same_word: bool = False
    same_page: bool = False


@dataclass(frozen=True, slots=True)
class RowOutcome:
    template: str
    truth_pointer: str | None
    found_pointer: str | None
    verdict: Verdict


_Result = TypeVar("_Result", Outcome, RowOutcome)


@dataclass(frozen=True, slots=True)
class Counts:
    """Verdicts of a set of leaves or rows. exact: of those right, how many are so exactly."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    invented: int = 0
    exact: int = 0
    accepted: int = 0
    accepted_right: int = 0

    @property
    def labelled(self) -> int:
        return self.right + self.wrong + self.missed

    @property
    def found(self) -> int:
        return self.right + self.wrong + self.invented

    def precision(self, exact: bool = False) -> float:
        return ratio(self.exact if exact else self.right, self.found)

    def recall(self, exact: bool = False) -> float:
        return ratio(self.exact if exact else self.right, self.labelled)

    def f1(self, exact: bool = False) -> float:
        return f1(self.exact if exact else self.right, self.found, self.labelled)

    @property
    def accepted_precision(self) -> float:
        return ratio(self.accepted_right, self.accepted)

    @property
    def coverage(self) -> float:
        return ratio(self.accepted_right, self.labelled)


@dataclass(frozen=True, slots=True)
class Grounding:
    located: int = 0
    cited: int = 0
    same_word: int = 0
    same_page: int = 0

    @property
    def word_f1(self) -> float:
        return f1(self.same_word, self.cited, self.located)

    @property
    def page_f1(self) -> float:
        return f1(self.same_page, self.cited, self.located)


@dataclass(frozen=True, slots=True)
class Score:
    """Outcomes of one document or, added up, of many.

    outside: truth leaves that the contract does not describe. absences: templates of leaves that the truth says are
    not there and the record does not have.
    """

    outcomes: tuple[Outcome, ...] = ()
    row_outcomes: tuple[RowOutcome, ...] = ()
    outside: int = 0
    absences: tuple[str, ...] = ()

    def __add__(self, other: Score) -> Score:
        return joined([self, other])

    def parts(self) -> dict[str, Score]:
        """The score of each field, by template, in the order in which the fields first came; without rows."""
        absent = Counter(self.absences)
        parts = {
            name: Score(tuple(outcomes), absences=(name,) * absent.pop(name, 0))
            for name, outcomes in _by_template(self.outcomes).items()
        }
        return parts | {name: Score(absences=(name,) * times) for name, times in absent.items()}

    @property
    def total(self) -> Counts:
        return count(self.outcomes)

    @property
    def fields(self) -> dict[str, Counts]:
        """By template, in the order in which the fields first came."""
        return {name: count(part) for name, part in _by_template(self.outcomes).items()}

    @property
    def rows(self) -> Counts:
        return count_rows(self.row_outcomes)

    @property
    def row_lists(self) -> dict[str, Counts]:
        """By the template of the list's items: `/lines/*`."""
        return {name: count_rows(part) for name, part in _by_template(self.row_outcomes).items()}

    @property
    def grounding(self) -> Grounding:
        return Grounding(
            located=sum(outcome.located for outcome in self.outcomes),
            cited=sum(outcome.cited for outcome in self.outcomes),
            same_word=sum(outcome.same_word for outcome in self.outcomes),
            same_page=sum(outcome.same_page for outcome in self.outcomes),
        )

    def mean_f1(self, exact: bool = False) -> float:
        """F1 of each field, averaged over the fields."""
        fields = self.fields.values()
        return sum(counts.f1(exact) for counts in fields) / len(fields) if fields else 1.0


def joined(scores: Iterable[Score]) -> Score:
    """The scores of several documents as one."""
    scores = list(scores)
    return Score(
        tuple(outcome for score in scores for outcome in score.outcomes),
        tuple(row for score in scores for row in score.row_outcomes),
        sum(score.outside for score in scores),
        tuple(template for score in scores for template in score.absences),
    )


def count(outcomes: Iterable[Outcome]) -> Counts:
    outcomes = list(outcomes)
    verdicts = [outcome.verdict for outcome in outcomes]
    accepted = [outcome.verdict for outcome in outcomes if outcome.status == "accepted" and outcome.verdict != "missed"]
    return Counts(
        right=verdicts.count("right"),
        wrong=verdicts.count("wrong"),
        missed=verdicts.count("missed"),
        invented=verdicts.count("invented"),
        exact=sum(outcome.exact for outcome in outcomes),
        accepted=len(accepted),
        accepted_right=accepted.count("right"),
    )


def count_rows(rows: Iterable[RowOutcome]) -> Counts:
    verdicts = [row.verdict for row in rows]
    return Counts(*(verdicts.count(verdict) for verdict in ("right", "wrong", "missed", "invented")))


def ratio(part: int, whole: int) -> float:
    """1.0 of nothing: nothing went wrong."""
    return part / whole if whole else 1.0


def f1(right: int, found: int, labelled: int) -> float:
    """Harmonic mean of right / found and right / labelled."""
    return ratio(2 * right, found + labelled)


def _by_template(results: Iterable[_Result]) -> dict[str, list[_Result]]:
    grouped: dict[str, list[_Result]] = {}
    for result in results:
        grouped.setdefault(result.template, []).append(result)
    return grouped
