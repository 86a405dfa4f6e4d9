"""Single values: every typed candidate is weighed by the labels around it, and fields take the best that is left.

A field takes nothing rather than something improbable: below `FLOOR` it stays null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from model.embedded.candidates import Candidate, Reading
from model.embedded.labels import RECONCILED, Hit, concept_pointer
from model.embedded.lines import Span
from model.embedded.periods import period_offers
from model.embedded.reconcile import reconcile
from model.embedded.relations import Relation, is_recipients, relations
from model.embedded.roles import Role, akin, party_of, role_of
from schemas.field import Field
from schemas.formats import is_iban
from schemas.lexicon import meant

FLOOR = 0.3
PAGE_STEP = 0.03
SUMMED_UP = frozenset({"total", "subtotal", "tax_amount", "amount_due", "closing_balance"})  # at a document's end
SHARED_VALUE = 0.6  # the most confidence in a value that another field has as well
PARTY_NUMBERS = frozenset({"tax_id", "iban", "phone", "email"})
MISPLACED = 0.5  # what is left of a score where a number stands at the other party's place
ONLY_DATE = 0.88  # a document with one date has no other that could be meant
CLEAR_LEAD = 0.15  # over the next best value, from which there is no doubt left
SPECIFIC = 0.002  # a letter of the label: "Total incl. GST" says more than "Total"
TYPED: frozenset[Role] = frozenset(
    "date time money number integer percentage currency identifier iban tax_id email phone url".split()  # type: ignore[arg-type]
)
_SELF_EVIDENT: dict[str, float] = {
    "email": 0.7,
    "iban": 0.8,
    "url": 0.6,
    "currency": 0.9,
    "date": 0.5,
    "time": 0.5,
    "phone": 0.45,
}


Offer = tuple[float, Candidate]
Weighed = tuple[Candidate, list[Relation]]


@dataclass(frozen=True)
class Choice:
    """A value for a field, where it stands, and how good it is: `score` compares candidates, `margin` is its lead."""

    pointer: str
    value: Any
    spans: tuple[Span, ...]
    score: float
    margin: float = 1.0

    @property
    def confidence(self) -> float:
        """0..1: the score, less where another value comes close."""
        return max(0.0, self.score) * (0.6 + 0.4 * max(0.0, min(1.0, self.margin / CLEAR_LEAD)))


def choose(reading: Reading, leaves: Sequence[Field]) -> dict[str, Choice]:
    """The best candidates for the typed leaves, none used twice by fields of one role."""
    by_role: dict[Role, list[Field]] = {}
    for leaf in leaves:
        by_role.setdefault(role_of(leaf), []).append(leaf)
    offers: dict[str, list[Offer]] = {}
    for role, fields in by_role.items():
        if role not in TYPED:
            continue
        weighed = weigh(reading, role)
        for leaf in fields:
            offers[leaf.pointer] = _by_place(reading, leaf, _offers(leaf, role, weighed))
            if role == "date":
                offers[leaf.pointer] += period_offers(reading, leaf)
    if "money" in by_role:
        alone = [pair for pair in weigh(reading, "money") if not reading.in_row(pair[0].span)]
        stated = {name: labelled(concept_pointer(name), "money", alone)[0] for name in RECONCILED}
        reconcile(reading, by_role["money"], offers, stated)
    return _assigned({leaf.pointer: leaf for leaf in leaves}, offers)


def weigh(reading: Reading, role: Role) -> list[Weighed]:
    """Every candidate of a role with the labels that may speak of it."""
    return [(candidate, relations(reading, candidate.span)) for candidate in reading.candidates(role)]


def _assigned(leaves: dict[str, Field], offers: dict[str, list[Offer]]) -> dict[str, Choice]:
    """The best offers first; a span is given to one field of its role only, then to a required one that has none."""
    ranked = [(score, pointer, candidate) for pointer, made in offers.items() for score, candidate in made]
    ranked.sort(key=lambda offer: (-offer[0], offer[2].span.page, offer[2].span.line.index))
    chosen: dict[str, Choice] = {}
    used: list[tuple[Role, Span]] = []
    for score, pointer, candidate in ranked:
        role = role_of(leaves[pointer])
        if score < FLOOR or pointer in chosen:
            continue
        if any(kind == role and _overlap(span, candidate.span) for kind, span in used):
            continue
        used.append((role, candidate.span))
        second = max((other for other, rival in offers[pointer] if rival.value != candidate.value), default=0.0)
        value = as_json(leaves[pointer], candidate)
        chosen[pointer] = Choice(pointer, value, (candidate.span,), min(1.0, score), score - second)
    for pointer, leaf in leaves.items():
        best = max(offers.get(pointer, ()), key=lambda offer: offer[0], default=None)
        if best is None or best[0] < FLOOR or pointer in chosen or not (leaf.required and role_of(leaf) == "money"):
            continue
        if any(kind == "money" and _overlap(span, best[1].span) for kind, span in used):  # `Amount due` is all it says
            value = as_json(leaf, best[1])
            chosen[pointer] = Choice(pointer, value, (best[1].span,), min(SHARED_VALUE, best[0]))
    return chosen


def as_json(leaf: Field, candidate: Candidate) -> Any:
    """A candidate's value in the form that the field's type asks for."""
    role = role_of(leaf)
    if role == "date":
        iso = leaf.format in ("date", "date-time") or "YYYY-MM-DD" in leaf.description
        return candidate.value.isoformat() if iso else candidate.span.text
    if candidate.number is not None:
        if leaf.kind == "integer":
            return int(candidate.value)
        if leaf.kind == "number":
            return int(candidate.value) if candidate.number.decimals == 0 else float(candidate.value)
        return candidate.number.digits
    return candidate.value


def _offers(leaf: Field, role: Role, weighed: Sequence[Weighed]) -> list[Offer]:
    """The candidates that a leaf's labels speak of, with a score each; for some roles also ones without a label."""
    found, plain = labelled(leaf.pointer, role, weighed)
    found = _by_page(leaf, found)
    if _needs_no_label(leaf, role) and not any(score >= FLOOR for score, _ in found):
        found += _unlabelled(role, plain)
    return found


