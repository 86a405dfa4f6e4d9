"""What is not to be shown: patterns that are blotted out of what a terminal, a log or a page shows of a document.

Records keep everything: they are what the user asked for. A pattern that takes too long on some text (documents may
hold texts that make it) hides that text whole; one that keeps doing so is no longer tried, and hides all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import regex

from schemas.errors import UsageError
from schemas.record import Evidence, FieldResult, Issue, Record

SECONDS = 0.1  # that one pattern may take on one text
MOST_LATE = 3  # times that it may take longer
LONGEST = 1000  # characters of a pattern

# Shapes, not checksums: what a scan got wrong in one digit is still nobody's business.
NAMED: Mapping[str, str] = {
    "iban": r"\b[A-Z]{2} ?[0-9OI]{2}(?:[ -]?[A-Z0-9]){11,30}\b",
    "card": r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)",
    "email": r"[^\s@<>(),;]{1,64}@[^\s@<>(),;]{1,255}\.[^\s@.<>(),;]{2,63}",
}


@dataclass
class _Pattern:
    """label: what is shown instead. late: how often it took too long."""

    label: str
    compiled: Any
    late: int = 0

    def blotted(self, text: str) -> str:
        if self.late >= MOST_LATE:
            return self.label
        try:
            result: str = self.compiled.sub(lambda match: self.label if match[0] else "", text, timeout=SECONDS)
        except TimeoutError:
            self.late += 1
            return self.label
        return result


@dataclass(frozen=True)
class Redaction:
    """Falsy where nothing is redacted."""

    patterns: tuple[_Pattern, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, given: Sequence[str]) -> Redaction:
        """From names of `NAMED` and regular expressions. Raises UsageError for what is neither."""
        return cls(tuple(map(_pattern, given)))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def text(self, text: str) -> str:
        for pattern in self.patterns:
            text = pattern.blotted(text) if text else text
        return text

    def value(self, value: Any) -> Any:
        """A JSON value with its texts redacted, and its numbers where their digits match; names of fields stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            written = str(value)
            return value if self.text(written) == written else self.text(written)
        return value

    def record(self, record: Record) -> Record:
        """The record to be shown; the document's name, too, is a text that a stranger chose."""
        if not self:
            return record
        changes = {
            "document": record.document.model_copy(update={"uri": self.text(record.document.uri)}),
            "data": self.value(record.data),
            "fields": {pointer: self._field(result) for pointer, result in record.fields.items()},
            "issues": tuple(self._issue(issue) for issue in record.issues),
            "thoughts": tuple(map(self.text, record.thoughts)),
        }
        return record.model_copy(update=changes)

    def _field(self, result: FieldResult) -> FieldResult:
        value = result.value if result.value is None else self.text(result.value)
        return result.model_copy(update={"value": value, "evidence": tuple(map(self._evidence, result.evidence))})

    def _evidence(self, evidence: Evidence) -> Evidence:
        return evidence.model_copy(update={"text": self.text(evidence.text)})

    def _issue(self, issue: Issue) -> Issue:
        return issue.model_copy(update={"message": self.text(issue.message)})


NOTHING = Redaction()


def _pattern(given: str) -> _Pattern:
    if not given or len(given) > LONGEST:
        raise UsageError(f"a pattern to redact has 1 to {LONGEST} characters.", remedy=_REMEDY)
    try:
        compiled = regex.compile(NAMED.get(given, given))
    except regex.error as error:
        raise UsageError(f"--redact {given} is no regular expression: {error}.", remedy=_REMEDY) from error
    return _Pattern(f"[{given}]" if given in NAMED else "[redacted]", compiled)


_REMEDY = f"Give {', '.join(NAMED)}, or a regular expression in quotes."
