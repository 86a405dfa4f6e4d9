"""What an evaluation shows, as sections that a terminal and a page lay out each in its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flows.evaluation_words import NONE, share
from pipeline.comparison import Change, Comparison, Flip
from pipeline.evaluate import Evaluation
from pipeline.scoring.figures import Figures, by_kind, figures, reliability_of
from pipeline.scoring.tally import Outcome, Score

CONFIDENCE = "What confidence is worth"
GAP = 2  # characters between columns
LEAST_TEXT = 24  # characters for a column of text
LONGEST = 80  # characters of a value that are shown


@dataclass(frozen=True, slots=True)
class Section:
    """A table. head: titles of its columns; texts: how many of them, from the left, hold text and not figures.

    narrow: the figures that a narrow terminal shows, where it cannot show all.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    note: str = ""
    narrow: tuple[str, ...] = ()

    def within(self, width: int) -> Section:
        """Itself, or what of it fits a terminal of so many characters."""
        columns = list(zip(self.head, *self.rows, strict=True))
        needed = sum(max(map(len, column)) + GAP for column in columns[self.texts :]) + LEAST_TEXT * self.texts
        if not self.narrow or needed <= width:
            return self
        kept = [at for at, title in enumerate(self.head) if at < self.texts or title in self.narrow]
        rows = tuple(tuple(row[at] for at in kept) for row in self.rows)
        note = f"{self.note} A wider terminal shows more columns.".strip()
        return replace(self, head=tuple(self.head[at] for at in kept), rows=rows, note=note)


@dataclass(frozen=True, slots=True)
class Fault:
    """A leaf that is not right, and the document that it is of."""

    document: str
    outcome: Outcome


_Column = tuple[str, Callable[[Figures], str]]


_FIELD_COLUMNS: tuple[_Column, ...] = (
    ("values", lambda its: str(its.leaves)),
    ("right", lambda its: str(its.right)),
    ("wrong", lambda its: str(its.wrong)),
    ("missed", lambda its: str(its.missed)),
    ("invented", lambda its: str(its.invented)),
    ("left null", lambda its: str(its.absent)),
    ("P", lambda its: share(its.precision)),
    ("R", lambda its: share(its.recall)),
    ("F1", lambda its: share(its.f1)),
    ("exact", lambda its: share(its.f1_exact)),
    ("ANLS", lambda its: share(its.anls)),
    ("accepted", lambda its: share(its.accepted_precision)),
    ("coverage", lambda its: share(its.coverage)),
    ("at 99 %", lambda its: share(its.coverage_at_target)),
    ("ECE", lambda its: share(its.ece)),
    ("words", lambda its: share(its.word_f1)),
    ("pages", lambda its: share(its.page_f1)),
)


