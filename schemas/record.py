"""The output envelope: one `Record` for each document, with the evidence of every value.

These models cross process and machine boundaries as JSON, so they are Pydantic, frozen, and refuse unknown keys.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.page import Box, Origin

SCHEMA_VERSION = 1

FieldStatus = Literal["accepted", "review", "absent"]
RecordStatus = Literal["accepted", "review", "failed"]
Settled = Literal["confirmed", "corrected"]


def _is_none(value: object) -> bool:
    """What only a person sets is left out where none did: such a record is as it was before there was review."""
    return value is None


def _is_empty(value: str) -> bool:
    return not value


def _is_nought(value: int) -> bool:
    return value == 0


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(_Model):
    """Where a value stands: the smallest box around the words that state it, on one page."""

    page: int = Field(ge=1)
    box: Box
    text: str = Field(description="the words in the box, as printed")
    score: float = Field(ge=0, le=1, description="how well the words state the value; 1.0 is literally")
    cell: str | None = Field(
        None,
        exclude_if=lambda cell: cell is None,
        description="where the file itself has them, if it is no page: `Sheet1!B7`, several with a comma between them, "
        "an element of XML as `/invoice/total`",
    )


class FieldResult(_Model):
    """One leaf of the data: its value as text, where it comes from, and how far to trust it.

    A leaf that the document lacks is `absent`, with no evidence. `review` means found but not proved. What a person has
    settled is never in review, whatever the engine said of it.
    """

    value: str | None
    evidence: tuple[Evidence, ...] = ()
    confidence: float = Field(ge=0, le=1, description="how likely the value is to be right; 1.0 of an absent one")
    status: FieldStatus
    signals: dict[str, float] = Field(
        default_factory=dict, description="what the confidence was made from, as `pipeline.confidence.signals` names it"
    )
    steps: tuple[str, ...] = Field(
        default=(), description="how it was asked for again, in this order: `crop`, `thinking`"
    )
    settled: Settled | None = Field(
        default=None, exclude_if=_is_none, description="that a person has said it is right, or has put it right"
    )


class Issue(_Model):
    """Something that a person should know: a failed check, a page that could not be read, a value of wrong form."""

    code: str = Field(description="stable short name, for programs: `check-failed`, `encrypted-document`, …")
    message: str
    severity: Literal["warning", "error"] = "warning"
    pointers: tuple[str, ...] = Field(default=(), description="JSON Pointers of the leaves that it is about")
    page: int | None = None
    despite: str = Field(default="", exclude_if=_is_empty, description="the person who let it pass, if one did")


class PageInfo(_Model):
    """How one page was read. Boxes are fractions of it; where it has an origin, that says how it lies on its sheet."""

    number: int
    width: float
    height: float
    source: Literal["text", "ocr", "none"]
    reason: str = ""
    rotation: int = 0
    words: int = 0
    origin: Origin | None = Field(None, description="of a page cut out of its sheet or put straight: where it lay")
    copy_of: int | None = Field(None, description="an earlier page that says the same")


class DocumentInfo(_Model):
    uri: str
    sha256: str
    media_type: str
    bytes: int
    pages: tuple[PageInfo, ...] = ()
    notes: tuple[str, ...] = Field(
        default=(),
        exclude_if=lambda notes: not notes,
        description="what a person should know of the file besides its pages: macros, hidden sheets, attachments",
    )


class ContractInfo(_Model):
    name: str
    fingerprint: str


class EngineInfo(_Model):
    name: str
    model: str
    revision: str
    quantisation: str | None = None
    fingerprint: str
    lacking: tuple[str, ...] = Field(default=(), description="what its server could not do, in words")


class Usage(_Model):
    """What the record cost. Seconds are wall time in the process that did the work, by stage name; `mask` is the part
    of `ask` in which the tokens that the grammar allows were found.
    """

    seconds: dict[str, float] = Field(default_factory=dict)
    prompt_tokens: int = 0
    output_tokens: int = 0
    escalations: int = Field(0, description="asks beyond the first, for what it left open")
    unasked: int = Field(0, description="doubtful values that no ask was left for, or that stand nowhere to look")


class Record(_Model):
    """Everything that is known of one document under one contract and one engine."""

    schema_version: int = SCHEMA_VERSION
    document: DocumentInfo
    contract: ContractInfo
    engine: EngineInfo
    precision: float = Field(0.99, gt=0, lt=1, description="the share of accepted values that is to be right")
    data: Any = None
    fields: dict[str, FieldResult] = Field(default_factory=dict, description="by JSON Pointer into `data`")
    issues: tuple[Issue, ...] = ()
    status: RecordStatus
    usage: Usage = Field(default_factory=Usage)
    thoughts: tuple[str, ...] = Field(default=(), description="what the engine thought, where that was to be kept")
    version: int = Field(
        default=0, ge=0, exclude_if=_is_nought, description="how often persons have changed it; 0 is the engine's own"
    )
