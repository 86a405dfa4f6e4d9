"""Diagrams: what is joined to what."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.fields import PageBox, PageNumber


class Node(BaseModel):
    id: str = Field(description="a short name that no other node of the diagram has, such as n1")
    label: str | None = Field(None, description="the words in it or beside it")
    kind: Literal[
        "start", "end", "step", "decision", "data", "store", "document", "person", "component", "group", "other"
    ] = Field(description="what its shape stands for; group: a frame around other nodes")
    box: PageBox | None = None


class Edge(BaseModel):
    """A line or an arrow between two nodes."""

    source: str = Field(description="id of the node that it leaves")
    target: str = Field(description="id of the node that it leads to")
    label: str | None = Field(None, description="the words on it, such as yes or no")
    direction: Literal["forward", "both", "none"] = Field(description="which of its ends have arrowheads")


class Diagram(BaseModel):
    page: PageNumber
    title: str | None = None
    nodes: list[Node] = Field(default_factory=list)
    edges: list[Edge] = Field(default_factory=list)

    @model_validator(mode="after")
    def _joins_its_own_nodes(self) -> Diagram:
        known = Counter(node.id for node in self.nodes)
        twice = [name for name, count in known.items() if count > 1]
        if twice:
            raise ValueError(f"several nodes have the id {twice[0]!r}")
        unknown = [end for edge in self.edges for end in (edge.source, edge.target) if end not in known]
        if unknown:
            raise ValueError(f"an edge ends at {unknown[0]!r}, which is no node")
        return self


class Diagrams(BaseModel):
    """Every diagram of a document, such as a flow chart, a plan of a network or an organisation chart."""

    model_config = ConfigDict(json_schema_extra={"x-needs": ["sight"]})

    diagrams: list[Diagram] = Field(default_factory=list)
