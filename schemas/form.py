"""A form of any kind: what it asks, and what was filled in."""

from __future__ import annotations

from pydantic import BaseModel, Field

from schemas.fields import Label


class Entry(BaseModel):
    label: Label = Field(description="the words that the form prints")
    value: str | None = Field(None, description="what was filled in")


class Checkbox(BaseModel):
    label: Label = Field(description="the words beside the box")
    checked: bool


class Form(BaseModel):
    """A filled form."""

    title: str | None = None
    entries: list[Entry] = Field(default_factory=list)
    checkboxes: list[Checkbox] = Field(default_factory=list)
