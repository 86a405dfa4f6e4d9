"""The text of a document, page by page, for when there is no schema yet."""

from __future__ import annotations

from pydantic import BaseModel, Field

from schemas.fields import Markdown, PageNumber


class TranscriptPage(BaseModel):
    page: PageNumber
    markdown: Markdown | None = Field(
        None,
        description="the page's text in reading order, as Markdown, handwriting included; [illegible] for a word that "
        "cannot be read",
    )
    handwritten: bool | None = Field(None, description="whether any of it is written by hand")


class Transcript(BaseModel):
    """What a document says."""

    pages: list[TranscriptPage] = Field(default_factory=list)