def _by_page(leaf: Field, found: list[Offer]) -> list[Offer]:
    """Where a label stands on several pages, totals are the last page's and everything else is the first's."""
    concepts = {concept.name for concept in meant(leaf.name, leaf.title, leaf.description)}
    step = PAGE_STEP if concepts & SUMMED_UP else -PAGE_STEP
    return [(score + step * min(candidate.span.page - 1, 4), candidate) for score, candidate in found]


def _by_place(reading: Reading, leaf: Field, found: list[Offer]) -> list[Offer]:
    """The issuer's numbers do not stand under a recipient's heading, and the recipient's do."""
    party = party_of(leaf)
    if role_of(leaf) not in PARTY_NUMBERS or not party:
        return found
    return [
        (score * (MISPLACED if (party == "recipient") != is_recipients(reading, candidate.span) else 1.0), candidate)
        for score, candidate in found
    ]


def _needs_no_label(leaf: Field, role: Role) -> bool:
    """Whether a field may take a value that no label names: the document's date, its issuer's e-mail, its currency."""
    if role == "date":
        return any(
            concept.name in ("date", "invoice_date", "publication_date")
            for concept in meant(leaf.name, leaf.title, leaf.description)
        )
    return role in _SELF_EVIDENT and party_of(leaf) != "recipient"


def labelled(pointer: str, role: Role, weighed: Sequence[Weighed]) -> tuple[list[Offer], list[tuple[Candidate, float]]]:
    """Candidates that a pointer's labels speak of; and the others, with how strongly other labels claim them."""
    found: list[Offer] = []
    plain: list[tuple[Candidate, float]] = []
    everywhere = Counter(str(candidate.value) for candidate, _ in weighed)
    for candidate, related in weighed:
        own = [
            relation.strength * relation.hit.pointers[pointer] + SPECIFIC * min(relation.hit.length, 20)
            for relation in related
            if pointer in relation.hit.pointers
        ]
        other = max((relation.strength for relation in related if _claims(relation.hit, pointer, role)), default=0.0)
        if not own:
            plain.append((candidate, other))
            continue
        score = max(own) * (0.75 + 0.25 * candidate.quality) if candidate.quality >= 0.2 else 0.0
        if other > max(own) + 0.04:
            score *= 0.55
        if len(own) > 1:
            score += 0.06
        found.append((score, candidate))
    return list(_corroborated(found, everywhere)), plain


def _claims(hit: Hit, pointer: str, role: Role) -> bool:
    """Whether a label says that the value beside it is another field's."""
    return pointer not in hit.pointers and any(akin(known, role) for known in hit.roles)


def _corroborated(found: list[tuple[float, Candidate]], everywhere: Counter[str]) -> Iterable[tuple[float, Candidate]]:
    """A value that labels name at two places is likelier, and so is one that is printed again (a total as payment)."""
    count = Counter(str(candidate.value) for score, candidate in found if score > 0.5)
    for score, candidate in found:
        again = count[str(candidate.value)] > 1
        repeats = min(3, everywhere[str(candidate.value)] - 1)
        yield score + 0.05 * again + 0.03 * repeats, candidate


def _unlabelled(role: Role, plain: list[tuple[Candidate, float]]) -> list[tuple[float, Candidate]]:
    """Values that need no label: the only date, the currency of most amounts, the only IBAN."""
    free = [
        (candidate, other)
        for candidate, other in plain
        if (role in ("currency", "iban", "email") or other < 0.5)
        and candidate.quality > 0.5
        and (role != "iban" or is_iban(candidate.value))
    ]
    if not free:
        return []
    count = Counter(str(candidate.value) for candidate, _ in free)
    value, times = count.most_common(1)[0]
    total = sum(count.values())
    if role in ("date", "time") and len(count) == 1:
        base = ONLY_DATE
    elif role in ("date", "time", "phone", "email", "url") and len(count) > 1:
        value = str(free[0][0].value)  # the first on the page: a letterhead's or a heading's
        base = _SELF_EVIDENT[role] - 0.1
    else:
        base = _SELF_EVIDENT[role] * (0.5 + 0.5 * times / total)
    return [(base, candidate) for candidate, _ in free if str(candidate.value) == value]


def _overlap(left: Span, right: Span) -> bool:
    return left.line is right.line and left.start < right.end and right.start < left.end
