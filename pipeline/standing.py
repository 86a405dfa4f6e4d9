"""How a folder's documents stand: counts, what a person should look at and why, what failed and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.claims import Held
from pipeline.intake import MOST_ATTEMPTS
from pipeline.kept_contracts import names_of
from pipeline.ledger_view import Group, Kept, LedgerView, Waiting, Wanted
from pipeline.runs import is_held
from schemas.record import EngineInfo, Record


@dataclass(frozen=True, slots=True)
class Share:
    """The documents of one schema or one engine. name: as a person knows it."""

    name: str
    fingerprint: str
    statuses: Counter[str]


@dataclass(frozen=True, slots=True)
class InReview:
    """A document for a person. reason: the first of why."""

    document: str
    reason: str
    more: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A document that could not be read. message: what happened; remedy: the way to have it tried again."""

    document: str
    code: str
    attempts: int
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Standing:
    """updated: seconds since 1970, None where nothing was written yet. codes: of all that failed, how often.

    review, failed: the first ones by name. running: whether a run is at work in the folder; then what waits is being
    read, or will be. runs: those that have documents in hand, on whichever machine.
    """

    statuses: Counter[str]
    schemas: tuple[Share, ...]
    engines: tuple[Share, ...]
    codes: Counter[str]
    review: tuple[InReview, ...]
    failed: tuple[Failed, ...]
    waiting: Waiting
    running: bool
    updated: float | None
    runs: tuple[Held, ...] = ()


def standing(view: LedgerView, folder: Path, most: int) -> Standing:
    """most: documents that are named, of each kind."""
    groups, runs = view.groups(), tuple(view.runs())
    return Standing(
        statuses=_counts(groups),
        schemas=_schemas(view, groups),
        engines=_engines(view, groups),
        codes=_by_code(groups),
        review=tuple(map(_in_review, view.documents(Wanted(("review",)), most))),
        failed=tuple(map(_failed, view.documents(Wanted(("failed",)), most))),
        waiting=view.waiting(most),
        running=is_held(folder) or bool(runs),
        updated=max((group.updated for group in groups), default=None),
        runs=runs,
    )


def _counts(groups: Iterable[Group]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group.status] += group.documents
    return counts


def _by_code(groups: Iterable[Group]) -> Counter[str]:
    codes: Counter[str] = Counter()
    for group in groups:
        if group.status == "failed":
            codes[group.code] += group.documents
    return codes


def _schemas(view: LedgerView, groups: Sequence[Group]) -> tuple[Share, ...]:
    names = names_of(view, groups)
    return _shares((names[print_], print_, [group for group in groups if group.contract == print_]) for print_ in names)


def _engines(view: LedgerView, groups: Sequence[Group]) -> tuple[Share, ...]:
    """Those of one engine at different precisions are told apart by the fingerprint alone."""
    samples = {group.engine: group.sample for group in groups}
    read = {key: Record.model_validate_json(view.record(number)).engine for key, number in samples.items()}
    return _shares((_engine(read[key]), key, [group for group in groups if group.engine == key]) for key in read)


def _shares(found: Iterable[tuple[str, str, list[Group]]]) -> tuple[Share, ...]:
    shares = [Share(name, print_, _counts(groups)) for name, print_, groups in found]
    return tuple(sorted(shares, key=lambda share: (share.name, share.fingerprint)))


def _engine(info: EngineInfo) -> str:
    return info.name if info.model in ("", info.name) else f"{info.name} {info.model}"


def _in_review(kept: Kept) -> InReview:
    reasons = list(_reasons(Record.model_validate_json(kept.record)))
    return InReview(kept.name, reasons[0] if reasons else "", max(0, len(reasons) - 1))


def _reasons(record: Record) -> Iterable[str]:
    """Errors, then warnings, then values that are not sure, the least sure first."""
    yield from (issue.message for issue in sorted(record.issues, key=lambda issue: issue.severity != "error"))
    doubted = [(field.confidence, at) for at, field in record.fields.items() if field.status == "review"]
    yield from (f"{at} is not proved (confidence {confidence:.2f})." for confidence, at in sorted(doubted))


def _failed(kept: Kept) -> Failed:
    record = Record.model_validate_json(kept.record)
    message = record.issues[0].message.removeprefix(f"{record.document.uri}: ") if record.issues else ""
    return Failed(kept.name, kept.code, kept.attempts, message, _remedy(kept))


def _remedy(kept: Kept) -> str:
    if kept.retryable and kept.attempts < MOST_ATTEMPTS:
        return f"The next run tries it again ({kept.attempts} of {MOST_ATTEMPTS} times done)."
    if kept.code == "encrypted-document":
        return "Give the same `intaglio ingest` with --password."
    return "Give the same `intaglio ingest` with --retry-failed, once its cause is gone."
