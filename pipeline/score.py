"""How good a record is, measured against the truth.

Every leaf that the truth labels, and every value found where the truth labels an absence, has one verdict:

    right      truth and record have the same value (`pipeline.scoring.forms`)
    wrong      both have a value, not the same
    missed     the truth has a value, the record has none
    invented   the record has a value, the truth says `null` or has no such row

A leaf that the truth lacks as a key was not labelled and is not scored, nor is one that the contract does not describe
(no engine was asked for it). Where both have nothing there is no verdict; how often is told apart (`absences`), with
the leaves that the truth says are `null`. An empty list in the truth says that
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

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.scoring.alignment import NOTHING, Pair, Planter, Row, aligned
from pipeline.scoring.forms import likeness, text_similarity
from pipeline.scoring.places import found_places, same_page, same_place, truth_places
from pipeline.scoring.tally import Outcome, RowOutcome, Score, Verdict
from schemas.contract import Contract
from schemas.record import Record


def score(
    truth: Any, record: Record, contract: Contract, evidence: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> Score:
    """The verdicts on one record.

    truth: data in the contract's shape, as JSON has it. evidence: by pointer into the truth, the places of the value,
    `{"page": 1, "box": [x0, y0, x1, y1]}`, boxes as fractions of the displayed page. A failed record misses everything.
    """
    origins = {page.number: page.origin for page in record.document.pages if page.origin}
    planted = Planter(truth_places(evidence or {}))
    wanted = planted.truth(truth, contract.root)
    found = Planter(found_places(record.fields, origins), record.fields).found(record.data, contract.root)
    pairs = list(aligned(wanted, found)) if wanted is not None else []
    judged = [(pair.row, outcome) for pair in pairs if (outcome := _judged(pair, bool(evidence)))]
    return Score(
        outcomes=tuple(outcome for _, outcome in judged),
        row_outcomes=tuple(_row_outcomes(judged)),
        outside=len(planted.outside),
        absences=tuple(pair.truth.template for pair in pairs if pair.truth and pair.forms == (None, None)),
    )


def _judged(pair: Pair, places_known: bool) -> Outcome | None:
    """The verdict on two leaves; None where both are absent."""
    wanted, found = pair.forms
    truth, got = pair.truth or NOTHING, pair.found or NOTHING
    telling = wanted or found
    if telling is None:
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
        kind=telling.kind,
        similarity=_similarity(truth.value, got.value) if wanted and wanted.kind in ("text", "code") else None,
        status=got.result.status if got.result else None,
        confidence=got.result.confidence if got.result else None,
        located=bool(places),
        cited=cited,
        same_word=cited and same_place(places, cited_places),
        same_page=cited and same_page(places, cited_places),
    )


def _similarity(truth: Any, got: Any) -> float:
    return 0.0 if got is None else text_similarity(str(truth), str(got))


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
