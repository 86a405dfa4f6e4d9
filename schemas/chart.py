"""Charts: the numbers behind the drawing."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import Estimate, PageBox, PageNumber, Quantity

AxisName = Literal["x", "y", "y2"]


class Axis(BaseModel):
    name: AxisName = Field(description="x and y as drawn, whichever holds the values; y2 is a second scale of values")
    label: str | None = Field(None, description="as printed, without the unit")
    unit: str | None = Field(None, description="as printed, such as %, kg or EUR million")
    scale: Literal["linear", "logarithmic", "time", "category"] | None = None


class Point(BaseModel):
    x: str | None = Field(None, description="category, date or number, as printed on the axis; the slice of a pie")
    y: Quantity | None = Field(None, description="the value, where it is printed beside the point")
    y_estimated: Estimate | None = Field(
        None, description="the value read off the drawing, in the unit of its axis, where none is printed"
    )


class Series(BaseModel):
    """What is drawn in one colour or pattern."""

    name: str | None = Field(None, description="as the legend has it")
    axis: AxisName | None = Field(None, description="the axis on which its values are read")
    points: list[Point] = Field(default_factory=list, description="in the order in which they are drawn")


class Chart(BaseModel):
    page: PageNumber
    box: PageBox | None = Field(None, description="where it is, its title and legend included")
    title: str | None = None
    kind: Literal["bar", "line", "area", "pie", "scatter", "box", "heat map", "combined", "other"]
    axes: list[Axis] = Field(default_factory=list, description="none for a pie")
    series: list[Series] = Field(default_factory=list)


class Charts(BaseModel):
    """Every chart of a document: its axes, its series and their points."""

    model_config = ConfigDict(json_schema_extra={"x-needs": ["sight"]})

    charts: list[Chart] = Field(default_factory=list)
