"""All figures of a set of leaves: of a field, of a document, or of everything. `docs/evaluation.md` defines them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from pipeline.scoring.calibration import Bin, Judged, Threshold, calibration_error, reliability, threshold_at
from pipeline.scoring.forms import Kind
from pipeline.scoring.tally import Counts, Outcome, Score, count

TARGET = Fraction(99, 100)  # the precision at which coverage is told


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares are None where they would be shares of nothing.

    leaves: values that the truth has. found: values of the record that were scored. absent: leaves that are null on
    both sides. texts: values of the truth that are compared as texts, over which `anls` is the mean.
    at_target: the threshold of confidence that accepts the most at a precision of 0.99; coverage_at_target: the share
    of found values that it accepts; yield_at_target: of those right among them, the share of the truth's values.
    """

    leaves: int
    found: int
    right: int
    wrong: int
    missed: int
    invented: int
    absent: int
    precision: float | None
    recall: float | None
    f1: float | None
    f1_exact: float | None
    texts: int
    anls: float | None
    accepted: int
    accepted_precision: float | None
    coverage: float | None
    ece: float | None
    at_target: Threshold | None
    coverage_at_target: float | None
    yield_at_target: float | None
    word_f1: float | None
    page_f1: float | None

    @property
    def faults(self) -> int:
        return self.wrong + self.missed + self.invented


def figures(score: Score) -> Figures:
    """The figures of all leaves of a score."""
    total, grounding = score.total, score.grounding
    similarities = [leaf.similarity for leaf in score.outcomes if leaf.similarity is not None]
    judged = judged_leaves(score.outcomes)
    at_target = threshold_at(judged, TARGET)
    places = grounding.located or grounding.cited
    return Figures(
        leaves=total.labelled,
        found=total.found,
        right=total.right,
        wrong=total.wrong,
        missed=total.missed,
        invented=total.invented,
        absent=len(score.absences),
        precision=_share(total.right, total.found),
        recall=_share(total.right, total.labelled),
        f1=total.f1() if total.labelled or total.found else None,
        f1_exact=total.f1(exact=True) if total.labelled or total.found else None,
        texts=len(similarities),
        anls=sum(similarities) / len(similarities) if similarities else None,
        accepted=total.accepted,
        accepted_precision=_share(total.accepted_right, total.accepted),
        coverage=_share(total.accepted_right, total.labelled),
        ece=calibration_error(reliability(judged)),
        at_target=at_target,
        coverage_at_target=_share(at_target.accepted if at_target else 0, len(judged)),
        yield_at_target=_share(at_target.right if at_target else 0, total.labelled),
        word_f1=grounding.word_f1 if places else None,
        page_f1=grounding.page_f1 if places else None,
    )


def judged_leaves(outcomes: Iterable[Outcome]) -> list[Judged]:
    """The values found that have a confidence, and whether they are right."""
    return [
        Judged(outcome.confidence, outcome.verdict == "right")
        for outcome in outcomes
        if outcome.confidence is not None and outcome.verdict != "missed"
    ]


def reliability_of(score: Score) -> tuple[Bin, ...]:
    """The reliability table of all leaves of a score."""
    return reliability(judged_leaves(score.outcomes))


def by_kind(score: Score) -> dict[Kind, Counts]:
    """Counts of numbers, dates, texts and so on, each compared in its own way."""
    grouped: dict[Kind, list[Outcome]] = {}
    for outcome in score.outcomes:
        grouped.setdefault(outcome.kind, []).append(outcome)
    return {kind: count(grouped[kind]) for kind in sorted(grouped)}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
