"""A document in another language, passage by passage."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import PageNumber, Quotation


class Passage(BaseModel):
    """A paragraph, a heading, a row of a table or a caption."""

    page: PageNumber
    source: Quotation = Field(description="the passage, copied from that page letter for letter")
    translation: str | None = Field(None, description="null for what is not translated: codes, numbers, signatures")


class Translation(BaseModel):
    """Everything that a document says, in reading order, translated into the language that is asked for."""

    model_config = ConfigDict(json_schema_extra={"x-needs": ["understanding"]})

    source_language: str | None = Field(None, description="ISO 639-1 code of the language that most of it is in")
    target_language: str = Field(description="ISO 639-1 code of the language asked for; en where none is")
    passages: list[Passage] = Field(default_factory=list)
