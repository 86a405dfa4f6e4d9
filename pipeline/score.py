"""How good a record is, measured against the truth.

Every leaf that the truth labels, and every value found where the truth labels an absence, has one verdict:

    right      truth and record have the same value (`pipeline.scoring.forms`)
    wrong      both have a value, not the same
    missed     the truth has a value, the record has none
    invented   the record has a value, the truth says `null` or has no such row

A leaf that the truth lacks as a key was not labelled and is not scored, nor is one that the contract does not describe
(no engine was asked for it). Where both have nothing there is nothing to count. An empty list in the truth says that
there are no rows. Over any set of leaves:

    precision P = right / (right + wrong + invented)      of what was found, the share that is right
    recall    R = right / (right + wrong + missed)        of what was to be found, the share that is right
    F1          = 2 P R / (P + R)                         1.0 where there was nothing to find and nothing was found

in two readings: exact, and fuzzy, where texts that are close count as right. Verdicts are the fuzzy ones, and
`Outcome.exact` says which hold exactly. Micro F1 is F1 over all leaves; the mean over fields weighs each field alike.

    accepted precision = accepted and right / accepted    over found leaves with status `accepted` that were scored
    coverage           = accepted and right / (right + wrong + missed)

A row (an object in a list) is right when all its labelled leaves outside its own nested rows are right; rows are joined
in any order (`pipeline.scoring.alignment`), and precision, recall and F1 over them are as above.

Grounding, where the truth says where values stand: a leaf is grounded when its evidence is on the same page and boxes
overlap by an intersection over union of at least 0.5 (word level), or is on the same page (page level). It is about the
place alone: P = grounded / leaves with evidence, R = grounded / leaves whose place the truth has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from pipeline.scoring.alignment import NOTHING, Pair, Planter, Row, aligned
from pipeline.scoring.forms import likeness
from pipeline.scoring.places import found_places, same_page, same_place, truth_places
from schemas.contract import Contract
from schemas.record import FieldStatus, Record

Verdict = Literal["right", "wrong", "missed", "invented"]


class Outcome(NamedTuple):
    """What became of one leaf. template: `/lines/*/amount`; pointers into truth and data, None where it has no leaf.

    exact: right without the help of closeness. located, cited: truth and record say where the value stands.
    """

    template: str
    truth_pointer: str | None
    found_pointer: str | None
    expected: Any
    got: Any
    verdict: Verdict
    exact: bool
    status: FieldStatus | None
    located: bool = False
    cited: bool = False
    same_word: bool = False
    same_page: bool = False


class RowOutcome(NamedTuple):
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
    """Outcomes of one document or, added up, of many. outside: truth leaves that the contract does not describe."""

    outcomes: tuple[Outcome, ...] = ()
    row_outcomes: tuple[RowOutcome, ...] = ()
    outside: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.outcomes + other.outcomes, self.row_outcomes + other.row_outcomes, self.outside + other.outside
        )

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


def score(
    truth: Any, record: Record, contract: Contract, evidence: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> Score:
    """The verdicts on one record.

    truth: data in the contract's shape, as JSON has it. evidence: by pointer into the truth, the places of the value,
    `{"page": 1, "box": [x0, y0, x1, y1]}`, boxes as fractions of the displayed page. A failed record misses everything.
    """
    planted = Planter(truth_places(evidence or {}))
    wanted = planted.truth(truth, contract.root)
    statuses = {pointer: result.status for pointer, result in record.fields.items()}
    found = Planter(found_places(record.fields), statuses).found(record.data, contract.root)
    pairs = list(aligned(wanted, found)) if wanted is not None else []
    judged = [(pair.row, outcome) for pair in pairs if (outcome := _judged(pair, bool(evidence)))]
    return Score(tuple(outcome for _, outcome in judged), tuple(_row_outcomes(judged)), len(planted.outside))


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


def _judged(pair: Pair, places_known: bool) -> Outcome | None:
    """The verdict on two leaves; None where both are absent."""
    wanted, found = pair.forms
    truth, got = pair.truth or NOTHING, pair.found or NOTHING
    if wanted is None and found is None:
        return None
    how = likeness(wanted, found) if wanted and found else None
    verdict: Verdict = "invented" if wanted is None else "missed" if found is None else "wrong"
    places, cited_places = truth.places if wanted else (), got.places if found else ()
    cited = places_known and bool(cited_places) and (wanted is None or bool(places))
    return Outcome(
        template=truth.template or got.template,
        truth_pointer=truth.pointer if pair.truth else None,
        found_pointer=got.pointer if pair.found else None,
        expected=truth.value,
        got=got.value,
        verdict="right" if how in ("exact", "close") else verdict,
        exact=how == "exact",
        status=got.status,
        located=bool(places),
        cited=cited,
        same_word=cited and same_place(places, cited_places),
        same_page=cited and same_page(places, cited_places),
    )


def _row_outcomes(judged: Sequence[tuple[Row | None, Outcome]]) -> list[RowOutcome]:
    leaves: dict[Row, list[Verdict]] = {}
    for row, outcome in judged:
        if row is not None:
            leaves.setdefault(row, []).append(outcome.verdict)
    return [RowOutcome(*row, _row_verdict(row, verdicts)) for row, verdicts in leaves.items()]


def _row_verdict(row: Row, verdicts: Sequence[Verdict]) -> Verdict:
    if row.truth_pointer is None:
        return "invented"
    if row.found_pointer is None:
        return "missed"
    return "right" if all(verdict == "right" for verdict in verdicts) else "wrong"


def _by_template(results: Iterable[_Result]) -> dict[str, list[_Result]]:
    grouped: dict[str, list[_Result]] = {}
    for result in results:
        grouped.setdefault(result.template, []).append(result)
    return grouped
