"""Types for the fields of a schema: each tells an engine what sort of value to look for, by its `format`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator
from pydantic.json_schema import WithJsonSchema


def _typed(kind: str, form: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, "format": form, **more})


Money = Annotated[Decimal, _typed("number", "money")]
"""An amount of money, without its currency."""

Quantity = Annotated[Decimal, _typed("number", "number")]
"""A count or a measure, without its unit."""

Percentage = Annotated[Decimal, _typed("number", "percentage")]
"""As printed: 19 stands for 19 %."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), _typed("string", "currency", pattern=r"^[A-Z]{3}$")]
"""ISO 4217, three letters."""

Country = Annotated[str, _typed("string", "country")]
"""As printed: a name, or an ISO 3166 code."""

Date = Annotated[date, _typed("string", "date")]
Identifier = Annotated[str, _typed("string", "identifier")]
Iban = Annotated[str, _typed("string", "iban")]
TaxId = Annotated[str, _typed("string", "tax-id")]
Email = Annotated[str, _typed("string", "email")]
Phone = Annotated[str, _typed("string", "phone")]
Person = Annotated[str, _typed("string", "person")]
Organization = Annotated[str, _typed("string", "organization")]
Address = Annotated[str, _typed("string", "address")]
TimeOfDay = Annotated[str, _typed("string", "time")]
Label = Annotated[str, _typed("string", "label")]
Markdown = Annotated[str, _typed("string", "markdown")]
PageNumber = Annotated[int, Field(ge=1), _typed("integer", "page-number", minimum=1)]

Quotation = Annotated[str, _typed("string", "quotation")]
"""Words of a page, copied as printed. Counts as stated only where they stand on a page that the object around names."""

Fraction = Annotated[float, Field(ge=0, le=1), _typed("number", "fraction", minimum=0, maximum=1)]
"""A distance as a share of the page's width or height."""

Estimate = Annotated[Decimal, _typed("number", "estimate")]
"""A number judged from a drawing: no words state it, whatever number happens to be printed nearby."""


class PageBox(BaseModel):
    """A rectangle on a page, upright as it is read; the origin is the upper left corner."""

    x0: Fraction = Field(description="left edge, as a fraction of the page's width")
    y0: Fraction = Field(description="upper edge, as a fraction of the page's height")
    x1: Fraction = Field(description="right edge, as a fraction of the page's width")
    y1: Fraction = Field(description="lower edge, as a fraction of the page's height")

    @model_validator(mode="after")
    def _has_extent(self) -> PageBox:
        if self.x0 > self.x1 or self.y0 > self.y1:
            raise ValueError("its edges are in the wrong order")
        return self


def labelled(*labels: str, description: str = "", default: Any = None, **more: Any) -> Any:
    """A field with words that documents print before its value, beside those that its name brings."""
    return Field(default=default, description=description or None, json_schema_extra={"x-labels": list(labels)}, **more)