_NARROW = ("values", "wrong", "missed", "invented", "F1", "accepted", "at 99 %")
_COMPARED = (
    ("F1", "f1"),
    ("F1, exact", "f1_exact"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("right of the accepted", "accepted_precision"),
    ("coverage", "coverage"),
    ("coverage at 0.99", "coverage_at_target"),
    ("calibration error", "ece"),
    ("places, words", "word_f1"),
    ("places, pages", "page_f1"),
)


def sections(evaluation: Evaluation, most: int) -> list[Section]:
    """The tables of an evaluation, the worst first in each; of the documents the first `most`."""
    score = evaluation.score
    return [
        section
        for section in (_fields(score), _rows(score), _kinds(score), _confidence(score), _documents(evaluation, most))
        if section.rows
    ]


def comparison_sections(comparison: Comparison, most: int) -> list[Section]:
    """What got worse and better against the old evaluation; of flipped leaves the first `most` of each."""
    before, after = comparison.before, comparison.after
    pairs = [(title, getattr(before, name), getattr(after, name)) for title, name in _COMPARED]
    rows = tuple(
        (title, share(old), share(new), _signed((new or 0) - (old or 0)))
        for title, old, new in pairs
        if old is not None or new is not None
    )
    aside = [
        f"{comparison.relabelled} leaves are left out, for their truth has changed." if comparison.relabelled else "",
        f"Only in the old one: {', '.join(comparison.gone)}." if comparison.gone else "",
        f"Only in the new one: {', '.join(comparison.new)}." if comparison.new else "",
    ]
    found = [
        Section("Compared", ("figure", "before", "now", "change"), rows, note=" ".join(filter(None, aside))),
        Section("Fields that changed", ("field", "F1 before", "now", "change"), _change_rows(comparison.fields)),
        Section(
            "Documents that changed", ("document", "F1 before", "now", "change"), _change_rows(comparison.documents)
        ),
        _flips("Got worse", comparison.worse, most),
        _flips("Got better", comparison.better, most),
    ]
    return [section for section in found if section.rows]


def faults(evaluation: Evaluation) -> dict[str, list[Fault]]:
    """By field, the worst first: every leaf that is not right; accepted ones lead, for they are broken promises."""
    found: dict[str, list[Fault]] = {name: [] for name, _ in _worst_first(evaluation.score)}
    for document in evaluation.documents:
        for outcome in document.score.outcomes:
            if outcome.verdict != "right":
                found[outcome.template].append(Fault(document.name, outcome))
    return {name: sorted(inside, key=_gravity) for name, inside in found.items() if inside}


def fault_section(title: str, found: Sequence[Fault], most: int) -> Section:
    """The first `most` faults as a table."""
    head = ("document", "value", "verdict", "truth", "record", "status", "confidence")
    rows = tuple(
        (
            fault.document,
            fault.outcome.truth_pointer or fault.outcome.found_pointer or "",
            fault.outcome.verdict,
            shown(fault.outcome.expected),
            shown(fault.outcome.got),
            fault.outcome.status or NONE,
            NONE if fault.outcome.confidence is None else f"{fault.outcome.confidence:.2f}",
        )
        for fault in found[:most]
    )
    return Section(title, head, rows, texts=6, note=_more(len(found) - most))


def shown(value: Any) -> str:
    """A value as JSON, shortened; a dash for none."""
    if value is None:
        return NONE
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _fields(score: Score) -> Section:
    lines = [(name, part) for name, part in _worst_first(score)] + [("all values", figures(score))]
    columns = [
        (title, cells) for title, cell in _FIELD_COLUMNS if set(cells := [cell(its) for _, its in lines]) != {NONE}
    ]
    rows = tuple((name, *(cells[at] for _, cells in columns)) for at, (name, _) in enumerate(lines))
    head = ("field", *(title for title, _ in columns))
    return Section("Fields, the worst first", head, rows if lines[1:] else (), narrow=_NARROW)


def _worst_first(score: Score) -> list[tuple[str, Figures]]:
    parts = [(name, figures(part)) for name, part in score.parts().items()]
    told = [(name, its) for name, its in parts if its.f1 is not None]
    return sorted(told, key=lambda each: (each[1].f1, -each[1].faults, each[0]))


def _rows(score: Score) -> Section:
    rows = tuple(
        (
            name,
            *(str(n) for n in (counts.labelled, counts.right, counts.wrong, counts.missed, counts.invented)),
            share(counts.f1()),
        )
        for name, counts in sorted(score.row_lists.items(), key=lambda each: (each[1].f1(), each[0]))
    )
    return Section("Whole rows", ("list", "rows", "right", "wrong", "missed", "invented", "F1"), rows)


def _kinds(score: Score) -> Section:
    rows = tuple(
        (kind, str(counts.labelled), share(counts.f1()), share(counts.f1(exact=True)))
        for kind, counts in by_kind(score).items()
    )
    return Section("Kinds of values", ("compared as", "values", "F1", "exact"), rows)


def _confidence(score: Score) -> Section:
    rows = tuple(
        (f"{each.low:.1f} to {each.high:.1f}", str(each.leaves), share(each.confidence), share(each.precision))
        for each in reliability_of(score)
    )
    return Section(CONFIDENCE, ("confidence", "values", "mean", "right"), rows)


def _documents(evaluation: Evaluation, most: int) -> Section:
    rated = [(document, figures(document.score)) for document in evaluation.documents]
    rated.sort(key=lambda each: (each[1].f1 is None, each[1].f1, -each[1].faults, each[0].name))
    rows = tuple(
        (
            document.name,
            document.failure or document.status,
            str(its.leaves),
            str(its.faults),
            share(its.f1),
            share(its.accepted_precision),
            share(its.coverage),
        )
        for document, its in rated[:most]
    )
    head = ("document", "status", "values", "faults", "F1", "accepted", "coverage")
    return Section("Documents, the worst first", head, rows, texts=2, note=_more(len(rated) - most))


def _change_rows(changes: Iterable[Change]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (change.name, share(change.before), share(change.after), _signed(change.difference)) for change in changes
    )


def _flips(title: str, flips: Sequence[Flip], most: int) -> Section:
    head = ("document", "value", "was", "now", "truth", "before", "after")
    rows = tuple(
        (
            flip.document,
            flip.pointer,
            _verdict(flip.was, flip.status_before),
            _verdict(flip.now, flip.status_after),
            shown(flip.expected),
            shown(flip.before),
            shown(flip.after),
        )
        for flip in flips[:most]
    )
    return Section(f"{title}: {len(flips)}", head, rows, texts=7, note=_more(len(flips) - most))


def _verdict(verdict: str | None, status: str | None) -> str:
    if verdict is None:
        return NONE
    return f"{verdict}, accepted" if status == "accepted" else verdict


def _gravity(fault: Fault) -> tuple[bool, str]:
    return fault.outcome.status != "accepted", fault.document


def _signed(difference: float) -> str:
    return f"{difference:+.3f}"


def _more(count: int) -> str:
    return f"{count} more in the JSON." if count > 0 else ""
