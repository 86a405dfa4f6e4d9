"""What an evaluation says in words: its main figures, and what was not scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.evaluate import Evaluated, Evaluation
from pipeline.scoring.figures import figures

NONE = "–"


def share(value: float | None) -> str:
    """Three digits, and never 1.000 for less than all."""
    if value is None:
        return NONE
    return f"{value:.3f}" if value >= 1 or value < 0.9995 else "0.999"


def headline(evaluation: Evaluation) -> list[str]:
    """The figures of everything, in words."""
    to_fail = [document for document in evaluation.documents if document.fails]
    lines = [] if len(to_fail) == len(evaluation.documents) else _figures(evaluation)
    if to_fail:
        well = sum(document.failed_well for document in to_fail)
        lines.append(f"{_count(len(to_fail), 'document')} had to fail, {well} did so as told.")
    if evaluation.left:
        lines.append(f"Interrupted: {_count(evaluation.left, 'document')} not read.")
    return lines


def _figures(evaluation: Evaluation) -> list[str]:
    its = figures(evaluation.score)
    rated = sum(not document.fails for document in evaluation.documents)
    lines = [
        f"{_count(rated, 'document')}, {_count(its.leaves, 'value')} in the truth: "
        f"F1 {share(its.f1)} ({share(its.f1_exact)} exact), {_count(its.wrong, 'value')} wrong, {its.missed} missed, "
        f"{its.invented} invented, {its.absent} rightly null. {evaluation.whole} of {rated} documents have no fault.",
        f"Accepted: {its.accepted} values, {share(its.accepted_precision)} of them right; "
        f"the right ones are {share(its.coverage)} of the truth.",
        f"By confidence, at a precision of 0.99: {share(its.coverage_at_target)} of what was found, "
        f"{share(its.yield_at_target)} of the truth. Calibration error (ECE) {share(its.ece)}.",
    ]
    if its.word_f1 is not None:
        lines.append(f"Places: F1 {share(its.word_f1)} at word level, {share(its.page_f1)} at page level.")
    return lines


def warnings(evaluation: Evaluation, most: int) -> list[str]:
    """What was not scored, and why; of each kind the first `most`."""
    failures = [line for document in evaluation.documents if (line := _failure(document))]
    misfits = [line for document in evaluation.documents for line in _misfits(document)]
    notes = [f"{document.name}: {note}" for document in evaluation.documents for note in document.notes]
    untold = [f"{name}: there is no truth beside it; not scored" for name in evaluation.without_truth]
    troubles = [f"{trouble.name}: {trouble.reason}" for trouble in evaluation.troubles]
    return [line for lines in (failures, troubles, misfits, notes, untold) for line in _first(lines, most)]


def _failure(document: Evaluated) -> str:
    if not document.failed:
        return ""
    if not document.fails:
        return f"{document.name}: failed with {document.failure}; all its values count as missed"
    return f"{document.name}: was to fail with {document.fails}, but {document.failure or 'did not fail'}"


def _misfits(document: Evaluated) -> Iterator[str]:
    """A line for each field and reason, however many rows it is wrong in."""
    grouped: dict[tuple[str, str, bool], list[str]] = {}
    for misfit in document.misfits:
        grouped.setdefault((misfit.template, misfit.reason, misfit.scored), []).append(misfit.pointer)
    for (_, reason, scored), pointers in grouped.items():
        more = f" and in {len(pointers) - 1} more" if len(pointers) > 1 else ""
        place, effect = f"{pointers[0] or 'its root'}{more}", "" if scored else "; not scored"
        yield f"{document.name}: the truth does not fit the schema at {place}: {reason}{effect}"


def _first(lines: Sequence[str], most: int) -> list[str]:
    return [*lines[:most], f"… and {len(lines) - most} more like it."] if len(lines) > most else list(lines)


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
