"""Single values: every typed candidate is weighed by the labels around it, and fields take the best that is left.

A field takes nothing rather than something improbable: below `FLOOR` it stays null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from model.embedded.candidates import Candidate, Reading
from model.embedded.labels import Hit
from model.embedded.lines import Span
from model.embedded.relations import Relation, relations
from model.embedded.roles import Role, akin, role_of
from schemas.field import Field

FLOOR = 0.3
SPECIFIC = 0.002  # a letter of the label: "Total incl. GST" says more than "Total"
TYPED: frozenset[Role] = frozenset(
    "date time money number integer percentage currency identifier iban tax_id email phone url".split()  # type: ignore[arg-type]
)
_SELF_EVIDENT: dict[str, float] = {"email": 0.7, "iban": 0.8, "url": 0.6, "currency": 0.8, "date": 0.5, "phone": 0.45}


@dataclass(frozen=True)
class Choice:
    """A value for a field, where it stands, and how good it is: `score` compares candidates, `margin` is its lead."""

    pointer: str
    value: Any
    spans: tuple[Span, ...]
    score: float
    margin: float = 1.0


def choose(reading: Reading, leaves: Sequence[Field]) -> dict[str, Choice]:
    """The best candidates for the typed leaves, none used twice by fields of one role."""
    offers: list[tuple[float, Field, Candidate]] = []
    rival: dict[str, list[tuple[float, Any]]] = {}
    by_role: dict[Role, list[Field]] = {}
    for leaf in leaves:
        by_role.setdefault(role_of(leaf), []).append(leaf)
    for role, fields in by_role.items():
        if role not in TYPED:
            continue
        weighed = [(candidate, relations(reading, candidate.span)) for candidate in reading.candidates(role)]
        for leaf in fields:
            scored = list(_scores(leaf, role, weighed))
            rival[leaf.pointer] = sorted(((score, candidate.value) for score, candidate in scored), key=lambda p: -p[0])
            offers += [(score, leaf, candidate) for score, candidate in scored if score >= FLOOR]
    offers.sort(key=lambda offer: (-offer[0], offer[2].span.page, offer[2].span.line.index))
    chosen: dict[str, Choice] = {}
    used: list[tuple[Role, Span]] = []
    for score, leaf, candidate in offers:
        role = role_of(leaf)
        if leaf.pointer in chosen or any(kind == role and _overlap(span, candidate.span) for kind, span in used):
            continue
        used.append((role, candidate.span))
        second = next((s for s, value in rival[leaf.pointer] if value != candidate.value), 0.0)
        value = as_json(leaf, candidate)
        chosen[leaf.pointer] = Choice(leaf.pointer, value, (candidate.span,), score, score - second)
    return chosen


def as_json(leaf: Field, candidate: Candidate) -> Any:
    """A candidate's value in the form that the field's type asks for."""
    role = role_of(leaf)
    if role == "date":
        return candidate.value.isoformat() if leaf.format in ("date", "date-time") else candidate.span.text
    if candidate.number is not None:
        if leaf.kind == "integer":
            return int(candidate.value)
        if leaf.kind == "number":
            return float(candidate.value)
        return candidate.number.digits
    return candidate.value


def _scores(
    leaf: Field, role: Role, weighed: Sequence[tuple[Candidate, list[Relation]]]
) -> Iterable[tuple[float, Candidate]]:
    found: list[tuple[float, Candidate]] = []
    plain: list[tuple[Candidate, float]] = []
    everywhere = Counter(str(candidate.value) for candidate, _ in weighed)
    for candidate, related in weighed:
        own = [
            relation.strength * relation.hit.pointers[leaf.pointer] + SPECIFIC * min(relation.hit.length, 20)
            for relation in related
            if leaf.pointer in relation.hit.pointers
        ]
        other = max((relation.strength for relation in related if _claims(relation.hit, leaf, role)), default=0.0)
        if not own:
            plain.append((candidate, other))
            continue
        score = max(own) * (0.75 + 0.25 * candidate.quality) if candidate.quality else 0.0
        if other > max(own) + 0.04:
            score *= 0.55
        if len(own) > 1:
            score = min(1.0, score + 0.06)
        found.append((score, candidate))
    found = list(_corroborated(found, everywhere))
    if role in _SELF_EVIDENT and not any(score >= FLOOR for score, _ in found):
        found += _unlabelled(role, plain)
    return found


def _claims(hit: Hit, leaf: Field, role: Role) -> bool:
    """Whether a label says that the value beside it is another field's."""
    return leaf.pointer not in hit.pointers and any(akin(known, role) for known in hit.roles)


def _corroborated(
    found: list[tuple[float, Candidate]], everywhere: Counter[str]
) -> Iterable[tuple[float, Candidate]]:
    """A value that labels name at two places is likelier, and so is one that is printed again (a total as payment)."""
    count = Counter(str(candidate.value) for score, candidate in found if score > 0.5)
    for score, candidate in found:
        again = count[str(candidate.value)] > 1
        repeats = min(3, everywhere[str(candidate.value)] - 1)
        yield min(1.0, score + 0.05 * again + 0.03 * repeats), candidate


def _unlabelled(role: Role, plain: list[tuple[Candidate, float]]) -> list[tuple[float, Candidate]]:
    """Values that need no label: the only date, the currency of most amounts, the only IBAN."""
    free = [(candidate, other) for candidate, other in plain if role in ("currency", "iban", "email") or other < 0.5]
    if not free:
        return []
    count = Counter(str(candidate.value) for candidate, _ in free)
    value, times = count.most_common(1)[0]
    total = sum(count.values())
    if role in ("date", "phone", "email", "url") and len(count) > 1:
        value = str(free[0][0].value)  # the first on the page: a letterhead's or a heading's
        base = _SELF_EVIDENT[role] - 0.1
    else:
        base = _SELF_EVIDENT[role] * (0.5 + 0.5 * times / total)
    return [(base, candidate) for candidate, _ in free if str(candidate.value) == value]


def _overlap(left: Span, right: Span) -> bool:
    return left.line is right.line and left.start < right.end and right.start < left.end
