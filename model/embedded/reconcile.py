"""Amounts that add up: net + tax = total, paid - change = total, and a total that is rounded to what can be paid.

The other amounts of a sum are looked for by the lexicon's labels even where the contract does not ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product

from model.embedded.candidates import Candidate, Reading
from model.embedded.labels import RECONCILED
from schemas.field import Field
from schemas.lexicon import meant

AGREED = 0.35  # what a sum that comes out adds to a score
CONTRADICTED = 0.6  # what is left of a score where the sum comes out with another amount
TRIED = 8  # amounts of each kind that are tried in sums
SETTLED = 0.55  # the score of a total that no label names, but what was paid for it does
SURE = 0.5  # of a label's score, from which an amount settles a total
SMALL = Decimal("1")  # what is rounded is less than this

Stated = Mapping[str, Sequence[tuple[float, Candidate]]]  # by concept: amounts that its labels name, with a score each


def reconcile(
    reading: Reading, leaves: Sequence[Field], offers: dict[str, list[tuple[float, Candidate]]], stated: Stated
) -> None:
    """Raises the amounts that add up, in place. Those of a list's rows have no part in it: a row may add up as well.

    A total that nothing names is the subtotal that was paid, or what was paid less the change.
    """
    concepts = [(leaf.pointer, meant(leaf.name, leaf.title, leaf.description)) for leaf in leaves]
    wanted = {
        name: [pointer for pointer, meaning in concepts if any(concept.name == name for concept in meaning)]
        for name in RECONCILED
    }
    if not wanted["total"] and not wanted["subtotal"] and not wanted["tax_amount"]:
        return
    agreed = _agreed({name: _amounts(stated[name]) for name in RECONCILED})
    for name, pointers in wanted.items():
        for pointer in pointers:
            offers[pointer] = [
                (score if reading.in_row(candidate.span) else _voted(score, candidate.value, agreed[name]), candidate)
                for score, candidate in offers[pointer]
            ]
    for pointer in wanted["total"]:
        if not any(score >= SURE for score, _ in offers[pointer]):
            offers[pointer] += [(SETTLED, candidate) for candidate in _settled(stated)]


def _agreed(amounts: Mapping[str, Sequence[Decimal]]) -> dict[str, set[Decimal]]:
    """The amounts that take part in a sum that comes out."""
    agreed: dict[str, set[Decimal]] = {name: set() for name in RECONCILED}
    for net, tax in product(amounts["subtotal"], amounts["tax_amount"]):
        if 0 < abs(tax) < abs(net) and net + tax in amounts["total"]:  # else both ways round would do
            for name, value in (("subtotal", net), ("tax_amount", tax), ("total", net + tax)):
                agreed[name].add(value)
    for paid, change in product(amounts["amount_paid"], amounts["change"]):
        if change != 0 and paid - change in amounts["total"]:
            agreed["total"].add(paid - change)
    for exact, rounding in product(amounts["total"], amounts["rounding"]):
        if 0 < abs(rounding) < SMALL and exact + rounding in amounts["total"]:
            agreed["total"].discard(exact)
            agreed["total"].add(exact + rounding)
    return agreed


def _settled(stated: Stated) -> list[Candidate]:
    """What a total must have been: a subtotal that was paid as it is, or what of the payment did not come back."""
    paid, back, net = (_sure(stated[name]) for name in ("amount_paid", "change", "subtotal"))
    settled = {one.value - other.value for one in paid for other in back} | (
        {one.value for one in paid} if not back else set()
    )
    return [candidate for candidate in (*net, *paid) if candidate.value in settled]


def _sure(offered: Sequence[tuple[float, Candidate]]) -> list[Candidate]:
    return [candidate for score, candidate in offered if score >= SURE and candidate.value >= 0]


def _voted(score: float, value: Decimal, agreed: set[Decimal]) -> float:
    """An amount's score after the sums that come out have spoken: for it, against it (another fits), or not at all."""
    if not agreed:
        return score
    return score + AGREED if value in agreed else score * CONTRADICTED


def _amounts(offered: Sequence[tuple[float, Candidate]]) -> list[Decimal]:
    """The distinct values of the best offers."""
    ranked = sorted(offered, key=lambda offer: -offer[0])[:TRIED]
    return list(dict.fromkeys(candidate.value for score, candidate in ranked if score >= 0.1))
