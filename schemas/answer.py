"""The answer to a question about documents, and the passages that it rests on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import PageNumber, Quotation


class Citation(BaseModel):
    """One passage that bears out the answer."""

    page: PageNumber | None = None
    quotation: Quotation | None = Field(
        None, description="the words that bear it out, copied from that page letter for letter"
    )


class Answer(BaseModel):
    """The answer to the question, from what the pages say and nothing else."""

    model_config = ConfigDict(json_schema_extra={"x-needs": ["understanding", "question"]})

    # The passages come first, so that the answer is written with them before the engine's eyes.
    citations: list[Citation] = Field(
        default_factory=list, description="the passages that the answer rests on; none where there is no answer"
    )
    answer: str | None = Field(None, description="in the language of the question; null where the pages do not say")
