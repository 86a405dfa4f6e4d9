"""A receipt from a shop, a restaurant or a machine."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import Address, Currency, Date, Identifier, Money, Organization, Phone, Quantity, TaxId, TimeOfDay


class ReceiptItem(BaseModel):
    description: str | None = None
    quantity: Quantity | None = None
    unit_price: Money | None = None
    amount: Money | None = None


class Receipt(BaseModel):
    """A receipt or till slip."""

    model_config = ConfigDict(json_schema_extra={"x-checks": ["/subtotal + /tax = /total"]})

    merchant: Organization = Field(description="name of the shop or company")
    address: Address | None = Field(None, description="address of the shop")
    tax_id: TaxId | None = Field(None, description="VAT or tax number of the shop")
    phone: Phone | None = None
    receipt_number: Identifier | None = None
    date: Date = Field(description="date of the purchase")
    time: TimeOfDay | None = None
    items: list[ReceiptItem] = Field(default_factory=list)
    subtotal: Money | None = Field(None, description="total before tax")
    tax: Money | None = None
    total: Money = Field(description="amount to pay, tax included")
    currency: Currency | None = None
    payment_method: str | None = None
