"""Two evaluations of the same documents side by side: what got better, what got worse, and which leaves flipped.

Only documents that both have are compared, and in them only leaves that the truth of both labels alike. A leaf flips
when it is right in one of the two and not in the other; an invented value flips when only one of the two invents it.
Swapping the two turns every sign around and changes nothing else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.evaluate import Evaluation
from pipeline.scoring.figures import Figures, figures
from pipeline.scoring.tally import Outcome, Score, Verdict, joined
from schemas.record import FieldStatus

_Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Change:
    """F1 of a field, a document or all leaves before and after; None where there was nothing to find and none found."""

    name: str
    before: float | None
    after: float | None

    @property
    def difference(self) -> float:
        """Above 0 for better; 0.0 where there is nothing to compare."""
        return self.after - self.before if self.before is not None and self.after is not None else 0.0


@dataclass(frozen=True, slots=True)
class Flip:
    """A leaf that was right and is not, or the other way round.

    pointer: into the truth; of a value invented in a row of its own, into the data. was, now: its verdict, None in the
    one that does not invent it.
    """

    document: str
    field: str
    pointer: str
    expected: Any
    before: Any
    after: Any
    was: Verdict | None
    now: Verdict | None
    status_before: FieldStatus | None
    status_after: FieldStatus | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """before, after: the figures of what both have. fields, documents: what changed, the worst first.

    relabelled: leaves left out because only one truth has them, or says something else. gone, new: documents that only
    the old or the new evaluation has.
    """

    before: Figures
    after: Figures
    fields: tuple[Change, ...]
    documents: tuple[Change, ...]
    worse: tuple[Flip, ...]
    better: tuple[Flip, ...]
    relabelled: int
    gone: tuple[str, ...]
    new: tuple[str, ...]


def compare(old: Evaluation, new: Evaluation) -> Comparison:
    """What has changed from the old evaluation to the new one."""
    before = {document.name: document for document in old.documents if not document.fails}
    after = {document.name: document for document in new.documents if not document.fails}
    both = [name for name in before if name in after]
    changed = {name: _relabelled(before[name].score, after[name].score) for name in both}
    shared = {
        name: (_without(before[name].score, changed[name]), _without(after[name].score, changed[name])) for name in both
    }
    flips = [flip for name in both for flip in _flips(name, *shared[name])]
    was, now = joined(one for one, _ in shared.values()), joined(other for _, other in shared.values())
    return Comparison(
        before=figures(was),
        after=figures(now),
        fields=_changes(was.parts(), now.parts()),
        documents=_changes(
            {name: one for name, (one, _) in shared.items()}, {name: other for name, (_, other) in shared.items()}
        ),
        worse=tuple(flip for flip in flips if flip.was in ("right", None)),
        better=tuple(flip for flip in flips if flip.now in ("right", None)),
        relabelled=sum(map(len, changed.values())),
        gone=tuple(name for name in before if name not in after),
        new=tuple(name for name in after if name not in before),
    )


def _relabelled(old: Score, new: Score) -> set[str | None]:
    """Pointers of the leaves of which only one truth has a value, or another one."""
    was, now = _expected(old), _expected(new)
    return {pointer for pointer in was.keys() | now.keys() if was.get(pointer) != now.get(pointer)}


def _without(score: Score, pointers: set[str | None]) -> Score:
    return replace(
        score, outcomes=tuple(outcome for outcome in score.outcomes if outcome.truth_pointer not in pointers)
    )


def _expected(score: Score) -> dict[str | None, str]:
    """The truth's values, by pointer."""
    return {
        outcome.truth_pointer: json.dumps(outcome.expected)
        for outcome in score.outcomes
        if outcome.verdict != "invented"
    }


def _changes(before: Mapping[str, Score], after: Mapping[str, Score]) -> tuple[Change, ...]:
    """Those whose F1 differs, the worst first."""
    names = dict.fromkeys([*before, *after])
    changes = [
        Change(name, figures(before.get(name, Score())).f1, figures(after.get(name, Score())).f1) for name in names
    ]
    changed = [change for change in changes if change.before != change.after]
    return tuple(sorted(changed, key=lambda change: (change.difference, change.name)))


def _flips(document: str, old: Score, new: Score) -> Iterator[Flip]:
    was, now = dict(_keyed(old.outcomes)), dict(_keyed(new.outcomes))
    for key in dict.fromkeys([*was, *now]):
        one, other = was.get(key), now.get(key)
        if one is None or other is None:
            if key[0] == "invented":
                yield _flip(document, one, other)
        elif (one.verdict == "right") != (other.verdict == "right"):
            yield _flip(document, one, other)


def _keyed(outcomes: Iterable[Outcome]) -> Iterator[tuple[_Key, Outcome]]:
    """What a leaf is known by in both: its place in the truth or, in an invented row, its value, for rows move."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for outcome in outcomes:
        if outcome.verdict == "invented":
            key = ("invented", outcome.template, outcome.truth_pointer or json.dumps(outcome.got))
        else:
            key = ("labelled", outcome.truth_pointer or "", "")
        yield (*key, seen[key]), outcome
        seen[key] += 1


def _flip(document: str, old: Outcome | None, new: Outcome | None) -> Flip:
    known = new or old
    assert known is not None
    return Flip(
        document=document,
        field=known.template,
        pointer=known.truth_pointer or known.found_pointer or "",
        expected=known.expected,
        before=old.got if old else None,
        after=new.got if new else None,
        was=old.verdict if old else None,
        now=new.verdict if new else None,
        status_before=old.status if old else None,
        status_after=new.status if new else None,
    )
