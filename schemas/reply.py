"""What a question about documents gets: one `Reply`, with every citation looked up on its page."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.page import Box
from schemas.record import DocumentInfo, EngineInfo, Issue, Usage


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cited(_Model):
    """A passage that an answer rests on, as the engine quotes it.

    proved: the page says these very words. That the answer follows from them is not looked into.
    """

    document: str | None = Field(description="the document's uri; null where the engine cites no page that there is")
    page: int | None = Field(ge=1, description="of that document, counted from 1; as cited where there is no such page")
    quotation: str
    proved: bool
    text: str = Field("", description="the words on the page, as printed; empty if not proved")
    boxes: tuple[Box, ...] = Field((), description="around them, one for each line; none if not proved")


class Reply(_Model):
    """The answer to a question about one or several documents; `answer` is null where they do not say."""

    question: str
    answer: str | None
    citations: tuple[Cited, ...] = ()
    documents: tuple[DocumentInfo, ...]
    engine: EngineInfo
    issues: tuple[Issue, ...] = ()
    usage: Usage = Field(default_factory=Usage)
