"""Pictures of screens: what a user sees and can do there."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import PageBox, PageNumber

Role = Literal[
    "button", "link", "text field", "checkbox", "radio button", "switch", "slider", "drop-down", "menu", "menu item",
    "tab", "toolbar", "dialog", "message", "heading", "text", "image", "icon", "table", "list", "list item", "other"
]  # fmt: skip
State = Literal["checked", "unchecked", "selected", "disabled", "focused", "expanded", "collapsed"]


class Element(BaseModel):
    role: Role
    text: str | None = Field(None, description="the words in it or beside it; of a text field, what is entered")
    label: str | None = Field(None, description="of a text field or an icon, what it is for")
    box: PageBox | None = None
    states: list[State] = Field(default_factory=list, description="what can be seen of its state; none is the usual")


class Screen(BaseModel):
    page: PageNumber
    title: str | None = Field(None, description="of the window or page")
    elements: list[Element] = Field(default_factory=list, description="in reading order")


class Screens(BaseModel):
    """Pictures of screens, windows or web pages, with everything on them that can be read or used."""

    model_config = ConfigDict(json_schema_extra={"x-needs": ["sight"]})

    screens: list[Screen] = Field(default_factory=list)
