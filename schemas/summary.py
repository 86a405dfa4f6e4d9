"""A document in few statements, each with the pages that bear it out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import PageNumber, Quotation


class Statement(BaseModel):
    text: str = Field(description="one thing that the document says, in a sentence that stands on its own")
    pages: list[PageNumber] = Field(min_length=1, description="the pages that it rests on")
    quotation: Quotation | None = Field(
        None, description="the words that bear it out best, copied from one of these pages letter for letter"
    )


class Summary(BaseModel):
    """What matters most in a document, the weightiest first; where a question is asked, what matters to that."""

    model_config = ConfigDict(json_schema_extra={"x-needs": ["understanding"]})

    title: str | None = Field(None, description="of the document, as printed")
    subject: str | None = Field(None, description="what the document is, in a few words")
    statements: list[Statement] = Field(default_factory=list)
