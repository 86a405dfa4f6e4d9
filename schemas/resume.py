"""A résumé."""

from __future__ import annotations

from pydantic import BaseModel, Field

from schemas.fields import Address, Email, Person, Phone


class Position(BaseModel):
    employer: str | None = None
    title: str | None = None
    start: str | None = Field(None, description="as printed")
    end: str | None = Field(None, description="as printed; 'present' for a position still held")
    description: str | None = None


class Education(BaseModel):
    institution: str | None = None
    degree: str | None = None
    start: str | None = None
    end: str | None = None


class Resume(BaseModel):
    """A résumé or curriculum vitae."""

    name: Person
    headline: str | None = Field(None, description="the line under the name that says what the person is")
    email: Email | None = None
    phone: Phone | None = None
    address: Address | None = None
    summary: str | None = None
    experience: list[Position] = Field(default_factory=list)
    education: list[Education] = Field(default_factory=list)
    skills: list[str] = Field(default_factory=list)
    languages: list[str] = Field(default_factory=list)
